"""The sensors on the way from a tick to an order: they wait inside their tick, two of each.

A run is asked for as soon as there is something to do and no run does it: one for all that came.
"""

from datetime import timedelta

import dagster as dg

from kalshi_assets.defs import jobs
from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.waiting import (
    BUSY_SECONDS,
    LOOK_SECONDS,
    Answer,
    Asking,
    Wait,
    wait_for,
)
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.execution.desk import trading_calendar_of
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.storage import intake, ledger, signals
from kalshi_assets.storage.tidings import SIGNALS_CHANNEL, TICKS_CHANNEL, count_of

# Checks ask of every tracked market: a feed tells of those that move, polls of the others.
POLLS_APART = 3
FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
TWIN = " Its twin waits while it rests between two ticks."


def feed_sensor_of(name: str) -> dg.SensorDefinition:
    """Make the sensor that starts one run for all that the live feed has told."""

    @dg.sensor(
        name=name,
        job=jobs.feed_job,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Waits for what the live feed tells, and starts one run for all that came "
        "since the last one. Goes on waiting where no feed writes, while a run is cleaning, and "
        "where polls, which know the quiet markets, are missing." + TWIN,
    )
    def feed_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> Answer:
        """Start one run for all that the live feed has told since the last one."""
        asking = Asking(context.instance, platform, jobs.feed_job.name)
        return wait_for(platform, [TICKS_CHANNEL], lambda: _feed_run(asking))

    return feed_sensor


def order_sensor_of(name: str) -> dg.SensorDefinition:
    """Make the sensor that lets new signals be judged."""

    @dg.sensor(
        name=name,
        job_name=jobs.order_job.name,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Waits for signals, and has them judged and placed: once after every poll or "
        "run of the feed that leaves an open signal, a live order or something a rule could sell. "
        "Goes on waiting while a judgement is under way." + TWIN,
    )
    def order_sensor(context: dg.SensorEvaluationContext, platform: Platform) -> Answer:
        """Judge and place, once after every poll or feed run that left something to judge."""
        asking = Asking(context.instance, platform, jobs.order_job.name)
        return wait_for(platform, [SIGNALS_CHANNEL], lambda: _order_run(asking))

    return order_sensor


feed_sensor, feed_sensor_twin = map(feed_sensor_of, ("feed_sensor", "feed_sensor_twin"))
# Signals may come faster than two of them have rested.
order_sensor, order_sensor_twin, order_sensor_third = map(
    order_sensor_of, ("order_sensor", "order_sensor_twin", "order_sensor_third")
)
SENSORS = [feed_sensor, feed_sensor_twin, order_sensor, order_sensor_twin, order_sensor_third]


def _feed_run(asking: Asking) -> Answer | Wait:
    """Look whether the feed has told something that no run has taken."""
    platform, now = asking.platform, asking.platform.clock.now()
    with platform.database.transaction() as connection:
        told, poll = count_of(connection, TICKS_CHANNEL), intake.latest_poll(connection)
    claim = asking.open_claim(str(told)) if told else None
    if claim is None:
        return Wait("no live feed has told anything new")
    longest = timedelta(seconds=POLLS_APART * platform.settings.poll_seconds)
    if poll is None or now - poll.slot > longest:
        return Wait(f"nothing was polled for {longest}: what was told waits for a poll")
    if (busy := asking.busy_with(jobs.poll_job.name)) is not None:
        return Wait(f"a run of {busy} is cleaning: what came since follows it", BUSY_SECONDS)
    if (rest := _rest_seconds(asking)) > 0:
        return Wait("the last run of the feed began a moment ago", rest)
    if not claim():
        return Wait("the twin has asked for the run")
    request = dg.RunRequest(
        run_key=f"feed {told}",
        partition_key=venue_day(now).isoformat(),
        tags={SLOT_TAG: now.isoformat()},
    )
    return dg.SensorResult(run_requests=[request])


def _rest_seconds(asking: Asking) -> float:
    """Return how long the next run of the feed has to wait, by the distance that settings ask."""
    every = _seconds_apart(asking.platform)
    newest = asking.instance.get_run_records(dg.RunsFilter(job_name=asking.job), limit=1)
    if not every or not newest:
        return 0.0
    rest = every - (wall_now() - newest[0].create_timestamp).total_seconds()
    # Trading may begin meanwhile, or something be bought: the distance is asked for anew.
    return min(rest, LOOK_SECONDS)


def _seconds_apart(platform: Platform) -> float:
    """Return how far apart runs of the feed begin: as polls while nothing could be traded.

    Exits keep no hours, and what rests is withdrawn by a judgement: either keeps the feed fast.
    """
    settings, now = platform.settings, platform.clock.now()
    fast = float(settings.feed_run_seconds)
    if trading_calendar_of(settings).closed_because(now) is None:
        return fast
    with platform.database.transaction() as connection:
        if ledger.live_orders(connection) or (platform.has_exit_rules and own_holdings(connection)):
            return fast
    # Polls keep the venue's time, runs that of the wall.
    return max(fast, settings.poll_seconds / max(1.0, platform.clock.speed))


def _order_run(asking: Asking) -> Answer | Wait:
    """Look whether there are signals that no run has judged, or a failed poll to be judged."""
    platform = asking.platform
    with platform.database.transaction() as connection:
        told = count_of(connection, SIGNALS_CHANNEL)
    failed = _newest_failed_slot(asking.instance)
    mark = f"{told} {failed or 'none'}"
    claim = asking.open_claim(mark) if told or failed else None
    if claim is None:
        return Wait("no poll has ended since the last judgement")
    if asking.busy_with() is not None:
        return Wait("a judgement is under way: the next one follows it", BUSY_SECONDS)
    with platform.database.transaction() as connection:
        open_signals = signals.open_signals(connection, venue_day(platform.clock.now()))
        live = ledger.live_orders(connection)
        held = own_holdings(connection) if platform.has_exit_rules else []
    if not open_signals and not live and not held:
        return Wait("no open signal, no live order, nothing held that a rule could sell")
    if not claim():
        return Wait("the twin has asked for the judgement")
    slot = platform.clock.now().isoformat()
    request = dg.RunRequest(run_key=f"orders {mark}", tags={SLOT_TAG: slot})
    return dg.SensorResult(run_requests=[request])


def _newest_failed_slot(instance: dg.DagsterInstance) -> str | None:
    """Return the newest moment for which a poll or feed run failed: it may have left no signals."""
    slots = [
        run.tags[SLOT_TAG]
        for job in (jobs.poll_job, jobs.feed_job)
        for run in instance.get_runs(
            dg.RunsFilter(job_name=job.name, statuses=list(FAILED)), limit=5
        )
        if SLOT_TAG in run.tags  # a backfill started by hand has none
    ]
    return max(slots, default=None)
