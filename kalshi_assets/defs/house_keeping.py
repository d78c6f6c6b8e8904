"""House-keeping: old days of ticks are archived and dropped, and old runs are forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from kalshi_assets.defs.metadata import table
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import StorageError
from kalshi_assets.storage.alerts import drop_old_alerts
from kalshi_assets.storage.dagster_record import Before, forget_claims, forget_runs
from kalshi_assets.storage.retention import (
    Outcome,
    Retention,
    drop_old_days,
    forget_beside_ticks,
)

# Their rows go with the day, and so do the claims. Of signals the rows stay, and so does the claim.
DROPPED = ("raw_ticks", "clean_ticks", "rolling_averages")
# Sensors on runs leave a file a tick below a folder of this name. Dagster forgets the ticks only.
TICKS_OF = "__repository__"


@dg.op
def drop_days_past_retention(context: dg.OpExecutionContext, platform: Platform) -> None:
    """Archive and drop the days past retention, then take the claims on them out of the record.

    What tells of these ticks goes with them: verdicts behind no decision, polls, gaps, payloads
    nobody could read, books of markets that are over. So do alerts of three months ago that are.

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
    claims = forget_claims(context.instance.event_log_storage, DROPPED, dropped) if dropped else 0
    with platform.database.transaction() as connection:
        beside = forget_beside_ticks(connection, platform.clock.now(), retention_days=rules.days)
    told = {"days": _shown(outcomes), "claims_forgotten": claims, "alerts_dropped": alerts}
    context.add_output_metadata(told | {f"{name}_dropped": rows for name, rows in beside.items()})
    if stays := [f"{one.day}: {one.problem}" for one in outcomes if one.problem is not None]:
        raise StorageError(f"{len(stays)} days stay. {'; '.join(stays[:3])}")


@dg.op
def forget_runs_past_retention(context: dg.OpExecutionContext, platform: Platform) -> None:
    """Take the runs past retention out of Dagster's record, with their events and logs.

    The runs behind orders, summaries and reviews stay, and so does whatever is the newest word on
    a partition, an asset, a check or a job. Runs of the feed and of orders that ended well, and to
    which neither a decision nor an order refers, have a retention of their own.
    """

    def drop_logs(runs: Sequence[str]) -> None:
        for run_id in runs:
            context.instance.compute_log_manager.delete_logs(prefix=[run_id])

    settings, now = platform.settings, wall_now()
    before = Before(
        all=now - timedelta(days=settings.run_retention_days),
        quiet=now - timedelta(hours=settings.quiet_run_retention_hours),
    )
    forgotten = forget_runs(platform.database, before, tell=drop_logs)
    told = {f"{name}_forgotten": n for name, n in vars(forgotten).items()}
    ticks = drop_logs_of_ticks(context.instance, before.all)
    context.add_output_metadata(told | {"tick_logs_dropped": ticks})


def drop_logs_of_ticks(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete what ticks left among the logs before a moment, by the wall; return how many files."""
    logs = instance.compute_log_manager
    if not isinstance(logs, LocalComputeLogManager):
        return 0
    folder = Path(logs.get_captured_local_path([TICKS_OF, "any"], "err")).parent
    old = [p for p in folder.glob("*/*") if p.stat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink()
    return len(old)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Archive and drop the days of ticks that are past retention, and forget old runs, "
    "every night at 01:30. When it is red, the days it names stay whole: nothing is dropped that "
    "is not archived.",
)
def house_keeping_job() -> None:
    """Keep the database small: see `drop_days_past_retention`, `forget_runs_past_retention`."""
    drop_days_past_retention()
    forget_runs_past_retention()


def _shown(outcomes: Sequence[Outcome]) -> dg.MetadataValue:
    return table(
        ["day", "rows archived", "stays because"],
        [[one.day.isoformat(), one.rows, one.problem or ""] for one in outcomes],
        empty="No day is past retention.",
    )
