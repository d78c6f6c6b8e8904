"""Made-up clean ticks and final summaries of whole days, written by the database itself."""

from datetime import date, datetime, timedelta

from sqlalchemy import text

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.schema import clean_ticks

FILL = """
INSERT INTO kalshi.clean_ticks
SELECT t, 'M' || m, 'poll', '', p - 10000, p + 10000, p, 20000, :hold, true, '{}',
       sum(p * :hold) OVER w - p * :hold, :hold * (row_number() OVER w - 1), row_number() OVER w
FROM generate_series(1, :markets) AS m,
     generate_series(CAST(:start AS timestamptz), CAST(:last AS timestamptz), :step) AS t,
     LATERAL (
         SELECT 10000 * (30 + (m * 7 + extract(epoch FROM t)::bigint / 90) % 40)::bigint
     ) AS x(p)
WINDOW w AS (PARTITION BY m ORDER BY t)
"""
# The days that have ended have their final summaries, as they would have.
SUMMARISE = """
INSERT INTO kalshi.daily_summaries
    (day, market_ticker, price_ms, covered_ms, coverage, tick_count, is_provisional)
SELECT :day, market_ticker, price_ms + mid * rest, covered_ms + rest, 1, tick_count, false
FROM (
    SELECT DISTINCT ON (market_ticker) *,
           (extract(epoch FROM CAST(:end AS timestamptz) - observed_at) * 1000)::bigint AS rest
    FROM kalshi.clean_ticks WHERE observed_at >= :start AND observed_at < :end
    ORDER BY market_ticker, observed_at DESC
) AS last_ticks
"""
POLL = timedelta(seconds=90)


def fill_clean(
    connection: Connection,
    day: date,
    *,
    markets: int,
    step: timedelta = POLL,
    until: datetime | None = None,
) -> None:
    """Write a day's clean ticks of markets M1, M2 and so on, one a step, each as long as a step."""
    ensure_day_partitions(connection, clean_ticks, [day])
    start, end = day_bounds(day)
    last = min(end, until or end) - timedelta(milliseconds=1)
    values = {
        "markets": markets,
        "start": start,
        "last": last,
        "step": step,
        "hold": step // timedelta(milliseconds=1),
    }
    connection.execute(text(FILL), values)


def summarise(connection: Connection, day: date) -> None:
    """Write a day's final summaries."""
    start, end = day_bounds(day)
    connection.execute(text(SUMMARISE), {"day": day, "start": start, "end": end})
