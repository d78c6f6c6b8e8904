"""Dagster's record on connections that are kept: same rows, fewer connections, no stale ones."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest
from dagster import AssetKey
from dagster._core.errors import DagsterRunAlreadyExists
from dagster._core.storage.dagster_run import DagsterRun, RunsFilter
from dagster_postgres import PostgresScheduleStorage
from psycopg import sql
from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.exc import IntegrityError

from kalshi_assets.storage import engine
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.pooled_dagster import PooledPostgresStorage, PooledRunStorage
from kalshi_assets_tests.stand import DatabaseMaker, sessions_of_others


@pytest.fixture
def database(make_database: DatabaseMaker) -> Database:
    return Database(make_database())


@pytest.fixture
def storage(database: Database) -> Iterator[PooledPostgresStorage]:
    storage = PooledPostgresStorage(database.plain_url)
    yield storage
    storage.event_log_storage.dispose()


@contextmanager
def all_statements() -> Iterator[list[str]]:
    """Yield what is asked of any database while the block runs."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def end_sessions(database: Database) -> None:
    """End the sessions of others, as a restart of the server does."""
    with database.transaction() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_the_tables_are_made_once_and_found_by_the_next(
    storage: PooledPostgresStorage, database: Database
) -> None:
    storage.run_storage.add_run(DagsterRun(job_name="first"))

    again = PooledPostgresStorage(database.plain_url)

    assert [run.job_name for run in again.run_storage.get_runs()] == ["first"]
    again.event_log_storage.dispose()


def test_several_that_start_together_on_a_new_database_all_find_the_tables(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at a first start: daemon, code server and what ends dead runs."""
    together = threading.Barrier(4)
    make, makers = PostgresScheduleStorage._init_db, list[PostgresScheduleStorage]()

    def made(storage: PostgresScheduleStorage) -> None:
        with suppress(threading.BrokenBarrierError):  # where one makes them alone
            together.wait(1.0)
        makers.append(storage)
        make(storage)

    def start() -> PooledPostgresStorage:
        return PooledPostgresStorage(database.plain_url)

    monkeypatch.setattr(PostgresScheduleStorage, "_init_db", made)
    with ThreadPoolExecutor(4) as pool:
        begun = [pool.submit(start) for _ in range(4)]
        storages = [each.result() for each in begun]

    assert len(makers) == 1, "the others would fail, or try again"
    storages[0].run_storage.add_run(DagsterRun(job_name="first"))
    assert [run.job_name for run in storages[-1].run_storage.get_runs()] == ["first"]
    for storage in storages:
        storage.event_log_storage.dispose()
    assert sessions_of_others(database) == 0


def test_many_questions_take_one_connection(
    storage: PooledPostgresStorage, database: Database
) -> None:
    for number in range(20):
        storage.run_storage.add_run(DagsterRun(job_name=f"job {number}"))
        storage.event_log_storage.get_asset_records([AssetKey("raw_ticks")])
        storage.schedule_storage.all_instigator_state()

    assert sessions_of_others(database) == 1


def test_what_there_is_of_tables_and_columns_is_asked_once(
    storage: PooledPostgresStorage,
) -> None:
    """A run looks itself up several times, and a sensor is noted at each tick."""

    def use() -> str:
        run = storage.run_storage.add_run(DagsterRun(job_name="a job"))
        assert storage.run_storage.get_run_records(RunsFilter(run_ids=[run.run_id]))
        storage.event_log_storage.get_asset_records([AssetKey("raw_ticks")])
        assert storage.schedule_storage.supports_batch_queries
        return run.run_id

    use()
    with all_statements() as asked:
        use()
    assert len(asked) == 3
    assert [each for each in asked if "pg_catalog" in each] == []
    assert [each for each in asked if "secondary_indexes" in each] == [], "nor is a migration"


def test_a_column_that_is_missing_is_asked_for_until_it_is_there(
    storage: PooledPostgresStorage, database: Database
) -> None:
    """A database of an older Dagster may be migrated while this process runs."""
    runs = storage.run_storage
    assert isinstance(runs, PooledRunStorage)
    with database.transaction() as connection:
        connection.execute(text("ALTER TABLE runs RENAME COLUMN start_time TO begun"))
    assert not runs.has_run_stats_index_cols()
    with database.transaction() as connection:
        connection.execute(text("ALTER TABLE runs RENAME COLUMN begun TO start_time"))
    assert runs.has_run_stats_index_cols()


def test_a_run_is_kept_with_its_tags_or_not_at_all(
    storage: PooledPostgresStorage, database: Database
) -> None:
    """A server that is killed in between must not leave a run that no sensor finds again."""
    runs = storage.run_storage
    with database.transaction() as connection:  # no row is taken for the tags of this one
        connection.execute(text("ALTER TABLE run_tags ADD CHECK (value <> 'refused')"))
    with pytest.raises(IntegrityError):
        runs.add_run(DagsterRun(job_name="refused", tags={"dagster/run_key": "refused"}))
    kept = DagsterRun(job_name="kept", tags={"dagster/run_key": "1"})
    runs.add_run(kept)
    with pytest.raises(DagsterRunAlreadyExists):
        runs.add_run(kept)

    assert [run.job_name for run in runs.get_runs()] == ["kept"]
    [found] = runs.get_runs(RunsFilter(tags={"dagster/run_key": "1"}))
    assert found.run_id == kept.run_id


def test_a_server_started_anew_is_connected_to_anew(
    storage: PooledPostgresStorage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RESTED_SECONDS", 0.0)
    storage.run_storage.add_run(DagsterRun(job_name="before"))
    end_sessions(database)

    storage.run_storage.add_run(DagsterRun(job_name="after"))

    assert {run.job_name for run in storage.run_storage.get_runs()} == {"before", "after"}


def test_what_is_disposed_leaves_no_connection(
    storage: PooledPostgresStorage, database: Database
) -> None:
    storage.run_storage.get_runs()
    storage.event_log_storage.dispose()
    assert sessions_of_others(database) == 0


def test_a_forked_process_leaves_its_parents_connection_alone(
    storage: PooledPostgresStorage,
) -> None:
    storage.run_storage.add_run(DagsterRun(job_name="parent's"))
    pid = os.fork()
    if not pid:  # the child: it asks on a connection of its own, and ends
        found = len(storage.run_storage.get_runs())
        storage.event_log_storage.dispose()
        os._exit(0 if found == 1 else 1)
    _, status = os.waitpid(pid, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert [run.job_name for run in storage.run_storage.get_runs()] == ["parent's"]


def test_a_server_that_is_about_to_start_is_waited_for(
    server_url: str, make_database: DatabaseMaker
) -> None:
    """A run's process, or the daemon, may open the storage just when the server starts anew."""
    url = make_database()
    name = str(make_url(url).database)

    def rename(old: str, new: str) -> None:
        words = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(words.format(sql.Identifier(old), sql.Identifier(new)))

    rename(name, f"{name}_away")
    back = threading.Timer(0.5, rename, [f"{name}_away", name])
    back.start()
    began = time.monotonic()
    storage = PooledPostgresStorage(url)
    assert storage.run_storage.get_runs() == []
    storage.event_log_storage.dispose()
    assert time.monotonic() - began > 0.4
    back.join()
