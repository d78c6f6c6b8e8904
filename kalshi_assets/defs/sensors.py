"""What starts the jobs, and when. A sensor asks one question and requests one run."""

from datetime import datetime, timedelta
from functools import cache

import dagster as dg

from kalshi_assets.defs import jobs
from kalshi_assets.defs.house_keeping import house_keeping_job
from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.run_sensors import failed_run_sensor, recovered_run_sensor
from kalshi_assets.domain.calendar import VENUE_TIMEZONE, venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.storage import intake, ledger, signals, trading_state

RUNNING = dg.DefaultSensorStatus.RUNNING
HISTORY_RETRY = timedelta(seconds=30)
HALT_ROUND_SECONDS = 15
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dg.sensor(
    job=jobs.history_job,
    minimum_interval_seconds=15,
    default_status=RUNNING,
    description="Loads the days that the averages need, where they were never loaded. Skips while "
    "all of them are there, and for half a minute after a failed attempt.",
)
def history_sensor(
    context: dg.SensorEvaluationContext, platform: Platform
) -> dg.RunRequest | dg.SkipReason:
    """Load the days that the averages need, where they were never loaded."""
    now = platform.clock.now()
    missing = missing_history(platform, now)
    if not missing:
        return dg.SkipReason("the history of every tracked market is loaded")
    newest = context.instance.get_run_records(
        dg.RunsFilter(job_name=jobs.history_job.name), limit=1
    )
    if newest and newest[0].dagster_run.status not in ENDED:
        return dg.SkipReason("the history is being loaded")
    if newest and wall_now() - newest[0].create_timestamp < HISTORY_RETRY:
        return dg.SkipReason(f"the last attempt failed: the next one follows in {HISTORY_RETRY}")
    attempt = newest[0].dagster_run.run_id if newest else "first"
    first, last = missing[0], missing[-1]
    return dg.RunRequest(
        run_key=f"history {first} {last} after {attempt}",
        tags={RANGE_START_TAG: first, RANGE_END_TAG: last},
    )


@dg.sensor(
    job=jobs.poll_job,
    minimum_interval_seconds=5,
    default_status=RUNNING,
    description="Polls all tracked markets once every slot, 90 seconds by default. Skips a slot "
    "that is late, the hours without collection, and the first loading of history.",
)
def poll_sensor(
    context: dg.SensorEvaluationContext, platform: Platform
) -> dg.SensorResult | dg.SkipReason:
    """Poll all tracked markets once every slot; one that is late is skipped."""
    settings, now = platform.settings, platform.clock.now()
    slot = slot_of(now, settings.poll_seconds)
    if not platform.collection.is_open(now):
        return dg.SkipReason(f"{now:%H:%M} UTC is outside the collection hours")
    if slot.isoformat() == context.cursor:
        following = slot + timedelta(seconds=settings.poll_seconds)
        return dg.SkipReason(
            f"slot {slot:%H:%M:%S} UTC is polled: the next one begins at {following:%H:%M:%S} UTC"
        )
    late = (now - slot).total_seconds()
    if late > settings.poll_lateness_seconds:
        return dg.SkipReason(
            f"slot {slot:%H:%M:%S} UTC is {late:.0f} s late: the next one is polled"
        )
    if missing_history(platform, now) and not _is_history_overdue(platform, now):
        return dg.SkipReason("warming up: the history of the averages' window is being loaded")
    request = dg.RunRequest(
        run_key=f"poll {slot.isoformat()}",
        partition_key=venue_day(slot).isoformat(),
        tags={SLOT_TAG: slot.isoformat()},
    )
    return dg.SensorResult(run_requests=[request], cursor=slot.isoformat())


@dg.sensor(
    job=jobs.order_job,
    minimum_interval_seconds=5,
    default_status=RUNNING,
    description="Judges and places, once after every poll that left open signals or live orders. "
    "Skips in between: a signal is judged with the quotes of the poll that has just ended.",
)
def order_sensor(
    context: dg.SensorEvaluationContext, platform: Platform
) -> dg.SensorResult | dg.SkipReason:
    """Judge and place, once after every poll that left open signals or live orders."""
    ended = context.instance.get_runs(
        dg.RunsFilter(job_name=jobs.poll_job.name, statuses=list(ENDED)), limit=10
    )
    # A backfill started by hand has no slot.
    slot = next((run.tags[SLOT_TAG] for run in ended if SLOT_TAG in run.tags), None)
    if slot is None or slot == context.cursor:
        return dg.SkipReason("no poll has ended since the last judgement")
    with platform.database.transaction() as connection:
        open_signals = signals.open_signals(connection, venue_day(platform.clock.now()))
        live = ledger.live_orders(connection)
        held = own_holdings(connection) if platform.has_exit_rules else []
    if not open_signals and not live and not held:
        why = "no open signal, no live order, nothing held that a rule could sell"
        return dg.SensorResult(skip_reason=why, cursor=slot)
    request = dg.RunRequest(run_key=f"orders {slot}", tags={SLOT_TAG: slot})
    return dg.SensorResult(run_requests=[request], cursor=slot)


