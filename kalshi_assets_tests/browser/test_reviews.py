"""The reviews of a quarter, as a trader makes and reads them: in a real browser, on a real demo."""

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kalshi_assets.local_exchange.scenarios.history import STARTED_AT, WEEKS

if TYPE_CHECKING:
    from kalshi_assets_tests.browser.demo import Demo
    from kalshi_assets_tests.browser.ui import Ui

# Fewer weeks are played sooner: `REVIEW_WEEKS=2 pytest -m browser kalshi_assets_tests/browser`.
PLAYED = int(os.environ.get("REVIEW_WEEKS", str(WEEKS)))
FIRST = STARTED_AT.date()
SUNDAYS = [FIRST + timedelta(weeks=number) for number in range(PLAYED)]
DESKTOP, PHONE = 1280, 390

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("demo", [("--history", "--weeks", str(PLAYED))], indirect=True),
]


def test_the_reviews_are_backfilled_from_the_ui_and_read_there(ui: "Ui", demo: "Demo") -> None:
    ui.open_lineage_of(["trade_journal", "weekly_review"])
    ui.click("Materialize all…")
    ui.wait_for_text("materialize 2 assets", "Partition selection")
    ui.fill("No matching partitions", f"[{SUNDAYS[0]}...{SUNDAYS[-1]}]")
    ui.wait_for_text(f"{PLAYED} partitions")
    ui.click("Launch backfill")
    ui.wait_for(lambda: "Launch backfill" not in ui.text(), "the end of the dialog")

    ui.open("/runs?view=backfills")
    ui.click("View")
    ui.wait_for(lambda: ui.text().count("100% completed") == 2, "a green end", seconds=600)
    ui.wait_for(lambda: "Status\nSucceeded" in ui.text(), "the status of success")
    ui.shot("6-backfill")

    ui.open(f"/assets/weekly_review?view=partitions&partition={SUNDAYS[-1]}")
    ui.wait_for_text("[Show Markdown]", "answer", "file_html", "content_hash")
    ui.shot("6-weekly_review")
    ui.click("[Show Markdown]")
    ui.wait_for(lambda: len(ui.images()) >= 3, "the plots")
    ui.shot("6-weekly_review-markdown")


def test_the_page_of_a_week_is_whole_and_fits_a_phone(ui: "Ui", demo: "Demo") -> None:
    pages = {page.stem: page for page in (demo.home.path / "reviews").glob("*.html")}
    assert sorted(pages) == [str(day) for day in SUNDAYS]

    for width in (DESKTOP, PHONE):
        ui.read_page(pages[str(SUNDAYS[-1])], width=width)
        ui.wait_for_text(f"Week of {SUNDAYS[-1]}", "trades", "Equity and drawdown")
        assert ui.page_width() <= width, "nothing has to be pushed sideways to be read"
        ui.shot_whole(f"6-page-{width}")
