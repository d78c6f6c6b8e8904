"""What goes out of Dagster's own record: claims on days that are dropped, old runs and ticks.

Dagster has no call that takes a partition's claim back; its `delete_run` takes one run at a time
and leaves the evaluations of checks behind. So its tables are changed here, as those of Dagster
1.13 are (`dagster._core.storage`). They lie in schema `dagster` of our database, beside the ledger
that says which runs must stay.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dagster import AssetKey
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetEventTagsTable, SqlEventLogStorageTable
from sqlalchemy import Connection, delete, select, text

from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.evidence import CHECK as RECONCILED
from kalshi_assets.storage.verdicts import CITED, NEWEST

RUNS_A_BATCH = 200
# With a live feed these run every few seconds, and most of them find nothing to tell of.
OFTEN_RUN = ("feed_job", "order_job")
# A run that made one of these stays as long as its rows: for ever.
MADE_FOR_EVER = ("daily_summaries", "trade_journal", "weekly_review")

_HAS_RECORD = "SELECT to_regclass('dagster.runs') IS NOT NULL"
# The newest word on every partition, check and job, and what the ledger and summaries rest on.
_KEPT = """
SELECT run_id FROM dagster.event_logs WHERE id IN (
    SELECT max(id) FROM dagster.event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'
    GROUP BY asset_key, partition)
UNION SELECT run_id FROM dagster.event_logs
    WHERE dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key = ANY(:for_ever)
UNION SELECT last_run_id FROM dagster.asset_keys WHERE last_run_id IS NOT NULL
UNION SELECT run_id FROM dagster.asset_check_executions WHERE id IN (
    SELECT max(id) FROM dagster.asset_check_executions
    GROUP BY asset_key, check_name, execution_status = 'PLANNED')
UNION SELECT run_id FROM dagster.runs WHERE id IN (
    SELECT max(id) FROM dagster.runs GROUP BY pipeline_name)
UNION SELECT run_id FROM kalshi.orders
UNION SELECT d.run_id FROM kalshi.decisions d JOIN kalshi.orders o USING (decision_id)
"""
# What decided, and the run of the feed before it, of which it took the signals; the checks that
# the ledger rests on; what found a payload that cannot be read.
_REFERRED = f"""
SELECT run_id FROM kalshi.decisions
UNION SELECT fed.run_id FROM dagster.runs r CROSS JOIN LATERAL (
        SELECT run_id FROM dagster.runs f WHERE f.pipeline_name = 'feed_job' AND f.id < r.id
        ORDER BY f.id DESC LIMIT 1) fed
    WHERE r.run_id IN (SELECT run_id FROM kalshi.decisions)
UNION SELECT run_id FROM kalshi.verdicts WHERE verdict_id IN ({CITED})
UNION SELECT run_id FROM kalshi.quarantine
"""  # noqa: S608  ours
_UNFINISHED = """
SELECT pipeline_name FROM dagster.runs
WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED') ORDER BY id
"""
_OLD = """
SELECT run_id FROM dagster.runs
CROSS JOIN LATERAL coalesce(end_time, extract(epoch FROM update_timestamp)) AS ended
WHERE status IN ('SUCCESS', 'FAILURE', 'CANCELED') AND run_id <> ALL(:kept)
    AND (ended < extract(epoch FROM :before)
        OR status = 'SUCCESS' AND pipeline_name = ANY(:often) AND run_id <> ALL(:referred)
            AND ended < extract(epoch FROM :quiet_before))
ORDER BY id LIMIT :limit
"""
# The tags of a run go with its row.
_FORGET = (
    "DELETE FROM dagster.asset_event_tags WHERE event_id IN"
    " (SELECT id FROM dagster.event_logs WHERE run_id = ANY(:runs))",
    "DELETE FROM dagster.event_logs WHERE run_id = ANY(:runs)",
    "DELETE FROM dagster.runs WHERE run_id = ANY(:runs)",
)
# No index leads to a run's evaluations: they go in one pass, after the runs.
_FORGET_EVALUATIONS = """
DELETE FROM dagster.asset_check_executions e
WHERE create_timestamp < :newest AND id NOT IN (
        SELECT max(id) FROM dagster.asset_check_executions
        GROUP BY asset_key, check_name, execution_status = 'PLANNED')
    AND NOT EXISTS (SELECT FROM dagster.runs r WHERE r.run_id = e.run_id)
"""
# A verdict that found nothing wrong goes with its run, unless the ledger or arming asks for it.
_FORGET_VERDICTS = f"""
DELETE FROM kalshi.verdicts v
WHERE is_passed AND markets_failed = '{{}}' AND check_name <> :reconciled
    AND verdict_id NOT IN ({CITED}) AND verdict_id NOT IN ({NEWEST})
    AND NOT EXISTS (SELECT FROM dagster.runs r WHERE r.run_id = v.run_id)
"""  # noqa: S608  ours
# What belongs to no run: how fresh assets were, and claims that were told once more.
_FORGET_RUNLESS = """
DELETE FROM dagster.event_logs
WHERE run_id = '' AND timestamp < :before AND id NOT IN (
    SELECT max(id) FROM dagster.event_logs WHERE run_id = ''
    GROUP BY asset_key, dagster_event_type, partition)
"""
# A plan that no run refers to any more. Newer ones may be of a run that is just being made.
_FORGET_PLANS = """
WITH referred AS MATERIALIZED (
    SELECT DISTINCT CAST(run_body AS jsonb) ->> 'execution_plan_snapshot_id' AS id
    FROM dagster.runs)