@dg.sensor(
    job=jobs.reconcile_job,
    minimum_interval_seconds=5,
    default_status=RUNNING,
    description="Reconciles once when the system has started. While trading is halted and an order "
    "of ours may still trade, asks for another round of cancelling every quarter of a minute. "
    "Skips otherwise.",
)
def reconcile_sensor(
    context: dg.SensorEvaluationContext, platform: Platform
) -> dg.SensorResult | dg.RunRequest | dg.SkipReason:
    """Reconcile at the start; go on cancelling while trading is halted, until confirmed."""
    start = started_at()
    if context.cursor != start:
        request = dg.RunRequest(run_key=f"started {start}")
        return dg.SensorResult(run_requests=[request], cursor=start)
    with platform.database.transaction() as connection:
        state = trading_state.current_state(connection)
        live = ledger.live_orders(connection)
    if state != "halted" or not live:
        return dg.SkipReason(f"trading is {state}, {len(live)} orders are live")
    unfinished = dg.RunsFilter(job_name=jobs.reconcile_job.name, statuses=list(UNFINISHED))
    if context.instance.get_runs(unfinished, limit=1):
        return dg.SkipReason("a round of cancelling is under way")
    round_ = int(wall_now().timestamp() // HALT_ROUND_SECONDS)
    return dg.RunRequest(run_key=f"halted {round_}")


@dg.schedule(
    job=jobs.markets_job,
    cron_schedule="7 * * * *",
    description="Refreshes the universe every hour: which markets are open, and which are tracked.",
    execution_timezone=VENUE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def markets_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Refresh the universe every hour."""
    return dg.RunRequest()


@dg.schedule(
    job=jobs.daily_summaries_job,
    cron_schedule="15 0 * * *",
    description="Makes yesterday's summaries final, a quarter of an hour after the New York day.",
    execution_timezone=VENUE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_summaries_schedule(
    context: dg.ScheduleEvaluationContext, platform: Platform
) -> dg.RunRequest:
    """Make yesterday's summaries final, a quarter of an hour after the New York day has ended."""
    yesterday = venue_day(platform.clock.now()) - timedelta(days=1)
    return dg.RunRequest(partition_key=yesterday.isoformat())


@dg.schedule(
    job=jobs.reconcile_job,
    cron_schedule="*/5 * * * *",
    description="Brings orders, fills, positions and portfolio to what the venue states.",
    execution_timezone=VENUE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def reconcile_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Reconcile with the venue every five minutes."""
    return dg.RunRequest()


@dg.schedule(
    job=house_keeping_job,
    cron_schedule="30 1 * * *",
    description="Archives and drops the days of ticks that are past retention, every night.",
    execution_timezone=VENUE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def house_keeping_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Archive and drop days past retention every night."""
    return dg.RunRequest()


SENSORS = [
    history_sensor,
    poll_sensor,
    order_sensor,
    reconcile_sensor,
    failed_run_sensor,
    recovered_run_sensor,
]
SCHEDULES = [
    markets_schedule,
    daily_summaries_schedule,
    reconcile_schedule,
    house_keeping_schedule,
]


@cache
def started_at() -> str:
    """Return when this code server asked first: another one means that something was restarted."""
    return wall_now().isoformat()


def missing_history(platform: Platform, now: datetime) -> list[str]:
    """Return the days of the window whose history is not loaded for every tracked market."""
    length = platform.settings.history_days
    with platform.database.transaction() as connection:
        missing = intake.missing_history_days(connection, now, history_days=length)
    return [day.isoformat() for day in missing]


def _is_history_overdue(platform: Platform, now: datetime) -> bool:
    """Tell whether collection must start although the history could not be loaded."""
    with platform.database.transaction() as connection:
        return intake.is_history_overdue(connection, now)
