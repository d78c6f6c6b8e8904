"""What runs tell, as Dagster's own storage keeps it, in fewer questions and commits.

What a run means to make is one transaction, where `DAGSTER_EVENT_BATCH_SIZE` is set. So is what a
step tells at its end: verdicts and outputs are held back until the step tells something else, or
until this storage is asked, but not longer. Of a process that is killed meanwhile they are lost
with the end of its step.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import Any, NamedTuple

from dagster import AssetKey, DagsterEventType, EventLogEntry, EventLogRecord
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationPlanned,
)
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.migration import ASSET_KEY_INDEX_COLS
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._serdes import deserialize_value, serialize_value
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy import Connection, TextClause, insert, text

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
# After these a step tells no more.
ENDS = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.STEP_RESTARTED,
    DagsterEventType.STEP_SKIPPED,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_UP_FOR_RETRY,
}
# What a check's row is found by, and what a verdict changes of it, with its type.
KEYS = ("asset_key", "check_name", "run_id", "partition")
CHANGED = {
    "execution_status": "text",
    "evaluation_event": "text",
    "evaluation_event_timestamp": "timestamp",
    "evaluation_event_storage_id": "bigint",
    "materialization_event_storage_id": "bigint",
}
VERDICT = {**dict.fromkeys(KEYS, "text"), **CHANGED}
_JUDGED = text(
    f"UPDATE {AssetCheckExecutionsTable.name} AS was "  # noqa: S608
    f"SET {', '.join(f'{name} = told.{name}' for name in CHANGED)} "
    f"FROM unnest({', '.join(f'CAST(:{n} AS {kind}[])' for n, kind in VERDICT.items())}) "
    f"AS told ({', '.join(VERDICT)}) "
    f"WHERE {' AND '.join(f'was.{name} = told.{name}' for name in KEYS[:3])} "
    "AND was.partition IS NOT DISTINCT FROM told.partition "
    f"RETURNING {', '.join(f'was.{name}' for name in KEYS)}"
)


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


class Step(threading.local):
    """The step that this thread executes, as far as this storage is told, and what is held back."""

    def __init__(self) -> None:
        self.key: tuple[str, str | None] | None = None
        self.held: list[EventLogEntry] = []

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
        if kind in HELD_BACK and key == step.key:
            step.held.append(event)
            return
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
            checks, verdicts = [], {}
            for event, event_id in zip(events, ids, strict=True):
                told, kind = event.dagster_event, event.dagster_event_type
                if kind in ASSET_EVENTS and told and told.asset_key:
                    self._store_asset_event_tags(connection, [event], [event_id])
                    self._store_asset_event(connection, event, event_id)
                elif kind is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                    checks += self._planned_rows(event, event_id)
                elif kind in ASSET_CHECK_EVENTS and not event.run_id:
                    self.store_asset_check_event(event, event_id)
                elif kind in ASSET_CHECK_EVENTS:
                    row = self._verdict_row(event, event_id)
                    verdicts[tuple(row[name] for name in KEYS)] = (row, event, event_id)
            if checks:
                connection.execute(insert(AssetCheckExecutionsTable), checks)
            if verdicts:
                self._store_verdicts(connection, verdicts)

    def _store_verdicts(
        self,
        connection: Connection,
        verdicts: Mapping[tuple[Any, ...], tuple[dict[str, Any], EventLogEntry, int]],
    ) -> None:
        """Store verdicts where they were planned; what was not, or twice, is Dagster's to judge."""
        rows = [row for row, _, _ in verdicts.values()]
        lists = {name: [row[name] for row in rows] for name in VERDICT}
        stored = Counter(tuple(key) for key in connection.execute(_JUDGED, lists))
        for key, (_, event, event_id) in verdicts.items():
            if stored[key] != 1:
                self.store_asset_check_event(event, event_id)

    def _verdict_row(self, event: EventLogEntry, event_id: int) -> dict[str, Any]:
        """Return what a verdict changes of the row of its check."""
        told = event.get_dagster_event().event_specific_data
        assert isinstance(told, AssetCheckEvaluation)  # noqa: S101  Dagster makes it so
        status = AssetCheckExecutionRecordStatus
        target = told.target_materialization_data
        return {
            "asset_key": told.asset_key.to_string(),
            "check_name": told.check_name,
            "run_id": event.run_id,
            "partition": told.partition,
            "execution_status": (status.SUCCEEDED if told.passed else status.FAILED).value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
            "materialization_event_storage_id": None if target is None else target.storage_id,
        }

    def _planned_rows(self, event: EventLogEntry, event_id: int) -> list[dict[str, Any]]:
        """Return the rows of a check that a run means to make: one, or one a partition."""
        told = event.get_dagster_event().event_specific_data
        assert isinstance(told, AssetCheckEvaluationPlanned)  # noqa: S101  Dagster makes it so
        subset = told.partitions_subset
        row = {
            "asset_key": told.asset_key.to_string(),
            "check_name": told.check_name,
            "run_id": event.run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "evaluation_event": serialize_value(event),
            "evaluation_event_timestamp": self._event_insert_timestamp(event),  # type: ignore[no-untyped-call]
            "evaluation_event_storage_id": event_id,
        }
        keys = [None] if subset is None else subset.get_partition_keys()
        return [{**row, "partition": key} for key in keys]

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        """Store what an asset's newest event is, by a statement that is worked out once."""
        told = event.get_dagster_event()
        values = self._get_asset_entry_values(
            event, event_id, self.has_secondary_index(ASSET_KEY_INDEX_COLS)
        )
        if told.asset_key:
            row = {"asset_key": told.asset_key.to_string(), **values}
            conn.execute(_newest_of_asset(tuple(values)), row)

    def _get_latest_materialization_records(
        self, raw_asset_rows: Sequence[Mapping[str, Any]]
    ) -> Mapping[AssetKey, EventLogRecord | None]:
        """Return the newest record of each asset; without a question where its row holds it."""
        found: dict[AssetKey, EventLogRecord | None] = {}
        others = []
        for row in raw_asset_rows:
            key = AssetKey.from_db_string(row["asset_key"])
            newest = row["last_materialization"]
            record = deserialize_value(newest, NamedTuple) if newest else None
            if key and isinstance(record, EventLogRecord) and row["asset_details"] is None:
                found[key] = record
            else:  # it was never made, or it was wiped
                others.append(row)
        return {**found, **(super()._get_latest_materialization_records(others) if others else {})}

    def _connect(self) -> AbstractContextManager[Connection]:
        """Return a connection that sees what was held back; in a block the block's."""
        if self._step.held and not self._together.is_open:
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
