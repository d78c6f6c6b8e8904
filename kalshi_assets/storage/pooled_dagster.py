"""Dagster's storage in Postgres, on connections that are kept.

Its own storage opens a connection for every question, which costs more than most answers: a run of
the order job asks two hundred, and forty times of them which columns a table of Dagster's has.
Named in dagster.yaml under `storage: custom`; tables and rows are Dagster's own. A run and its tags
are written in one transaction: by Dagster's own storage, killed in between, a run would be there
that nobody finds by what asked for it. What runs tell is kept by `pooled_events`. Which tables and
columns there are is asked until they are there: what is there stays.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import create_pg_connection, pg_url_from_config
from sqlalchemy import Connection, Engine, text

from kalshi_assets.storage.engine import DAGSTER_TABLES_LOCK, pooled_engine
from kalshi_assets.storage.pooled_events import PooledEventLogStorage
from kalshi_assets.storage.shared_engines import leave, shared
from kalshi_assets.storage.there import There
from kalshi_assets.storage.together import Together


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
        make = partial(pooled_engine, postgres_url, isolation_level="AUTOCOMMIT")
        pool = shared(self, postgres_url, make)
        with ExitStack() as stack:
            is_incomplete = should_autocreate_tables and not _has_tables(pool)
            if is_incomplete:
                stack.enter_context(_alone(pool))
                is_incomplete = not _has_tables(pool)
            super().__init__(postgres_url, is_incomplete, inst_data)
        self._run_storage = PooledRunStorage(postgres_url, False)
        self._event_log_storage = PooledEventLogStorage(postgres_url, lambda: leave(self, pool))
        self._schedule_storage = PooledScheduleStorage(postgres_url, False)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = pool

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make the storage that dagster.yaml describes."""
        should_create = config_value.get("should_autocreate_tables", True)
        return cls(pg_url_from_config(config_value), should_create, inst_data)


class PooledRunStorage(PostgresRunStorage):
    """Keeps a run and its tags, or neither."""

    def __init__(self, postgres_url: str, should_autocreate_tables: bool) -> None:
        self._together = Together(super().connect)
        self._there = There()
        super().__init__(postgres_url, should_autocreate_tables)

    def connect(self) -> AbstractContextManager[Connection]:
        """Return a connection, in a block the block's."""
        return self._together.connect()

    def _core_add_run(self, col_values: dict[str, Any], tags: Mapping[str, str]) -> None:
        with self._together.in_one_transaction():
            super()._core_add_run(col_values, tags)

    def has_run_stats_index_cols(self) -> bool:
        """Tell whether runs have the times of their start and end."""
        return self._there.asked("times of runs", super().has_run_stats_index_cols)

    def has_backfill_id_column(self) -> bool:
        """Tell whether runs name their backfill."""
        return self._there.asked("backfills of runs", super().has_backfill_id_column)


class PooledScheduleStorage(PostgresScheduleStorage):
    """Remembers which tables there are, and which of Dagster's own migrations were done."""

    def __init__(self, postgres_url: str, should_autocreate_tables: bool) -> None:
        self._there = There()
        super().__init__(postgres_url, should_autocreate_tables)

    def _has_instigators_table(self, conn: Connection) -> bool:
        return self._there.asked("instigators", partial(super()._has_instigators_table, conn))

    def has_secondary_index_table(self) -> bool:
        """Tell whether it is noted which of Dagster's own migrations were done."""
        return self._there.asked("migrations", super().has_secondary_index_table)

    def has_built_index(self, migration_name: str) -> bool:
        """Tell whether one of them was done: asked four times for each tick of a sensor."""
        return self._there.asked(
            f"migration {migration_name}", partial(super().has_built_index, migration_name)
        )


@contextmanager
def _alone(pool: Engine) -> Iterator[None]:
    """Let one process after another make the tables: started together, some would fail."""
    with create_pg_connection(pool) as connection:
        connection.detach()  # closed at the end, which gives the lock back
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": DAGSTER_TABLES_LOCK})
        yield


def _has_tables(pool: Engine) -> bool:
    """Tell whether the main table of each of the three parts is there, and the last one made."""
    names = ("runs", "instance_info", "event_logs", "jobs")
    query = text("SELECT count(to_regclass(name)) FROM unnest(CAST(:names AS text[])) AS name")
    # As Dagster's own storages wait for a server that is about to start.
    with create_pg_connection(pool) as connection:
        return bool(connection.scalar(query, {"names": list(names)}) == len(names))
