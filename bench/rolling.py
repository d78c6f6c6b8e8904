"""The average of every market at one moment: running totals against a scan of the window."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import text

from bench.report import Result, seconds
from kalshi_assets.defs.market_data.averages import averages_at
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds, days_between, venue_day
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.rows import ensure_day_partitions
from kalshi_assets.storage.schema import clean_ticks

MARKETS, DAYS, POLL_SECONDS = 100, 30, 90
AS_OF = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
FILL = """
INSERT INTO kalshi.clean_ticks
SELECT t, 'M' || m, 'poll', '', p - 10000, p + 10000, p, 20000, 300000, true, '{}',
       sum(p * 90000::bigint) OVER w - p * 90000::bigint, 90000::bigint * (row_number() OVER w - 1),
       row_number() OVER w
FROM generate_series(1, :markets) AS m,
     generate_series(CAST(:start AS timestamptz), CAST(:last AS timestamptz), '90 s') AS t,
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
SCAN = """
SELECT market_ticker, sum(mid * ms) / sum(ms) FROM (
    SELECT market_ticker, mid::numeric AS mid,
           least(
               extract(epoch FROM coalesce(lead(observed_at) OVER w, :as_of) - observed_at) * 1000,
               hold_ms
           ) AS ms
    FROM kalshi.clean_ticks
    WHERE is_usable AND observed_at >= :start AND observed_at <= :as_of
    WINDOW w AS (PARTITION BY market_ticker ORDER BY observed_at)
) AS held GROUP BY 1
"""


def run(server_url: str) -> list[Result]:
    """Fill a month of polls, then average over 1, 7 and 28 days."""
    database = Database(create_database(server_url, "bench_rolling"))
    prepare(database, identity="bench", now=AS_OF)
    with database.transaction() as connection:
        _fill(connection)
    with database.transaction() as connection:
        connection.execute(text("ANALYZE kalshi.clean_ticks, kalshi.daily_summaries"))
    results = [_compare(database, window_days) for window_days in (1, 7, 28)]
    database.dispose()
    return results


def _compare(database: Database, window_days: int) -> Result:
    wanted = [(f"M{m}", AS_OF) for m in range(1, MARKETS + 1)]
    span = {"start": AS_OF - timedelta(days=window_days), "as_of": AS_OF}
    with database.transaction() as connection:

        def ours() -> dict[str, Decimal | None]:
            found = averages_at(connection, wanted, window_days, CollectionCalendar())
            return {average.market_ticker: average.mean for average in found}

        def baseline() -> dict[str, Decimal]:
            return {row[0]: row[1] for row in connection.execute(text(SCAN), span)}

        exact, scanned = ours(), baseline()
        for ticker, mean in exact.items():
            assert mean is not None
            assert abs(mean - scanned[ticker]) < Decimal("0.001"), (ticker, mean, scanned[ticker])
        name = f"rolling average, {MARKETS} markets, {window_days} days"
        return Result(name, seconds(ours), seconds(baseline))


def _fill(connection: Connection) -> None:
    today = venue_day(AS_OF)
    for day in days_between(today - timedelta(days=DAYS), today):
        ensure_day_partitions(connection, clean_ticks, [day])
        start, end = day_bounds(day)
        last = min(end, AS_OF) - timedelta(milliseconds=1)
        connection.execute(text(FILL), {"markets": MARKETS, "start": start, "last": last})
        if day < today:
            connection.execute(text(SUMMARISE), {"day": day, "start": start, "end": end})
