"""What runs tell, as Dagster's own storage keeps it, in fewer questions and commits.

What a run means to make is one transaction, where `DAGSTER_EVENT_BATCH_SIZE` is set. So is what a
step tells at its end, and what a run tells right before one: verdicts and outputs are held back
until the step tells something else, or until this storage is asked what they may change, but not
longer. Of a process that is killed meanwhile they are lost with the end of its step.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    EventLogEntry,
    EventLogRecord,
    EventRecordsResult,
)
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.base import AssetRecord
from dagster._core.storage.event_log.migration import ASSET_KEY_INDEX_COLS
from dagster._core.storage.event_log.schema import (
    AssetEventTagsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._serdes import deserialize_value
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy import Connection, TextClause, insert, text

from kalshi_assets.storage.check_rows import (
    Verdict,
    add_rows,
    planned_rows,
    store_verdicts,
    verdict_of,
)
from kalshi_assets.storage.there import There
from kalshi_assets.storage.together import Together

PLANNED = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}
# What a step tells in the middle of telling more.
HELD_BACK = {
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.HANDLED_OUTPUT,
    DagsterEventType.LOADED_INPUT,
    DagsterEventType.STEP_INPUT,
    DagsterEventType.STEP_OUTPUT,
}
# What a run tells right before a step, whose start follows at once, or the run's failure.
BEFORE_STEP = {
    DagsterEventType.LOGS_CAPTURED,
    DagsterEventType.RESOURCE_INIT_STARTED,
    DagsterEventType.RESOURCE_INIT_SUCCESS,
}
# After these a step tells no more.
ENDS = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_RESTARTED,
    DagsterEventType.STEP_SKIPPED,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_UP_FOR_RETRY,
}


@cache
def _newest_of_asset(columns: Sequence[str]) -> TextClause:
    """Return what writes these columns of an asset's row, whether it is there or not."""
    names = ["asset_key", *columns]
    marks = [f":{name}" for name in names]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return text(
        f"INSERT INTO {AssetKeyTable.name} ({', '.join(names)}) VALUES ({', '.join(marks)}) "  # noqa: S608
        f"ON CONFLICT (asset_key) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
    )


# An asset's newest event on each of some partitions: its tag, and whether the asset was wiped.
_TAGS = text(
    f"""
    SELECT a.asset_details, newest.partition, tag.value
    FROM {AssetKeyTable.name} AS a
    LEFT JOIN (
        SELECT partition, max(id) AS id FROM {SqlEventLogStorageTable.name}
        WHERE asset_key = :asset_key AND dagster_event_type = :kind
          AND partition = ANY(CAST(:partitions AS text[]))
        GROUP BY partition
    ) AS newest ON TRUE
    LEFT JOIN {AssetEventTagsTable.name} AS tag ON tag.event_id = newest.id AND tag.key = :tag
    WHERE a.asset_key = :asset_key
    """  # noqa: S608
)


@lru_cache(maxsize=8)
def _record(kept: str) -> object:
    """Return an event as it was kept: steps of a run ask for the same ones."""
    return deserialize_value(kept, NamedTuple)


class Step(threading.local):
    """The step that this thread executes, as far as this storage is told, and what is held back."""

    def __init__(self) -> None:
        self.key: tuple[str, str | None] | None = None
        self.held: list[EventLogEntry] = []
        self.is_asked_beside = False
        self.newest: dict[str, EventRecordsResult] = {}

    def taken(self) -> list[EventLogEntry]:
        """Return what was held back, and hold it no more: where it cannot be kept, its step fails.

        So it does where an event that is kept at once cannot be.
        """
        held, self.held = self.held, []
        return held


