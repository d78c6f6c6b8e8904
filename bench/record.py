"""A year of days and nights: whether Dagster's record, and what tells of ticks, stay flat.

A fortieth of a day of polls, order jobs and reconciliations, each run with as many rows as a poll
of the demo leaves, as long as they lie on disk. In an installation one run a day holds the newest
word on that day's signals and stays for ever: here, one in forty days. Vacuum stands in for
autovacuum, which no year in minutes awaits.
"""

import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import perf_counter
from uuid import uuid4

import dagster as dg
from sqlalchemy import text

from bench.report import Figure, Result
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.dagster_record import Before, forget_runs
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare
from kalshi_assets.storage.retention import forget_beside_ticks

DAYS, RETENTION, TICK_RETENTION = 365, 7, 30
RUNS_A_DAY, FULL_DAY = 50, 2_000
# Of a live feed: every 10 s from 08:00 to 18:00, else every 90 s.
FED_DAY = 4_160
ONE_BY_ONE = 40
SHAPE = {"events": 90, "made": 4, "checks": 20, "tags": 7, "verdicts": 8, "markets": 100}
# Made once, and taken in turn: no two rows of a page are equal, and none costs a hash.
_TEXTS = """
CREATE UNLOGGED TABLE texts AS
SELECT n, string_agg(md5(random()::text || n || k), '') AS words
FROM generate_series(0, 63) n, generate_series(1, 50) k GROUP BY n
"""
_RUNS = """
INSERT INTO dagster.runs (run_id, pipeline_name, status, run_body, end_time, create_timestamp,
                          update_timestamp)
SELECT :day || '-' || n, :job, 'SUCCESS', '{}', extract(epoch FROM :at), :naive, :naive
FROM generate_series(1, :runs) n
"""
_TAGS = """
INSERT INTO dagster.run_tags (run_id, key, value)
SELECT :day || '-' || n, 'key ' || k, 'some value of a tag' FROM generate_series(1, :runs) n,
    generate_series(1, :tags) k
"""
_EVENTS = """
WITH added AS (
    INSERT INTO dagster.event_logs (run_id, event, dagster_event_type, timestamp, step_key,
                                    asset_key, partition)
    SELECT :day || '-' || run, words,
        CASE WHEN e <= :made THEN 'ASSET_MATERIALIZATION' ELSE 'STEP_OUTPUT' END, :naive, 'step',
        CASE WHEN e <= :made THEN '["asset_' || e || '"]' END, CASE WHEN e <= :made THEN :claim END
    FROM generate_series(1, :runs) run CROSS JOIN generate_series(1, :events) e
    JOIN texts ON texts.n = (run * 7 + e) % 64
    ORDER BY run, e
    RETURNING id, asset_key)
INSERT INTO dagster.asset_event_tags (event_id, asset_key, key, value, event_timestamp)
SELECT id, asset_key, 'dagster/data_version', md5(id::text), :naive
FROM added WHERE asset_key IS NOT NULL
"""
_CHECKS = """
INSERT INTO dagster.asset_check_executions (asset_key, check_name, run_id, execution_status,
    evaluation_event, create_timestamp)
SELECT '["asset_1"]', 'check ' || k, :day || '-' || run, 'SUCCEEDED', words, :naive
FROM generate_series(1, :runs) run CROSS JOIN generate_series(1, :checks) k
JOIN texts ON texts.n = k
"""
_VERDICTS = """
INSERT INTO kalshi.verdicts (check_name, asset, as_of, is_passed, observed, threshold,
    markets_checked, markets_failed, run_id)
SELECT 'check ' || k, 'raw_ticks', :at, true, '1', '2', ARRAY(
    SELECT 'KXSERIES-26DEC-T' || m FROM generate_series(1, :markets) m), '{}', :day || '-' || run
FROM generate_series(1, :runs) run, generate_series(1, :verdicts) k
"""
_POLLS = """
INSERT INTO kalshi.polls (slot, received_at, expected, received, duplicates, rejected)
SELECT :at + run * interval '90 seconds', :at, ARRAY(
    SELECT 'KXSERIES-26DEC-T' || m FROM generate_series(1, :markets) m), :markets, '{}', 0
FROM generate_series(1, :runs) run ON CONFLICT DO NOTHING
"""
_SIZES = """
SELECT n.nspname || '.' || c.relname, pg_total_relation_size(c.oid) / 2.0 ^ 20
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('dagster', 'kalshi') AND c.relkind = 'r'
"""
_FILLED = (
    "dagster.runs, dagster.run_tags, dagster.event_logs, dagster.asset_event_tags, "
    "dagster.asset_check_executions, kalshi.verdicts, kalshi.polls"
)
Sizes = Mapping[str, float]


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
        with database.transaction() as connection:
            connection.execute(text(_TEXTS))
        start = wall_now() - timedelta(days=DAYS + RETENTION)
        sizes, nights = _year(database, start)
        with database.transaction() as connection:
            left = connection.scalar(text("SELECT count(*) FROM dagster.runs"))
        one_by_one = _one_by_one(database, instance, start + timedelta(days=DAYS + 1))
        full = _night(database, start + timedelta(days=DAYS + 2), FULL_DAY)
        fed = _night(database, start + timedelta(days=DAYS + 4), FED_DAY, job="feed_job")
    database.dispose()
    night = f"a night of {FULL_DAY:,} runs, {FULL_DAY * SHAPE['events']:,} events"
    return [
        *_shown(sizes),
        Figure(
            f"runs left of {DAYS * RUNS_A_DAY:,}", f"{left:,}", f"{(RETENTION + 1) * RUNS_A_DAY:,}"
        ),
        Figure("slowest night of the year, ms", f"{1000 * max(nights):.0f}", "-"),
        Result(night, full, one_by_one),
        Figure(f"a night of {FED_DAY:,} quiet runs of the feed, s", f"{fed:.1f}", "-"),
    ]


