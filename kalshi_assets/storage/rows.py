"""Writing rows: binary COPY and idempotent inserts. Knows no table by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from psycopg import Cursor, sql
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    or_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:  # many processes write rows, few have frames
    pass

Row = Mapping[str, Any]
# A statement takes 65,535 parameters at most.
ROWS_A_STATEMENT = 1_000


def copy_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows whose key is new, by binary COPY, and return how many those were."""
    statement = "INSERT INTO {t} ({c}) SELECT {c} FROM incoming ON CONFLICT DO NOTHING"
    return _copy_by(connection, table, rows, sql.SQL(statement))


def copy_new(
    connection: Connection, table: Table, rows: Sequence[Row], *, key: Sequence[str], moment: str
) -> int:
    """Do as `copy_missing` for a table whose key no index guards; the caller holds a lock on it.

    Args:
        connection: the transaction.
        table: the table, with an index that finds a span of its moments.
        rows: what to add.
        key: columns that name a row together with `moment`.
        moment: column of the row's moment.
    """
    if not rows:
        return 0
    moments = [row[moment] for row in rows]
    names = [sql.Identifier(name) for name in (moment, *key)]
    statement = sql.SQL(
        "INSERT INTO {{t}} ({{c}}) SELECT {{c}} FROM "
        "(SELECT DISTINCT ON ({names}) * FROM incoming ORDER BY {names}) AS i "
        "WHERE NOT EXISTS (SELECT FROM {{t}} AS t WHERE {same} AND t.{moment} BETWEEN {a} AND {b})"
    ).format(
        names=sql.SQL(", ").join(names),
        same=sql.SQL(" AND ").join(sql.SQL("t.{n} = i.{n}").format(n=name) for name in names),
        moment=sql.Identifier(moment),
        a=sql.Literal(min(moments).isoformat()),
        b=sql.Literal(max(moments).isoformat()),
    )
    return _copy_by(connection, table, rows, sql.SQL(statement.as_string()))


def _copy_by(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    statement: sql.SQL,
) -> int:
    """Copy rows into a temporary table, and from there by a statement; return its row count."""
    if not rows:
        return 0
    cursor = cursor_of(connection)
    copy_to_temporary(cursor, table, rows, name="incoming")
    cursor.execute(statement.format(t=_named(table), c=_columns(table.columns.keys())))
    written = cursor.rowcount
    cursor.execute("DROP TABLE incoming")
    return written


def copy_to_temporary(cursor: Cursor[Any], table: Table, rows: Iterable[Row], *, name: str) -> None:
    """Copy rows, by binary COPY, into a new temporary table of a table's columns."""
    temporary, names = sql.Identifier(name), table.columns.keys()
    made = "CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP"
    cursor.execute(sql.SQL(made).format(temporary, _named(table)))
    _copy(cursor, table, (name,), ([row.get(name) for name in names] for row in rows))


def replace_span(
    connection: Connection,
    table: Table,
    column: Column[Any],
    *,
    span: tuple[date, date],
    rows: Sequence[Row],
) -> int:
    """Make the rows whose `column` lies in the span exactly these; equal ones are left untouched.

    Args:
        connection: a transaction.
        table: where the rows belong.
        column: an instant or a day.
        span: the first value, and the one behind the last.
        rows: all of the span.

    Returns:
        How many rows were removed or added, whichever are more; a changed one is both.
    """
    cursor = cursor_of(connection)
    copy_to_temporary(cursor, table, rows, name="incoming")
    # Nobody analyses a table this young, and a wrong guess at its size can cost minutes.
    cursor.execute("ANALYZE incoming")
    keys = [c.name for c in table.primary_key.columns]
    cursor.execute(
        sql.SQL(
            "DELETE FROM {} t WHERE t.{c} >= %s AND t.{c} < %s AND NOT EXISTS ("
            "SELECT FROM incoming i WHERE ({i_keys}) = ({t_keys})"
            " AND ROW({i_all}) IS NOT DISTINCT FROM ROW({t_all}))"
        ).format(
            _named(table),
            c=sql.Identifier(column.name),
            i_keys=_columns(keys, "i"),
            t_keys=_columns(keys, "t"),
            i_all=_columns(table.columns.keys(), "i"),
            t_all=_columns(table.columns.keys(), "t"),
        ),
        span,
    )
    removed, added = cursor.rowcount, _insert_incoming(cursor, table)
    cursor.execute("DROP TABLE incoming")
    return max(removed, added)


