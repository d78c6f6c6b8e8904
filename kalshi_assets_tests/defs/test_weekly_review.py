"""The Sunday review of what was traded here: made by its job, kept, written down, made anew."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.defs import schedules
from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG, WEEKS
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.stream import Gap
from kalshi_assets.storage.gaps import note_gaps
from kalshi_assets.storage.trading_state import change_state, halt
from kalshi_assets_tests.execution.trading_floor import judge_and_place, order_by_hand
from kalshi_assets_tests.stand import MOMENT, OVERREACTING, Stand

WEEK, WEEK_BEFORE = "2026-10-11", "2026-10-04"
SETTLING = "KXPAYROLLS-26SEP-T75000"  # three hours after the moment, with NO
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUNDAY = datetime.fromisoformat("2026-10-18T13:00:00+00:00")  # 9:00 in New York


def review(stand: Stand, *weeks: str, expect_success: bool = True) -> dict[str, dict[str, Any]]:
    """Review weeks in one run, and return what the UI shows of each, by asset and week."""
    tags = {RANGE_START_TAG: weeks[0], RANGE_END_TAG: weeks[-1]}
    result = stand.run("review_job", tags=tags, expect_success=expect_success)
    return {
        f"{asset} {event.partition}": {k: v.value for k, v in event.metadata.items()}
        for asset in ("trade_journal", "weekly_review")
        for event in result.asset_materializations_for_node(asset)
    }


def kept(stand: Stand, week: str = WEEK) -> Any:
    """Return the row of a week's review."""
    query = "SELECT *, ctid::text FROM kalshi.weekly_reviews WHERE first_day = :week"
    [row] = stand.rows(query, week=week)
    return row


def journal(stand: Stand, week: str = WEEK) -> list[dict[str, Any]]:
    query = "SELECT * FROM kalshi.trade_journal WHERE week = :week ORDER BY trip_id"
    return stand.rows(query, week=week)


@pytest.fixture
def eventful(loaded_stand: Stand) -> Stand:
    """A week of a bot's trade, trades by hand, refusals, a gap and a halt; now it is Sunday."""
    stand = loaded_stand
    judge_and_place(stand)
    stand.later(60)
    order_by_hand(stand, "yes", ticker=SETTLING, cents=99, contracts=10)
    order_by_hand(stand, "yes", ticker=OVERREACTING, cents=80, contracts=20)
    stand.run("reconcile_job")
    with stand.database.transaction() as connection:
        note_gaps(
            connection,
            [Gap("ticker", (), stand.now, stand.now + HOUR, "disconnected")],
            noted_at=stand.now,
        )
        halt(connection, "breaker", why="a test", at=stand.now)
        change_state(connection, "active", cause="command", why="a test", at=stand.now + 2 * HOUR)
    stand.later(6 * 3600)
    stand.run("markets_job")
    stand.run("reconcile_job")
    stand.at(SUNDAY)
    return stand


def test_what_the_ui_shows_is_what_the_tables_and_files_hold(eventful: Stand) -> None:
    shown = review(eventful, WEEK)
    [bot, manual] = journal(eventful)
    assert (bot["kind"], bot["closed_at"], manual["kind"]) == ("bot", None, "manual")

    trips = shown[f"trade_journal {WEEK}"]
    assert (trips["trips_closed"], trips["trips_open"], trips["overrides"]) == (1, 1, 1)
    assert trips["result_usd"] == manual["result_micros"] / 1e6 == -3.147
    assert [record.data["by"] for record in trips["trips"].records] == ["bot", "manual"]

    told, row = shown[f"weekly_review {WEEK}"], kept(eventful)
    assert (told["answer"], told["content_hash"]) == (row["answer"], row["content_hash"])
    assert told["trades"] == row["review"]["trades"]["trade_count"] == 1
    assert told["net_profit_usd"] == float(row["review"]["trades"]["net_profit_usd"]) == -3.147
    assert told["is_provisional"] is row["is_provisional"] is False

    assert json.loads(Path(told["file_json"]).read_text()) == row["review"]
    assert row["answer"] in Path(told["file_html"]).read_text()
    plain = Path(told["file_md"]).read_text()
    assert "data:image" not in plain
    assert [line for line in told["review"].splitlines() if line.startswith("|")] == [
        line for line in plain.splitlines() if line.startswith("|")
    ]
    assert told["review"].count("](data:image/png;base64,") == 3  # account, courses, refusals
    folder = eventful.settings.review_folder
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{WEEK}.{suffix}" for suffix in ("html", "json", "md")
    ]


