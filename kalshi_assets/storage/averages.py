"""Rolling averages: stored, and read beside the prices they are of."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, func, select, text

from kalshi_assets.analytics.rolling import RollingAverage
from kalshi_assets.analytics.running import EPOCH
from kalshi_assets.domain.calendar import day_bounds, days_between
from kalshi_assets.domain.tick import LATEST
from kalshi_assets.storage import schema
from kalshi_assets.storage.engine import joined_as_sets
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.rows import (
    copy_all,
    insert_missing,
    replace_span,
)

rolling_averages, clean_ticks = schema.rolling_averages, schema.clean_ticks
averages_due = schema.averages_due
AVERAGES_LOCK = 715_011


def save_averages(
    connection: Connection, day: date, rows: Sequence[RollingAverage], *, is_whole_day: bool
) -> int:
    """Store averages, and return how many changed; a whole day replaces what was there.

    Others are of ticks that had none: see `totals.moments_to_average`.
    """
    table, values = rolling_averages, [vars(row) for row in rows]
    ensure_day_partitions(connection, table, [day])
    if is_whole_day:
        span = day_bounds(day)
        return replace_span(connection, table, table.c.as_of, span=span, rows=values)
    return copy_all(connection, table, values)


def note_due(connection: Connection, first: date, last: date) -> None:
    """Note that the averages of these days were made of other ticks than there are now.

    Days without averages have nothing to make anew.
    """
    as_of = rolling_averages.c.as_of
    for day in days_between(first, last):
        start, end = day_bounds(day)
        has_averages = select(as_of).where(as_of >= start, as_of < end).exists()
        if connection.scalar(select(has_averages)):
            insert_missing(connection, averages_due, [{"day": day}])


def days_due(connection: Connection) -> list[date]:
    """Return the days whose averages were made of other ticks than there are now."""
    return list(connection.scalars(select(averages_due.c.day).order_by(averages_due.c.day)))


def settle_due(connection: Connection, day: date) -> None:
    """Note that a day's averages are made of the ticks there are."""
    connection.execute(delete(averages_due).where(averages_due.c.day == day))


def lock_averages(connection: Connection) -> None:
    """Let no other transaction make averages until this one ends: one may replace a whole day."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AVERAGES_LOCK})


def latest_averages(connection: Connection) -> pd.DataFrame:
    """Return each tracked market's newest average and the price beside it; None where missing."""
    newest = connection.scalar(select(func.max(rolling_averages.c.as_of)))
    since = {"recent": EPOCH if newest is None else newest - LATEST}
    columns = ["market_ticker", "as_of", "mean", "coverage", "mid"]
    with joined_as_sets(connection):
        rows = connection.execute(_LATEST, since)
    return pd.DataFrame([tuple(row) for row in rows], columns=columns)


# Most markets' newest average is among the newest of all, which lie together; of the others each
# is looked up.
_LATEST = text(
    """
    WITH recent AS (
        SELECT DISTINCT ON (a.market_ticker) a.market_ticker, a.as_of, a.mean, a.coverage, c.mid
        FROM kalshi.rolling_averages a
        LEFT JOIN kalshi.clean_ticks c
          ON c.market_ticker = a.market_ticker AND c.observed_at = a.as_of
         AND c.observed_at >= :recent
        WHERE a.as_of >= :recent
        ORDER BY a.market_ticker, a.as_of DESC
    ), earlier AS (
        SELECT m.ticker AS market_ticker, a.*
        FROM kalshi.markets m CROSS JOIN LATERAL (
            SELECT as_of, mean, coverage,
                   (SELECT mid FROM kalshi.clean_ticks c
                    WHERE c.market_ticker = a.market_ticker AND c.observed_at = a.as_of)
            FROM kalshi.rolling_averages a
            WHERE a.market_ticker = m.ticker ORDER BY a.as_of DESC LIMIT 1
        ) AS a
        WHERE m.is_tracked AND m.ticker NOT IN (SELECT market_ticker FROM recent)
    )
    SELECT m.ticker, as_of, mean, coverage, mid
    FROM kalshi.markets m
    LEFT JOIN (SELECT * FROM recent UNION ALL SELECT * FROM earlier) AS newest
      ON newest.market_ticker = m.ticker
    WHERE m.is_tracked ORDER BY m.ticker
    """
)