def copy_all(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Copy rows, whose keys are known to be new, straight into a table; return how many."""
    names = table.columns.keys()
    copy_rows(connection, table, ([row.get(name) for name in names] for row in rows))
    return len(rows)


def copy_rows(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Copy rows, which are known to be new, straight into a table; values as its columns stand."""
    _copy(cursor_of(connection), table, _name_parts(table), rows)


def _copy(
    cursor: Cursor[Any], table: Table, target: tuple[str, ...], rows: Iterable[Sequence[Any]]
) -> None:
    copying, types = _copying(table, target)
    with cursor.copy(copying) as copy:
        copy.set_types(types)
        write_row = copy.write_row
        for row in rows:
            write_row(row)


@lru_cache
def _copying(table: Table, target: tuple[str, ...]) -> tuple[bytes, list[str]]:
    """Return the statement and the types of its columns: made once, it is sent with every batch."""
    columns = _columns(table.columns.keys())
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)")
    statement = into.format(sql.Identifier(*target), columns)
    return statement.as_bytes(), [_type_name(c.type) for c in table.columns]


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows whose key is new, and return how many those were."""
    added = 0
    for batch in _batches(rows):
        statement = insert(table).values(batch).on_conflict_do_nothing()
        # SQLAlchemy does not report an INSERT's row count: ask for the rows that were added.
        added += len(connection.execute(statement.returning(*table.primary_key.columns)).all())
    return added


def upsert(
    connection: Connection, table: Table, rows: Sequence[Row], *, keep: Sequence[str] = ()
) -> int:
    """Insert the rows, or bring those already there to the same values, but for `keep`.

    A row that has these values already is not written again.
    """
    keys = [c.name for c in table.primary_key.columns]
    for batch in _batches(rows):
        statement = insert(table).values(batch)
        rest = {n: statement.excluded[n] for n in batch[0] if n not in keys and n not in keep}
        is_other = or_(*(table.c[name].is_distinct_from(value) for name, value in rest.items()))
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=rest, where=is_other)
        )
    return len(rows)


def _insert_incoming(cursor: Cursor[Any], table: Table) -> int:
    statement = "INSERT INTO {} ({c}) SELECT {c} FROM incoming ON CONFLICT DO NOTHING"
    columns = _columns(table.columns.keys())
    cursor.execute(sql.SQL(statement).format(_named(table), c=columns))
    return cursor.rowcount


def _named(table: Table) -> sql.Identifier:
    return sql.Identifier(*_name_parts(table))


def _name_parts(table: Table) -> tuple[str, str]:
    return table.schema or "public", table.name


def _columns(names: Iterable[str], alias: str | None = None) -> sql.Composed:
    prefix = [] if alias is None else [alias]
    return sql.SQL(", ").join(sql.Identifier(*prefix, name) for name in names)


def _batches(rows: Sequence[Row]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        yield [dict(row) for row in rows[start : start + ROWS_A_STATEMENT]]


def cursor_of(connection: Connection) -> Cursor[Any]:
    """Return the driver's own cursor in this transaction: for COPY, and for identifiers."""
    cursor = connection.connection.cursor()
    assert isinstance(cursor, Cursor)  # noqa: S101  the engine is made for psycopg
    return cursor


def _type_name(kind: TypeEngine[Any]) -> str:
    names: list[tuple[type[TypeEngine[Any]], str]] = [
        (BigInteger, "int8"),
        (SmallInteger, "int2"),
        (Integer, "int4"),
        (Boolean, "bool"),
        (Numeric, "numeric"),
        (DateTime, "timestamptz"),
        (Date, "date"),
        (JSONB, "jsonb"),
        (ARRAY, "text[]"),
        (Text, "text"),
    ]
    for python_type, name in names:
        if isinstance(kind, python_type):
            return name
    raise TypeError(f"no COPY type for {kind!r}")
