"""House-keeping: old days of ticks are archived and dropped, and the UI claims them no more."""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from kalshi_assets.defs.metadata import table
from kalshi_assets.defs.resources import Platform
from kalshi_assets.errors import StorageError
from kalshi_assets.storage.alerts import drop_old_alerts
from kalshi_assets.storage.dagster_record import forget_claims
from kalshi_assets.storage.retention import Outcome, Retention, drop_old_days

# Their rows go with the day. Of signals the rows stay, and so does the claim.
DROPPED = ("raw_ticks", "clean_ticks", "rolling_averages")
CLAIMS_A_PAGE = 1_000
POLLED = frozenset({*DROPPED, "signals"})


@dg.op
def drop_days_past_retention(context: dg.OpExecutionContext, platform: Platform) -> None:
    """Archive and drop the days past retention, then take them out of Dagster's record.

    Alerts of three months ago that are over go, too.

    Raises:
        StorageError: some day could not be archived or dropped; it stays whole.
    """
    settings = platform.settings
    rules = Retention(
        days=settings.tick_retention_days,
        folder=settings.archive_folder,
        is_whole_day=settings.archive_dir is not None,
        window_days=settings.window_days,
    )
    with platform.database.transaction() as connection:
        alerts = drop_old_alerts(connection)
    outcomes = drop_old_days(platform.database, platform.clock.now(), rules)
    dropped = [one.day for one in outcomes if one.problem is None]
    runs = forget_days(context.instance, dropped)
    told = {"days": _shown(outcomes), "runs_deleted": runs, "alerts_dropped": alerts}
    context.add_output_metadata(told)
    if stays := [f"{one.day}: {one.problem}" for one in outcomes if one.problem is not None]:
        raise StorageError(f"{len(stays)} days stay. {'; '.join(stays[:3])}")


@dg.job(
    executor_def=dg.in_process_executor,
    description="Archive and drop the days of ticks that are past retention, every night at 01:30. "
    "When it is red, the days it names stay whole: nothing is dropped that is not archived.",
)
def house_keeping_job() -> None:
    """Keep the database small: see `drop_days_past_retention`."""
    drop_days_past_retention()


def forget_days(instance: dg.DagsterInstance, days: Sequence[date]) -> int:
    """Take dropped days out of Dagster's record; return how many runs were deleted.

    A run goes where all it made is past retention: a poll of one of these days. Of other runs, a
    backfill with summaries say, only the claims on the days' ticks go.
    """
    gone = {day.isoformat() for day in days}
    if not gone:
        return 0
    _keep_claims(instance, "signals", gone)
    runs = {
        record.run_id
        for name in DROPPED
        for record in _claims(instance, name, gone)
        if record.run_id and _is_past(instance, record.run_id, gone)
    }
    for run_id in sorted(runs):
        instance.delete_run(run_id)
    forget_claims(instance.event_log_storage, DROPPED, days)
    return len(runs)


def _is_past(instance: dg.DagsterInstance, run_id: str, gone: set[str]) -> bool:
    """Tell whether all that a run made are ticks and signals of these days."""
    made = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    told = [entry.asset_materialization for entry in made]
    return all(
        one is not None and one.asset_key.path[-1] in POLLED and one.partition in gone
        for one in told
    )


def _keep_claims(instance: dg.DagsterInstance, name: str, gone: set[str]) -> None:
    """Tell once more, without a run, what an asset's partitions of these days were."""
    newest = {
        record.partition_key: record.asset_materialization
        for record in reversed(_claims(instance, name, gone))
    }
    for told in newest.values():
        if told is not None:
            instance.report_runless_asset_event(told)


def _claims(instance: dg.DagsterInstance, name: str, days: set[str]) -> list[dg.EventLogRecord]:
    """Return the materialisations of an asset's partitions, newest first."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(name), asset_partitions=sorted(days))
    found: list[dg.EventLogRecord] = []
    cursor = None
    while True:
        page = instance.fetch_materializations(wanted, limit=CLAIMS_A_PAGE, cursor=cursor)
        found += page.records
        if not page.has_more:
            return found
        cursor = page.cursor


def _shown(outcomes: Sequence[Outcome]) -> dg.MetadataValue:
    return table(
        ["day", "rows archived", "stays because"],
        [[one.day.isoformat(), one.rows, one.problem or ""] for one in outcomes],
        empty="No day is past retention.",
    )
