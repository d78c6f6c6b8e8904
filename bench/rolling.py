"""The average of every market at one moment: running totals against a scan of the window."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from statistics import median
from time import process_time

import psutil
from sqlalchemy import text

from bench.history import fill_clean, summarise
from bench.report import Figure, Result, once
from kalshi_assets.defs.market_data.averages import averages_at
from kalshi_assets.domain.calendar import CollectionCalendar, days_between, venue_day
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import create_database, prepare

MARKETS, DAYS = 1_000, 28
WINDOWS, ROUNDS = (1, 7, 28), 15
# A tick as long as a live price may hold: eight million in all.
STEP = timedelta(minutes=5)
AS_OF = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
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


def run(server_url: str) -> list[Result | Figure]:
    """Fill a month of polls, then average over 1, 7 and 28 days."""
    database = Database(create_database(server_url, "bench_rolling"))
    prepare(database, identity="bench", now=AS_OF)
    with database.transaction() as connection:
        _fill(connection)
    # As autovacuum leaves the tables behind a day's end, in its own time.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) kalshi.daily_summaries"))
        connection.execute(text("ANALYZE kalshi.clean_ticks"))
    with database.transaction() as connection:
        results = _compare(connection)
    database.dispose()
    return results


def _compare(connection: Connection) -> list[Result | Figure]:
    """Look up each window in turn, several times: other work on the machine meets them all."""
    wanted = [(f"M{m}", AS_OF) for m in range(1, MARKETS + 1)]

    def ours(window_days: int) -> dict[str, Decimal | None]:
        found = averages_at(connection, wanted, window_days, CollectionCalendar())
        return {average.market_ticker: average.mean for average in found}

    def baseline(window_days: int) -> dict[str, Decimal]:
        span = {"start": AS_OF - timedelta(days=window_days), "as_of": AS_OF}
        return {row[0]: row[1] for row in connection.execute(text(SCAN), span)}

    for window_days in WINDOWS:
        _require_same(ours(window_days), baseline(window_days))
    rounds = [[once(partial(ours, d)) for d in WINDOWS] for _ in range(ROUNDS)]
    taken = dict(zip(WINDOWS, map(sorted, zip(*rounds, strict=True)), strict=True))
    best = {window_days: times[0] for window_days, times in taken.items()}
    results: list[Result | Figure] = [
        Result(
            f"rolling average, {MARKETS:,} markets, {d} days",
            median(taken[d]),
            once(partial(baseline, d)),
            best[d],
        )
        for d in WINDOWS
    ]
    busy = {d: _busy(connection, partial(ours, d)) for d in (WINDOWS[0], WINDOWS[-1])}
    growths = {"the best": best, "the processor time": busy}
    return results + [
        Figure(f"  {what} of 28 days, by 1 day", f"{by[WINDOWS[-1]] / by[WINDOWS[0]]:.2f}", "1.20")
        for what, by in growths.items()
    ]


def _busy(connection: Connection, work: Callable[[], object]) -> float:
    """Return what some rounds use of the processor, here and in the database."""
    server = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))

    def used() -> float:
        return process_time() + sum(server.cpu_times()[:2])

    before = used()
    for _ in range(2 * ROUNDS):
        work()
    return used() - before


def _require_same(exact: dict[str, Decimal | None], scanned: dict[str, Decimal]) -> None:
    for ticker, mean in exact.items():
        assert mean is not None
        assert abs(mean - scanned[ticker]) < Decimal("0.001"), (ticker, mean, scanned[ticker])


def _fill(connection: Connection) -> None:
    today = venue_day(AS_OF)
    for day in days_between(today - timedelta(days=DAYS), today):
        fill_clean(connection, day, markets=MARKETS, step=STEP, until=AS_OF)
        if day < today:
            summarise(connection, day)
