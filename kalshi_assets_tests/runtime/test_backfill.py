"""`backfill` and `review` on the command line: days and weeks in what runs here, and again."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.week import Week
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.backfill import days_of_range, weeks_of_range
from kalshi_assets.runtime.home import Home
from kalshi_assets.settings import load_settings
from kalshi_assets_tests.browser.demo import Demo, running_demo
from kalshi_assets_tests.runtime.commands import OK, SETTINGS, Shell
from kalshi_assets_tests.versions import versions

# Thirty days at once are backfilled from the UI, by the tests in a browser.
FIRST, LAST = date(2026, 10, 3), date(2026, 10, 12)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo whose first polls are judged."""
    with running_demo(tmp_path) as running:
        running.wait_for_run("order_job", "SUCCESS", "FAILURE")
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell whose home is the demo's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KALSHI_HOME", str(tmp_path / "home"))
    return Shell(monkeypatch, capsys)


@pytest.mark.timeout(900)
def test_ten_days_end_green_and_a_second_time_change_no_row(
    demo: Demo, shell: Shell, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    words = f"backfill --from {FIRST} --to {LAST} --wait"

    code, out, err = shell.run(words)

    assert (code, err) == (OK, ""), out
    assert "loads 10 days" in out
    assert "requests:" in out, "it says how far it has come"
    assert "Green" in out
    before = versions(home, FIRST, LAST)
    assert len(before["history_loads"]) == 10 * 5

    code, out, _ = shell.run(words)

    assert code == OK
    assert versions(home, FIRST, LAST) == before


def test_weeks_are_reviewed_in_one_run_and_have_their_pages(
    demo: Demo, shell: Shell, tmp_path: Path
) -> None:
    code, out, err = shell.run("review --from 2026-10-07 --to 2026-10-13 --wait")

    assert (code, err) == (OK, ""), out
    assert "reviews 2 weeks, from 2026-10-04 on to 2026-10-11" in out
    assert "Green" in out
    pages = tmp_path / "home" / "reviews"
    assert str(pages) in out
    assert "no trade was closed" in (pages / "2026-10-04.html").read_text()
    assert "which is not over" in (pages / "2026-10-11.html").read_text()


@pytest.mark.parametrize("words", [f"backfill --from {FIRST} --to {LAST}", "review"])
def test_where_nothing_runs_it_says_so(shell: Shell, words: str) -> None:
    code, _, err = shell.run(words)
    assert code == SETTINGS
    assert "nothing runs on" in err


SETTINGS_AS_THEY_COME = load_settings(env={}, _env_file=None)


def test_both_ends_of_a_range_are_loaded_and_today_may_be_one_of_them() -> None:
    today = venue_day(wall_now())
    yesterday = today - timedelta(days=1)
    assert days_of_range(SETTINGS_AS_THEY_COME, yesterday, today) == [yesterday, today]
    first = SETTINGS_AS_THEY_COME.first_day
    assert days_of_range(SETTINGS_AS_THEY_COME, first, first) == [first]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--from 2026-10-12 --to 2026-09-13", "lies behind"),
        ("--from 2024-12-31 --to 2026-09-13", "KALSHI_FIRST_DAY"),
        ("--from 2026-10-12 --to 2126-01-01", "still to come"),
    ],
)
def test_days_that_cannot_be_loaded_are_refused_before_anything_is_launched(
    words: str, says: str
) -> None:
    _, first, _, last = words.split()
    with pytest.raises(ConfigurationError, match=says):
        days_of_range(SETTINGS_AS_THEY_COME, date.fromisoformat(first), date.fromisoformat(last))


def test_a_day_that_is_none_ends_with_usage(shell: Shell) -> None:
    code, _, err = shell.run("backfill --from yesterday --to 2026-10-12")
    assert code == SETTINGS
    assert "yesterday" in err


def weeks(first: date | None = None, last: date | None = None) -> list[date]:
    return weeks_of_range(SETTINGS_AS_THEY_COME, first, last)


def test_a_week_is_named_by_any_of_its_days() -> None:
    this = Week.of(wall_now())
    assert weeks() == [this.shifted(-1).first_day]
    assert weeks(this.last_day - timedelta(days=7)) == [this.shifted(-1).first_day]
    assert weeks(this.first_day - timedelta(days=8), this.first_day) == [
        this.shifted(number).first_day for number in (-2, -1, 0)
    ]


def test_weeks_that_are_none_are_refused() -> None:
    this, first = Week.of(wall_now()), SETTINGS_AS_THEY_COME.first_day
    for begin, end, why in (
        (this.first_day, this.first_day - timedelta(days=1), "exchange them"),
        (first - timedelta(days=7), first, "lies before the first day"),
        (first, this.last_day + timedelta(days=1), "is still to come"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            weeks(begin, end)
    assert weeks(first)[0] <= first, "the week of the first day is one"
