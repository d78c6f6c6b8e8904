"""One poll of 5,000 markets through cleaning and averages: early in a day, and late in it.

Both assets run whole, what they show in the UI and their commits included, behind a week and the
polls of the day so far. Processor time stands beside: other work on the machine does not change it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time
from types import SimpleNamespace

import dagster as dg
import psutil
from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction
from sqlalchemy import text

from bench.history import fill_clean, summarise
from bench.report import Figure
from kalshi_assets.analytics.cleaning import clean
from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.defs.market_data.averages import rolling_averages
from kalshi_assets.defs.market_data.ticks import clean_ticks
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.tick import SLOT_TAG, RawTick
from kalshi_assets.settings import PREFIX
from kalshi_assets.storage import schema, ticks
from kalshi_assets.storage.cleaning_memories import keep_memories
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.partitions import ensure_day_partitions

MARKETS, POLLS = 5_000, 7
POLL = timedelta(seconds=90)
DAY = datetime(2026, 10, 13, 4, 0, tzinfo=UTC)
TODAY = venue_day(DAY)
POLLS_BEFORE = (40, 400)
RULES = CleaningRules(max_quote_age_seconds=300)
LIMIT = 1.5
MARKET_ROWS = """
INSERT INTO kalshi.markets
SELECT 'M' || m, 'E' || m / 2, 'KXBENCH', 'A market', 'active', :start - interval '30 days',
       :start + interval '30 days', '[[0, 1000000, 10000]]', '', m, true, :start, :start, 0
FROM generate_series(1, :markets) AS m
"""
# The polls before the last: as it is, at their own moments.
RAW = """
INSERT INTO kalshi.live_ticks
SELECT t, t, volume, volume_24h, open_interest, yes_bid_size, yes_ask_size, source_id,
       received_after_ms, yes_bid, yes_ask, last_price, status_id
FROM generate_series(CAST(:first AS timestamptz), CAST(:last AS timestamptz), '90 s') AS t,
     kalshi.live_ticks
"""
AVERAGES = """
INSERT INTO kalshi.rolling_averages
SELECT observed_at, market_ticker, 7, observed_at - interval '7 days', mid, 1, covered_ms,
       price_ms, tick_count, md5(market_ticker || observed_at)
