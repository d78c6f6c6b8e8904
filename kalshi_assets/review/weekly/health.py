"""Health of a week: orders, checks of the data, gaps, halts, calls to the exchange."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from kalshi_assets.domain.week_inputs import (
    OK,
    Calls,
    CheckCount,
    EntryOrder,
    Stretch,
    WeekInputs,
)
from kalshi_assets.review.statistics import Figure, FillRate, Percentiles, fill_rate, percentiles

SECOND, MILLISECONDS = timedelta(seconds=1), 1000


@dataclass(frozen=True)
class Orders:
    """Entries of the bot.

    Attributes:
        fill_rate: of those that reached the venue.
        latency: seconds from the signal to the venue's answer.
    """

    fill_rate: FillRate
    not_reached_count: int
    latency: Figure[Percentiles]


@dataclass(frozen=True)
class Stretches:
    """Times of one sort within the week, overlaps counted once.

    Attributes:
        share: of the week, as far as it is known.
        reasons: each with how many stretches have it; they add up to `count`.
    """

    count: int
    seconds: Fraction
    longest_seconds: Fraction
    share: Fraction
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Quality:
    """Checks by name (the most failures first) and all of them, gaps of the data, halts."""

    checks: tuple[CheckCount, ...]
    total: CheckCount
    gaps: Stretches
    halts: Stretches


@dataclass(frozen=True)
class Api:
    """Calls by outcome, the most frequent first, and how long answers took, in seconds."""

    outcomes: tuple[tuple[str, int], ...]
    call_count: int
    failed_share: Figure[Fraction]
    latency: Figure[Percentiles]


def orders_of(orders: Sequence[EntryOrder]) -> Orders:
    """Return how entries fared."""
    reached = [order for order in orders if order.has_reached_venue]
    return Orders(
        fill_rate=fill_rate([(order.count, order.fill_count) for order in reached]),
        not_reached_count=len(orders) - len(reached),
        latency=percentiles(
            [
                (order.acknowledged_at - order.signal_at) / SECOND
                for order in reached
                if order.acknowledged_at is not None and order.signal_at is not None
            ]
        ),
    )


def quality_of(inputs: WeekInputs) -> Quality:
    """Return what the checks found, and what was missing or halted."""
    checks = sorted(inputs.checks, key=lambda c: (-c.failure_count, c.check_name))
    total = CheckCount(
        "all", sum(c.verdict_count for c in checks), sum(c.failure_count for c in checks)
    )
    span = inputs.week.begin, inputs.known_until
    gaps, halts = (stretches_of(found, span=span) for found in (inputs.gaps, inputs.halts))
    return Quality(tuple(checks), total, gaps, halts)


def stretches_of(found: Sequence[Stretch], *, span: tuple[datetime, datetime]) -> Stretches:
    """Return the time that stretches cover within a span; one without an end lasts to its end."""
    begin, end = span
    within = _within(found, begin, end)
    lengths = [_seconds(last - first) for first, last in covered_by(found, span=span)]
    covered = sum(lengths, Fraction())
    return Stretches(
        count=len(within),
        seconds=covered,
        longest_seconds=max(lengths, default=Fraction()),
        share=covered / _seconds(end - begin),
        reasons=_counted([(reason, 1) for _, _, reason in within]),
    )


def covered_by(
    found: Sequence[Stretch], *, span: tuple[datetime, datetime]
) -> list[tuple[datetime, datetime]]:
    """Return the times that stretches cover within a span, none of which touches another."""
    joined: list[tuple[datetime, datetime]] = []
    for first, last, _ in _within(found, *span):
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(last, joined[-1][1])
        else:
            joined.append((first, last))
    return joined


def _within(
    found: Sequence[Stretch], begin: datetime, end: datetime
) -> list[tuple[datetime, datetime, str]]:
    """Return what lies within a span of each stretch, in order."""
    cut = [
        (max(s.begin, begin), end if s.end is None else min(s.end, end), s.reason) for s in found
    ]
    return sorted(each for each in cut if each[0] < each[1])


def api_of(calls: Sequence[Calls]) -> Api:
    """Return how calls to the exchange fared; the latency is of all that were made."""
    outcomes = _counted([(each.outcome, each.count) for each in calls])
    count = sum(number for _, number in outcomes)
    failed = sum(number for outcome, number in outcomes if outcome != OK)
    share = Figure(Fraction(failed, count)) if count else Figure[Fraction](None, "no call was made")
    seconds = [e.latency_ms / MILLISECONDS for e in calls for _ in range(e.count)]
    return Api(outcomes, count, share, percentiles(seconds))


def _counted(named: Sequence[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Return the names with their sums, the largest first."""
    sums: dict[str, int] = {}
    for name, count in named:
        sums[name] = sums.get(name, 0) + count
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _seconds(length: timedelta) -> Fraction:
    return Fraction(length // timedelta(microseconds=1), 1_000_000)
