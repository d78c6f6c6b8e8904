"""Native partitions of a table, one a New York day."""

from collections.abc import Iterable
from datetime import date

from psycopg import sql
from sqlalchemy import Connection, Table, text

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.storage.rows import cursor_of

PARTITION_LOCK = 715_004


def ensure_day_partitions(connection: Connection, table: Table, days: Iterable[date]) -> None:
    """Create the native partitions of these New York days where they are missing."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": PARTITION_LOCK})
    cursor = cursor_of(connection)
    for day in sorted(set(days)):
        start, end = day_bounds(day)
        cursor.execute(
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
            ).format(
                sql.Identifier(table.schema or "public", f"{table.name}_{day:%Y%m%d}"),
                sql.Identifier(table.schema or "public", table.name),
                sql.Literal(start.isoformat()),
                sql.Literal(end.isoformat()),
            )
        )