def latest_mean(connection: Connection, ticker: str, *, since: datetime) -> Decimal | None:
    """Return a market's newest average, micros; None where none was made from then on."""
    query = (
        select(rolling_averages.c.mean)
        .where(rolling_averages.c.market_ticker == ticker, rolling_averages.c.as_of >= since)
        .order_by(rolling_averages.c.as_of.desc())
        .limit(1)
    )
    mean: Decimal | None = connection.scalar(query)
    return mean


def price_courses(
    connection: Connection,
    tickers: Sequence[str],
    *,
    span: tuple[datetime, datetime],
    window_days: int,
    points: int,
) -> pd.DataFrame:
    """Return how usable mids and their averages ran over a span of time, for a plot.

    Of each stretch without a gap, the last tick of each of `points` equal spans: what lies between
    two of them is covered, although its ticks are left out.

    Returns:
        `market_ticker`, `stretch` (its number within the market), `observed_at`, `held_until` (at
        most the span's end), `mid` and `mean` (micros), sorted by market and moment.
    """
    start, until = span
    values = {
        "tickers": list(tickers),
        "start": start,
        "until": until,
        "window_days": window_days,
        "step": (until - start) / points,
    }
    rows = connection.execute(_PRICE_COURSES, values)
    return pd.DataFrame([tuple(row) for row in rows], columns=list(rows.keys()))


# A tick opens a new stretch where the one before it no longer held.
_PRICE_COURSES = text(
    """
    WITH held AS (
        SELECT market_ticker, observed_at, mid,
               observed_at + hold_ms * interval '1 millisecond' AS held_until,
               lag(observed_at + hold_ms * interval '1 millisecond') OVER one AS held_before
        FROM kalshi.clean_ticks
        WHERE is_usable AND market_ticker = ANY(:tickers)
          AND observed_at BETWEEN :start AND :until
        WINDOW one AS (PARTITION BY market_ticker ORDER BY observed_at)
    ), stretches AS (
        SELECT *, date_bin(:step, observed_at, CAST(:start AS timestamptz)) AS span,
               count(*) FILTER (WHERE held_before < observed_at)
               OVER (PARTITION BY market_ticker ORDER BY observed_at) AS stretch
        FROM held
    ), thinned AS (
        SELECT DISTINCT ON (market_ticker, stretch, span) *
        FROM stretches ORDER BY market_ticker, stretch, span, observed_at DESC
    )
    SELECT t.market_ticker, t.stretch, t.observed_at,
           least(t.held_until, CAST(:until AS timestamptz)) AS held_until, t.mid, a.mean
    FROM thinned t LEFT JOIN kalshi.rolling_averages a
      ON a.market_ticker = t.market_ticker AND a.as_of = t.observed_at
     AND a.window_days = :window_days AND a.as_of BETWEEN :start AND :until
    ORDER BY t.market_ticker, t.observed_at
    """
)


def averages_of(connection: Connection, day: date, *, watch: int = 0) -> list[dict[str, Any]]:
    """Return a day's averages with the quotes they stand beside: what strategies see.

    Args:
        connection: a transaction.
        day: the New York day.
        watch: only those whose price is at least so far off, in micros, and of each market the one
            after such: the others begin, continue and end no episode.
    """
    start, end = day_bounds(day)
    with joined_as_sets(connection):
        rows = connection.execute(_OF_DAY, {"start": start, "end": end, "watch": watch})
    return [dict(row._mapping) for row in rows]


_OF_DAY = text(
    """
    SELECT as_of, market_ticker, window_days, window_start, mean, coverage, covered_ms, price_ms,
           tick_count, content_hash, mid, yes_bid, yes_ask
    FROM (
        SELECT *, coalesce(lag(is_off) OVER (PARTITION BY market_ticker ORDER BY as_of), false)
               AS was_off
        FROM (
            SELECT a.*, c.mid, c.yes_bid, c.yes_ask, abs(c.mid - a.mean) >= :watch AS is_off
            FROM kalshi.rolling_averages a
            JOIN kalshi.clean_ticks c
              ON c.market_ticker = a.market_ticker AND c.observed_at = a.as_of
             AND c.observed_at >= :start AND c.observed_at < :end
            WHERE a.as_of >= :start AND a.as_of < :end AND a.mean IS NOT NULL
        ) AS beside
    ) AS behind
    WHERE is_off OR was_off
    ORDER BY market_ticker, as_of
    """
)