class PooledEventLogStorage(PostgresEventLogStorage):
    """Remembers which tables and columns there are: what is there stays.

    Args:
        postgres_url: of a database that has Dagster's tables.
        close: called when the connections are used no more.
    """

    def __init__(self, postgres_url: str, close: Callable[[], None]) -> None:
        self._close = close
        self._together = Together(super()._connect)
        self._step = Step()
        super().__init__(postgres_url, False)
        self._there = There()

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and what was held back before it; without a NOTIFY: nobody listens."""
        step, kind = self._step, event.dagster_event_type
        key = (event.run_id, event.step_key)
        if (kind in HELD_BACK and key == step.key) or kind in BEFORE_STEP:
            step.held.append(event)
            return
        step.newest.clear()
        if kind is DagsterEventType.STEP_START:
            step.key = key
        elif kind in ENDS:
            step.key = None
        if step.held or kind in ASSET_EVENTS | ASSET_CHECK_EVENTS:
            self._store([*step.taken(), event])
        else:
            SqlEventLogStorage.store_event(self, event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events; those that tell what a run will make, all at once."""
        if {event.dagster_event_type for event in events} - PLANNED:
            super().store_event_batch(events)
        elif events:
            self._store(events)

    def _store(self, events: Sequence[EventLogEntry]) -> None:
        """Store events and what follows from each, all at once."""
        rows = [self._event_to_row(event) for event in events]
        query = insert(SqlEventLogStorageTable).returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self._together.in_one_transaction() as connection:
            ids = connection.scalars(query, rows).all()
            planned, verdicts = [], list[Verdict]()
            for event, event_id, kept in zip(events, ids, rows, strict=True):
                told, kind = event.dagster_event, event.dagster_event_type
                if kind in ASSET_EVENTS and told and told.asset_key:
                    self._store_asset_event_tags(connection, [event], [event_id])
                    self._store_asset_event(connection, event, event_id)
                elif kind is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                    planned += planned_rows(event, event_id, kept)
                elif kind in ASSET_CHECK_EVENTS and not event.run_id:
                    self.store_asset_check_event(event, event_id)
                elif kind in ASSET_CHECK_EVENTS:
                    verdicts.append(verdict_of(event, event_id, kept))
            add_rows(connection, planned)
            for twice in store_verdicts(connection, verdicts):
                self.store_asset_check_event(twice.event, twice.event_id)  # says what is wrong

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        """Store what an asset's newest event is, by a statement that is worked out once."""
        told = event.get_dagster_event()
        values = self._get_asset_entry_values(
            event, event_id, self.has_secondary_index(ASSET_KEY_INDEX_COLS)
        )
        if told.asset_key:
            row = {"asset_key": told.asset_key.to_string(), **values}
            conn.execute(_newest_of_asset(tuple(values)), row)

    def fetch_materializations(
        self,
        records_filter: AssetKey | AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> EventRecordsResult:
        """Return what was made; between two verdicts of a step, what was there before the first."""
        step = self._step
        asked = repr((records_filter, limit, cursor, ascending))
        if not step.held or asked not in step.newest:
            with self._beside_what_is_held():
                found = super().fetch_materializations(records_filter, limit, cursor, ascending)
            if step.key is None:
                return found
            step.newest[asked] = found
        return step.newest[asked]

    def get_latest_tags_by_partition(
        self,
        asset_key: AssetKey,
        event_type: DagsterEventType,
        tag_keys: Sequence[str],
        asset_partitions: Sequence[str] | None = None,
        before_cursor: int | None = None,
        after_cursor: int | None = None,
    ) -> Mapping[str, Mapping[str, str]]:
        """Return tags of the newest events on partitions; what a step reads by one question."""
        others = super().get_latest_tags_by_partition
        if asset_partitions is None or len(tag_keys) != 1 or before_cursor or after_cursor:
            return others(
                asset_key, event_type, tag_keys, asset_partitions, before_cursor, after_cursor
            )
        asked = {
            "asset_key": asset_key.to_string(),
            "kind": event_type.value,
            "partitions": list(asset_partitions),
            "tag": tag_keys[0],
        }
        with self._beside_what_is_held(), self.index_connection() as connection:
            rows = connection.execute(_TAGS, asked).all()
        if any(row.asset_details is not None for row in rows):  # what was wiped does not count
            return others(asset_key, event_type, tag_keys, asset_partitions)
        return {row.partition: {tag_keys[0]: row.value} for row in rows if row.value is not None}

    def _get_latest_materialization_records(
        self, raw_asset_rows: Sequence[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """Return the newest record of each asset; without a question where its row holds it."""
        found: dict[AssetKey, EventLogRecord | None] = {}
        others = []
        for row in raw_asset_rows:
            key = AssetKey.from_db_string(row["asset_key"])
            newest = row["last_materialization"]
            record = _record(newest) if newest else None
            if key and isinstance(record, EventLogRecord) and row["asset_details"] is None:
                found[key] = record
            else:  # it was never made, or it was wiped
                others.append(row)
        return {**found, **(super()._get_latest_materialization_records(others) if others else {})}

    def get_asset_records(
        self, asset_keys: Sequence[AssetKey] | None = None
    ) -> Sequence[AssetRecord]:
        """Return what there is of assets."""
        with self._beside_what_is_held():
            return super().get_asset_records(asset_keys)

    @contextmanager
    def _beside_what_is_held(self) -> Iterator[None]:
        """Ask, in the block, what nothing of what is held back changes: what assets were made.

        Each verdict asks that of what it is about, and would have those before it kept by itself.
        """
        before, self._step.is_asked_beside = self._step.is_asked_beside, True
        try:
            yield
        finally:
            self._step.is_asked_beside = before

    def _connect(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees what was held back; in a block the block's."""
        if self._step.held and not (self._together.is_open or self._step.is_asked_beside):
            self._store(self._step.taken())
        return self._together.connect()

    def has_table(self, table_name: str) -> bool:
        """Tell whether Dagster's schema has a table."""
        return self._there.asked(table_name, partial(super().has_table, table_name))

    def has_asset_key_col(self, column_name: str) -> bool:
        """Tell whether the table of asset keys has a column."""
        of_assets = f"{AssetKeyTable.name}.{column_name}"
        return self._there.asked(of_assets, partial(super().has_asset_key_col, column_name))

    def dispose(self) -> None:
        """Let go of the connections."""
        super().dispose()
        self._close()
