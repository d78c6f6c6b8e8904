"""What of a day is archived: its tables in words, and whether a file holds the same rows."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Numeric, Table, select, text

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.errors import ArchiveError
from kalshi_assets.storage import schema
from kalshi_assets.storage.parquet import ROWS_AT_A_TIME, read_rows
from kalshi_assets.storage.rows import copy_to_temporary, cursor_of

# What of a day is kept, and the column of its moment. Raw ticks go in words, as the view has them.
DATASETS: dict[str, str] = {
    "raw_ticks": "observed_at",
    "clean_ticks": "observed_at",
    "rolling_averages": "as_of",
    "trades": "traded_at",
}
TABLES: dict[str, Table] = {
    "raw_ticks": schema.raw_ticks,
    "clean_ticks": schema.clean_ticks,
    "rolling_averages": schema.rolling_averages,
    "trades": schema.trades,
}


def count_and_hash(
    connection: Connection, dataset: str, day: date, *, markets: Sequence[str] | None
) -> tuple[int, str]:
    """Return the rows of a day and a hash of their contents, whatever their order."""
    start, end = day_bounds(day)
    query = (
        f"SELECT {_COUNT_AND_HASH} FROM kalshi.{dataset} AS t "  # noqa: S608  our own names
        f"WHERE {DATASETS[dataset]} >= :start AND {DATASETS[dataset]} < :end "
        "AND (CAST(:markets AS text[]) IS NULL OR market_ticker = ANY(CAST(:markets AS text[])))"
    )
    values = {"start": start, "end": end, "markets": None if markets is None else list(markets)}
    count, hashed = connection.execute(text(query), values).one()
    return count, hashed


# The rows' own text, by a hash that every version of Postgres has.
_COUNT_AND_HASH = (
    "count(*), coalesce(sum(('x' || left(md5(t::text), 15))::bit(60)::bigint::numeric), 0)::text"
)


def require_same(
    connection: Connection, dataset: str, path: Path, expected: tuple[int, str]
) -> None:
    """Read a file back into the database, and compare.

    Raises:
        ArchiveError: it gives other rows.
    """
    table, cursor = TABLES[dataset], cursor_of(connection)
    with connection.begin_nested():  # a file that cannot be read must not end the transaction
        copy_to_temporary(cursor, table, rows_of(dataset, path), name="read_back")
    cursor.execute(f"SELECT {_COUNT_AND_HASH} FROM read_back AS t")  # noqa: S608  our own names
    found = cursor.fetchone()
    cursor.execute("DROP TABLE read_back")
    if found != expected:
        raise ArchiveError(
            f"{path} holds {found} (rows, hash) where the database says {expected}: "
            "it is not relied on; nothing was dropped or restored"
        )


def batches(
    connection: Connection, dataset: str, day: date, markets: Sequence[str] | None
) -> Iterator[list[dict[str, Any]]]:
    """Yield a day's rows, some thousand at a time, as `parquet.write_rows` takes them."""
    table, moment = TABLES[dataset], TABLES[dataset].c[DATASETS[dataset]]
    start, end = day_bounds(day)
    query = select(table).where(moment >= start, moment < end)
    if markets is not None:
        query = query.where(table.c.market_ticker.in_(markets))
    query = query.order_by(moment, table.c.market_ticker)
    numbers = [c.name for c in table.columns if isinstance(c.type, Numeric)]
    streamed = connection.execute(query, execution_options={"yield_per": ROWS_AT_A_TIME})
    for part in streamed.mappings().partitions():
        yield [{**row, **{name: _as_text(row[name]) for name in numbers}} for row in part]


def rows_of(dataset: str, path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, as the database takes them."""
    table = TABLES[dataset]
    return (_as_stored(table, row) for row in read_rows(path, table))


def _as_text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _as_stored(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    numbers = [c.name for c in table.columns if isinstance(c.type, Numeric)]
    return row | {n: None if row[n] is None else Decimal(row[n]) for n in numbers}
