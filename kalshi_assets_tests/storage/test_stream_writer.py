"""The feed's way in gives the table that the way of all others gives, however it is interrupted."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.stream import StatedQuote, TickerUpdate
from kalshi_assets.domain.tick import RawTick, tick_of_quote
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.stream_writer import StreamWriter
from kalshi_assets.storage.ticks import add_raw_ticks
from kalshi_assets_tests.analytics.observations import MARKETS, MILLISECOND, midnight
from kalshi_assets_tests.stand import DatabaseMaker

NOON = midnight(date(2026, 6, 10)) + timedelta(hours=12)
QUOTES = st.lists(
    st.tuples(st.sampled_from(MARKETS), st.integers(0, 6), st.sampled_from([40, 40, 41])),
    max_size=25,
)


def quote(market: str, milliseconds: int, bid: int = 40) -> StatedQuote:
    at = NOON + milliseconds * MILLISECOND
    cents = {"yes_bid": bid * 10_000, "yes_ask": (bid + 2) * 10_000, "last_price": bid * 10_000}
    counts = {"yes_bid_size": 1_000, "yes_ask_size": 2_000, "volume": 5, "open_interest": 100}
    return TickerUpdate(
        market, **cents, **counts, quoted_at=at, received_at=at + 70 * MILLISECOND
    ), "active"


def rows_of(quotes: Sequence[StatedQuote]) -> list[RawTick]:
    return [tick_of_quote(told, status=status) for told, status in quotes]


def table(connection: Connection) -> list[Any]:
    query = "SELECT * FROM kalshi.raw_ticks ORDER BY market_ticker, observed_at, yes_bid"
    return [tuple(row) for row in connection.execute(text(query))]


def batches(quotes: Sequence[StatedQuote], size: int) -> list[Sequence[StatedQuote]]:
    return [quotes[first : first + size] for first in range(0, len(quotes), size)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(quotes=QUOTES, size=st.integers(1, 8), restarts=st.sets(st.integers(0, 8)))
def test_the_table_is_that_of_the_way_of_all_others(
    prepared: Database,
    quotes: list[tuple[str, int, int]],
    size: int,
    restarts: set[int],
) -> None:
    """Any order, the same again, two in a millisecond; the feed begun anew in between."""
    told = [quote(*values) for values in quotes]
    with prepared.engine.connect() as connection:
        expected_counts = [add_raw_ticks(connection, rows_of(part)) for part in batches(told, size)]
        expected = table(connection)
        connection.rollback()
        writer, counts = StreamWriter(), []
        for number, part in enumerate(batches(told, size)):
            writer = StreamWriter() if number in restarts else writer
            counts.append(writer.write(connection, part))
        assert (table(connection), counts) == (expected, expected_counts)
        connection.rollback()


def test_a_batch_that_was_rolled_back_is_written_when_it_comes_again(prepared: Database) -> None:
    writer, rows = StreamWriter(), [quote(MARKETS[0], 1), quote(MARKETS[0], 2)]
    with suppress(ZeroDivisionError), prepared.transaction() as connection:
        assert writer.write(connection, rows) / 0
    writer.forget()
    with prepared.engine.connect() as connection:
        assert writer.write(connection, rows) == 2
        assert len(table(connection)) == 2
        connection.rollback()


def test_what_was_learnt_in_a_transaction_that_was_rolled_back_is_forgotten(
    prepared: Database,
) -> None:
    """A market's number and a day's partition went with it, though no quote is sent again."""
    writer = StreamWriter()
    with suppress(ZeroDivisionError), prepared.transaction() as connection:
        assert writer.write(connection, [quote(MARKETS[0], 1)]) / 0
    writer.forget()
    with prepared.engine.connect() as connection:
        later = quote(MARKETS[0], 500)
        assert writer.write(connection, [later]) == 1
        [row] = table(connection)
        assert (row[0], row[1]) == (later[0].quoted_at, MARKETS[0])
        connection.rollback()


@pytest.mark.parametrize("earlier", ["stream", "poll", "candle"])
def test_a_quote_is_the_streams_whatever_ways_in_its_market_had_before(
    connection: Connection, earlier: str
) -> None:
    """Each way in has a number of its own, and they were given in any order."""
    [first], others = rows_of([quote(MARKETS[0], 1)]), ["stream", "poll", "candle"]
    for source in [earlier, *(other for other in others if other != earlier)]:
        add_raw_ticks(connection, [first | {"source": source, "source_key": "60"}])
    assert StreamWriter().write(connection, [quote(MARKETS[0], 500, bid=41)]) == 1
    query = "SELECT source FROM kalshi.raw_ticks WHERE yes_bid = 410000"
    assert [*connection.scalars(text(query))] == ["stream"]


def test_the_way_of_others_is_gone_only_by_what_must_be_compared(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def counted(connection: Connection, rows: Sequence[dict[str, Any]]) -> int:
        compared.append(len(rows))
        return add_raw_ticks(connection, rows)

    monkeypatch.setattr("kalshi_assets.storage.stream_writer.add_raw_ticks", counted)
    writer = StreamWriter()
    writer.write(connection, [quote(market, n) for n in range(1, 5) for market in MARKETS])
    writer.write(connection, [quote(MARKETS[0], 5), quote(MARKETS[0], 4), quote(MARKETS[1], 5)])
    assert compared == [0, 1]
    # What begins, a market or a day, is compared once.
    midnight, another = 24 * 3_600_000, "ANOTHER"
    for number in range(2):
        told = [quote(another, 6 + number), quote(MARKETS[0], midnight + number)]
        assert writer.write(connection, told) == 2
    assert compared == [0, 1, 2, 0]


def test_a_start_reads_the_newest_day_with_quotes_of_the_stream_and_no_older_one(
    make_database: DatabaseMaker,
) -> None:
    database = Database(make_database())
    prepare(database, identity="tests", now=NOON)
    newest, day = quote(MARKETS[0], 5), 24 * 3_600_000
    older, polled = rows_of([quote(MARKETS[0], 5 - day), quote(MARKETS[1], 9 + day)])
    with database.transaction() as connection:
        add_raw_ticks(connection, [older, *rows_of([newest]), polled | {"source": "poll"}])
    with database.transaction() as locking, database.transaction() as connection:
        table = f"kalshi.live_ticks_{venue_day(older['observed_at']):%Y%m%d}"
        locking.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert StreamWriter().write(connection, [newest, quote(MARKETS[1], 4)]) == 1
        locking.rollback()
    database.dispose()
