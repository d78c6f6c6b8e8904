"""Days of ticks: kept in Parquet, dropped, and brought back. The way to a small database.

A day is dropped only when its summaries are final and what is to be kept of it lies in files that
were read back into the database and found equal, by count and hash. Kept is the whole day, or
without a folder of one's own the days of the markets behind our orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from psycopg import sql
from sqlalchemy import Connection, delete, select, text, update

from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.errors import ArchiveError
from kalshi_assets.storage import schema
from kalshi_assets.storage.archive_contents import (
    DATASETS,
    TABLES,
    batches,
    count_and_hash,
    require_same,
    rows_of,
)
from kalshi_assets.storage.cleaning_memories import forget_day
from kalshi_assets.storage.parquet import write_rows
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.raw_ticks import add_raw_ticks
from kalshi_assets.storage.rows import copy_missing, cursor_of, upsert


@dataclass(frozen=True)
class Archived:
    """A day's rows of one table in a file: of the whole day, or of some markets only."""

    day: date
    dataset: str
    is_whole_day: bool
    market_tickers: Sequence[str]
    path: str
    rows: int
    content_hash: str
    archived_at: datetime
    dropped_at: datetime | None = None
    keep_until: datetime | None = None


def days_to_drop(connection: Connection, now: datetime, *, retention_days: int) -> list[date]:
    """Return the days past retention that have ticks, oldest first; not what was restored."""
    first_kept = venue_day(now) - timedelta(days=retention_days)
    names = connection.scalars(
        text(
            "SELECT right(c.relname, 8) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
            "JOIN pg_class p ON p.oid = inhparent "
            "JOIN pg_namespace n ON n.oid = p.relnamespace AND n.nspname = 'kalshi' "
            "WHERE c.relkind = 'r' GROUP BY 1"
        )
    )
    archives = schema.archives
    kept = set(connection.scalars(select(archives.c.day).where(archives.c.keep_until > now)))
    days = sorted(date(int(n[:4]), int(n[4:6]), int(n[6:])) for n in names)
    return [day for day in days if day < first_kept and day not in kept]


def why_kept(connection: Connection, day: date) -> str | None:
    """Return why a day must not be dropped yet, or None: its summaries must be there, and final."""
    start, end = day_bounds(day)
    missing = connection.scalar(
        text(
            "SELECT count(*) FROM (SELECT DISTINCT market_ticker FROM kalshi.raw_ticks "
            "WHERE observed_at >= :start AND observed_at < :end) t "
            "LEFT JOIN kalshi.daily_summaries s ON s.day = :day "
            "AND s.market_ticker = t.market_ticker AND NOT s.is_provisional "
            "WHERE s.day IS NULL"
        ),
        {"start": start, "end": end, "day": day},
    )
    if not missing:
        return None
    return f"{missing} markets have no final summary: materialise daily_summaries of {day}"


def markets_behind_orders(connection: Connection, day: date, *, window_days: int) -> list[str]:
    """Return the markets of orders whose averages reach into a day."""
    orders = schema.orders.c
    start, end = day_bounds(day)
    reach = orders.created_at < end + timedelta(days=window_days + 1)
    query = select(orders.market_ticker.distinct()).where(orders.created_at >= start, reach)
    return sorted(connection.scalars(query))


def archive_day(
    connection: Connection,
    day: date,
    folder: Path,
    *,
    markets: Sequence[str] | None,
    now: datetime,
) -> list[Archived]:
    """Write a day's rows to files, read them back, compare, and take note.

    Args:
        connection: the transaction.
        day: the New York day.
        folder: where the files go: `<folder>/<dataset>/<day>.parquet`.
        markets: only of these; None: the whole day.
        now: the venue's moment.

    Raises:
        ArchiveError: a file cannot be written, or does not give the same rows back.
    """
    made = []
    for dataset in DATASETS:
        path = folder / dataset / f"{day}.parquet"
        found = count_and_hash(connection, dataset, day, markets=markets)
        write_rows(path, TABLES[dataset], batches(connection, dataset, day, markets))
        require_same(connection, dataset, path, found)
        made.append(
            Archived(
                day, dataset, markets is None, list(markets or ()), str(path.resolve()), *found, now
            )
        )
    upsert(connection, schema.archives, [vars(one) for one in made], keep=["keep_until"])
    return made


def drop_day(connection: Connection, day: date, *, now: datetime) -> None:
    """Drop a day's partitions, what was archived of it being still the same.

    Raises:
        ArchiveError: it is not archived, or rows came or changed since: archive it again.
    """
    cursor = cursor_of(connection)
    cursor.execute("SET LOCAL lock_timeout = '30s'")
    names = [sql.Identifier(schema.SCHEMA, f"{t}_{day:%Y%m%d}") for t in schema.DAY_PARTITIONED]
    there = [name for name in names if _is_there(connection, name.as_string())]
    for name in there:
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(name))
    archived = {one.dataset: one for one in archives_of(connection, day)}
    for dataset in DATASETS:
        one = archived.get(dataset)
        if one is None:
            raise ArchiveError(f"{dataset} of {day} is not archived: it is not dropped")
        markets = None if one.is_whole_day else one.market_tickers
        if count_and_hash(connection, dataset, day, markets=markets) != (
            one.rows,
            one.content_hash,
        ):
            raise ArchiveError(
                f"{dataset} of {day} changed since it was archived: archive it again"
            )
    for name in there:
        cursor.execute(sql.SQL("DROP TABLE {}").format(name))
    forget_day(connection, day)
    loads, archives = schema.history_loads, schema.archives
    connection.execute(delete(loads).where(loads.c.day == day))
    done = {"dropped_at": now, "keep_until": None}
    connection.execute(update(archives).where(archives.c.day == day).values(done))


def restore_day(connection: Connection, day: date, *, keep_until: datetime) -> dict[str, int]:
    """Bring a day's archived rows back beside what is there; return how many were added.

    Raises:
        ArchiveError: a file is missing, or its rows are not those that were archived.
    """
    found = archives_of(connection, day)
    if not found:
        raise ArchiveError(f"no archive of {day} is known: `kalshi-assets archive list` has them")
    added = {}
    for one in found:
        require_same(connection, one.dataset, Path(one.path), (one.rows, one.content_hash))
        rows = list(rows_of(one.dataset, Path(one.path)))
        table = TABLES[one.dataset]
        if one.dataset == "raw_ticks":
            added[one.dataset] = add_raw_ticks(connection, rows)
            continue
        ensure_day_partitions(connection, table, [day])
        added[one.dataset] = copy_missing(connection, table, rows)
    archives = schema.archives
    connection.execute(
        update(archives).where(archives.c.day == day).values(keep_until=keep_until, dropped_at=None)
    )
    return added


def archives_of(connection: Connection, day: date | None = None) -> list[Archived]:
    """Return what is archived, of one day or of all, oldest first."""
    archives = schema.archives
    query = select(archives).order_by(archives.c.day, archives.c.dataset)
    if day is not None:
        query = query.where(archives.c.day == day)
    return [Archived(**row) for row in connection.execute(query).mappings()]


def _is_there(connection: Connection, name: str) -> bool:
    return connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None
