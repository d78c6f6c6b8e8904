"""Drawdown and exposure, by hand, by brute force, and across the end of daylight-saving time."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.review.statistics import Figure, Point, max_drawdown, time_weighted

USD = 1_000_000
START = datetime(2026, 10, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")
VALUES = st.lists(st.integers(-20, 100), min_size=2, max_size=25)


def course(*values: int) -> list[Point]:
    """Return a value an hour."""
    return [(START + n * HOUR, value) for n, value in enumerate(values)]


def test_the_deepest_fall_is_told_with_its_peak_its_trough_and_its_recovery() -> None:
    # Falls: 100 -> 90 (10) and 120 -> 102 (18, of 120: 15 %); 125 is the first value back at 120.
    drawdown = max_drawdown(course(100, 90, 120, 110, 102, 115, 125, 118)).value
    assert drawdown is not None
    assert (drawdown.fall, drawdown.share.value) == (18, Fraction(15, 100))
    assert drawdown.peak_at == START + 2 * HOUR
    assert drawdown.trough_at == START + 4 * HOUR
    assert drawdown.recovered_at == START + 6 * HOUR
    assert not drawdown.is_under_water


def test_what_has_not_come_back_to_its_peak_is_under_water() -> None:
    drawdown = max_drawdown(course(100, 80, 99)).value
    assert drawdown is not None
    assert (drawdown.fall, drawdown.recovered_at) == (20, None)
    assert drawdown.is_under_water


def test_a_value_back_at_its_peak_to_the_micro_has_recovered() -> None:
    drawdown = max_drawdown(course(100, 80, 100)).value
    assert drawdown is not None
    assert drawdown.recovered_at == START + 2 * HOUR


def test_a_fall_begins_at_the_last_moment_at_the_peak_and_ends_at_the_first_at_the_bottom() -> None:
    drawdown = max_drawdown(course(100, 100, 80, 80)).value
    assert drawdown is not None
    assert (drawdown.peak_at, drawdown.trough_at) == (START + HOUR, START + 2 * HOUR)


def test_of_two_falls_the_deeper_in_dollars_counts_though_the_other_is_the_larger_share() -> None:
    # 10 -> 5 is 5 and half of it; 100 -> 90 is 10 and a tenth.
    drawdown = max_drawdown(course(10, 5, 100, 90)).value
    assert drawdown is not None
    assert (drawdown.fall, drawdown.share.value) == (10, Fraction(1, 10))


def test_of_two_equal_falls_the_first_counts() -> None:
    drawdown = max_drawdown(course(100, 90, 100, 90)).value
    assert drawdown is not None
    assert drawdown.trough_at == START + HOUR
    assert drawdown.recovered_at == START + 2 * HOUR


def test_what_never_fell_has_a_drawdown_of_zero_without_a_from_and_to() -> None:
    drawdown = max_drawdown(course(100, 100, 120)).value
    assert drawdown is not None
    assert drawdown.fall == drawdown.share.value == 0
    assert (drawdown.peak_at, drawdown.trough_at) == (None, None)
    assert not drawdown.is_under_water


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_value_has_no_drawdown(count: int) -> None:
    why = "the equity is known at fewer than two moments"
    assert max_drawdown(course(100)[:count]) == Figure(None, why)


@pytest.mark.parametrize(
    ("peak", "why_not"),
    [
        (0, "the peak is zero: a fall has no share of it"),
        (-5, "the peak lies below zero: a fall has no share of it"),
    ],
)
def test_a_fall_from_nothing_has_no_share(peak: int, why_not: str) -> None:
    drawdown = max_drawdown(course(peak, peak - 7)).value
    assert drawdown is not None
    assert drawdown.fall == 7
    assert drawdown.share == Figure(None, why_not)


@given(VALUES)
def test_no_later_value_lies_further_below_an_earlier_one(values: list[int]) -> None:
    drawdown = max_drawdown(course(*values)).value
    assert drawdown is not None
    count = len(values)
    assert drawdown.fall == max(
        values[first] - values[last] for first in range(count) for last in range(first, count)
    )
    by_moment = dict(course(*values))
    if drawdown.peak_at is None or drawdown.trough_at is None:
        assert drawdown.fall == 0
        return
    peak = by_moment[drawdown.peak_at]
    assert peak - by_moment[drawdown.trough_at] == drawdown.fall
    back = [at for at in by_moment if at > drawdown.trough_at and by_moment[at] >= peak]
    assert drawdown.recovered_at == min(back, default=None)
    if drawdown.share.value is not None:
        assert drawdown.share.value == Fraction(drawdown.fall, peak)


def test_exposure_counts_by_how_long_it_stood() -> None:
    # Of 10 hours: $40 for 2, $100 for 3, nothing for 5: (80 + 300) / 10 = $38.
    steps = [
        (START, 40 * USD),
        (START + 2 * HOUR, 100 * USD),
        (START + 5 * HOUR, 0),
    ]
    mean = time_weighted(steps, begin=START, end=START + 10 * HOUR)
    assert mean.value == 38 * USD


def test_what_was_staked_before_the_week_counts_from_its_beginning_and_later_steps_not_at_all() -> (
    None
):
    steps = [
        (START - 9 * HOUR, 7 * USD),
        (START - HOUR, 10 * USD),
        (START + 2 * HOUR, 40 * USD),
        (START + 5 * HOUR, 90 * USD),
    ]
    # Of 3 hours: $10 for 2, $40 for 1: 60 / 3 = $20.
    assert time_weighted(steps, begin=START, end=START + 3 * HOUR).value == 20 * USD
    # A step at the end of the period is not of it.
    assert time_weighted(steps, begin=START, end=START + 5 * HOUR).value == 28 * USD  # 140 / 5


@pytest.mark.parametrize("steps", [[], [(START + HOUR, 5)]])
def test_what_was_staked_at_the_beginning_is_not_guessed(steps: list[Point]) -> None:
    mean = time_weighted(steps, begin=START, end=START + 10 * HOUR)
    assert mean == Figure(None, "what was staked at 2026-10-05 00:00 UTC is not known")


def test_the_mean_is_exact() -> None:
    steps = [(START, 1), (START + HOUR, 0)]
    assert time_weighted(steps, begin=START, end=START + 3 * HOUR).value == Fraction(1, 3)


def test_the_night_the_clock_goes_back_has_an_hour_more() -> None:
    # 1 November 2026, New York: 25 hours. $25 until 01:30 the second time (2.5 hours), then none.
    begin = datetime(2026, 11, 1, tzinfo=NEW_YORK)
    changed = datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=NEW_YORK)
    end = datetime(2026, 11, 2, tzinfo=NEW_YORK)
    mean = time_weighted([(begin, 25 * USD), (changed, 0)], begin=begin, end=end)
    assert mean.value == Fraction(5, 2) * USD


def test_half_past_one_comes_twice_that_night_and_in_this_order() -> None:
    first, second = (datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=NEW_YORK) for fold in (0, 1))
    drawdown = max_drawdown([(first, 100), (second, 90)]).value
    assert drawdown is not None
    assert drawdown.trough_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="in order"):
        max_drawdown([(second, 90), (first, 100)])


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 1_000)), min_size=1, max_size=12),
    st.integers(1, 300),
)
def test_exposure_is_the_mean_of_every_hour(steps: list[tuple[int, int]], hours: int) -> None:
    at, given_steps = START, []
    for length, value in steps:
        given_steps.append((at, value))
        at += length * HOUR
    mean = time_weighted(given_steps, begin=START, end=START + hours * HOUR)
    by_hour = [
        next(value for at, value in reversed(given_steps) if at <= START + hour * HOUR)
        for hour in range(hours)
    ]
    assert mean.value == Fraction(sum(by_hour), hours)


@pytest.mark.parametrize(
    "points", [course(1, 2)[::-1], [(START, 1), (START, 2)]], ids=["backwards", "twice"]
)
def test_moments_out_of_order_are_refused(points: list[Point]) -> None:
    with pytest.raises(ValueError, match="give moments in order, once"):
        max_drawdown(points)
    with pytest.raises(ValueError, match="give moments in order, once"):
        time_weighted(points, begin=START, end=START + HOUR)


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        max_drawdown([(naive, 1), (naive + HOUR, 2)])


def test_a_period_that_does_not_last_is_refused() -> None:
    with pytest.raises(ValueError, match="is not after"):
        time_weighted(course(1), begin=START, end=START)
