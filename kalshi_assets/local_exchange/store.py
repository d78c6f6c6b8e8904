"""The state file: one SQLite database, written through before any answer goes out.

Everything an account owns, the liquidity taken from the tape, and the venue clock live here and
nowhere else, so a SIGKILL loses nothing that was answered. One process at a time holds the file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kalshi_assets.local_exchange import schema
from kalshi_assets.local_exchange.bulletin import Bulletin
from kalshi_assets.local_exchange.errors import StateMismatch

FILE_NAME = "exchange.sqlite3"

Row = sqlite3.Row


class Store:
    """The open state file. `bulletin` tells what its transactions changed.

    Args:
        state_dir: the folder to keep it in; None keeps it in memory, for tests.

    Raises:
        StateMismatch: if another live process holds the file, or another version wrote it.
    """

    def __init__(self, state_dir: Path | None) -> None:
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        self._path = ":memory:" if state_dir is None else str(state_dir / FILE_NAME)
        self._db = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=0.5
        )
        self._db.row_factory = sqlite3.Row
        self.bulletin = Bulletin()
        try:
            self._prepare()
        except sqlite3.OperationalError as exc:
            self._db.close()
            if "locked" not in str(exc):
                raise
            raise StateMismatch(f"{self._path} is in use by another local exchange") from exc

    def _prepare(self) -> None:
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._check_version()
        with self.transaction():
            schema.prepare(self._db)
        self._as_of = {table: schema.as_of(self._db, table) for table in schema.LAGGING}

    def _check_version(self) -> None:
        version = self.number("pragma user_version")
        if version != schema.VERSION and self.row("select 1 from sqlite_master") is not None:
            self._db.close()
            raise StateMismatch(
                f"{self._path} was written by another version of the local exchange "
                f"({version}, this one writes {schema.VERSION}): give another state folder"
            )

    def close(self) -> None:
        """Close the file; another process may hold it then."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside durable together, or not at all."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            self.bulletin.cut(0)
            raise
        self._db.execute("commit")
        self.bulletin.release()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside, and only that, if it raises."""
        self._db.execute("savepoint attempt")
        mark = self.bulletin.mark()
        try:
            yield
        except BaseException:
            self.bulletin.cut(mark)
            self._db.execute("rollback to attempt")
            self._db.execute("release attempt")
            raise
        self._db.execute("release attempt")

    def run(self, statement: str, *values: Any) -> None:
        """Execute one statement with positional parameters."""
        self._db.execute(statement, values)

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return self._db.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Any) -> Row | None:
        """Return the first row of a query, None if it has none."""
        row: Row | None = self._db.execute(statement, values).fetchone()
        return row

    def as_of(self, table: schema.Table) -> str:
        """Return a table expression: the table as it stood at a moment, given as parameter 1."""
        return self._as_of[table]

    def number(self, statement: str, *values: Any) -> int:
        """Return the single number of a query."""
        return int(self._db.execute(statement, values).fetchone()[0])

    def get_meta(self, key: str) -> str | None:
        """Return a remembered value, None if there is none."""
        row = self.row("select value from meta where key = ?", key)
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Remember a value; durable at once outside of a transaction."""
        self.run(
            "insert into meta values (?, ?) on conflict (key) do update set value = excluded.value",
            key,
            value,
        )

    def stamp(self, name: str) -> None:
        """Write the input's name on a new file, or compare it.

        Raises:
            StateMismatch: if the state was written under another input.
        """
        stamped = self.get_meta("scenario")
        if stamped is None:
            self.set_meta("scenario", name)
        elif stamped != name:
            raise StateMismatch(
                f"{self._path} holds the state of {stamped!r}, not of {name!r}: "
                "start that one, or give another state folder"
            )
