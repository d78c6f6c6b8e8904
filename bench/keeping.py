"""What a raw tick takes on disk, and how fast a day goes when its time is over."""

from datetime import UTC, datetime, timedelta
from time import perf_counter

from sqlalchemy import text

from bench.history import fill_clean
from bench.report import Figure, Result
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.tick import RawTick
from kalshi_assets.storage import schema
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.ticks import add_raw_ticks

START = datetime(2026, 10, 13, 4, 0, tzinfo=UTC)
DAY = venue_day(START)
MARKETS, POLLS = 1_000, 960
# What a row of the SQLite file took from which this project's story begins.
STORY_BYTES, LIMIT_BYTES = 2_200, 110
# More of the ticks that are there: polls at their slots, or quotes spread over milliseconds.
MORE = """
INSERT INTO kalshi.live_ticks
SELECT t + :spread * (source_id % 997) * interval '1 ms', t - interval '7 s',
       volume + extract(epoch FROM t)::bigint, volume_24h, open_interest, yes_bid_size,
       yes_ask_size, source_id, received_after_ms, yes_bid, yes_ask, last_price, status_id
FROM generate_series(CAST(:start AS timestamptz), CAST(:last AS timestamptz), '90 s') AS t,
     (SELECT * FROM kalshi.live_ticks WHERE observed_at = :start AND source_id IN
        (SELECT source_id FROM kalshi.tick_sources WHERE source = :source)) AS one
ORDER BY 1
"""
SIZE = """
SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
WHERE inhparent = 'kalshi.live_ticks'::regclass
"""
DAYS_TABLES = [f"kalshi.{name}_{DAY:%Y%m%d}" for name in schema.DAY_PARTITIONED]


def run(server_url: str) -> list[Result | Figure]:
    """Fill a day with polls, with quotes of the stream, with clean ticks; weigh it, drop it."""
    database = Database(create_database(server_url, "bench_keeping"))
    prepare(database, identity="bench", now=START)
    sizes = [_weigh(database, source, spread) for source, spread in (("poll", 0), ("stream", 1))]
    with database.transaction() as connection:
        fill_clean(connection, DAY, markets=MARKETS)
    delete, drop = _deleting(database), _dropping(database)
    database.dispose()
    return [*sizes, Result(f"drop a day of {3 * MARKETS * POLLS:,} ticks", drop, delete)]


def _weigh(database: Database, source: str, spread: int) -> Figure:
    """Add a day of ticks of one source, and say what each takes with its keys."""
    before = _size(database)
    values = {
        "spread": spread,
        "source": source,
        "start": START,
        "last": START + timedelta(seconds=90 * (POLLS - 1)),
    }
    with database.transaction() as connection:
        add_raw_ticks(connection, [_tick(number, source) for number in range(MARKETS)])
        connection.execute(text(MORE), values)
    rows = MARKETS * (POLLS + 1)
    taken = (_size(database) - before) / rows
    return Figure(
        f"bytes a raw tick, {source}, limit {LIMIT_BYTES}",
        f"{taken:.1f}",
        f"{STORY_BYTES:,}",
        f"{STORY_BYTES / taken:.1f}x",
    )


def _size(database: Database) -> int:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        return int(connection.scalar(text(SIZE)) or 0)


def _deleting(database: Database) -> float:
    """Return what deleting the day row by row takes; it is undone."""
    with database.engine.connect() as connection:
        start = perf_counter()
        for table in _there(database):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  our names
        taken = perf_counter() - start
        connection.rollback()
    return taken


def _dropping(database: Database) -> float:
    start = perf_counter()
    with database.transaction() as connection:
        for table in _there(database):
            connection.execute(text(f"DROP TABLE {table}"))
    return perf_counter() - start


def _there(database: Database) -> list[str]:
    with database.transaction() as connection:
        found = [connection.scalar(text("SELECT to_regclass(:n)"), {"n": n}) for n in DAYS_TABLES]
    return [name for name in found if name is not None]


def _tick(number: int, source: str) -> RawTick:
    bid = 10_000 * (30 + number % 40)
    return {
        "observed_at": START,
        "market_ticker": f"KXCPI-26OCT-T{number}",
        "source": source,
        "source_key": "",
        "quoted_at": START - timedelta(seconds=7),
        "received_at": START + timedelta(seconds=1),
        "status": "active",
        "yes_bid": bid,
        "yes_ask": bid + 20_000,
        "yes_bid_size": 50_000,
        "yes_ask_size": 50_000,
        "last_price": bid + 10_000,
        "volume": number * 100,
        "volume_24h": number,
        "open_interest": 500_000,
    }
