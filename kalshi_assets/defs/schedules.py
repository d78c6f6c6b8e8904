"""What starts by the clock of New York, and when."""

from datetime import timedelta

import dagster as dg

from kalshi_assets.defs import jobs
from kalshi_assets.defs.house_keeping import house_keeping_job
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import VENUE_TIMEZONE, venue_day
from kalshi_assets.domain.week import Week
from kalshi_assets.settings import load_settings

DUE = load_settings().review_time


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


@dg.schedule(
    job=jobs.review_job,
    cron_schedule=f"{DUE.minute} {DUE.hour} * * 0",
    description="Reviews the week that has ended, on Sunday morning in New York.",
    execution_timezone=VENUE_TIMEZONE,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def review_schedule(context: dg.ScheduleEvaluationContext, platform: Platform) -> dg.RunRequest:
    """Review the week that had ended when this was due, be it asked late."""
    due = platform.clock.at(context.scheduled_execution_time)
    return dg.RunRequest(partition_key=Week.of(due).shifted(-1).first_day.isoformat())


SCHEDULES = [
    markets_schedule,
    daily_summaries_schedule,
    reconcile_schedule,
    house_keeping_schedule,
    review_schedule,
]
