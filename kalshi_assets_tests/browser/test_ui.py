"""What a trader sees and clicks: a real browser on a real demo."""

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from kalshi_assets_tests.defs.golden import definitions_as_data
from kalshi_assets_tests.versions import versions

if TYPE_CHECKING:
    from kalshi_assets_tests.browser.demo import Demo
    from kalshi_assets_tests.browser.ui import Ui

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1200)]

ASSETS = definitions_as_data()["assets"]
GROUPS = ("market_data", "signals", "execution", "review")
DATA_ASSETS = ["raw_ticks", "clean_ticks", "daily_summaries", "rolling_averages", "signals"]
MARKETS, DAYS, FIRST_DAY, LAST_DAY = 5, 30, "2026-09-14", "2026-10-13"
ALL_EXPANDED = "/asset-groups?expanded=" + ",".join(f"global@global:{g}" for g in GROUPS)
FROZEN = "KXFED-26OCT-T3.75"


def test_the_lineage_shows_every_asset_in_its_group(ui: "Ui") -> None:
    ui.open("/asset-groups")
    ui.wait_for_text(*GROUPS, "Materialize all…")
    ui.shot("1-groups")

    ui.open(ALL_EXPANDED)
    ui.wait_for_text(*GROUPS, *ASSETS)
    ui.shot("1-lineage")


def test_the_averages_come_with_a_plot(ui: "Ui") -> None:
    # Dagster looks at freshness twice a minute, and the page does not follow.
    ui.open_until("/assets/rolling_averages", "Passing")
    ui.wait_for_text("price_against_average", "Freshness policy", "points off", "as of")
    ui.shot("2-rolling_averages")

    ui.click("[Show Markdown]")
    [(width, height)] = ui.wait_for(ui.images, "the plot")
    assert (width, height > 300) == (700, True)
    ui.shot("2-rolling_averages-plot")


@pytest.mark.parametrize(
    ("asset", "check", "words"),
    [("raw_ticks", "feed_is_not_frozen", ["Fails for 1 of 5 markets", FROZEN, "what was seen"])],
    ids=["one market has a frozen feed"],
)
def test_a_failing_check_names_the_market_and_says_why(
    ui: "Ui", asset: str, check: str, words: list[str]
) -> None:
    ui.open(f"/assets/{asset}?view=checks&checkDetail={check}")
    # While a job runs the check anew, the page says so instead of the result.
    ui.wait_for_text("Latest execution", "Failed", *words, seconds=120)
    ui.shot(f"3-{check}")


def test_the_sensors_tick_and_say_what_they_do(ui: "Ui") -> None:
    automations = definitions_as_data()
    ui.open("/automation")
    ui.wait_for_text(*automations["sensors"], *automations["schedules"], "ago")
    ui.shot("4-automation")

    ui.click("poll_sensor")
    ui.wait_for_text("Polls all tracked markets once every slot", "1 run requested")
    ui.shot("4-poll_sensor")

    ui.open("/automation")
    ui.click("history_sensor")
    ui.wait_for_text("Loads the days that the averages need", "0 runs requested")
    ui.click("0 runs requested", tag="button")
    ui.wait_for_text("the history of every tracked market is loaded")
    ui.shot("4-skipped")


def test_thirty_days_are_backfilled_from_the_ui_and_a_second_time_change_no_row(
    ui: "Ui", demo: "Demo"
) -> None:
    before_today = date.fromisoformat(FIRST_DAY), date.fromisoformat(LAST_DAY) - timedelta(days=1)

    first = backfill(ui, 1)

    assert first["added"] > 2_000
    assert first["least_requests"] <= first["requests"] <= first["least_requests"] * 1.1
    before = versions(demo.home, *before_today)

    again = backfill(ui, 2)

    assert versions(demo.home, *before_today) == before
    assert again["market_days_loaded_before"] == (DAYS - 1) * MARKETS, "all days but today"
    assert again["least_requests"] <= again["requests"] < first["requests"] / 4
    ui.open(ALL_EXPANDED)
    ui.wait_for_text(*ASSETS)
    ui.shot("5-lineage")


def backfill(ui: "Ui", number: int) -> dict[str, int]:
    """Backfill the days as a person does, until all is green; return what `raw_ticks` says."""
    ui.open_lineage_of(DATA_ASSETS)
    ui.click("Materialize all…")
    ui.wait_for_text(f"materialize {len(DATA_ASSETS)} assets", "Partition selection")
    ui.choose_partitions(f"[{FIRST_DAY}...{LAST_DAY}]", f"{DAYS} partitions")
    ui.shot(f"5-launch-{number}")
    ui.click("Launch backfill")
    ui.wait_for(lambda: "Launch backfill" not in ui.text(), "the end of the dialog")

    ui.open("/runs?view=backfills")
    ui.wait_for(lambda: ui.text().splitlines().count("View") == number, "the backfill in the list")
    ui.click("View")  # the newest one stands first
    ui.wait_for(
        lambda: ui.text().count("100% completed") == len(DATA_ASSETS), "a green end", seconds=400
    )
    ui.wait_for_text(f"{FIRST_DAY}...{LAST_DAY}")
    ui.wait_for(lambda: "Status\nSucceeded" in ui.text(), "the status of success")
    ui.shot(f"5-backfill-{number}")

    ui.open(f"/assets/raw_ticks?view=partitions&partition={FIRST_DAY}")
    ui.wait_for_text("least_requests")
    ui.shot(f"5-raw_ticks-{number}")
    told = re.findall(r"^(\w+)\s+(\d+)$", ui.text(), re.MULTILINE)
    return {name: int(count) for name, count in told}
