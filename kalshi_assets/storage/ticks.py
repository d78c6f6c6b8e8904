"""Raw ticks to be read, and clean ticks: native day partitions, written by binary COPY."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    func,
    select,
    text,
    update,
)

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.storage import schema
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.raw_ticks import add_raw_ticks as add_raw_ticks
from kalshi_assets.storage.rows import copy_all, replace_span

CLEANING_LOCK = 715_006
raw_ticks, clean_ticks = schema.raw_ticks, schema.clean_ticks
# How far back a day's totals can reach: a day of 25 hours, before which a price may have held for
# twice the longest candle interval, one day.
LONGEST_REACH = timedelta(hours=25) + 2 * timedelta(days=1)


@dataclass(frozen=True)
class Extent:
    """What there is of ticks in some span; `first_at` and `last_at` are None where nothing is."""

    ticks: int
    usable: int
    markets: int
    first_at: datetime | None
    last_at: datetime | None


def raw_ticks_of(connection: Connection, day: date) -> pd.DataFrame:
    """Return a day's raw ticks."""
    return _frame(connection, raw_ticks, *day_bounds(day))


def newest_live_ticks(connection: Connection, since: datetime, until: datetime) -> pd.DataFrame:
    """Return each market's newest raw tick of a poll or the stream in [since, until]."""
    ticks = raw_ticks.c
    query = select(raw_ticks).where(ticks.source != "candle")
    return _newest(connection, raw_ticks, query, since, until, then=[ticks.source.desc()])


def newest_clean_ticks(connection: Connection, since: datetime, until: datetime) -> pd.DataFrame:
    """Return each market's newest clean tick in [since, until]."""
    return _newest(connection, clean_ticks, select(clean_ticks), since, until)


def _newest(
    connection: Connection,
    table: Table,
    query: Select[Any],
    since: datetime,
    until: datetime,
    *,
    then: Sequence[ColumnElement[Any]] = (),
) -> pd.DataFrame:
    """Return each market's newest row of a query in [since, until]; `then` orders equal moments."""
    ticker, at = table.c.market_ticker, table.c.observed_at
    newest = (
        query.where(at >= since, at <= until)
        .distinct(ticker)
        .order_by(ticker, at.desc(), *then)
        .subquery()
    )
    return _read_of(connection, table, select(newest))