def test_a_week_is_told_as_it_was(eventful: Stand) -> None:
    """The figures of the review, each from the raw tables by a way of its own."""
    review(eventful, WEEK)
    told = kept(eventful)["review"]

    [paid] = eventful.rows(
        "SELECT sum(count * yes_price / 100 + fee_micros) AS micros, sum(fee_micros) AS fees "
        "FROM kalshi.fills WHERE market_ticker = :market",
        market=SETTLING,
    )
    assert told["by_market"][0]["name"] == SETTLING
    assert float(told["trades"]["net_profit_usd"]) == -float(paid["micros"]) / 1e6
    assert float(told["trades"]["fees_usd"]) == float(paid["fees"]) / 1e6
    assert told["open_trips"]["trip_count"] == told["overrides"]["total"]["override_count"] == 1

    assert told["data_quality"]["halts"]["covered_seconds"] == 7200
    assert told["data_quality"]["gaps"]["reasons"] == [
        {"reason": "disconnected", "stretch_count": 1}
    ]
    [checks] = eventful.rows("SELECT count(*) AS n FROM kalshi.verdicts")
    assert told["data_quality"]["total"]["verdict_count"] == checks["n"] > 10

    [calls] = eventful.rows("SELECT count(*) AS n FROM kalshi.api_calls")
    assert told["api"]["call_count"] == calls["n"] > 10

    signals = eventful.rows(
        "SELECT DISTINCT signal_id FROM kalshi.decisions WHERE outcome = 'refused' AND signal_id "
        "NOT IN (SELECT signal_id FROM kalshi.orders)"
    )
    assert told["refusals"]["total"]["signal_count"] == len(signals) == 4

    [value] = eventful.rows("SELECT value_micros FROM kalshi.portfolio ORDER BY as_of DESC LIMIT 1")
    assert float(told["account"]["closing_usd"]) == value["value_micros"] / 1e6
    assert told["entry_orders"]["filled_count"] == 1


def test_the_week_is_played_again_under_other_thresholds(eventful: Stand) -> None:
    """What is set finds the very signals that were found live: held to the end, one a market."""
    review(eventful, WEEK)
    told = kept(eventful)["review"]["other_thresholds"]
    assert told["is_in_sample"] is True
    rows = {row["threshold_points"]: row for row in told["by_points"]}
    assert list(rows) == [8, 10, 12, 14, 16]
    assert [points for points, row in rows.items() if row["is_configured"]] == [12]
    counts = {points: row["trade_count"] + row["open_count"] for points, row in rows.items()}
    [live] = eventful.rows(
        "SELECT count(DISTINCT market_ticker) AS n FROM kalshi.signals "
        "WHERE triggered_at >= '2026-10-11T04:00Z'"
    )
    assert counts[12] == live["n"] >= 2
    assert counts[8] >= counts[12] >= counts[16]
    assert rows[12]["trade_count"] == 1, "one market was settled"
    page = (eventful.settings.review_folder / f"{WEEK}.html").read_text()
    assert "Other thresholds (in-sample)" in page
    assert "12 (as set)" in page


def test_with_exit_rules_it_is_played_with_them(eventful: Stand) -> None:
    eventful.change(exit_stop_points=Decimal("0.5"))
    review(eventful, WEEK)
    rows = kept(eventful)["review"]["other_thresholds"]["by_points"]
    assert sum(row["trade_count"] for row in rows) > 5