FROM kalshi.clean_ticks WHERE observed_at >= :start
"""


def run(server_url: str) -> list[Figure]:
    """Poll a few times early and late in a day."""
    url = create_database(server_url, "bench_poll")
    database = Database(url)
    prepare(database, identity="bench", now=DAY)
    _fill_week(database)
    figures = [figure for polls in POLLS_BEFORE for figure in _measured(database, polls)]
    database.dispose()
    return figures


def _measured(database: Database, polls: int) -> list[Figure]:
    """Fill the day with some polls, and measure the next ones."""
    now = DAY + polls * POLL
    _fill_day(database, now)
    _poll(database, now)
    taken = sorted(_poll(database, now + number * POLL) for number in range(1, POLLS + 1))
    median, best = taken[len(taken) // 2], taken[0]
    name = f"clean and rolling, poll {polls + 1:,} of {MARKETS:,}"
    return [
        Figure(name, f"{median[0]:.2f} s", f"{LIMIT} s", f"{LIMIT / median[0]:.1f}x"),
        Figure("  the best; processor, Python and Postgres", f"{best[0]:.2f} s", _cpu(taken)),
    ]


def _cpu(taken: list[tuple[float, float, float]]) -> str:
    ours, servers = (sum(one[n] for one in taken) / len(taken) for n in (1, 2))
    return f"{ours:.2f}+{servers:.2f} s"


def _fill_week(database: Database) -> None:
    """Write the markets, and a week of summaries with hourly ticks."""
    with database.transaction() as connection:
        connection.execute(text(MARKET_ROWS), {"markets": MARKETS, "start": DAY})
        for day in days_between(TODAY - timedelta(days=8), TODAY - timedelta(days=1)):
            fill_clean(connection, day, markets=MARKETS, step=timedelta(hours=1))
            summarise(connection, day)


def _fill_day(database: Database, now: datetime) -> None:
    """Write the polls of the day before this moment, as if all were done."""
    with database.transaction() as connection:
        for table in (schema.clean_ticks, schema.live_ticks, schema.rolling_averages):
            ensure_day_partitions(connection, table, [TODAY])
            connection.execute(text(f"TRUNCATE kalshi.{table.name}_{TODAY:%Y%m%d}"))
        fill_clean(connection, TODAY, markets=MARKETS, until=now)
        ticks.add_raw_ticks(connection, ticks_of(now - POLL))
        connection.execute(text(RAW), {"first": DAY, "last": now - 2 * POLL})
        last = ticks.raw_ticks_between(connection, now - POLL, now)
        memories = clean(last, {}, day_start=DAY, rules=RULES).memories
        keep_memories(connection, TODAY, memories, dict.fromkeys(memories, now - POLL))
        connection.execute(text(AVERAGES), {"start": day_bounds(TODAY)[0]})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _poll(database: Database, slot: datetime) -> tuple[float, float, float]:
    """Return the seconds a poll takes, and the processor's of this process and of the server."""
    with database.transaction() as connection:
        ticks.add_raw_ticks(connection, ticks_of(slot))
    with _platform(database, slot) as platform:
        before = perf_counter(), process_time(), _server_cpu(platform.database)
        for asset, written in (
            (clean_ticks, "ticks_written"),
            (rolling_averages, "averages_written"),
        ):
            shown = _body(asset)(_run_of(slot), platform).metadata
            assert shown is not None
            assert shown[written] == MARKETS, shown
        after = perf_counter(), process_time(), _server_cpu(platform.database)
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def _body(asset: dg.AssetsDefinition) -> Callable[..., dg.MaterializeResult[None]]:
    """Return the function of an asset: what Dagster itself takes for a run is not measured."""
    function = asset.op.compute_fn
    assert isinstance(function, DecoratedOpFunction)
    return function.decorated_fn


def _run_of(slot: datetime) -> SimpleNamespace:
    tags = {SLOT_TAG: slot.isoformat()}
    run = SimpleNamespace(run_id="bench", job_name="poll_job", tags=tags)
    return SimpleNamespace(run=run, partition_keys=[TODAY.isoformat()])


@contextmanager
def _platform(database: Database, now: datetime) -> Iterator[Platform]:
    """Yield what a run of this moment has; its one connection is open."""
    os.environ[f"{PREFIX}DATABASE_URL"] = database.url
    os.environ[f"{PREFIX}VENUE_CLOCK"] = str(VenueClock(now, wall_now()))
    platform = Platform()
    yield platform
    platform.database.dispose()


def _server_cpu(database: Database) -> float:
    with database.transaction() as connection:
        times = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()"))).cpu_times()
    return times.user + times.system


def ticks_of(slot: datetime) -> list[RawTick]:
    """Return a poll of all markets; each moves about as quotes do."""
    number = int(slot.timestamp()) // 90
    return [_tick(slot, market, number) for market in range(1, MARKETS + 1)]


def _tick(slot: datetime, market: int, number: int) -> RawTick:
    bid = 10_000 * (30 + (market * 7 + number // 5) % 40)
    return {
        "observed_at": slot,
        "market_ticker": f"M{market}",
        "source": "poll",
        "source_key": "",
        "quoted_at": slot - timedelta(seconds=market % 200),
        "received_at": slot + timedelta(seconds=1),
        "status": "active",
        "yes_bid": bid,
        "yes_ask": bid + 20_000,
        "yes_bid_size": 50_000 + number % 100,
        "yes_ask_size": 50_000,
        "last_price": bid + 10_000,
        "volume": number * 100,
        "volume_24h": number,
        "open_interest": 500_000,
    }