def raw_ticks_between(
    connection: Connection, start: datetime, end: datetime, tickers: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the raw ticks observed in [start, end], of all markets or of these."""
    query = select(raw_ticks)
    if tickers is not None:
        query = query.where(raw_ticks.c.market_ticker == func.any(cast(tickers, ARRAY(Text()))))
    return read_ticks(connection, raw_ticks, query, start, end + timedelta(microseconds=1))


def clean_ticks_of(connection: Connection, day: date) -> pd.DataFrame:
    """Return a day's clean ticks, sorted by market and moment."""
    return _frame(connection, clean_ticks, *day_bounds(day))


def markets_cleaned(connection: Connection, day: date) -> set[str]:
    """Return the markets that have clean ticks of a day."""
    start, end = day_bounds(day)
    query = (
        select(clean_ticks.c.market_ticker)
        .where(clean_ticks.c.observed_at >= start, clean_ticks.c.observed_at < end)
        .distinct()
    )
    return set(connection.scalars(query))


def lock_cleaning(connection: Connection) -> None:
    """Let no other transaction clean until this one ends: running totals build on each other."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": CLEANING_LOCK})


def add_clean_ticks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add clean ticks behind those that are there; their days' summaries are provisional again."""
    days = {venue_day(moment) for moment in {r["observed_at"] for r in rows}}
    ensure_day_partitions(connection, clean_ticks, days)
    reopen_summaries(connection, days)
    return copy_all(connection, clean_ticks, rows)


def rewrite_clean_ticks(
    connection: Connection, day: date, rows: Sequence[Mapping[str, Any]]
) -> int:
    """Make a day's clean ticks these ones, and return how many changed.

    Where any did, the day's summaries are provisional until made anew.
    """
    ensure_day_partitions(connection, clean_ticks, [day])
    moment = clean_ticks.c.observed_at
    changed = replace_span(connection, clean_ticks, moment, span=day_bounds(day), rows=rows)
    if changed:
        reopen_summaries(connection, {day})
    return changed


def reopen_summaries(connection: Connection, days: Iterable[date]) -> None:
    """Make these days' summaries provisional: their totals are those of their ticks again."""
    summaries = schema.daily_summaries
    is_final = and_(summaries.c.day.in_(sorted(days)), ~summaries.c.is_provisional)
    connection.execute(update(summaries).where(is_final).values(is_provisional=True))


def count_faults(connection: Connection, start: datetime, end: datetime) -> dict[str, int]:
    """Return how many clean ticks of [start, end) have each fault; usable ones count under ""."""
    query = text(
        """
        SELECT coalesce(fault, '') AS fault, count(*)
        FROM kalshi.clean_ticks LEFT JOIN LATERAL unnest(faults) AS fault ON true
        WHERE observed_at >= :start AND observed_at < :end
        GROUP BY 1 ORDER BY 1
        """
    )
    return {row[0]: row[1] for row in connection.execute(query, {"start": start, "end": end})}


def contract_starts(
    connection: Connection, start: datetime, end: datetime
) -> dict[str, list[datetime]]:
    """Return, by market, when each contract that began in [start, end] had its first usable tick.

    A contract roll is a clean tick's fault; none is found where no ticker changed its contract.
    """
    query = text(
        """
        SELECT roll.market_ticker, first.observed_at
        FROM kalshi.clean_ticks AS roll
        CROSS JOIN LATERAL (
            SELECT observed_at FROM kalshi.clean_ticks c
            WHERE c.market_ticker = roll.market_ticker AND c.is_usable
              AND c.observed_at > roll.observed_at
            ORDER BY c.observed_at LIMIT 1
        ) AS first
        WHERE 'contract_roll' = ANY (roll.faults) AND roll.observed_at BETWEEN :start AND :end
        """
    )
    found: dict[str, list[datetime]] = {}
    for row in connection.execute(query, {"start": start, "end": end}):
        found.setdefault(row.market_ticker, []).append(row.observed_at)
    return found


def extent_of(connection: Connection, start: datetime, end: datetime) -> Extent:
    """Return what the clean ticks of [start, end) are: how many, of how many markets, when."""
    ticks = clean_ticks.c
    query = select(
        func.count(),
        func.count().filter(ticks.is_usable),
        func.count(ticks.market_ticker.distinct()),
        func.min(ticks.observed_at),
        func.max(ticks.observed_at),
    ).where(ticks.observed_at >= start, ticks.observed_at < end)
    return Extent(*connection.execute(query).one())


def anchors_at(
    connection: Connection, wanted: Iterable[tuple[str, datetime]]
) -> dict[tuple[str, datetime], Anchor]:
    """Return, for each (market, moment), the last usable clean tick at or before the moment.

    Two index steps a pair, however long the history. Pairs without such a tick in the last
    `LONGEST_REACH` are missing from the answer: no price can hold into the moment's day for longer.
    """
    pairs = sorted(set(wanted))
    moments = sorted({moment for _, moment in pairs})
    numbers = {moment: number for number, moment in enumerate(moments, start=1)}
    values = {
        "moments": moments,
        "tickers": [ticker for ticker, _ in pairs],
        "numbers": [numbers[moment] for _, moment in pairs],
        "hold": LONGEST_REACH,
    }
    rows = connection.execute(_ANCHORS, values) if pairs else ()
    return {(row[0], moments[row[1] - 1]): Anchor(*row[2:]) for row in rows}


# Moments are few, markets many: each moment is sent once, and named by its number.
_ANCHORS = text(
    """
    SELECT w.market_ticker, w.number, t.*
    FROM unnest(CAST(:tickers AS text[]), CAST(:numbers AS int[])) AS w(market_ticker, number)
    JOIN unnest(CAST(:moments AS timestamptz[])) WITH ORDINALITY AS m(moment, number) USING (number)
    CROSS JOIN LATERAL (
        SELECT observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
        FROM kalshi.clean_ticks c
        WHERE c.market_ticker = w.market_ticker AND c.is_usable
          AND c.observed_at <= m.moment AND c.observed_at > m.moment - CAST(:hold AS interval)
        ORDER BY c.observed_at DESC LIMIT 1
    ) AS t
    """
)


def _frame(connection: Connection, table: Table, start: datetime, end: datetime) -> pd.DataFrame:
    return read_ticks(connection, table, select(table), start, end)


def read_ticks(
    connection: Connection,
    table: Table,
    query: Select[Any],
    start: datetime,
    end: datetime,
) -> pd.DataFrame:
    """Return what a query finds of a table's ticks in [start, end), sorted by market and moment."""
    moment = table.c.observed_at
    found = query.where(moment >= start, moment < end).order_by(table.c.market_ticker, moment)
    return _read_of(connection, table, found)


def _read_of(connection: Connection, table: Table, query: Select[Any]) -> pd.DataFrame:
    """Return what a query finds of a table's columns, with their types."""
    result = connection.execute(query)
    names, rows = list(result.keys()), result.fetchall()
    found = zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True)
    return pd.DataFrame({name: _typed(table.columns.get(name), values) for name, values in found})


def _typed(column: Column[Any] | None, values: Sequence[Any]) -> Any:
    """Return a column's values as pandas keeps them; also of none, a flag's type picks rows."""
    kind = None if column is None else column.type.python_type
    if column is not None and kind is int:
        return np.array(values, "int64") if not column.nullable else pd.array(values, "Int64")
    if kind is bool:
        return np.array(values, "bool")
    if kind is datetime:
        return pd.to_datetime(list(values), utc=True)
    return list(values) if values else np.array([], "object")
