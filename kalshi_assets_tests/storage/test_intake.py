"""What a backfill still has to ask for: by market and day, by tier of knowledge, never twice."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import insert

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.domain.universe import UniverseChange
from kalshi_assets.storage import intake, markets, schema
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.intake import (
    days_to_load,
    days_without_trades,
    save_history_load,
    save_trade_load,
)

DAY = date(2026, 11, 1)  # 25 hours long
NEXT = DAY + timedelta(days=1)
START, END = day_bounds(DAY)
A, B = "KXA-26NOV-T1", "KXB-26NOV-T1"
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def load(connection: Connection, at: datetime, *, trades: int | None = 3, ticker: str = A) -> None:
    """Note that this day was loaded at a moment, with its trades or without."""
    save_history_load(connection, DAY, {ticker: 24}, loaded_until=at)
    if trades is not None:
        save_trade_load(connection, ticker, {DAY: trades})


def asked(connection: Connection, days: Sequence[date] = (DAY,)) -> tuple[list[date], list[date]]:
    """Return the days for which the market's candles and trades are asked for."""
    candles, trades = (
        ask(connection, days, [A, B])[A] for ask in (days_to_load, days_without_trades)
    )
    return candles, trades


def test_what_was_never_loaded_is_asked_for_each_market_by_itself(connection: Connection) -> None:
    load(connection, END + HOUR, ticker=B)
    assert asked(connection, [DAY, NEXT]) == ([DAY, NEXT], [DAY, NEXT])
    load(connection, END + HOUR)
    assert asked(connection, [DAY, NEXT]) == ([NEXT], [NEXT])


@pytest.mark.parametrize(
    ("at", "again"),
    [(END - HOUR, [DAY]), (END, [DAY]), (END + HOUR - SECOND, [DAY]), (END + HOUR, [])],
    ids=["while it ran", "at its end", "before its last candle is sure", "an hour after its end"],
)
def test_a_day_is_asked_for_until_it_was_loaded_an_hour_after_its_end(
    connection: Connection, at: datetime, again: list[date]
) -> None:
    load(connection, at)
    assert asked(connection) == (again, again)


def test_a_day_without_a_candle_or_a_trade_counts_as_loaded(connection: Connection) -> None:
    save_history_load(connection, DAY, {A: 0}, loaded_until=END + HOUR)
    save_trade_load(connection, A, {DAY: 0})
    assert asked(connection) == ([], [])


def test_trades_are_asked_for_where_only_the_candles_came(connection: Connection) -> None:
    load(connection, END + HOUR, trades=None)
    assert asked(connection) == ([], [DAY])


def test_trades_known_while_the_day_ran_are_asked_for_again_once_its_candles_are_whole(
    connection: Connection,
) -> None:
    load(connection, END - HOUR)
    save_history_load(connection, DAY, {A: 25}, loaded_until=END + HOUR)
    assert asked(connection) == ([], [DAY])


def list_market(
    connection: Connection, ticker: str, *, is_tracked: bool, opened: datetime, closed: datetime
) -> None:
    same = {"event_ticker": "E", "series_ticker": "S", "title": "", "grid": [], "result": ""}
    row = {"ticker": ticker, "status": "active", "is_tracked": is_tracked, "volume_24h": 0}
    times = {"open_at": opened, "close_at": closed, "first_seen_at": START, "seen_at": START}
    connection.execute(insert(schema.markets).values(same | row | times))


LONG_AGO, FAR = START - timedelta(days=90), START + timedelta(days=90)
LIVES = {
    "open all the time": (LONG_AGO, FAR, True),
    "opened inside": (START + HOUR, FAR, True),
    "opened in the last second": (END - SECOND, FAR, True),
    "closed inside": (LONG_AGO, START + HOUR, True),
    "opened and closed inside": (START + HOUR, END - HOUR, True),
    "closed before": (LONG_AGO, START, False),
    "opened behind": (END, FAR, False),
}


@pytest.mark.parametrize(("opened", "closed", "is_ours"), LIVES.values(), ids=LIVES.keys())
def test_a_market_that_once_was_tracked_is_loaded_where_it_was_open_on_these_days(
    connection: Connection, opened: datetime, closed: datetime, is_ours: bool
) -> None:
    list_market(connection, A, is_tracked=False, opened=opened, closed=closed)
    list_market(connection, B, is_tracked=False, opened=opened, closed=closed)
    told = [UniverseChange(A, "tracked", ""), UniverseChange(B, "listed", "")]
    markets.save_changes(connection, [*told, UniverseChange(A, "untracked", "")], at=START)

    found = markets.markets_with_history(connection, START, END)

    assert list(found) == [A] * is_ours, "the other one was listed only, and never collected"


def test_a_market_that_is_tracked_is_loaded_whenever_it_opened(connection: Connection) -> None:
    list_market(connection, A, is_tracked=True, opened=END + HOUR, closed=FAR)
    assert list(markets.markets_with_history(connection, START, END)) == [A]


def test_a_poll_without_an_answer_may_be_repeated_and_one_with_a_bad_row_may_not(
    connection: Connection,
) -> None:
    def poll(received: int, rejected: int) -> bool:
        intake.save_poll(connection, intake.Poll(START, START, [A], received, [], rejected))
        return intake.has_poll(connection, START)

    assert [poll(0, 0), poll(0, 1), poll(1, 0)] == [False, True, True]
