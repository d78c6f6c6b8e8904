"""Raw ticks, the way in: each observation once, whatever comes first and however often.

An observation's key is market, source and source time. Of the stream, two quotes of one market may
bear the same millisecond: a second, different one is dated a microsecond later.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.storage import schema
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.rows import (
    copy_missing,
    copy_new,
    cursor_of,
    insert_missing,
)

RAW_LOCK = 715_010
CANDLE, STREAM = "candle", "stream"
MILLISECOND = timedelta(milliseconds=1)
# What of a quote tells two of the same moment apart.
_CONTENT = ("yes_bid", "yes_ask", "yes_bid_size", "yes_ask_size", "last_price", "volume")
_LONGEST_AFTER_MS = 2**31 - 1

Row = Mapping[str, Any]
Key = tuple[str, str, str]
Moments = dict[tuple[str, datetime], dict[datetime, tuple[Any, ...]]]


def add_raw_ticks(connection: Connection, rows: Sequence[Row]) -> int:
    """Add observations whose key is new, and return how many were.

    Args:
        connection: its transaction keeps all others from adding until it ends.
        rows: columns of the view `raw_ticks`; `source_key` is the interval of a candle, else "".

    Raises:
        ValueError: a live quote was received more than 24 days after it was observed.
    """
    if not rows:
        return 0
    lock_raw_ticks(connection)
    ids = source_ids(connection, {_key(row) for row in rows})
    statuses = status_ids(connection, {row["status"] for row in rows})
    live = [row for row in rows if row["source"] != CANDLE]
    candles = [row for row in rows if row["source"] == CANDLE]
    return _add_live(connection, live, ids=ids, statuses=statuses) + _add_candles(
        connection, candles, ids=ids, statuses=statuses
    )


def lock_raw_ticks(connection: Connection) -> None:
    """Let no other transaction add raw ticks until this one ends."""
    # With every batch of the feed: by the driver alone, that takes a third of the time.
    cursor_of(connection).execute("SELECT pg_advisory_xact_lock(%s)", (RAW_LOCK,))


def _add_live(
    connection: Connection, rows: list[Row], *, ids: dict[Key, int], statuses: dict[str, int]
) -> int:
    if not rows:
        return 0
    dated = _moments_told_apart(connection, rows)
    ready = [
        {
            **row,
            "observed_at": at,
            "source_id": ids[_key(row)],
            "status_id": statuses[row["status"]],
            "received_after_ms": after_ms(
                row["market_ticker"], row["received_at"] - row["observed_at"]
            ),
        }
        for row, at in dated
    ]
    ensure_day_partitions(
        connection, schema.live_ticks, {venue_day(r["observed_at"]) for r in ready}
    )
    return copy_new(connection, schema.live_ticks, ready, key=("source_id",), moment="observed_at")


def _add_candles(
    connection: Connection, rows: list[Row], *, ids: dict[Key, int], statuses: dict[str, int]
) -> int:
    ready = [
        {**row, "source_id": ids[_key(row)], "status_id": statuses[row["status"]]} for row in rows
    ]
    table = schema.candle_ticks
    ensure_day_partitions(connection, table, {venue_day(r["observed_at"]) for r in ready})
    return copy_missing(connection, table, ready)


def after_ms(ticker: str, late: timedelta) -> int:
    """Return in milliseconds how long after its moment a live quote of a market was received."""
    if late.days == 0:  # nearly always, and a division of spans takes twice as long
        return late.seconds * 1_000 + late.microseconds // 1_000
    after = late // MILLISECOND
    if not -_LONGEST_AFTER_MS <= after <= _LONGEST_AFTER_MS:
        raise ValueError(
            f"a quote of {ticker} was received {late} after it was observed: no live quote takes "
            "so long; date it to when it was confirmed"
        )
    return after


def _moments_told_apart(connection: Connection, rows: list[Row]) -> list[tuple[Row, datetime]]:
    """Return each row with its moment; a stream's quote that is there already keeps its own."""
    streamed = [row for row in rows if row["source"] == STREAM]
    taken = _taken(connection, streamed) if streamed else {}
    dated = []
    for row in rows:
        at = row["observed_at"]
        if row["source"] == STREAM:
            there = taken.setdefault((row["market_ticker"], _millisecond(at)), {})
            content = tuple(row.get(name) for name in _CONTENT)
            at = next((moment for moment, told in there.items() if told == content), at)
            while there.get(at, content) != content:
                at += timedelta(microseconds=1)
            there[at] = content
        dated.append((row, at))
    return dated


def _taken(connection: Connection, streamed: list[Row]) -> Moments:
    """Return what the stream told before in the milliseconds of these rows."""
    view = schema.raw_ticks.c
    first = min(row["observed_at"] for row in streamed)
    last = max(row["observed_at"] for row in streamed) + MILLISECOND
    query = select(view.market_ticker, view.observed_at, *(view[name] for name in _CONTENT)).where(
        view.observed_at >= _millisecond(first), view.observed_at < last, view.source == STREAM
    )
    found: Moments = {}
    for ticker, at, *content in connection.execute(query):
        found.setdefault((ticker, _millisecond(at)), {})[at] = tuple(content)
    return found


def _millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _key(row: Row) -> Key:
    key = row["source_key"] if row["source"] == CANDLE else ""
    return row["market_ticker"], row["source"], key


def source_ids(connection: Connection, keys: set[Key]) -> dict[Key, int]:
    """Return the numbers of these markets and ways in, new ones included; of no others."""
    table = schema.tick_sources
    tickers = sorted({ticker for ticker, _, _ in keys})
    query = select(table).where(table.c.market_ticker == func.any(tickers))
    found = {
        (s.market_ticker, s.source, s.source_key): s.source_id for s in connection.execute(query)
    }
    if new := sorted(keys - found.keys()):
        # Only what is new: an insert that finds its words there would use up a number all the same.
        names = ("market_ticker", "source", "source_key")
        insert_missing(connection, table, [dict(zip(names, key, strict=True)) for key in new])
        return source_ids(connection, keys)
    return {key: found[key] for key in keys}


def status_ids(connection: Connection, wanted: set[str]) -> dict[str, int]:
    """Return the numbers of statuses, at least of these, new ones included."""
    table = schema.tick_statuses
    found = {s.status: s.status_id for s in connection.execute(select(table))}
    if new := sorted(wanted - found.keys()):
        insert_missing(connection, table, [{"status": status} for status in new])
        return status_ids(connection, wanted)
    return found
