"""The tables of the state file, and what they showed a while ago.

An account's reads lag behind its writes, so every table they read can be seen as it stood at a
moment. Rows that never change are seen from their moment on. Of rows that do change, triggers keep
each superseded version with the moment up to which it held; nothing else has to think of it.
"""

import sqlite3
from typing import Literal

Table = Literal["orders", "fills", "positions", "settlements", "cash"]

VERSION = 2
TABLES = """
create table if not exists meta (key text primary key, value text not null);
create table if not exists accounts (account text primary key, user_id text not null);
create table if not exists cash (
    account text not null, shard integer not null, micros integer not null,
    created_ms integer not null, updated_ms integer not null, primary key (account, shard));
create table if not exists orders (
    seq integer primary key autoincrement, order_id text not null unique,
    account text not null, client_order_id text not null, ticker text not null,
    side text not null, price integer not null, initial_count integer not null,
    fill_count integer not null, remaining_count integer not null,
    status text not null, reason text not null, time_in_force text not null,
    self_trade_prevention text not null, post_only integer not null,
    cancel_on_pause integer not null, expires_ms integer,
    created_ms integer not null, updated_ms integer not null,
    queued_ms integer not null, queue_no integer not null,
    taker_cost_micros integer not null, maker_cost_micros integer not null,
    taker_fees_micros integer not null, maker_fees_micros integer not null,
    fee_carry_micros integer not null);
create index if not exists orders_account on orders (account, seq);
create index if not exists orders_resting on orders (ticker, queue_no) where status = 'resting';
create index if not exists orders_resting_of on orders (account, queue_no)
    where status = 'resting';
create index if not exists orders_expiry on orders (expires_ms) where status = 'resting';
create unique index if not exists orders_queue on orders (queue_no);
create table if not exists client_order_ids (
    account text not null, client_order_id text not null,
    primary key (account, client_order_id)) without rowid;
create table if not exists fills (
    seq integer primary key autoincrement, trade_id text not null, account text not null,
    order_id text not null, ticker text not null, side text not null, price integer not null,
    count integer not null, is_taker integer not null, fee_micros integer not null,
    created_ms integer not null);
create index if not exists fills_order on fills (order_id);
create index if not exists fills_account on fills (account, seq);
create table if not exists trades (
    seq integer primary key autoincrement, trade_id text not null, ticker text not null,
    price integer not null, count integer not null, taker_side text not null,
    created_ms integer not null);
create index if not exists trades_time on trades (ticker, created_ms);
create table if not exists positions (
    account text not null, ticker text not null, position integer not null,
    cost_micros integer not null, realized_micros integer not null, fees_micros integer not null,
    traded_micros integer not null, traded_count integer not null, updated_ms integer not null,
    is_settled integer not null, created_ms integer not null, primary key (account, ticker));
create index if not exists positions_open on positions (ticker) where is_settled = 0;
create table if not exists settlements (
    seq integer primary key autoincrement, account text not null, ticker text not null,
    result text not null, payout integer not null, position integer not null,
    cost_micros integer not null, revenue_micros integer not null, fees_micros integer not null,
    settled_ms integer not null);
create table if not exists consumed (
    ticker text not null, side text not null, price integer not null, version integer not null,
    count integer not null, primary key (ticker, side, price));
create table if not exists other_side (name text primary key, micros integer not null);
create table if not exists escrow (
    ticker text primary key, micros integer not null, world_position integer not null);
create table if not exists order_requests (
    seq integer primary key autoincrement, venue_ms integer not null, wall_ms integer not null,
    key_id text not null, method text not null, path text not null, body text not null,
    status integer not null, response text not null);
"""

_FIXED: dict[Table, str] = {"fills": "created_ms", "settlements": "settled_ms"}
_CHANGING: dict[Table, tuple[str, ...]] = {
    "orders": ("seq",),
    "positions": ("account", "ticker"),
    "cash": ("account", "shard"),
}
LAGGING: tuple[Table, ...] = (*_FIXED, *_CHANGING)
"""The tables that account reads show as they stood a while ago."""


def prepare(db: sqlite3.Connection) -> None:
    """Make the tables, indexes and triggers that are missing, in the caller's transaction."""
    for statement in TABLES.split(";\n"):
        db.execute(statement)
    for table, key in _CHANGING.items():
        _keep_versions(db, table, key)
    db.execute(f"pragma user_version = {VERSION}")


def as_of(db: sqlite3.Connection, table: Table) -> str:
    """Return a table expression: the table as it stood at a moment, given as parameter 1.

    Both parts keep to indexes, so that a page of a long list costs no more than its rows.
    """
    if table in _FIXED:
        return f"(select * from {table} where {_FIXED[table]} <= ?1)"  # noqa: S608  ours
    names, kept = _columns(db, table), f"{table}_kept"
    same = " and ".join(f"later.{name} = it.{name}" for name in _CHANGING[table])
    later = f"from {kept} later indexed by {kept}_key where {same} and later.until_ms > ?1"
    row = ", ".join(f"it.{name}" for name in names)
    return (
        f"(select {row} from {table} it"  # noqa: S608  names of our own tables
        f" where it.created_ms <= ?1 and not exists (select 1 {later})"
        f" union all select {row} from {kept} it indexed by {kept}_until"
        f" where it.until_ms > ?1 and it.created_ms <= ?1"
        f" and it.version = (select min(later.version) {later}))"
    )


def _keep_versions(db: sqlite3.Connection, table: Table, key: tuple[str, ...]) -> None:
    """Let every update of a table leave the row it replaced behind."""
    types = _columns(db, table)  # with other types, SQLite would not merge both parts of `as_of`
    columns, olds = ", ".join(types), ", ".join(f"old.{name}" for name in types)
    typed = ", ".join(f"{name} {kind}" for name, kind in types.items())
    kept, index_on = f"{table}_kept", ", ".join([*key, "until_ms"])
    for statement in (
        f"create table if not exists {kept} (version integer primary key,"
        f" until_ms integer not null, {typed})",
        f"create index if not exists {kept}_key on {kept} ({index_on})",
        f"create index if not exists {kept}_until on {kept} (until_ms)",
        f"create trigger if not exists {table}_keep after update on {table} begin"  # noqa: S608  ours
        f" insert into {kept} (until_ms, {columns}) values (new.updated_ms, {olds}); end",
    ):
        db.execute(statement)


def _columns(db: sqlite3.Connection, table: Table) -> dict[str, str]:
    rows = db.execute(f"pragma table_info({table})")
    return {str(row["name"]): str(row["type"]) for row in rows}
