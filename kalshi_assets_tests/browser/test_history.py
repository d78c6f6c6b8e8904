"""Weeks in fast motion, and their reviews made by clicking: what a trader does on a Sunday.

TEST_HISTORY_WEEKS plays more weeks than the two that take some three minutes: from 2 to 13.
"""

import json
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kalshi_assets_tests.browser.demo import Demo, running_demo
from kalshi_assets_tests.stand import unset_settings

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from kalshi_assets_tests.browser.ui import Ui

pytestmark = [pytest.mark.browser, pytest.mark.timeout(2400)]

WEEKS = int(os.environ.get("TEST_HISTORY_WEEKS", "2"))
SUNDAYS = [date(2026, 8, 9) + timedelta(weeks=week) for week in range(WEEKS)]
ASSETS = ["trade_journal", "weekly_review"]
PLAYED_SECONDS = 120.0 * WEEKS + 300
PHONE, DESKTOP = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def history(browser: "Chrome", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that has played its weeks."""
    with pytest.MonkeyPatch.context() as patch:
        unset_settings(patch, list(os.environ))
        folder = tmp_path_factory.mktemp("history")
        arguments = ("--history", "--weeks", str(WEEKS))
        with running_demo(folder, *arguments) as running:
            running.wait_for_run("poll_job", "SUCCESS", "FAILURE", seconds=PLAYED_SECONDS)
            yield running


@pytest.fixture
def ui(history: Demo, browser: "Chrome", screenshots: Path) -> "Ui":
    """The browser on its UI."""
    from kalshi_assets_tests.browser.ui import Ui

    return Ui(browser, history.url, screenshots)


def test_the_reviews_of_the_weeks_are_made_from_the_ui(ui: "Ui", history: Demo) -> None:
    assert "equals the change of the venue's balance" in history.log.read_text()
    first, last = SUNDAYS[0].isoformat(), SUNDAYS[-1].isoformat()
    ui.open_lineage_of(ASSETS)
    ui.click("Materialize all…")
    ui.wait_for_text(f"materialize {len(ASSETS)} assets", "Partition selection")
    chosen = f"[{first}...{last}]" if WEEKS > 1 else first
    ui.choose_partitions(chosen, "1 partition" if WEEKS == 1 else f"{WEEKS} partitions")
    ui.shot("6-launch-reviews")
    ui.click("Launch backfill")
    ui.wait_for(lambda: "Launch backfill" not in ui.text(), "the end of the dialog")

    ui.open("/runs?view=backfills")
    ui.click("View")
    ui.wait_for(lambda: "Status\nSucceeded" in ui.text(), "the status of success", seconds=600)
    ui.shot("6-reviews")

    for sunday in SUNDAYS:
        told = json.loads((history.home.path / "reviews" / f"{sunday}.json").read_text())
        assert told["week"] == sunday.isoformat()
        assert not told["is_provisional"]
        assert told["trades"]["trade_count"] > 0


def test_the_last_review_is_read_in_the_ui_and_on_a_phone(ui: "Ui", history: Demo) -> None:
    sunday = SUNDAYS[-1].isoformat()
    told = json.loads((history.home.path / "reviews" / f"{sunday}.json").read_text())
    ui.open(f"/assets/weekly_review?view=partitions&partition={sunday}")
    ui.wait_for_text("answer", told["answer"])
    ui.shot("6-review-metadata")

    page = (history.home.path / "reviews" / f"{sunday}.html").resolve().as_uri()
    for name, (width, height) in (("desktop", DESKTOP), ("phone", PHONE)):
        with ui.sized(width, height):
            ui.driver.get(page)
            ui.wait_for_text(told["answer"])
            wide = ui.driver.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, f"{name}: the page is {wide} pixels wide"
            ui.shot(f"6-review-{name}")
