"""How old each asset may become before the UI shows it as late: yellow first, then red.

These windows are for people who watch, by the wall clock, from the last materialisation of any
partition. No order depends on them: the gate has its own checks, by the quotes' own time. Polls may
be limited to collection hours. Then the hours without polls are added to the window: a policy knows
no closing times, and a warning every night would teach everybody to look away.
"""

from datetime import timedelta

import dagster as dg

from kalshi_assets.domain.calendar import CollectionCalendar
from kalshi_assets.settings import Settings

DAY = timedelta(days=1)
POLLS_LATE, POLLS_MISSED = 4, 8


def polled(settings: Settings) -> dg.FreshnessPolicy:
    """Return the policy of what every poll refreshes: late after 4 slots, failed after 8."""
    slot = timedelta(seconds=settings.poll_seconds)
    closed = _closed_hours(CollectionCalendar(settings.collection_start, settings.collection_end))
    return dg.FreshnessPolicy.time_window(
        warn_window=closed + POLLS_LATE * slot, fail_window=closed + POLLS_MISSED * slot
    )


def _closed_hours(calendar: CollectionCalendar) -> timedelta:
    """Return how long no quote is collected from one day to the next."""
    if calendar.is_round_the_clock:
        return timedelta(0)
    opens, closes = calendar.opens, calendar.closes
    open_for = timedelta(hours=closes.hour - opens.hour, minutes=closes.minute - opens.minute)
    return DAY - open_for


# The schedule runs every hour, at 7 minutes past.
HOURLY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(minutes=75), fail_window=timedelta(minutes=130)
)
# Reconciled every five minutes, and after every order job.
RECONCILED = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(minutes=11), fail_window=timedelta(minutes=21)
)
# Made on Sunday; one that a machine missed is made when it is up again.
WEEKLY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(days=7, hours=3), fail_window=timedelta(days=8)
)
# Made final at 00:15 New York; the day on which clocks go back has 25 hours.
DAILY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=25, minutes=30), fail_window=timedelta(hours=30)
)
