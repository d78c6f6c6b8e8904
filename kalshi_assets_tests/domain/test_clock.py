from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.clock import FixedClock, VenueClock, parse_instant

VENUE_AT = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
WALL_AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MOMENTS = st.integers(0, 10**15).map(lambda n: VENUE_AT + timedelta(microseconds=n))


@given(MOMENTS, MOMENTS, st.floats(0, 1e9))
def test_a_clock_is_the_same_after_it_was_written_and_read(
    venue: datetime, wall: datetime, speed: float
) -> None:
    clock = VenueClock(venue, wall, speed)
    assert VenueClock.parse(str(clock)) == clock


def test_the_wall_clock_is_written_as_wall() -> None:
    assert str(VenueClock()) == "wall"
    assert VenueClock.parse("wall") == VenueClock()
    assert VenueClock().at(WALL_AT) == WALL_AT


@pytest.mark.parametrize(("speed", "minutes"), [(0, 0), (1, 1), (60, 60), (0.5, 0.5)])
def test_venue_time_runs_at_its_speed_from_its_anchor(speed: float, minutes: float) -> None:
    clock = VenueClock(VENUE_AT, WALL_AT, speed)
    assert clock.at(WALL_AT + timedelta(minutes=1)) == VENUE_AT + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-10-13T14:30:00Z",
        "2026-10-13T14:30:00Z@2026-11-22T09:00:00Z",
        "2026-10-13T14:30:00@2026-11-22T09:00:00Z*1",
        "2026-10-13T14:30:00Z@2026-11-22T09:00:00Z*fast",
        "2026-10-13T14:30:00Z@2026-11-22T09:00:00Z*nan",
        "2026-10-13T14:30:00Z@2026-11-22T09:00:00Z*inf",
        "2026-10-13T14:30:00Z@2026-11-22T09:00:00Z*-1",
    ],
)
def test_a_text_that_is_no_clock_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="is no venue clock: write"):
        VenueClock.parse(text)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        parse_instant("2026-10-13T14:30:00")
    assert parse_instant("2026-10-13T10:30:00-04:00") == VENUE_AT
    assert parse_instant("2026-10-13T10:30:00-04:00").tzinfo is UTC


def test_a_fixed_clock_stands_still() -> None:
    assert FixedClock(VENUE_AT).now() == VENUE_AT
