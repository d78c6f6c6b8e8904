"""Raw ticks into the database, idempotently: binary COPY against SQLAlchemy's batched INSERT."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from bench.report import Result, seconds
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.schema import live_ticks
from kalshi_assets.storage.ticks import add_raw_ticks

START = datetime(2026, 10, 13, 4, 0, tzinfo=UTC)
ROWS = 20_000


def run(server_url: str) -> list[Result]:
    """Write a day of polls of 22 markets, new rows each time."""
    database = Database(create_database(server_url, "bench_ingest"))
    prepare(database, identity="bench", now=START)
    rows = [_row(number) for number in range(ROWS)]
    physical = [{**row, "source_id": 1, "status_id": 1, "received_after_ms": 0} for row in rows]
    with database.transaction() as connection:
        add_raw_ticks(connection, rows[:1])

    def ours() -> None:
        with database.transaction() as connection:
            connection.execute(text("TRUNCATE kalshi.live_ticks"))
            assert add_raw_ticks(connection, rows) == ROWS

    def baseline() -> None:
        with database.transaction() as connection:
            connection.execute(text("TRUNCATE kalshi.live_ticks"))
            connection.execute(insert(live_ticks), physical)

    result = Result(f"{ROWS:,} raw ticks", seconds(ours, times=3), seconds(baseline, times=3))
    database.dispose()
    return [result]


def _row(number: int) -> dict[str, Any]:
    observed_at = START + timedelta(seconds=90 * (number // 22))
    return {
        "observed_at": observed_at,
        "market_ticker": f"KXCPI-26OCT-T0.{number % 22}",
        "source": "poll",
        "source_key": "",
        "quoted_at": observed_at,
        "received_at": observed_at,
        "status": "active",
        "yes_bid": 670_000,
        "yes_ask": 690_000,
        "yes_bid_size": 50_000,
        "yes_ask_size": 50_000,
        "last_price": 680_000,
        "volume": number,
        "volume_24h": number,
        "open_interest": number,
    }
