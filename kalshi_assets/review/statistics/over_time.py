"""Values over time: how far equity fell, what was staked on average. Money in micros.

Moments are compared in UTC: Python compares and subtracts two moments of one time zone by their
wall clock, which is an hour off across the end of daylight-saving time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from kalshi_assets.review.statistics.figure import Figure, ratio

# A moment and the value from then on.
Point = tuple[datetime, int]
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Drawdown:
    """The deepest fall, in dollars, below the highest value before it. Moments are UTC.

    Attributes:
        fall: micros, not below 0; 0 where the value never fell.
        share: the fall as a share of its peak.
        peak_at: the last moment at the peak; None where the value never fell, like the next one.
        trough_at: the first moment at the lowest value.
        recovered_at: the first moment back at the peak; None where it never came back.
    """

    fall: int
    share: Figure[Fraction]
    peak_at: datetime | None = None
    trough_at: datetime | None = None
    recovered_at: datetime | None = None

    @property
    def is_under_water(self) -> bool:
        """Tell whether the value has fallen and has not come back to its peak."""
        return self.peak_at is not None and self.recovered_at is None


def max_drawdown(equity: Sequence[Point]) -> Figure[Drawdown]:
    """Return the deepest fall of a series; of two equally deep ones the first.

    Args:
        equity: in order of time, without what was paid in and out (a withdrawal is no loss), the
            value at the opening first.

    Raises:
        ValueError: moments without a zone or out of order.
    """
    course = _in_order(equity)
    if len(course) < 2:
        return Figure(None, "the equity is known at fewer than two moments")
    peak, top, low = course[0], course[0], course[0]
    for point in course:
        if point[1] >= peak[1]:
            peak = point
        elif peak[1] - point[1] > top[1] - low[1]:
            top, low = peak, point
    if top == low:
        return Figure(Drawdown(0, Figure(Fraction(0))))
    back = (at for at, value in course if at > low[0] and value >= top[1])
    return Figure(
        Drawdown(top[1] - low[1], _share(top, low), top[0], low[0], recovered_at=next(back, None))
    )


def time_weighted(steps: Sequence[Point], *, begin: datetime, end: datetime) -> Figure[Fraction]:
    """Return the mean of a value from `begin` to `end`, weighted by how long it stood.

    Args:
        steps: in order of time; each value holds until the next one, the last one until `end`. The
            first must stand at `begin` or before: what was staked then is not guessed.
        begin: first moment.
        end: the moment after the last; a week with a change of the clock has 167 or 169 hours.

    Raises:
        ValueError: moments without a zone or out of order, or `end` not after `begin`.
    """
    first, last = _utc(begin), _utc(end)
    if last <= first:
        raise ValueError(f"{last} is not after {first}")
    course = [point for point in _in_order(steps) if point[0] < last]
    if not course or course[0][0] > first:
        return Figure(None, f"what was staked at {first:%Y-%m-%d %H:%M} UTC is not known")
    total = sum(
        value * ((until - max(at, first)) // MICROSECOND)
        for (at, value), (until, _) in pairwise([*course, (last, 0)])
        if until > first
    )
    return Figure(Fraction(total, (last - first) // MICROSECOND))


def _share(top: Point, low: Point) -> Figure[Fraction]:
    if top[1] < 0:
        return Figure(None, "the peak lies below zero: a fall has no share of it")
    return ratio(top[1] - low[1], top[1], why_not="the peak is zero: a fall has no share of it")


def _in_order(points: Sequence[Point]) -> list[Point]:
    course = [(_utc(at), value) for at, value in points]
    for (before, _), (after, _) in pairwise(course):
        if after <= before:
            raise ValueError(f"{after} does not come after {before}: give moments in order, once")
    return course


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)
