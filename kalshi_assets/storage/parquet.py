"""Rows of a table in a Parquet file, and back, exactly. The only importer of pyarrow.

A file is written beside its place and moved there when it is whole; some thousand rows are in
memory at a time. pyarrow is large, and needed by a run a night, so functions import it themselves.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
)

from kalshi_assets.errors import ArchiveError

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_A_TIME = 20_000
Row = Mapping[str, Any]


def write_rows(path: Path, table: Table, batches: Iterable[Sequence[Row]]) -> int:
    """Write rows of a table, batch by batch, in place of what the file held; return how many.

    Raises:
        ArchiveError: the folder or the disk does not take them, or a value would not come back.
    """
    import pyarrow as pa
    from pyarrow import parquet

    half = path.with_suffix(".part")
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with parquet.ParquetWriter(half, _schema(table), compression="zstd") as writer:
            for rows in batches:
                writer.write_table(pa.Table.from_pylist(list(map(dict, rows)), _schema(table)))
                written += len(rows)
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(path)
    except (OSError, pa.ArrowException) as exc:
        raise ArchiveError(
            f"{path} cannot be written ({exc}): free the disk, or set KALSHI_ARCHIVE_DIR"
        ) from exc
    return written


def read_rows(path: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file.

    Raises:
        ArchiveError: there is no such file, or it is not one of this table.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            if file.schema_arrow.names != _schema(table).names:
                raise ArchiveError(f"{path} is no archive of {table.name}: its columns differ")
            for batch in file.iter_batches(ROWS_AT_A_TIME):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as exc:
        raise ArchiveError(f"{path} cannot be read: {exc}") from exc


def _schema(table: Table) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([pa.field(c.name, _type_of(c.type)) for c in table.columns])


def _type_of(kind: object) -> "pa.DataType":
    import pyarrow as pa

    kinds: list[tuple[type, pa.DataType]] = [
        (BigInteger, pa.int64()),
        (SmallInteger, pa.int16()),
        (Integer, pa.int32()),
        (Boolean, pa.bool_()),
        # As text: Postgres keeps how many decimals a number was given with.
        (Numeric, pa.string()),
        (DateTime, pa.timestamp("us", tz="UTC")),
        (ARRAY, pa.list_(pa.string())),
        (Text, pa.string()),
    ]
    for known, stored in kinds:
        if isinstance(kind, known):
            return stored
    raise TypeError(f"no Parquet type for {kind!r}")
