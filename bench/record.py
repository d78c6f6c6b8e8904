"""A year of runs in Dagster's own tables: whether its record stays flat, and what a night takes.

The rows are as many and as long as those of a poll of the demo; a run in twenty of a day of polls,
order jobs and reconciliations. Vacuum stands in for autovacuum, which no year in minutes awaits.
"""

import tempfile
from datetime import datetime, timedelta
from time import perf_counter
from uuid import uuid4

import dagster as dg
from sqlalchemy import text

from bench.report import Figure, Result
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.dagster_record import forget_runs
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare

DAYS, RETENTION = 365, 7
RUNS_A_DAY, FULL_DAY = 100, 2_000
ONE_BY_ONE = 40
EVENTS, MATERIALISATIONS, EVENT_BYTES, CHECKS, CHECK_BYTES, TAGS = 90, 4, 2_150, 13, 2_200, 7
_RUNS = """
INSERT INTO dagster.runs (run_id, pipeline_name, status, run_body, end_time, create_timestamp,
                          update_timestamp)
SELECT :day || '-' || n, 'poll_job', 'SUCCESS', '{}', extract(epoch FROM :at), :naive, :naive
FROM generate_series(1, :runs) n
"""
_TAGS = """
INSERT INTO dagster.run_tags (run_id, key, value)
SELECT :day || '-' || n, 'key ' || k, 'some value of a tag' FROM generate_series(1, :runs) n,
    generate_series(1, :tags) k
"""
_EVENTS = """
INSERT INTO dagster.event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key,
                                partition)
SELECT :day || '-' || n, (SELECT string_agg(md5(random()::text || n || e || k), '')
                          FROM generate_series(1, :bytes / 32) k),
    CASE WHEN e <= :made THEN 'ASSET_MATERIALIZATION' ELSE 'STEP_OUTPUT' END, :naive, 'step',
    CASE WHEN e <= :made THEN '["asset_' || e || '"]' END, CASE WHEN e <= :made THEN :day END
FROM generate_series(1, :runs) n, generate_series(1, :events) e
"""
_CHECKS = """
INSERT INTO dagster.asset_check_executions (asset_key, check_name, run_id, execution_status,
    evaluation_event, create_timestamp)
SELECT '["asset_1"]', 'check ' || k, :day || '-' || n, 'SUCCEEDED',
    (SELECT string_agg(md5(random()::text || n || k || b), '')
     FROM generate_series(1, :check_bytes / 32) b), :naive
FROM generate_series(1, :runs) n, generate_series(1, :checks) k
"""
_SIZE = """
SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
WHERE relnamespace = 'dagster'::regnamespace AND relkind = 'r'
"""


def run(server_url: str) -> list[Result | Figure]:
    """Let a year of days and nights pass, then one night of all of a day's runs."""
    database = Database(create_database(server_url, f"bench_record_{uuid4().hex[:6]}"))
    prepare(database, identity="bench", now=wall_now())
    url = f"{database.plain_url}?options=-csearch_path%3Ddagster"
    storage = {"storage": {"postgres": {"postgres_url": url}}}
    with (
        tempfile.TemporaryDirectory() as folder,
        dg.DagsterInstance.local_temp(folder, overrides=storage) as instance,
    ):
        instance.get_runs_count()
        start = wall_now() - timedelta(days=DAYS + RETENTION)
        sizes, nights = _year(database, start)
        one_by_one = _one_by_one(database, instance, start + timedelta(days=DAYS + 1))
        full = _night(database, start + timedelta(days=DAYS + 2), FULL_DAY)
    database.dispose()
    shown = [
        Figure(f"Dagster's tables after {day} days, MiB", f"{sizes[day]:.0f}", "-")
        for day in (RETENTION + 1, 30, 120, DAYS)
    ]
    return [
        *shown,
        Figure("slowest night of the year, ms", f"{1000 * max(nights):.0f}", "-"),
        Result(f"a night of {FULL_DAY:,} runs, {FULL_DAY * EVENTS:,} events", full, one_by_one),
    ]


def _year(database: Database, start: datetime) -> tuple[dict[int, float], list[float]]:
    """Return the size by day, and what each night took."""
    sizes, nights = {}, []
    for day in range(1, DAYS + 1):
        now = start + timedelta(days=day)
        _fill(database, now, RUNS_A_DAY)
        began = perf_counter()
        forget_runs(database, now - timedelta(days=RETENTION), tell=lambda _: None)
        nights.append(perf_counter() - began)
        sizes[day] = _vacuumed(database)
    return sizes, nights


def _fill(database: Database, at: datetime, runs: int) -> None:
    values = {
        "day": f"{at:%Y-%m-%d}", "at": at, "naive": at.replace(tzinfo=None), "runs": runs,
        "tags": TAGS, "events": EVENTS, "made": MATERIALISATIONS, "bytes": EVENT_BYTES,
        "checks": CHECKS, "check_bytes": CHECK_BYTES,
    }  # fmt: skip
    with database.transaction() as connection:
        for statement in (_RUNS, _TAGS, _EVENTS, _CHECKS):
            connection.execute(text(statement), values)


def _night(database: Database, at: datetime, runs: int) -> float:
    """Return what it takes to forget the runs of one day, while a later day is there."""
    _fill(database, at, runs)
    _fill(database, at + timedelta(days=1), 1)
    _vacuumed(database)
    began = perf_counter()
    forget_runs(database, at + timedelta(hours=1), tell=lambda _: None)
    return perf_counter() - began


def _one_by_one(database: Database, instance: dg.DagsterInstance, at: datetime) -> float:
    """Return what Dagster's own `delete_run` takes for a full day, from a part of it."""
    _fill(database, at, ONE_BY_ONE)
    began = perf_counter()
    for number in range(1, ONE_BY_ONE + 1):
        instance.delete_run(f"{at:%Y-%m-%d}-{number}")
    return (perf_counter() - began) * FULL_DAY / ONE_BY_ONE


def _vacuumed(database: Database) -> float:
    """Return what the tables take in MiB, once what is dead in them may be used again."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        return int(connection.scalar(text(_SIZE)) or 0) / 2**20
