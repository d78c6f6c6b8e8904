"""The account over a week: what it was worth, how far it fell, what was staked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from kalshi_assets.domain.week_inputs import EquityPoint, WeekInputs
from kalshi_assets.review.statistics import (
    Drawdown,
    Figure,
    max_drawdown,
    share_of_opening,
    time_weighted,
)

NOT_KNOWN = "the account's value is not known"


@dataclass(frozen=True)
class Account:
    """The account's course. Money in micros.

    Attributes:
        opening: value at the last moment known before the week; `closing`: the last one of it.
        paid_in: transfers between the two, out below zero.
        change: closing - opening - paid in: what the account made, open positions marked.
        beside_trades: change - net profit of the trades closed: what the marks of positions held
            at either end add or take.
        net_return: net profit / opening.
        drawdown: of the value without what was paid in and out.
        exposure: mean of what positions could be sold for, by time; `exposure_share`: of opening.
        unvalued_count: points that have no value, because a position had no price. They are in no
            figure: the value before them holds.
    """

    opening: Figure[int]
    closing: Figure[int]
    paid_in: int
    change: Figure[int]
    beside_trades: Figure[int]
    net_return: Figure[Fraction]
    drawdown: Figure[Drawdown]
    exposure: Figure[Fraction]
    exposure_share: Figure[Fraction]
    unvalued_count: int


def account_of(inputs: WeekInputs, *, net_profit: int) -> Account:
    """Return the account's course over a week whose closed trades made `net_profit`."""
    course, unvalued = _course(inputs)
    opened = bool(course) and course[0].as_of <= inputs.week.begin
    opening = _value(course[0] if opened else None, f"{NOT_KNOWN} at the week's opening")
    has_course = bool(course) and course[-1].as_of > inputs.week.begin
    closing = _value(course[-1] if has_course else None, f"{NOT_KNOWN} in the week")
    paid_in = _paid_in(inputs, course, inputs.known_until)
    change = _change(opening, closing, paid_in)
    exposure = _exposure(inputs, course) if has_course else Figure[Fraction](None, closing.why_not)
    return Account(
        opening=opening,
        closing=closing,
        paid_in=paid_in,
        change=change,
        beside_trades=_less(change, net_profit),
        net_return=share_of_opening(net_profit, opening.value),
        drawdown=max_drawdown(course_of(inputs)),
        exposure=exposure,
        exposure_share=_share(exposure, opening.value),
        unvalued_count=unvalued,
    )


def course_of(inputs: WeekInputs) -> list[tuple[datetime, int]]:
    """Return the account's value without what was paid in and out since the first of its points.

    That first point is the last one known at the week's begin or before; it may lack.
    """
    course, _ = _course(inputs)
    return [(p.as_of, _worth(p) - _paid_in(inputs, course, p.as_of)) for p in course]


def _course(inputs: WeekInputs) -> tuple[list[EquityPoint], int]:
    """Return the last valued point at the week's begin or before, all of it, and how many lack."""
    begin, end = inputs.week.begin, inputs.known_until
    points = sorted(inputs.equity, key=lambda point: point.as_of)
    valued = [p for p in points if p.value_micros is not None and p.as_of < end]
    before = [point for point in valued if point.as_of <= begin]
    within = [point for point in valued if point.as_of > begin]
    unvalued = sum(p.value_micros is None and begin <= p.as_of < end for p in points)
    return [*before[-1:], *within], unvalued


def _paid_in(inputs: WeekInputs, course: Sequence[EquityPoint], until: datetime) -> int:
    """Return what was paid in since the course's first point."""
    if not course:
        return sum(t.amount_micros for t in inputs.transfers if inputs.has(t.at))
    last = min(until, course[-1].as_of)
    since = course[0].as_of
    return sum(t.amount_micros for t in inputs.transfers if since < t.at <= last)


def _exposure(inputs: WeekInputs, course: Sequence[EquityPoint]) -> Figure[Fraction]:
    """Return the mean of what positions could be sold for."""
    staked = [(point.as_of, _worth(point) - point.cash_micros) for point in course]
    return time_weighted(staked, begin=inputs.week.begin, end=inputs.known_until)


def _worth(point: EquityPoint) -> int:
    if point.value_micros is None:
        raise ValueError(f"the account's value at {point.as_of} is not known")
    return point.value_micros


def _value(point: EquityPoint | None, why_not: str) -> Figure[int]:
    return Figure(None, why_not) if point is None else Figure(_worth(point))


def _change(opening: Figure[int], closing: Figure[int], paid_in: int) -> Figure[int]:
    if opening.value is None or closing.value is None:
        return opening if opening.value is None else closing
    return Figure(closing.value - opening.value - paid_in)


def _less(change: Figure[int], net_profit: int) -> Figure[int]:
    return change if change.value is None else Figure(change.value - net_profit)


def _share(amount: Figure[Fraction], opening: int | None) -> Figure[Fraction]:
    return amount if amount.value is None else share_of_opening(amount.value, opening)
