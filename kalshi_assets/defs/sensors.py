"""What starts the jobs, and when. A sensor asks one question and requests one run."""

from datetime import datetime, timedelta
from functools import cache

import dagster as dg

from kalshi_assets.defs import fast_sensors, jobs
from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.run_sensors import failed_run_sensor, recovered_run_sensor
from kalshi_assets.defs.waiting import (
    LOOK_SECONDS,
    URGENT_SECONDS,
    Answer,
    Wait,
    is_unfinished,
    wait_for,
)
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.storage import intake, ledger, trading_state
from kalshi_assets.storage.tidings import MARKETS_CHANNEL, count_of

RUNNING = dg.DefaultSensorStatus.RUNNING
HISTORY_RETRY = timedelta(seconds=30)
HALT_ROUND_SECONDS = 15
NEWS_SECONDS = 60
# A wait for a slot may end a moment before it.
SOON_SECONDS = 0.05
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dg.sensor(
    job=jobs.history_job,
    minimum_interval_seconds=30,
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
    description="Polls all tracked markets once every slot, 90 seconds by default; waits inside "
    "its tick until one begins. Skips a slot that is late, the hours without collection, and the "
    "first loading of history.",
)
def poll_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> Answer:
    """Poll all tracked markets once every slot; one that is late is skipped."""
    return wait_for(platform, [], lambda: _poll_run(context.cursor, platform))


def _poll_run(polled: str | None, platform: Platform) -> Answer | Wait:
    """Look whether a slot has begun that was not polled."""
    settings, now = platform.settings, platform.clock.now()
    slot = slot_of(now, settings.poll_seconds)
    following = slot + timedelta(seconds=settings.poll_seconds)
    seconds = _wall_seconds(following - now, platform.clock.speed)
    if not platform.collection.is_open(now):
        return Wait(f"{now:%H:%M} UTC is outside the collection hours", seconds)
    if slot.isoformat() == polled:
        return Wait(
            f"slot {slot:%H:%M:%S} UTC is polled: the next one begins at {following:%H:%M:%S} UTC",
            seconds,
        )
    late = (now - slot).total_seconds()
    if late > settings.poll_lateness_seconds:
        return Wait(
            f"slot {slot:%H:%M:%S} UTC is {late:.0f} s late: the next one is polled", seconds
        )
    if missing_history(platform, now) and not _is_history_overdue(platform, now):
        return Wait("warming up: the history of the averages' window is being loaded", seconds)
    request = dg.RunRequest(
        run_key=f"poll {slot.isoformat()}",
        partition_key=venue_day(slot).isoformat(),
        tags={SLOT_TAG: slot.isoformat()},
    )
    return dg.SensorResult(run_requests=[request], cursor=slot.isoformat())


def _wall_seconds(rest: timedelta, speed: float) -> float:
    """Return how long to wait for what comes so soon by the venue's clock, and no longer."""
    is_far = rest.total_seconds() >= LOOK_SECONDS * speed
    return LOOK_SECONDS if is_far else max(rest.total_seconds() / speed, SOON_SECONDS)


@dg.sensor(
    job=jobs.reconcile_job,
    minimum_interval_seconds=5,
    default_status=RUNNING,
    description="Reconciles once when the system has started. While trading is halted and an order "
    "of ours may still trade, asks for another round of cancelling every quarter of a minute. "
    "Waits otherwise.",
)
def reconcile_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> Answer:
    """Reconcile at the start; go on cancelling while trading is halted, until confirmed."""
    start = started_at()
    if context.cursor != start:
        request = dg.RunRequest(run_key=f"started {start}")
        return dg.SensorResult(run_requests=[request], cursor=start)
    return wait_for(platform, [], lambda: _cancelling_run(context.instance, platform))


def _cancelling_run(instance: dg.DagsterInstance, platform: Platform) -> Answer | Wait:
    """Look whether trading is halted while an order of ours may still trade."""
    with platform.database.transaction() as connection:
        state = trading_state.current_state(connection)
        live = ledger.live_orders(connection)
    if state != "halted" or not live:
        return Wait(f"trading is {state}, {len(live)} orders are live", URGENT_SECONDS)
    if is_unfinished(instance, jobs.reconcile_job.name):
        return Wait("a round of cancelling is under way", URGENT_SECONDS)
    round_ = int(wall_now().timestamp() // HALT_ROUND_SECONDS)
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"halted {round_}")])


@dg.sensor(
    job=jobs.markets_job,
    minimum_interval_seconds=NEWS_SECONDS,
    default_status=RUNNING,
    description="Refreshes the universe when the live feed has told that a market was made, "
    "paused, determined or changed, every minute at most. Skips where no feed writes.",
)
def markets_sensor(
    context: dg.SensorEvaluationContext, platform: Platform
) -> dg.SensorResult | dg.SkipReason:
    """Refresh the universe when the live feed has told news of markets."""
    with platform.database.transaction() as connection:
        news = str(count_of(connection, MARKETS_CHANNEL))
    if news == (context.cursor or "0"):
        return dg.SkipReason("no live feed has told news of markets")
    if is_unfinished(context.instance, jobs.markets_job.name):
        return dg.SkipReason("the universe is being refreshed")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"news {news}")], cursor=news)


SENSORS = [
    history_sensor,
    poll_sensor,
    *fast_sensors.SENSORS,
    markets_sensor,
    reconcile_sensor,
    failed_run_sensor,
    recovered_run_sensor,
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
