"""One poll of 5,000 markets through cleaning and averages, behind a week and several hours."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter

from sqlalchemy import text

from bench.history import fill_clean, summarise
from bench.report import Figure
from kalshi_assets.analytics.cleaning import clean
from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.defs.market_data.averages import averages_at
from kalshi_assets.defs.market_data.cleaning import CATCH_UP, clean_new_ticks
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds, days_between, venue_day
from kalshi_assets.domain.tick import RawTick
from kalshi_assets.storage import averages, schema, ticks
from kalshi_assets.storage.cleaning_memories import keep_memories
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.rows import ensure_day_partitions
from kalshi_assets.storage.ticks import add_raw_ticks
from kalshi_assets.storage.totals import moments_to_average

MARKETS, POLLS = 5_000, 5
POLL = timedelta(seconds=90)
NOW = datetime(2026, 10, 13, 8, 0, tzinfo=UTC)
TODAY = venue_day(NOW)
RULES = CleaningRules(max_quote_age_seconds=300)
LIMIT = 1.5
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
    """Poll a few times; the median of what cleaning and averages take, their commits included."""
    database = Database(create_database(server_url, "bench_poll"))
    prepare(database, identity="bench", now=NOW)
    _fill(database)
    _poll(database, 0)
    taken = sorted(_poll(database, number) for number in range(1, POLLS + 1))
    database.dispose()
    ours = taken[len(taken) // 2]
    return [
        Figure(
            f"poll of {MARKETS:,} markets, clean and rolling",
            f"{ours:.2f} s",
            f"{LIMIT} s",
            f"{LIMIT / ours:.1f}x",
        )
    ]


def _fill(database: Database) -> None:
    """Write a week of summaries with hourly ticks, and the polls of today, as if all were done."""
    with database.transaction() as connection:
        for day in days_between(TODAY - timedelta(days=8), TODAY - timedelta(days=1)):
            fill_clean(connection, day, markets=MARKETS, step=timedelta(hours=1))
            summarise(connection, day)
        fill_clean(connection, TODAY, markets=MARKETS, until=NOW)
        add_raw_ticks(connection, ticks_of(NOW - POLL))
        values = {"first": day_bounds(TODAY)[0], "last": NOW - 2 * POLL}
        connection.execute(text(RAW), values)
        last = ticks.raw_ticks_between(connection, NOW - POLL, NOW)
        memories = clean(last, {}, day_start=day_bounds(TODAY)[0], rules=RULES).memories
        keep_memories(connection, TODAY, memories, dict.fromkeys(memories, NOW - POLL))
        ensure_day_partitions(connection, schema.rolling_averages, [TODAY])
        connection.execute(text(AVERAGES), {"start": day_bounds(TODAY)[0]})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _poll(database: Database, number: int) -> float:
    with database.transaction() as connection:
        add_raw_ticks(connection, ticks_of(NOW + number * POLL))

    def cleaned() -> None:
        with database.transaction() as connection:
            assert clean_new_ticks(connection, TODAY, RULES) == MARKETS

    return _time(cleaned) + _time(lambda: _average(database))


def _average(database: Database) -> int:
    with database.transaction() as connection:
        moments = moments_to_average(connection, TODAY, behind=CATCH_UP)
        found = averages_at(connection, moments, 7, CollectionCalendar(), at_ticks=moments)
        return averages.save_averages(connection, TODAY, found, is_whole_day=False)


def _time(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


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