DELETE FROM dagster.snapshots
WHERE snapshot_type = 'EXECUTION_PLAN'
    AND snapshot_id NOT IN (SELECT id FROM referred WHERE id IS NOT NULL)
    AND id < (SELECT max(s.id) FROM dagster.snapshots s JOIN referred r ON r.id = s.snapshot_id)
"""
# Dagster would look for old ones at the end of each. One that found nothing to do goes first.
_FORGET_TICKS = """
DELETE FROM dagster.job_ticks
WHERE (timestamp < :before OR status = 'SKIPPED' AND timestamp < :newest)
    AND id NOT IN (SELECT max(id) FROM dagster.job_ticks GROUP BY selector_id)
"""
_FORGET_LEAVINGS = {
    "evaluations": _FORGET_EVALUATIONS,
    "verdicts": _FORGET_VERDICTS,
    "events": _FORGET_RUNLESS,
    "plans": _FORGET_PLANS,
    "ticks": _FORGET_TICKS,
}


def unfinished_runs(connection: Connection) -> list[str]:
    """Return the job of each run that waits or is under way, oldest first."""
    if not connection.scalar(text(_HAS_RECORD)):
        return []
    return list(connection.scalars(text(_UNFINISHED)))


@dataclass(frozen=True)
class Forgotten:
    """How many runs are forgotten; ticks, and what else went that belonged to none any more."""

    runs: int = 0
    evaluations: int = 0
    verdicts: int = 0
    events: int = 0
    plans: int = 0
    ticks: int = 0


@dataclass(frozen=True)
class Before:
    """Runs that ended before these moments go, by the wall, as Dagster's are.

    Attributes:
        all: of every job, and however they ended.
        quiet: of the jobs that run most often, those that ended well and to which neither a
            decision nor an order refers; and ticks that found nothing to do.
    """

    all: datetime
    quiet: datetime


def forget_runs(
    database: Database, before: Before, *, tell: Callable[[Sequence[str]], None]
) -> Forgotten:
    """Take the runs that ended before a moment out of Dagster's record, with all they left there.

    Ticks of sensors and schedules go as runs do, but for the newest of each.

    What stays of them: those behind an order, a summary or a review, and those that hold the
    newest word on a partition, an asset, a check or a job. Some at a time, so that trading goes
    on meanwhile; an interrupted call is completed by the next one.

    Args:
        database: ours, with Dagster's record in it.
        before: the moments.
        tell: is given the ids of each batch once it is gone.
    """
    with database.transaction() as connection:
        if not connection.scalar(text(_HAS_RECORD)):
            return Forgotten()
    runs = 0
    for batch in _batches(database, before):
        runs += len(batch)
        tell(batch)
    return _forget_leavings(database, before, runs=runs)


def _batches(database: Database, before: Before) -> Iterator[list[str]]:
    with database.transaction() as connection:
        kept = list(connection.scalars(text(_KEPT), {"for_ever": _keys(MADE_FOR_EVER)}))
        referred = list(connection.scalars(text(_REFERRED)))
    wanted = {
        "kept": kept,
        "referred": referred,
        "often": list(OFTEN_RUN),
        "before": before.all,
        "quiet_before": before.quiet,
        "limit": RUNS_A_BATCH,
    }
    while True:
        with database.transaction() as connection:
            runs = list(connection.scalars(text(_OLD), wanted))
            for statement in _FORGET if runs else ():
                connection.execute(text(statement), {"runs": runs})
        if not runs:
            return
        yield runs


def _forget_leavings(database: Database, before: Before, *, runs: int) -> Forgotten:
    """Delete what belongs to no run any more, and count it beside the runs."""
    every, quiet = (one.astimezone(UTC).replace(tzinfo=None) for one in (before.all, before.quiet))
    values = {"before": every, "newest": max(every, quiet), "reconciled": RECONCILED}
    with database.transaction() as connection:
        gone = {
            name: connection.execute(text(statement), values).rowcount
            for name, statement in _FORGET_LEAVINGS.items()
        }
    return Forgotten(runs, **gone)


def forget_claims(record: object, assets: Sequence[str], days: Sequence[date]) -> int:
    """Take an asset's partitions of these days out of the record; return how many claims it had.

    Args:
        record: the event log storage of the Dagster instance.
        assets: names of assets.
        days: New York days.

    Raises:
        TypeError: the instance keeps its record in something else than SQL.
    """
    if not isinstance(record, SqlEventLogStorage):
        raise TypeError(f"the record of {type(record).__name__} cannot forget: use PostgreSQL")
    events = SqlEventLogStorageTable.c
    claims = (
        events.dagster_event_type == "ASSET_MATERIALIZATION",
        events.asset_key.in_(_keys(assets)),
        events.partition.in_([day.isoformat() for day in days]),
    )
    tags = AssetEventTagsTable.c.event_id.in_(select(events.id).where(*claims))
    with record.index_connection() as connection:
        connection.execute(delete(AssetEventTagsTable).where(tags))
        forgotten: int = connection.execute(delete(SqlEventLogStorageTable).where(*claims)).rowcount
    for name in assets:
        record.wipe_asset_cached_status(AssetKey(name))
    return forgotten


def _keys(assets: Sequence[str]) -> list[str]:
    """Return the names of assets as the record writes them."""
    return [AssetKey(name).to_string() for name in assets]
