"""Dagster's rows of checks: one a run and check, planned first, then with its verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationPlanned,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from sqlalchemy import Connection, insert, text

Row = Mapping[str, Any]
Status = AssetCheckExecutionRecordStatus
# What a row is found by, and what a verdict changes of it, with its type.
KEYS = ("asset_key", "check_name", "run_id", "partition")
CHANGED = {
    "execution_status": "text",
    "evaluation_event": "text",
    "evaluation_event_timestamp": "timestamp",
    "evaluation_event_storage_id": "bigint",
    "materialization_event_storage_id": "bigint",
}
COLUMNS = {**dict.fromkeys(KEYS, "text"), **CHANGED}
_JUDGED = text(
    f"UPDATE {AssetCheckExecutionsTable.name} AS was "  # noqa: S608
    f"SET {', '.join(f'{name} = told.{name}' for name in CHANGED)} "
    f"FROM unnest({', '.join(f'CAST(:{n} AS {kind}[])' for n, kind in COLUMNS.items())}) "
    f"AS told ({', '.join(COLUMNS)}) "
    f"WHERE {' AND '.join(f'was.{name} = told.{name}' for name in KEYS[:3])} "
    "AND was.partition IS NOT DISTINCT FROM told.partition "
    f"RETURNING {', '.join(f'was.{name}' for name in KEYS)}"
)


@dataclass(frozen=True)
class Verdict:
    """A check that was made: its event, and what its row is to hold."""

    event: EventLogEntry
    event_id: int
    row: Row

    @property
    def key(self) -> tuple[Any, ...]:
        """Return what its row is found by."""
        return tuple(self.row[name] for name in KEYS)


def planned_rows(event: EventLogEntry, event_id: int, kept: Row) -> list[Row]:
    """Return the rows of a check that a run means to make: one, or one a partition.

    Args:
        event: tells it.
        event_id: of the event's row.
        kept: the event's row.
    """
    told = event.get_dagster_event().event_specific_data
    assert isinstance(told, AssetCheckEvaluationPlanned)  # noqa: S101  Dagster makes it so
    subset = told.partitions_subset
    row = {**_row(told, event_id, kept), "execution_status": Status.PLANNED.value}
    keys = [None] if subset is None else subset.get_partition_keys()
    return [{**row, "partition": key} for key in keys]


def verdict_of(event: EventLogEntry, event_id: int, kept: Row) -> Verdict:
    """Return a check that was made; arguments as of `planned_rows`."""
    told = event.get_dagster_event().event_specific_data
    assert isinstance(told, AssetCheckEvaluation)  # noqa: S101  Dagster makes it so
    target = told.target_materialization_data
    row = {
        **_row(told, event_id, kept),
        "partition": told.partition,
        "execution_status": (Status.SUCCEEDED if told.passed else Status.FAILED).value,
        "materialization_event_storage_id": None if target is None else target.storage_id,
    }
    return Verdict(event, event_id, row)


def add_rows(connection: Connection, rows: Sequence[Row]) -> None:
    """Add rows."""
    if rows:
        connection.execute(insert(AssetCheckExecutionsTable), rows)


def store_verdicts(connection: Connection, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Store verdicts where they were planned, and those that were not in rows of their own.

    Returns:
        Those that were planned more than once: that must not be.
    """
    newest = {verdict.key: verdict for verdict in verdicts}
    if not newest:
        return []
    rows = [verdict.row for verdict in newest.values()]
    lists = {name: [row[name] for row in rows] for name in COLUMNS}
    stored = Counter(tuple(key) for key in connection.execute(_JUDGED, lists))
    add_rows(connection, [one.row for key, one in newest.items() if not stored[key]])
    return [one for key, one in newest.items() if stored[key] > 1]


def _row(
    told: AssetCheckEvaluation | AssetCheckEvaluationPlanned, event_id: int, kept: Row
) -> dict[str, Any]:
    """Return what a row holds of its event."""
    return {
        "asset_key": told.asset_key.to_string(),
        "check_name": told.check_name,
        "run_id": kept["run_id"],
        "evaluation_event": kept["event"],
        "evaluation_event_timestamp": kept["timestamp"],
        "evaluation_event_storage_id": event_id,
    }
