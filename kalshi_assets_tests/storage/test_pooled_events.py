"""What runs tell: the same rows as by Dagster's own storage, in fewer commits, none lost."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetRecordsFilter,
    DagsterEvent,
    DagsterEventType,
    EventLogEntry,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationPlanned,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.events import (
    AssetMaterializationPlannedData,
    EngineEventData,
    HandledOutputData,
    StepMaterializationData,
)
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.utils import make_new_run_id
from dagster_postgres import DagsterPostgresStorage
from sqlalchemy import text

from kalshi_assets.storage import pooled_events
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.pooled_dagster import PooledPostgresStorage
from kalshi_assets.storage.pooled_events import PooledEventLogStorage
from kalshi_assets_tests.stand import DatabaseMaker

AT = 1_790_000_000.0
OUTPUT = StepOutputData(StepOutputHandle("a step", "result"))
HANDLED = HandledOutputData(output_name="result", manager_key="io_manager", metadata={})
FAILED = StepFailureData(error=None, user_failure_data=None)
FRESH = AssetCheckKey(AssetKey("raw_ticks"), "ticks_are_fresh")


@pytest.fixture
def database(make_database: DatabaseMaker) -> Database:
    return Database(make_database())


@pytest.fixture
def storage(database: Database) -> Iterator[PooledEventLogStorage]:
    kept = PooledPostgresStorage(database.plain_url).event_log_storage
    assert isinstance(kept, PooledEventLogStorage)
    yield kept
    kept.dispose()


def planned(asset: str, run_id: str, *, at: float = AT) -> EventLogEntry:
    """Return what a run says it will make."""
    data = AssetMaterializationPlannedData(AssetKey(asset), partition=None, partitions_subset=None)
    event = DagsterEvent.build_asset_materialization_planned_event("a job", asset, data)
    return entry(event, run_id, at=at)


def planned_check(
    asset: str, name: str, run_id: str, *, partitions: Sequence[str] = ()
) -> EventLogEntry:
    """Return what a run says it will check."""
    days = dg.StaticPartitionsDefinition(partitions)
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        job_name="a job",
        event_specific_data=AssetCheckEvaluationPlanned(
            asset_key=AssetKey(asset),
            check_name=name,
            partitions_subset=days.subset_with_partition_keys(partitions) if partitions else None,
        ),
    )
    return entry(event, run_id)


def entry(event: DagsterEvent, run_id: str, *, at: float = AT) -> EventLogEntry:
    told = {"user_message": "", "level": 10, "run_id": run_id, "timestamp": at}
    return EventLogEntry(error_info=None, step_key=event.step_key, dagster_event=event, **told)


def test_what_a_run_will_make_is_kept_as_by_dagsters_own_storage(
    storage: PooledEventLogStorage, make_database: DatabaseMaker
) -> None:
    their_url = make_database()
    theirs = DagsterPostgresStorage(their_url, should_autocreate_tables=True)
    run_id = make_new_run_id()
    events = [
        planned("raw_ticks", run_id),
        planned_check("raw_ticks", "ticks_are_fresh", run_id),
        planned("signals", run_id),
    ]
    found = []
    for kept in (storage, theirs.event_log_storage):
        kept.store_event_batch(events)
        key = AssetCheckKey(AssetKey("raw_ticks"), "ticks_are_fresh")
        found.append(
            (
                [each.dagster_event for each in kept.get_logs_for_run(run_id)],
                [record.asset_entry.last_run_id for record in kept.get_asset_records()],
                [each.status for each in kept.get_asset_check_execution_history(key, limit=5)],
            )
        )

    assert found[0] == found[1]
    assert found[0][2] == [AssetCheckExecutionRecordStatus.PLANNED]


def test_of_what_a_run_will_make_all_is_kept_or_nothing(
    storage: PooledEventLogStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, run_id = storage, make_new_run_id()

    def broken(*_: object) -> None:
        raise ConnectionResetError

    told = [planned("raw_ticks", run_id), planned_check("raw_ticks", "ticks_are_fresh", run_id)]
    with monkeypatch.context() as patch:
        patch.setattr(pooled_events, "planned_rows", broken)
        with pytest.raises(ConnectionResetError):
            kept.store_event_batch(told)
    kept.store_event(planned("signals", run_id))

    kept_of = [each.get_dagster_event().step_key for each in kept.get_logs_for_run(run_id)]
    assert kept_of == ["signals"]


def of_step(
    kind: DagsterEventType, run_id: str, data: Any = None, step: str = "a step"
) -> EventLogEntry:
    """Return what a step tells."""
    event = DagsterEvent(
        event_type_value=kind.value, job_name="a job", step_key=step, event_specific_data=data
    )
    return entry(event, run_id)


def verdict(
    run_id: str, key: AssetCheckKey = FRESH, *, passed: bool = True, partition: str | None = None
) -> EventLogEntry:
    """Return what a check found."""
    data = AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=passed,
        metadata={"stale": dg.MetadataValue.int(3)},
        severity=dg.AssetCheckSeverity.ERROR,
        target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
            run_id=run_id, storage_id=7, timestamp=1.0
        ),
        partition=partition,
    )
    return of_step(DagsterEventType.ASSET_CHECK_EVALUATION, run_id, data)


def started(run_id: str) -> EventLogEntry:
    return of_step(DagsterEventType.STEP_START, run_id)


def succeeded(run_id: str) -> EventLogEntry:
    return of_step(DagsterEventType.STEP_SUCCESS, run_id, StepSuccessData(duration_ms=1.0))


def materialized(run_id: str, *, partition: str | None = None, version: str = "1") -> EventLogEntry:
    tags = {"slot": "now", DATA_VERSION_TAG: version}
    made = dg.AssetMaterialization(
        "raw_ticks", metadata={"rows": 5}, partition=partition, tags=tags
    )
    data = StepMaterializationData(made)
    return of_step(DagsterEventType.ASSET_MATERIALIZATION, run_id, data)


def kinds(database: Database) -> list[str]:
    """Return what others see of what was told, in its order."""
    with database.transaction() as connection:
        query = text("SELECT dagster_event_type FROM event_logs ORDER BY id")
        return list(connection.scalars(query))


def test_a_step_is_kept_as_by_dagsters_own_storage(
    storage: PooledEventLogStorage, make_database: DatabaseMaker
) -> None:
    theirs = DagsterPostgresStorage(make_database(), should_autocreate_tables=True)
    run_id, other = make_new_run_id(), AssetCheckKey(AssetKey("raw_ticks"), "not_planned")
    told: Sequence[EventLogEntry] = [
        planned("raw_ticks", run_id),
        planned_check("raw_ticks", "ticks_are_fresh", run_id),
        started(run_id),
        materialized(run_id),
        of_step(DagsterEventType.STEP_OUTPUT, run_id, OUTPUT),
        verdict(run_id, passed=False),
        verdict(run_id, other),
        of_step(DagsterEventType.HANDLED_OUTPUT, run_id, HANDLED),
        succeeded(run_id),
    ]
    found = []
    for kept in (storage, theirs.event_log_storage):
        for event in told:
            kept.store_event(event)
        [record] = kept.get_asset_records()
        last = record.asset_entry.last_materialization_record
        found.append(
            (
                kept.get_logs_for_run(run_id),
                None if last is None else last.event_log_entry,
                [
                    (each.status, each.event)
                    for key in (FRESH, other)
                    for each in kept.get_asset_check_execution_history(key, limit=5)
                ],
            )
        )

    assert found[0] == found[1]
    assert found[0][0] == told
    assert [status for status, _ in found[0][2]] == [
        AssetCheckExecutionRecordStatus.FAILED,
        AssetCheckExecutionRecordStatus.SUCCEEDED,
    ]


def rows_of_checks(url: str) -> list[tuple[Any, ...]]:
    """Return all rows of checks, but for when they were written."""
    query = text(
        "SELECT asset_key, check_name, partition, run_id, execution_status, evaluation_event,"
        " evaluation_event_timestamp, evaluation_event_storage_id,"
        " materialization_event_storage_id FROM asset_check_executions ORDER BY id"
    )
    with Database(url).transaction() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_verdicts_on_partitions_are_kept_as_by_dagsters_own_storage(
    storage: PooledEventLogStorage, database: Database, make_database: DatabaseMaker
) -> None:
    their_url = make_database()
    theirs = DagsterPostgresStorage(their_url, should_autocreate_tables=True)
    run_id, whole = make_new_run_id(), AssetCheckKey(AssetKey("raw_ticks"), "whole")
    told = [
        planned_check("raw_ticks", "ticks_are_fresh", run_id, partitions=["monday", "tuesday"]),
        planned_check("raw_ticks", "whole", run_id),
        started(run_id),
        verdict(run_id, partition="tuesday", passed=False),
        verdict(run_id, partition="monday"),
        verdict(run_id, partition="sunday"),
        verdict(run_id, whole),
        succeeded(run_id),
    ]
    for kept in (storage, theirs.event_log_storage):
        for event in told:
            kept.store_event(event)

    found = rows_of_checks(database.plain_url)
    assert found == rows_of_checks(their_url)
    assert {row[2]: row[4] for row in found} == {
        "monday": "SUCCEEDED",
        "tuesday": "FAILED",
        "sunday": "SUCCEEDED",
        None: "SUCCEEDED",
    }


def test_all_verdicts_of_a_step_are_about_what_was_there_when_the_first_was_told(
    storage: PooledEventLogStorage, database: Database
) -> None:
    """And asking it each time would keep each verdict by itself."""
    run_id, newest = make_new_run_id(), AssetRecordsFilter(asset_key=AssetKey("raw_ticks"))

    def is_made() -> bool:
        return bool(storage.fetch_materializations(newest, limit=1).records)

    storage.store_event(started(run_id))
    assert not is_made()
    storage.store_event(verdict(run_id))
    elsewhere = threading.Thread(target=storage.store_event, args=[materialized("another")])
    elsewhere.start()
    elsewhere.join()
    assert not is_made()
    assert "ASSET_CHECK_EVALUATION" not in kinds(database)

    storage.store_event(succeeded(run_id))
    assert is_made()


def test_a_step_that_waits_for_what_is_made_elsewhere_sees_it(
    storage: PooledEventLogStorage,
) -> None:
    run_id, newest = make_new_run_id(), AssetRecordsFilter(asset_key=AssetKey("raw_ticks"))
    storage.store_event(started(run_id))
    assert not storage.fetch_materializations(newest, limit=1).records
    elsewhere = threading.Thread(target=storage.store_event, args=[materialized("another")])
    elsewhere.start()
    elsewhere.join()
    assert storage.fetch_materializations(newest, limit=1).records


def test_what_a_step_makes_is_seen_by_its_own_verdicts(storage: PooledEventLogStorage) -> None:
    run_id, newest = make_new_run_id(), AssetRecordsFilter(asset_key=AssetKey("raw_ticks"))
    storage.store_event(started(run_id))
    assert not storage.fetch_materializations(newest, limit=1).records
    storage.store_event(materialized(run_id))
    storage.store_event(verdict(run_id))
    assert storage.fetch_materializations(newest, limit=1).records


def test_a_check_that_was_planned_twice_is_refused_as_by_dagsters_own_storage(
    storage: PooledEventLogStorage,
) -> None:
    run_id = make_new_run_id()
    for _ in range(2):
        storage.store_event(planned_check("raw_ticks", "ticks_are_fresh", run_id))
    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    with pytest.raises(DagsterInvariantViolationError, match="duplicate"):
        storage.store_event(succeeded(run_id))


def test_a_wiped_asset_was_never_made(storage: PooledEventLogStorage) -> None:
    """Its row still holds what was wiped, and is seen again once a run means to make it."""
    run_id, key = make_new_run_id(), AssetKey("raw_ticks")
    for event in (started(run_id), materialized(run_id), succeeded(run_id)):
        storage.store_event(event)
    [made] = storage.get_asset_records([key])
    assert made.asset_entry.last_materialization_record is not None

    storage.wipe_asset(key)
    storage.store_event(planned("raw_ticks", make_new_run_id(), at=time.time() + 60))
    [wiped] = storage.get_asset_records([key])
    assert wiped.asset_entry.last_materialization_record is None


def test_versions_of_partitions_are_those_of_dagsters_own_storage(
    storage: PooledEventLogStorage, make_database: DatabaseMaker
) -> None:
    theirs = DagsterPostgresStorage(make_database(), should_autocreate_tables=True)
    key, made = AssetKey("raw_ticks"), DagsterEventType.ASSET_MATERIALIZATION
    found = []
    for kept in (storage, theirs.event_log_storage):

        def versions(*days: str, kept: Any = kept) -> Any:
            return kept.get_latest_tags_by_partition(key, made, [DATA_VERSION_TAG], days)

        seen = [versions("monday")]
        for day, version in [("monday", "1"), ("tuesday", "1"), ("monday", "2"), ("friday", "1")]:
            kept.store_event(materialized("a run", partition=day, version=version))
        seen += [versions("monday", "tuesday", "sunday"), versions()]
        kept.wipe_asset(key)
        found.append([*seen, versions("monday")])

    assert found[0] == found[1]
    assert found[0][1] == {"monday": {DATA_VERSION_TAG: "2"}, "tuesday": {DATA_VERSION_TAG: "1"}}
    assert found[0][3] == {}


def test_verdicts_are_kept_with_the_end_of_their_step(
    storage: PooledEventLogStorage, database: Database
) -> None:
    run_id = make_new_run_id()
    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    assert kinds(database) == ["STEP_START"]
    storage.store_event(succeeded(run_id))
    assert kinds(database) == ["STEP_START", "ASSET_CHECK_EVALUATION", "STEP_SUCCESS"]


def test_what_verdicts_ask_of_their_assets_keeps_none_before_the_others(
    storage: PooledEventLogStorage, database: Database
) -> None:
    """A step that checks several assets asks of each what was made, between its verdicts."""
    run_id, another = make_new_run_id(), AssetKey("clean_ticks")
    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    assert not storage.get_asset_records([another])
    assert not storage.fetch_materializations(another, limit=1).records
    made = DagsterEventType.ASSET_MATERIALIZATION
    tags = storage.get_latest_tags_by_partition(another, made, [DATA_VERSION_TAG], ["monday"])
    assert not tags
    assert kinds(database) == ["STEP_START"]
    storage.store_event(succeeded(run_id))
    assert kinds(database) == ["STEP_START", "ASSET_CHECK_EVALUATION", "STEP_SUCCESS"]


def test_what_a_run_tells_right_before_a_step_is_kept_with_its_start_or_with_its_failure(
    storage: PooledEventLogStorage, database: Database
) -> None:
    before = [DagsterEventType.RESOURCE_INIT_STARTED, DagsterEventType.RESOURCE_INIT_SUCCESS]
    for end in (started, lambda run_id: of_step(DagsterEventType.RUN_CANCELING, run_id)):
        run_id = make_new_run_id()
        seen = kinds(database)
        for kind in before:
            storage.store_event(of_step(kind, run_id, EngineEventData()))
        assert kinds(database) == seen
        storage.store_event(end(run_id))
        kept = [event.get_dagster_event().event_type for event in storage.get_logs_for_run(run_id)]
        assert kept[:-1] == before


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (DagsterEventType.STEP_FAILURE, FAILED),
        (DagsterEventType.STEP_SKIPPED, None),
        (DagsterEventType.RUN_CANCELING, None),
    ],
)
def test_verdicts_are_kept_before_whatever_is_told_next(
    storage: PooledEventLogStorage, database: Database, kind: DagsterEventType, data: Any
) -> None:
    run_id = make_new_run_id()
    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    storage.store_event(of_step(kind, run_id, data))
    assert kinds(database) == ["STEP_START", "ASSET_CHECK_EVALUATION", kind.value]


def test_a_log_line_comes_after_the_verdict_before_it(
    storage: PooledEventLogStorage, database: Database
) -> None:
    run_id = make_new_run_id()
    line = EventLogEntry(
        error_info=None, level=10, user_message="a line", run_id=run_id, timestamp=AT
    )
    for event in (started(run_id), verdict(run_id), line):
        storage.store_event(event)
    assert kinds(database) == ["STEP_START", "ASSET_CHECK_EVALUATION", None]


def test_who_executes_the_step_sees_its_verdicts_when_it_asks(
    storage: PooledEventLogStorage,
) -> None:
    run_id = make_new_run_id()
    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    [seen] = storage.get_asset_check_execution_history(FRESH, limit=5)
    assert seen.status is AssetCheckExecutionRecordStatus.SUCCEEDED


def test_a_verdict_of_no_step_under_way_here_is_kept_at_once(
    storage: PooledEventLogStorage, database: Database
) -> None:
    """As one told by the UI's server, for which no step is executed, or by another thread."""
    run_id = make_new_run_id()
    storage.store_event(verdict(run_id))
    storage.store_event(started(run_id))
    storage.store_event(verdict(make_new_run_id()))
    teller = threading.Thread(target=storage.store_event, args=[verdict(run_id)])
    teller.start()
    teller.join()
    storage.store_event(succeeded(run_id))
    storage.store_event(verdict(run_id))
    verdicts = ["ASSET_CHECK_EVALUATION"]
    told = [*verdicts, "STEP_START", *verdicts, *verdicts, "STEP_SUCCESS", *verdicts]
    assert kinds(database) == told


def test_verdicts_that_cannot_be_kept_fail_the_step_and_not_what_follows(
    storage: PooledEventLogStorage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_new_run_id()

    def broken(*_: object) -> None:
        raise ConnectionResetError

    storage.store_event(started(run_id))
    storage.store_event(verdict(run_id))
    with monkeypatch.context() as patch:
        patch.setattr(pooled_events, "store_verdicts", broken)
        with pytest.raises(ConnectionResetError):
            storage.store_event(succeeded(run_id))
    storage.store_event(of_step(DagsterEventType.STEP_FAILURE, run_id, FAILED))
    assert kinds(database) == ["STEP_START", "STEP_FAILURE"]
