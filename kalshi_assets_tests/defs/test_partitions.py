"""The days and weeks there are: the venue's today is in one of them, and hardly any is later."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from kalshi_assets.defs.partitions import WEEKS, end_offset_of
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.week import Week

WEEK = timedelta(weeks=1)


@pytest.mark.parametrize(
    ("venue", "wall"),
    [
        ("2026-10-13T14:30", "2026-11-22T18:00"),
        ("2026-10-13T14:30", "2026-11-22T05:30"),
        ("2026-10-13T14:30", "2026-10-13T14:30"),
        ("2026-10-13T14:30", "2026-10-01T09:00"),
        ("2026-10-31T14:30", "2027-03-20T14:00"),
    ],
)
def test_today_of_a_recorded_venue_is_among_the_last_partitions(venue: str, wall: str) -> None:
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (venue, wall)]
    clock = VenueClock(at[0], at[1])
    days = dg.DailyPartitionsDefinition(
        "2026-09-01", timezone="America/New_York", end_offset=end_offset_of(clock)
    )
    for hours in range(72):
        now = at[1] + timedelta(hours=hours)
        today = venue_day(clock.at(now)).isoformat()
        assert today in days.get_partition_keys(now)[-3:]


def test_on_the_wall_clock_today_is_the_last_partition() -> None:
    assert end_offset_of(VenueClock()) == end_offset_of(VenueClock(), length=WEEK) == 1


@pytest.mark.parametrize(
    ("venue", "wall"),
    [
        ("2026-10-13T14:30", "2026-11-22T18:00"),
        ("2026-10-17T23:30", "2026-11-27T05:30"),
        ("2026-10-13T14:30", "2026-10-13T14:30"),
        ("2026-10-13T14:30", "2026-10-01T09:00"),
        ("2026-10-31T14:30", "2027-03-20T14:00"),
    ],
)
def test_the_week_of_a_recorded_venue_is_among_the_last_partitions(venue: str, wall: str) -> None:
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (venue, wall)]
    clock = VenueClock(at[0], at[1])
    weeks = dg.WeeklyPartitionsDefinition(
        "2026-09-06",
        timezone="America/New_York",
        end_offset=end_offset_of(clock, length=WEEK),
        fmt="%Y-%m-%d",
    )
    for hours in range(0, 20 * 24, 5):
        now = at[1] + timedelta(hours=hours)
        week = Week.of(clock.at(now)).first_day.isoformat()
        assert week in weeks.get_partition_keys(now)[-3:]


def test_the_first_week_is_that_of_the_first_day() -> None:
    """2025-01-01 is a Wednesday."""
    assert WEEKS.get_first_partition_key() == "2024-12-29"