def test_made_again_it_is_the_same_and_nothing_is_written(eventful: Stand) -> None:
    first = review(eventful, WEEK)
    rows, before = journal(eventful), kept(eventful)

    eventful.later(3600)
    again = review(eventful, WEEK)

    assert kept(eventful) == before, "ctid included: not even touched"
    assert journal(eventful) == rows
    assert again[f"trade_journal {WEEK}"]["rows_changed"] == 0
    name = f"weekly_review {WEEK}"
    assert again[name] == first[name]


def test_what_was_settled_late_is_in_the_review_made_anew(eventful: Stand) -> None:
    [late] = eventful.rows("SELECT * FROM kalshi.settlements")
    eventful.execute("DELETE FROM kalshi.settlements")
    shown = review(eventful, WEEK)
    assert shown[f"weekly_review {WEEK}"]["trades"] == 0
    before = kept(eventful)["content_hash"]

    eventful.run("reconcile_job")  # it lists the settlements once more
    assert eventful.rows("SELECT * FROM kalshi.settlements") == [late]
    shown = review(eventful, WEEK)

    assert shown[f"weekly_review {WEEK}"]["net_profit_usd"] == -3.147
    assert kept(eventful)["content_hash"] != before


def test_a_week_in_which_nothing_was_traded_says_so(eventful: Stand) -> None:
    shown = review(eventful, WEEK_BEFORE)
    assert journal(eventful, WEEK_BEFORE) == []
    told = shown[f"weekly_review {WEEK_BEFORE}"]
    assert told["answer"] == (
        "In the week of 2026-10-04 to 2026-10-10 no trade was closed; nor was any before."
    )
    assert (told["trades"], told["net_profit_usd"]) == (0, 0)
    page = Path(told["file_html"]).read_text()
    assert "The gates refused nothing." in page
    assert "data:image" not in told["review"]


def test_an_installation_that_has_only_just_begun_has_a_review_too(stand: Stand) -> None:
    """Nothing is loaded, and the books are not open."""
    shown = review(stand, WEEK_BEFORE)
    assert "no trade was closed" in shown[f"weekly_review {WEEK_BEFORE}"]["answer"]
    assert kept(stand, WEEK_BEFORE)["review"]["before"] is None


def test_a_week_that_is_not_over_has_a_review_that_says_so(eventful: Stand) -> None:
    eventful.speed = 0
    eventful.at(MOMENT + 2 * DAY)  # nothing goes back but the platform's clock
    shown = review(eventful, WEEK)
    told = shown[f"weekly_review {WEEK}"]
    assert told["is_provisional"] is True
    assert "which is not over" in told["answer"]
    assert "not over: every figure may still change" in Path(told["file_html"]).read_text()
    assert kept(eventful)["known_until"] == eventful.now

    eventful.at(SUNDAY)
    shown = review(eventful, WEEK)
    assert shown[f"weekly_review {WEEK}"]["is_provisional"] is False
    assert kept(eventful)["known_until"] == datetime.fromisoformat("2026-10-18T04:00:00+00:00")


def test_a_week_that_lies_ahead_cannot_be_reviewed(loaded_stand: Stand) -> None:
    result = review(loaded_stand, "2026-10-18", expect_success=False)
    assert result == {}
    assert loaded_stand.rows("SELECT * FROM kalshi.weekly_reviews") == []


def test_many_weeks_are_backfilled_in_one_run_each_with_its_own_review(eventful: Stand) -> None:
    weeks = ["2026-09-27", WEEK_BEFORE, WEEK]
    shown = review(eventful, *weeks)
    assert sorted(shown) == sorted(
        f"{asset} {week}" for asset in ("trade_journal", "weekly_review") for week in weeks
    )
    for week in weeks:
        told = shown[f"weekly_review {week}"]
        assert told["answer"].startswith(f"In the week of {week} ")
        assert Path(told["file_html"]).name == f"{week}.html"
        assert told["content_hash"] == kept(eventful, week)["content_hash"]
    assert [shown[f"weekly_review {week}"]["trades"] for week in weeks] == [0, 0, 1]


