"""The state file: one SQLite database, written through before any answer goes out.

Everything an account owns, the liquidity taken from the tape, and the venue clock live here and
nowhere else, so a SIGKILL loses nothing that was answered. One process at a time holds the file.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kalshi_assets.local_exchange.bulletin import Bulletin
from kalshi_assets.local_exchange.errors import StateMismatch

FILE_NAME = "exchange.sqlite3"

SCHEMA = """
create table if not exists meta (key text primary key, value text not null);
create table if not exists accounts (
    account text primary key, user_id text not null, cash_micros integer not null);
create table if not exists orders (
    seq integer primary key autoincrement, order_id text not null unique,
    account text not null, client_order_id text not null, ticker text not null,
    side text not null, price integer not null, initial_count integer not null,
    fill_count integer not null, remaining_count integer not null,
    status text not null, reason text not null, time_in_force text not null,
    self_trade_prevention text not null, cancel_on_pause integer not null, expires_ms integer,
    created_ms integer not null, updated_ms integer not null,
    taker_cost_micros integer not null, maker_cost_micros integer not null,
    taker_fees_micros integer not null, maker_fees_micros integer not null,
    fee_carry_micros integer not null);
create unique index if not exists orders_client_id
    on orders (account, client_order_id) where client_order_id <> '';
create index if not exists orders_resting on orders (ticker, seq) where status = 'resting';
create table if not exists fills (
    seq integer primary key autoincrement, trade_id text not null, account text not null,
    order_id text not null, ticker text not null, side text not null, price integer not null,
    count integer not null, is_taker integer not null, fee_micros integer not null,
    created_ms integer not null);
create index if not exists fills_order on fills (order_id);
create table if not exists trades (
    seq integer primary key autoincrement, trade_id text not null, ticker text not null,
    price integer not null, count integer not null, taker_side text not null,
    created_ms integer not null);
create index if not exists trades_time on trades (ticker, created_ms);
create table if not exists positions (
    account text not null, ticker text not null, position integer not null,
    cost_micros integer not null, realized_micros integer not null, fees_micros integer not null,
    traded_micros integer not null, traded_count integer not null, updated_ms integer not null,
    is_settled integer not null, primary key (account, ticker));
create table if not exists settlements (
    seq integer primary key autoincrement, account text not null, ticker text not null,
    result text not null, position integer not null, cost_micros integer not null,
    revenue_micros integer not null, fees_micros integer not null,
    settled_ms integer not null);
create table if not exists consumed (
    ticker text not null, side text not null, price integer not null, version integer not null,
    count integer not null, primary key (ticker, side, price));
create table if not exists order_requests (
    seq integer primary key autoincrement, venue_ms integer not null, wall_ms integer not null,
    key_id text not null, method text not null, path text not null, body text not null,
    status integer not null, response text not null);
"""

Row = sqlite3.Row


class Store:
    """The open state file. `bulletin` tells what its transactions changed.

    Args:
        state_dir: the folder to keep it in; None keeps it in memory, for tests.

    Raises:
        StateMismatch: if another live process holds the file.
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
        with self.transaction():
            for statement in SCHEMA.split(";\n"):
                self._db.execute(statement)

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
