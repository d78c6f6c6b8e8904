"""Dagster's storage in Postgres, on connections that are kept.

Its own storage opens a connection for every question, which costs more than most answers: a run of
the order job asks two hundred, and forty times of them which columns a table of Dagster's has.
Named in dagster.yaml under `storage: custom`; tables and rows are Dagster's own. A run and its tags
are written in one transaction: by Dagster's own storage, killed in between, a run would be there
that nobody finds by what asked for it. So is what a run means to make, where
`DAGSTER_EVENT_BATCH_SIZE` is set.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self
from weakref import WeakSet

from dagster import DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
)
from dagster_postgres.utils import create_pg_connection, pg_url_from_config
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import QueuePool

from kalshi_assets.storage.engine import trying_after_rest

# A run needs one, and two at times; the daemon's threads take more for a moment.
KEPT, MORE = 2, 30
PLANNED = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's storage in Postgres; its three parts share one pool of connections.

    Args:
        postgres_url: as of `DagsterPostgresStorage`.
        should_autocreate_tables: make Dagster's tables where they are missing.
        inst_data: where Dagster has this configuration from.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        pool = _pool(postgres_url)
        is_incomplete = should_autocreate_tables and not _has_tables(pool)
        super().__init__(postgres_url, is_incomplete, inst_data)
        self._run_storage = PooledRunStorage(postgres_url, False)
        self._event_log_storage = PooledEventLogStorage(postgres_url, False)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = pool

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage that dagster.yaml describes."""
        should_create = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), should_create, inst_data)


class Together:
    """Lets all that a thread does in a block be one transaction, whatever opens connections."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._connect = connect
        self._open = threading.local()

    def connect(self) -> AbstractContextManager[Connection]:
        """Return the connection of this thread's block, else a new one."""
        if hasattr(self._open, "connection"):
            return nullcontext(self._open.connection)
        return self._connect()

    @contextmanager
    def in_one_transaction(self) -> Iterator[Connection]:
        """Yield the connection of a block; its work is committed at the end, or not at all."""
        with self._connect() as connection:
            one = connection.execution_options(isolation_level="READ COMMITTED")
            with one.begin():
                self._open.connection = one
                try:
                    yield one
                finally:
                    del self._open.connection


class PooledRunStorage(PostgresRunStorage):
    """Keeps a run and its tags, or neither."""

    def __init__(self, postgres_url: str, should_autocreate_tables: bool) -> None:
        self._together = Together(super().connect)
        super().__init__(postgres_url, should_autocreate_tables)

    def connect(self) -> AbstractContextManager[Connection]:
        """Return a connection, in a block the block's."""
        return self._together.connect()

    def _core_add_run(self, col_values: dict[str, Any], tags: Mapping[str, str]) -> None:
        with self._together.in_one_transaction():
            super()._core_add_run(col_values, tags)


class PooledEventLogStorage(PostgresEventLogStorage):
    """Remembers which tables and columns there are: what is there stays. Closes the pool."""

    def __init__(self, postgres_url: str, should_autocreate_tables: bool) -> None:
        self._together = Together(super()._connect)
        super().__init__(postgres_url, should_autocreate_tables)
        self._tables: set[str] = set()
        self._columns: set[str] = set()

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, without the NOTIFY after it, which nobody has listened to for long."""
        SqlEventLogStorage.store_event(self, event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events; those that tell what a run will make, all at once."""
        if {event.dagster_event_type for event in events} - PLANNED:
            super().store_event_batch(events)
            return
        rows = self.prepare_insert_event_batch(events)
        with self._together.in_one_transaction() as connection:
            ids = connection.scalars(rows.returning(SqlEventLogStorageTable.c.id)).all()
            for event, event_id in zip(events, ids, strict=True):
                if event.dagster_event_type in ASSET_EVENTS:
                    self.store_asset_event(event, event_id)
                else:
                    self.store_asset_check_event(event, event_id)

    def _connect(self) -> AbstractContextManager[Connection]:
        return self._together.connect()

    def has_table(self, table_name: str) -> bool:
        """Tell whether Dagster's schema has a table."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def has_asset_key_col(self, column_name: str) -> bool:
        """Tell whether the table of asset keys has a column."""
        if column_name not in self._columns and super().has_asset_key_col(column_name):
            self._columns.add(column_name)
        return column_name in self._columns

    def dispose(self) -> None:
        """Close all connections."""
        super().dispose()
        self._engine.dispose()


_pools: WeakSet[Engine] = WeakSet()


def _pool(postgres_url: str) -> Engine:
    engine = create_engine(
        postgres_url,
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=KEPT,
        max_overflow=MORE,
        pool_use_lifo=True,
    )
    _pools.add(engine)
    return trying_after_rest(engine)


def _forget_in_child() -> None:
    """Leave the parent's connections to the parent."""
    for engine in _pools:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_in_child)


def _has_tables(pool: Engine) -> bool:
    """Tell whether the main table of each of the three parts is there, and the last one made."""
    names = ("runs", "instance_info", "event_logs", "jobs")
    query = text("SELECT count(to_regclass(name)) FROM unnest(CAST(:names AS text[])) AS name")
    # As Dagster's own storages wait for a server that is about to start.
    with create_pg_connection(pool) as connection:
        return bool(connection.scalar(query, {"names": list(names)}) == len(names))
