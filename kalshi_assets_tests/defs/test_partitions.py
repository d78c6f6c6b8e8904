"""The days there are: the venue's today is one of them, and hardly any later one."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from kalshi_assets.defs.partitions import end_offset_of
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock


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
    assert end_offset_of(VenueClock()) == 1
