"""What tells of ticks goes with them; what an order, a decision or a person rests on stays."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.stream import Gap
from kalshi_assets.storage import intake, ledger, schema, ticks
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.evidence import CHECK, reconciled_days
from kalshi_assets.storage.gaps import note_gaps
from kalshi_assets.storage.lineage import lineage_of
from kalshi_assets.storage.retention import BESIDE_TICKS, forget_beside_ticks
from kalshi_assets.storage.rows import insert_missing
from kalshi_assets.storage.verdicts import NewVerdict, latest_verdicts, save_verdicts
from kalshi_assets_tests.analytics.observations import Observation
from kalshi_assets_tests.stand import MOMENT
from kalshi_assets_tests.storage.test_ledger import ORDER, decision

DAY = timedelta(days=1)
RETENTION = 30
FIRST_KEPT = day_bounds(venue_day(MOMENT) - RETENTION * DAY)[0]
OLD, YOUNG = FIRST_KEPT - timedelta(seconds=1), FIRST_KEPT
BOOK = {"yes_bids": [], "no_bids": [], "is_sure": True, "changed_at": None}


def verdict(
    connection: Connection, at: datetime, check: str = "ticks_are_fresh", *, is_passed: bool = True
) -> int:
    """Store a verdict and return its id."""
    row = NewVerdict(check, "raw_ticks", at, is_passed, "1", "2", ["M1"], {}, is_gating=False)
    save_verdicts(connection, [row], run_id="a test")
    return int(connection.scalar(text("SELECT max(verdict_id) FROM kalshi.verdicts")) or 0)


def verdicts_left(connection: Connection) -> list[int]:
    return list(
        connection.scalars(text("SELECT verdict_id FROM kalshi.verdicts ORDER BY verdict_id"))
    )


def forget(connection: Connection) -> dict[str, int]:
    return forget_beside_ticks(connection, MOMENT, retention_days=RETENTION)


def test_verdicts_go_with_the_ticks_that_they_judged(connection: Connection) -> None:
    verdict(connection, OLD)
    left = [verdict(connection, YOUNG), verdict(connection, MOMENT)]
    assert forget(connection)["verdicts"] == 1
    assert verdicts_left(connection) == left
    assert forget(connection)["verdicts"] == 0


def test_the_verdicts_that_let_an_order_through_stay(connection: Connection) -> None:
    behind, beside = verdict(connection, OLD), verdict(connection, OLD)
    newest = verdict(connection, MOMENT)
    ledger.add_intent(connection, replace(ORDER, verdict_ids=[behind]))
    ledger.save_decisions(connection, [decision(1)])
    assert forget(connection)["verdicts"] == 1
    assert beside not in verdicts_left(connection)
    assert verdicts_left(connection) == [behind, newest]
    shown = lineage_of(connection, ORDER.client_order_id, ticks=1)
    assert shown is not None
    assert len(shown.order["verdicts"]) == 1


def test_the_verdicts_that_a_decision_saw_stay(connection: Connection) -> None:
    seen = verdict(connection, OLD)
    newest = verdict(connection, MOMENT)
    inputs = {"seen": {"verdict_ids": [seen]}}
    refused = replace(decision(1, "refused"), inputs=inputs)
    ledger.save_decisions(connection, [refused, replace(decision(2), inputs={})])
    assert forget(connection)["verdicts"] == 0
    assert verdicts_left(connection) == [seen, newest]


def test_the_newest_verdict_of_a_check_stays_however_old(connection: Connection) -> None:
    verdict(connection, OLD - DAY)
    newest = verdict(connection, OLD)
    verdict(connection, OLD - DAY, "books_are_whole")
    before = latest_verdicts(connection)
    assert forget(connection)["verdicts"] == 1
    assert latest_verdicts(connection) == before
    assert newest in verdicts_left(connection)


def test_what_shows_that_a_day_was_reconciled_stays(connection: Connection) -> None:
    """Arming for real money asks for it, however few days of ticks are kept."""
    for ago in range(40):
        for hours in (3, 2, 1):  # the last word of the day is agreement
            moment = MOMENT - ago * DAY - timedelta(hours=hours)
            verdict(connection, moment, CHECK, is_passed=hours == 1)
    before = reconciled_days(connection, newest=40)
    assert forget(connection)["verdicts"] > 0
    assert before.is_right(40)
    assert reconciled_days(connection, newest=40) == before


def at(table: str, moment: datetime, connection: Connection) -> None:
    """Write a row of a table that tells of a moment."""
    if table == "polls":
        poll = intake.Poll(moment, moment, expected=[], received=0, duplicates=[], rejected=0)
        intake.save_poll(connection, poll)
    elif table == "quarantine":
        bad = intake.Quarantined("poll", "no price", f"{moment}".encode())
        intake.save_quarantined(connection, [bad], received_at=moment, run_id="a test")
    elif table == "gaps":
        gap = Gap("trade", (), moment - timedelta(minutes=1), moment, "sequence")
        note_gaps(connection, [gap], noted_at=moment)
    elif table == "live_books":
        row = BOOK | {"received_at": moment, "market_ticker": f"M {moment}"}
        insert_missing(connection, schema.live_books, [row])
    else:
        verdict(connection, moment)


def count(connection: Connection, table: str) -> int:
    return connection.scalar(text(f"SELECT count(*) FROM kalshi.{table}")) or 0  # noqa: S608


@pytest.mark.parametrize("table", BESIDE_TICKS)
def test_rows_past_retention_go_and_others_stay(connection: Connection, table: str) -> None:
    for moment in (OLD - DAY, OLD, YOUNG, MOMENT):
        at(table, moment, connection)
    assert forget(connection) == dict.fromkeys(BESIDE_TICKS, 0) | {table: 2}
    assert count(connection, table) == 2


@pytest.mark.parametrize("table", BESIDE_TICKS)
def test_rows_stay_while_the_ticks_of_their_day_do(connection: Connection, table: str) -> None:
    """A day that could not be archived is still whole, with all that tells of it."""
    ticks.add_raw_ticks(connection, [Observation(OLD, bid=40).raw()])
    for moment in (OLD - 2 * DAY, OLD, MOMENT):
        at(table, moment, connection)
    assert forget(connection)[table] == 1
    assert count(connection, table) == 2


def test_the_newest_poll_stays_however_old(connection: Connection) -> None:
    for moment in (OLD - DAY, OLD):
        at("polls", moment, connection)
    newest = intake.latest_poll(connection)
    assert forget(connection)["polls"] == 1
    assert intake.latest_poll(connection) == newest


def test_a_gap_that_goes_on_stays_however_old(connection: Connection) -> None:
    note_gaps(connection, [Gap("trade", (), OLD, None, "sequence")], noted_at=OLD)
    assert forget(connection)["gaps"] == 0


def test_the_book_of_a_market_that_is_tracked_stays_however_quiet(connection: Connection) -> None:
    for moment, is_tracked in ((OLD, True), (OLD - DAY, False)):
        insert_missing(connection, schema.markets, [market(f"M {moment}", is_tracked=is_tracked)])
        at("live_books", moment, connection)
    assert forget(connection)["live_books"] == 1
    assert list(connection.scalars(select(schema.live_books.c.market_ticker))) == [f"M {OLD}"]


def market(ticker: str, *, is_tracked: bool) -> dict[str, Any]:
    """Return a row of `markets`."""
    return {
        "ticker": ticker, "event_ticker": "E", "series_ticker": "S", "title": "A market",
        "status": "active", "open_at": MOMENT, "close_at": MOMENT, "grid": [], "result": "",
        "volume_24h": 0, "is_tracked": is_tracked, "first_seen_at": MOMENT, "seen_at": MOMENT,
    }  # fmt: skip