def _shown(sizes: Mapping[int, Sizes]) -> list[Figure]:
    """Return the size of Dagster's tables and of ours, by day, and which grew most."""
    figures = []
    for schema, first in (("dagster", 2 * RETENTION), ("kalshi", TICK_RETENTION + RETENTION)):
        total = {
            day: sum(size for name, size in tables.items() if name.startswith(f"{schema}."))
            for day, tables in sizes.items()
        }
        figures += [
            Figure(f"schema {schema} after {day} days, MiB", f"{total[day]:.1f}", "-")
            for day in (first, 60, 120, 240, DAYS)
        ]
    early, late = sizes[60], sizes[DAYS]
    growth, most = max((late[name] - early[name], name) for name in late)
    return [*figures, Figure(f"grew most since day 60: {most}, MiB", f"{growth:.1f}", "-")]


def _year(database: Database, start: datetime) -> tuple[dict[int, Sizes], list[float]]:
    """Return the sizes by day, and what each night took."""
    sizes, nights = {}, []
    for number in range(1, DAYS + 1):
        now = start + timedelta(days=number)
        _fill(database, now, RUNS_A_DAY, claim=f"days {number // (FULL_DAY // RUNS_A_DAY)}")
        began = perf_counter()
        before = now - timedelta(days=RETENTION)
        forget_runs(database, Before(before, before), tell=lambda _: None)
        with database.transaction() as connection:
            forget_beside_ticks(connection, now, retention_days=TICK_RETENTION)
        nights.append(perf_counter() - began)
        sizes[number] = _vacuumed(database)
    return sizes, nights


def _fill(
    database: Database,
    at: datetime,
    runs: int,
    *,
    claim: str = "a day",
    job: str = "poll_job",
) -> None:
    own = {"day": f"{at:%Y-%m-%d}", "at": at, "naive": at.replace(tzinfo=None)}
    values = SHAPE | own | {"runs": runs, "claim": claim, "job": job}
    with database.transaction() as connection:
        for statement in (_RUNS, _TAGS, _EVENTS, _CHECKS, _VERDICTS, _POLLS):
            connection.execute(text(statement), values)


def _night(database: Database, at: datetime, runs: int, *, job: str = "poll_job") -> float:
    """Return what it takes to forget the runs of one day, while a later day is there."""
    _fill(database, at, runs, job=job)
    _fill(database, at + timedelta(days=1), 1, job=job)
    _vacuumed(database)
    quiet = at + timedelta(hours=1)
    before = Before(all=quiet if job == "poll_job" else at - timedelta(days=RETENTION), quiet=quiet)
    began = perf_counter()
    forget_runs(database, before, tell=lambda _: None)
    return perf_counter() - began


def _one_by_one(database: Database, instance: dg.DagsterInstance, at: datetime) -> float:
    """Return what Dagster's own `delete_run` takes for a full day, from a part of it."""
    _fill(database, at, ONE_BY_ONE)
    began = perf_counter()
    for number in range(1, ONE_BY_ONE + 1):
        instance.delete_run(f"{at:%Y-%m-%d}-{number}")
    return (perf_counter() - began) * FULL_DAY / ONE_BY_ONE


def _vacuumed(database: Database) -> Sizes:
    """Return what each table takes in MiB, once what is dead in them may be used again."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM (ANALYZE) {_FILLED}"))
        return {name: float(size) for name, size in connection.execute(text(_SIZES))}