def test_a_week_in_which_the_clock_changes_has_its_hours(eventful: Stand) -> None:
    with eventful.database.transaction() as connection:
        halt(connection, "command", why="a test", at=SUNDAY)
    eventful.at(datetime.fromisoformat("2026-11-08T14:00:00+00:00"))
    review(eventful, "2026-11-01")
    told = kept(eventful, "2026-11-01")["review"]
    assert (told["begin_at"], told["end_at"]) == (
        "2026-11-01T04:00:00+00:00",
        "2026-11-08T05:00:00+00:00",
    )
    halts = told["data_quality"]["halts"]
    assert (halts["covered_seconds"], halts["covered_share"]) == (169 * 3600, 1)
    assert "trading was halted all the time" in told["answer"]


def test_the_schedule_asks_for_the_week_that_has_ended(stand: Stand) -> None:
    assert schedules.review_schedule.cron_schedule == "0 9 * * 0"
    keys = WEEKS.get_partition_keys()
    from kalshi_assets.definitions import defs

    stand.speed = 1.0
    stand.at(SUNDAY + 3 * HOUR)
    # the machine was off for a week: what was due then is made now
    for late, week in ((3 * HOUR, WEEK), (3 * HOUR + 7 * DAY, WEEK_BEFORE)):
        context = dg.build_schedule_context(
            scheduled_execution_time=wall_now() - late,
            resources={"platform": Platform()},
            repository_def=defs.get_repository_def(),
        )
        with context:
            [request] = schedules.review_schedule.evaluate_tick(context).run_requests or []
        assert request.partition_key == week
        assert week in keys


def alerts(stand: Stand) -> list[dict[str, Any]]:
    return stand.rows("SELECT * FROM kalshi.alerts WHERE kind = 'weekly_review'")


def test_the_last_week_is_told_to_people_once_and_no_other(eventful: Stand) -> None:
    review(eventful, WEEK_BEFORE)
    assert alerts(eventful) == []
    review(eventful, WEEK)
    review(eventful, WEEK)
    [alert] = alerts(eventful)
    row = kept(eventful)
    assert alert["what"] == row["answer"]
    assert alert["why"].startswith(row["review"]["reasons"][0])
    eventful.at(SUNDAY + 7 * DAY)
    review(eventful, WEEK)
    assert len(alerts(eventful)) == 1


def test_a_provisional_review_is_told_to_nobody(loaded_stand: Stand) -> None:
    review(loaded_stand, WEEK)
    assert alerts(loaded_stand) == []


def test_the_time_before_the_bot_stands_beside_the_week(eventful: Stand) -> None:
    """What is kept from before the books' opening, as an import brings it."""
    for number, (side, price, at) in enumerate(
        (("yes", 400_000, MOMENT - 30 * DAY), ("no", 300_000, MOMENT - 29 * DAY))
    ):
        eventful.execute(
            "INSERT INTO kalshi.fills VALUES (:id, 'old', NULL, 'KX-OLD', :side, 1000, :price, "
            "10000, true, :at, true)",
            id=f"old-{number}",
            side=side,
            price=price,
            at=at,
        )
    review(eventful, WEEK)
    told = kept(eventful)["review"]
    before = told["before"]
    assert (before["name"], before["trades"]["trade_count"]) == ("before", 1)
    assert before["first_opened_at"] == (MOMENT - 30 * DAY).isoformat()
    # 10 YES bought at 40 cents, and closed by 10 NO at 70 cents, which brings 30
    assert before["trades"]["net_profit_usd"] == "-1.02"
    assert told["trades"]["trade_count"] == told["so_far_trade_count"] == 1
    page = (eventful.settings.review_folder / f"{WEEK}.html").read_text()
    assert "before the bot" in page
    assert "before the books were opened" in page


def test_without_a_folder_to_write_to_the_review_is_kept_all_the_same(eventful: Stand) -> None:
    eventful.settings.review_folder.parent.mkdir(parents=True, exist_ok=True)
    eventful.settings.review_folder.write_text("a file is in the way")
    assert review(eventful, WEEK, expect_success=False).keys() == {f"trade_journal {WEEK}"}
    assert kept(eventful)["review"]["trades"]["trade_count"] == 1
