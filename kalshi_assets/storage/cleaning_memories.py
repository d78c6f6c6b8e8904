"""What cleaning remembers at the end of each market's clean ticks of a day.

Written in the transaction that writes the ticks, so that the next poll needs one row a market and
not the hours before. A memory counts only while the newest clean tick is the one it is of.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Connection, Text, cast, delete, func, text

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.tick import LATEST
from kalshi_assets.storage.engine import joined_as_sets
from kalshi_assets.storage.rows import copy_all, replace_span
from kalshi_assets.storage.schema import cleaning_memories


@dataclass(frozen=True)
class Memories:
    """What is remembered before some moment.

    Attributes:
        known: by market, the memory.
        last_at: by market, the newest clean tick's moment, where it is remembered.
        anchors: by market, that tick, where it is usable.
        is_whole: every memory that there is fits its market's newest clean tick.
    """

    known: Mapping[str, Mapping[str, Any]]
    last_at: Mapping[str, datetime]
    anchors: Mapping[str, Anchor]
    is_whole: bool


def memories_before(connection: Connection, end: datetime, *, reach: timedelta) -> Memories:
    """Return each market's newest memory of a tick in [end - reach - a day, end)."""
    start = end - reach - timedelta(days=1)
    values = {"start": start, "end": end, "first": venue_day(start), "last": venue_day(end)}
    newest = connection.scalar(_NEWEST_MOMENT, values)
    values["recent"] = start if newest is None else max(start, newest - LATEST)
    with joined_as_sets(connection):
        rows = connection.execute(_NEWEST, values).all()
    fitting = [row for row in rows if row.remembered_at == row.observed_at]
    return Memories(
        known={row.market_ticker: row.memory for row in fitting},
        last_at={row.market_ticker: row.observed_at for row in fitting},
        anchors={row.market_ticker: Anchor(*row[4:]) for row in fitting if row.is_usable},
        is_whole=len(fitting) == len(rows),
    )


_NEWEST_MOMENT = text(
    """
    SELECT max(observed_at) FROM kalshi.cleaning_memories
    WHERE day BETWEEN :first AND :last AND observed_at < :end
    """
)
# Most markets' newest tick is among the newest of all, which lie together; of the others each is
# looked up.
_NEWEST = text(
    """
    WITH remembered AS (
        SELECT DISTINCT ON (market_ticker) market_ticker, day
        FROM kalshi.cleaning_memories
        WHERE day BETWEEN :first AND :last AND observed_at >= :start AND observed_at < :end
        ORDER BY market_ticker, day DESC
    ), recent AS MATERIALIZED (
        SELECT DISTINCT ON (market_ticker) market_ticker, is_usable,
               observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
        FROM kalshi.clean_ticks
        WHERE observed_at >= :recent AND observed_at < :end
        ORDER BY market_ticker, observed_at DESC
    ), earlier AS (
        SELECT r.market_ticker, c.*
        FROM remembered r CROSS JOIN LATERAL (
            SELECT is_usable, observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
            FROM kalshi.clean_ticks c
            WHERE c.market_ticker = r.market_ticker
              AND c.observed_at >= :start AND c.observed_at < :recent
            ORDER BY c.observed_at DESC LIMIT 1
        ) AS c
        WHERE r.market_ticker NOT IN (SELECT market_ticker FROM recent)
    )
    SELECT market_ticker, m.observed_at AS remembered_at, m.memory, is_usable,
           c.observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
    FROM remembered
    JOIN kalshi.cleaning_memories m USING (market_ticker, day)
    LEFT JOIN (SELECT * FROM recent UNION ALL SELECT * FROM earlier) AS c USING (market_ticker)
    """
)


def last_clean_moments(
    connection: Connection, tickers: Iterable[str], start: datetime, end: datetime
) -> dict[str, datetime]:
    """Return these markets' newest clean tick in [start, end), where there is one."""
    values = {"tickers": sorted(tickers), "start": start, "end": end}
    rows = connection.execute(_LAST_CLEAN, values) if values["tickers"] else ()
    return {row.market_ticker: row.observed_at for row in rows}


_LAST_CLEAN = text(
    """
    SELECT w.market_ticker, t.observed_at
    FROM unnest(CAST(:tickers AS text[])) AS w(market_ticker)
    CROSS JOIN LATERAL (
        SELECT c.observed_at FROM kalshi.clean_ticks c
        WHERE c.market_ticker = w.market_ticker
          AND c.observed_at >= :start AND c.observed_at < :end
        ORDER BY c.observed_at DESC LIMIT 1
    ) AS t
    """
)


def closing_memories(connection: Connection, day: date) -> dict[str, Mapping[str, Any]]:
    """Return a day's memories by market."""
    query = text("SELECT market_ticker, memory FROM kalshi.cleaning_memories WHERE day = :day")
    return {row.market_ticker: row.memory for row in connection.execute(query, {"day": day})}


def has_memories_after(connection: Connection, day: date) -> bool:
    """Tell whether a later day was cleaned."""
    query = text("SELECT EXISTS (SELECT FROM kalshi.cleaning_memories WHERE day > :day)")
    return bool(connection.scalar(query, {"day": day}))


def keep_memories(
    connection: Connection,
    day: date,
    memories: Mapping[str, Mapping[str, Any]],
    last_at: Mapping[str, datetime],
) -> None:
    """Keep what is remembered of these markets at the end of their clean ticks of a day."""
    table = cleaning_memories
    theirs = table.c.market_ticker == func.any(cast(list(memories), ARRAY(Text())))
    connection.execute(delete(table).where(table.c.day == day, theirs))
    copy_all(connection, table, _rows(day, memories, last_at))


def rewrite_memories(
    connection: Connection,
    day: date,
    memories: Mapping[str, Mapping[str, Any]],
    last_at: Mapping[str, datetime],
) -> None:
    """Make a day's memories exactly these; equal ones are left untouched."""
    table, rows = cleaning_memories, _rows(day, memories, last_at)
    replace_span(connection, table, table.c.day, span=(day, day + timedelta(days=1)), rows=rows)


def forget_day(connection: Connection, day: date) -> None:
    """Drop the memories of a day whose ticks are dropped."""
    table = cleaning_memories
    connection.execute(delete(table).where(table.c.day == day))


def _rows(
    day: date, memories: Mapping[str, Mapping[str, Any]], last_at: Mapping[str, datetime]
) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "day": day,
            "market_ticker": ticker,
            "observed_at": last_at[ticker],
            "memory": Jsonb(dict(memory)),
        }
        for ticker, memory in memories.items()
    ]
