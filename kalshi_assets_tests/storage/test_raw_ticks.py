"""What comes in as raw ticks is there once, exactly, and told in words by the view."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from kalshi_assets.domain.stream import Gap
from kalshi_assets.storage import schema
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.gaps import gaps_between, note_gaps
from kalshi_assets.storage.raw_ticks import add_raw_ticks
from kalshi_assets.storage.trades import add_trades, trades_of
from kalshi_assets_tests.analytics.observations import Observation

AT = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
SECOND, MILLISECOND, MICROSECOND = (
    timedelta(**{u: 1}) for u in ("seconds", "milliseconds", "microseconds")
)


def quote(
    at: datetime = AT, *, source: str = "stream", market: str = "KXFED-A", **values: Any
) -> dict[str, Any]:
    row = Observation(at, market).raw() | {"source": source, "last_price": 410_000, "volume": 7}
    return row | {"received_at": at + 12 * MILLISECOND} | values


def told(connection: Connection) -> list[dict[str, Any]]:
    view = schema.raw_ticks
    query = select(view).order_by(view.c.observed_at, view.c.market_ticker, view.c.source)
    return [dict(row) for row in connection.execute(query).mappings()]


def test_the_view_tells_what_came_in(connection: Connection) -> None:
    rows = [
        quote(source="poll", volume=2**62, status="a new word"),
        quote(AT + SECOND, volume_24h=None),
        Observation(AT + 2 * SECOND, source="candle").raw() | {"bar_volume": 5, "bid_low": 3},
    ]
    assert add_raw_ticks(connection, rows) == 3
    assert told(connection) == rows


def test_a_poll_of_a_slot_counts_once_whatever_it_says_the_second_time(
    connection: Connection,
) -> None:
    assert add_raw_ticks(connection, [quote(source="poll")]) == 1
    assert add_raw_ticks(connection, [quote(source="poll", yes_bid=1, status="closed")]) == 0
    assert [row["status"] for row in told(connection)] == ["active"]


def test_two_quotes_of_one_millisecond_are_both_kept_and_each_once(connection: Connection) -> None:
    first, second = quote(), quote(yes_bid=390_000)
    assert add_raw_ticks(connection, [first, second, first]) == 2
    assert add_raw_ticks(connection, [second, first]) == 0
    assert add_raw_ticks(connection, [quote(source="poll"), quote(market="KXFED-B")]) == 2
    streamed = [row for row in told(connection) if row["source"] == "stream"]
    assert [(r["market_ticker"], r["observed_at"], r["yes_bid"]) for r in streamed] == [
        ("KXFED-A", AT, 400_000),
        ("KXFED-B", AT, 400_000),
        ("KXFED-A", AT + MICROSECOND, 390_000),
    ]


def test_a_live_quote_from_another_age_is_refused_by_name(connection: Connection) -> None:
    with pytest.raises(ValueError, match="KXFED-A was received 30 days"):
        add_raw_ticks(connection, [quote(received_at=AT + timedelta(days=30))])


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_and_overlap_of_batches_gives_the_same_table(
    prepared: Database, data: st.DataObject
) -> None:
    rows = [
        quote(AT + n * SECOND, source=source, market=market)
        for n in range(4)
        for source in ("stream", "poll")
        for market in ("KXFED-A", "KXFED-B")
    ]
    batches = data.draw(
        st.lists(st.lists(st.sampled_from(rows), max_size=8), max_size=6), label="batches"
    )
    with prepared.engine.connect() as connection:
        connection.execute(text("DELETE FROM kalshi.live_ticks"))
        added = sum(add_raw_ticks(connection, batch) for batch in [*batches, rows])
        found = told(connection)
        connection.rollback()
    assert added == len(rows)
    assert found == sorted(rows, key=lambda r: (r["observed_at"], r["market_ticker"], r["source"]))


def test_a_trade_counts_once_by_whichever_way_it_comes(connection: Connection) -> None:
    trade = {
        "traded_at": AT,
        "trade_id": "t-1",
        "market_ticker": "KXFED-A",
        "yes_price": 410_000,
        "count": 150,
        "taker_side": "no",
        "is_block_trade": None,
        "source": "stream",
        "received_at": AT + SECOND,
    }
    assert add_trades(connection, [trade]) == 1
    assert (
        add_trades(connection, [{**trade, "source": "backfill"}, {**trade, "trade_id": "t-2"}]) == 1
    )
    assert trades_of(connection, AT, AT + SECOND, ticker="KXFED-A")[0] == trade
    assert trades_of(connection, AT, AT + SECOND, ticker="KXFED-B") == []


def test_a_gap_is_noted_once_and_closed_when_it_is_over(connection: Connection) -> None:
    opened = Gap("ticker", ("KXFED-B", "KXFED-A"), AT, None, "silent")
    closed = Gap("ticker", ("KXFED-A", "KXFED-B"), AT, AT + SECOND, "silent")
    for gap in (opened, closed, opened):
        note_gaps(connection, [gap], noted_at=AT)
    [found] = gaps_between(connection, AT - SECOND, AT + SECOND)
    assert (found["from_at"], found["to_at"], found["reason"]) == (AT, AT + SECOND, "silent")
    assert gaps_between(connection, AT + 2 * SECOND, AT + 3 * SECOND) == []
