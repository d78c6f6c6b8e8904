"""Days go into files and come back the same; nothing is dropped that would not."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.errors import ArchiveError
from kalshi_assets.storage import ticks
from kalshi_assets.storage.archive import (
    archive_day,
    archives_of,
    days_to_drop,
    drop_day,
    restore_day,
    why_kept,
)
from kalshi_assets.storage.archive_contents import DATASETS
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.trades import add_trades
from kalshi_assets_tests.analytics.observations import MARKETS, Observation, days_of, histories

DAY = date(2026, 11, 1)  # 25 hours
START, END = day_bounds(DAY)
NOW = END + timedelta(days=31)
HOUR = timedelta(hours=1)


def rows(connection: Connection, dataset: str) -> list[Any]:
    query = f"SELECT t::text FROM kalshi.{dataset} t ORDER BY 1"  # noqa: S608  our own names
    return list(connection.scalars(text(query)))


def everything(connection: Connection) -> dict[str, list[Any]]:
    return {dataset: rows(connection, dataset) for dataset in DATASETS}


def trade(number: int) -> dict[str, Any]:
    told = {"market_ticker": MARKETS[number % 2], "yes_price": 410_000, "count": 100}
    who = {"taker_side": "yes", "is_block_trade": None, "source": "stream", "received_at": START}
    return {"traded_at": START + number * HOUR, "trade_id": f"t{number}", **told, **who}


@pytest.fixture
def filled(connection: Connection) -> Connection:
    observations = [
        Observation(START + n * HOUR, market, source=source)
        for n in range(25)
        for market in MARKETS
        for source in ("poll", "candle")
    ]
    ticks.add_raw_ticks(connection, [o.raw() for o in observations])
    add_trades(connection, [trade(n) for n in range(5)])
    return connection


def test_a_day_is_archived_dropped_and_restored_the_same(
    filled: Connection, tmp_path: Path
) -> None:
    before = everything(filled)
    archived = archive_day(filled, DAY, tmp_path, markets=None, now=NOW)
    assert {one.dataset: one.rows for one in archived} == {d: len(r) for d, r in before.items()}
    drop_day(filled, DAY, now=NOW)
    assert everything(filled) == {dataset: [] for dataset in DATASETS}

    added = restore_day(filled, DAY, keep_until=NOW + 7 * 24 * HOUR)

    assert added == {dataset: len(found) for dataset, found in before.items()}
    assert everything(filled) == before
    assert restore_day(filled, DAY, keep_until=NOW) == dict.fromkeys(DATASETS, 0)


def test_without_a_folder_the_days_of_the_markets_behind_orders_are_kept(
    filled: Connection, tmp_path: Path
) -> None:
    mine = [row for row in rows(filled, "raw_ticks") if MARKETS[1] in row]
    archive_day(filled, DAY, tmp_path, markets=[MARKETS[1]], now=NOW)
    drop_day(filled, DAY, now=NOW)
    restore_day(filled, DAY, keep_until=NOW)
    assert rows(filled, "raw_ticks") == mine
    assert len(rows(filled, "trades")) == 2


def test_a_day_that_changed_since_it_was_archived_is_not_dropped(
    filled: Connection, tmp_path: Path
) -> None:
    archive_day(filled, DAY, tmp_path, markets=None, now=NOW)
    late = Observation(START + timedelta(minutes=90), MARKETS[0]).raw()
    ticks.add_raw_ticks(filled, [late])
    with pytest.raises(ArchiveError, match="raw_ticks of 2026-11-01 changed since"):
        drop_day(filled, DAY, now=NOW)
    assert len(rows(filled, "raw_ticks")) == 101


def test_a_day_that_is_not_archived_is_not_dropped(filled: Connection) -> None:
    with pytest.raises(ArchiveError, match="not archived: it is not dropped"):
        drop_day(filled, DAY, now=NOW)


def test_a_file_with_other_rows_is_neither_relied_on_nor_restored(
    filled: Connection, tmp_path: Path
) -> None:
    archive_day(filled, DAY, tmp_path, markets=None, now=NOW)
    path = tmp_path / "trades" / f"{DAY}.parquet"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.slice(1), path)
    with pytest.raises(ArchiveError, match=r"trades/2026-11-01.parquet holds \(4, "):
        restore_day(filled, DAY, keep_until=NOW)
    path.write_bytes(b"PAR1 no such thing")
    with pytest.raises(ArchiveError, match="cannot be read"):
        restore_day(filled, DAY, keep_until=NOW)
    path.unlink()
    with pytest.raises(ArchiveError, match="cannot be read"):
        restore_day(filled, DAY, keep_until=NOW)


def test_a_folder_that_cannot_be_written_is_named(filled: Connection, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ArchiveError, match="set KALSHI_ARCHIVE_DIR"):
        archive_day(filled, DAY, blocked, markets=None, now=NOW)
    assert archives_of(filled) == []


def test_days_past_retention_are_dropped_but_not_what_was_restored(
    filled: Connection, tmp_path: Path
) -> None:
    assert days_to_drop(filled, NOW, retention_days=30) == [DAY]
    assert days_to_drop(filled, NOW, retention_days=32) == []
    archive_day(filled, DAY, tmp_path, markets=None, now=NOW)
    drop_day(filled, DAY, now=NOW)
    assert days_to_drop(filled, NOW, retention_days=30) == []
    restore_day(filled, DAY, keep_until=NOW + 24 * HOUR)
    assert days_to_drop(filled, NOW, retention_days=30) == []
    assert days_to_drop(filled, NOW + 24 * HOUR, retention_days=30) == [DAY]


def test_a_day_stays_until_its_summaries_are_final(filled: Connection) -> None:
    assert "2 markets have no final summary" in (why_kept(filled, DAY) or "")
    insert = text(
        "INSERT INTO kalshi.daily_summaries (day, market_ticker, price_ms, covered_ms, coverage, "
        "tick_count, is_provisional) VALUES (:day, :ticker, 0, 0, 0, 0, :open)"
    )
    for ticker, is_open in zip(MARKETS, (False, True), strict=True):
        filled.execute(insert, {"day": DAY, "ticker": ticker, "open": is_open})
    assert "1 markets have no final summary" in (why_kept(filled, DAY) or "")
    filled.execute(text("UPDATE kalshi.daily_summaries SET is_provisional = false"))
    assert why_kept(filled, DAY) is None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories(days=2))
def test_raw_to_archive_to_restore_is_the_identity(
    prepared: Database, files: Path, history: tuple[date, list[Observation]]
) -> None:
    first, observations = history
    with prepared.engine.connect() as connection:
        ticks.add_raw_ticks(connection, [o.raw() for o in observations])
        before = everything(connection)
        for day in days_of(first, 2):
            archive_day(connection, day, files, markets=None, now=NOW)
            drop_day(connection, day, now=NOW)
        assert rows(connection, "raw_ticks") == []
        for day in days_of(first, 2):
            restore_day(connection, day, keep_until=NOW)
        assert everything(connection) == before
        connection.rollback()
