"""Quotes of the stream into the database: each once, against a bare binary COPY of the same rows.

The bare COPY checks nothing, knows every id beforehand and cannot be repeated.
"""

import gc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from statistics import median
from typing import Any, TypeVar

from psycopg import sql
from sqlalchemy import text

from bench.report import Figure, Result, once
from kalshi_assets.domain.stream import StatedQuote, TickerUpdate
from kalshi_assets.domain.tick import tick_of_quote
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.rows import cursor_of
from kalshi_assets.storage.schema import live_ticks
from kalshi_assets.storage.stream_writer import StreamWriter
from kalshi_assets.storage.ticks import add_raw_ticks

START = datetime(2026, 10, 13, 5, 0, tzinfo=UTC)
ROWS, MARKETS, BATCH, ROUNDS = 100_000, 500, 2_000, 5
T = TypeVar("T")
COPY = (
    sql.SQL("COPY kalshi.live_ticks ({}) FROM STDIN (FORMAT BINARY)")
    .format(sql.SQL(", ").join(sql.Identifier(c.name) for c in live_ticks.columns))
    .as_bytes()
)
TYPES = ["timestamptz"] * 2 + ["int8"] * 5 + ["int4"] * 5 + ["int2"]


def run(server_url: str) -> list[Result | Figure]:
    """Write batches as a busy feed does, a transaction each; then as any other way in does."""
    database = Database(create_database(server_url, "bench_ingest"))
    prepare(database, identity="bench", now=START)
    quotes = [(_quote(number), "active") for number in range(ROWS)]
    rows = [tick_of_quote(quote, status=status) for quote, status in quotes]
    prepared = [bare(quote) for quote, _ in quotes]
    with database.transaction() as connection:
        add_raw_ticks(connection, rows[: MARKETS + 1])

    def polls() -> None:
        for part in _batches(rows):
            with database.transaction() as connection:
                assert add_raw_ticks(connection, part) == BATCH

    # The rows of all rounds are many and stay: without this each collection would walk them all.
    gc.collect()
    gc.freeze()
    # The first round warms up.
    rounds = [_in_turn(database, quotes, prepared) for _ in range(ROUNDS + 1)][1:]
    gc.unfreeze()
    ours, compared = (median(map(sum, times)) for times in zip(*rounds, strict=True))
    batch, same = (median(chain(*times)) for times in zip(*rounds, strict=True))
    a_batch = f"{batch * 1000:.2f} ms", f"{same * 1000:.2f} ms", f"{same / batch:.2f}x"
    empty(database)
    results: list[Result | Figure] = [
        Result(f"stream to table, {ROWS:,} ticks", ours, compared),
        Figure(f"  a batch of {BATCH:,}", *a_batch),
        Result(f"any way in, {ROWS:,} ticks", once(polls), compared),
    ]
    database.dispose()
    return results


def _in_turn(
    database: Database, quotes: list[StatedQuote], prepared: list[tuple[Any, ...]]
) -> tuple[list[float], list[float]]:
    """Return the seconds of each batch of ours, and of the same one copied bare.

    They take turns, so that other work on the machine meets both.
    """
    empty(database)
    writer = StreamWriter()

    def ours(batch: Sequence[StatedQuote]) -> None:
        with database.transaction() as connection:
            assert writer.write(connection, batch) == BATCH

    def bare_copy(batch: Sequence[tuple[Any, ...]]) -> None:
        with database.transaction() as connection:
            copy(connection, batch)

    times = [
        (once(partial(ours, batch)), once(partial(bare_copy, same)))
        for batch, same in zip(_batches(quotes), _batches(prepared), strict=True)
    ]
    return [own for own, _ in times], [other for _, other in times]


def _batches(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[first : first + BATCH] for first in range(0, ROWS, BATCH)]


def empty(database: Database) -> None:
    """Take all live ticks out."""
    with database.transaction() as connection:
        connection.execute(text("TRUNCATE kalshi.live_ticks"))


def copy(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Copy prepared rows into the table, and do nothing else."""
    with cursor_of(connection).copy(COPY) as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)


def bare(quote: TickerUpdate) -> tuple[Any, ...]:
    """Return what the table takes, as it stands; the numbers it needs are made up."""
    row = tick_of_quote(quote, status="active")
    known = {"source_id": 1, "status_id": 1, "received_after_ms": 20}
    return tuple((row | known)[c.name] for c in live_ticks.columns)


def _quote(number: int) -> TickerUpdate:
    quoted_at = START + timedelta(milliseconds=7 * number)
    return TickerUpdate(
        market_ticker=f"KXCPI-26OCT-T0.{number % MARKETS}",
        last_price=680_000,
        yes_bid=670_000,
        yes_bid_size=50_000,
        yes_ask=690_000,
        yes_ask_size=50_000,
        volume=number,
        open_interest=number,
        quoted_at=quoted_at,
        received_at=quoted_at + timedelta(milliseconds=20),
    )
