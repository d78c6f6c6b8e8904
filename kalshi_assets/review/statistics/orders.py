"""How orders fared: how much of what was ordered came, and how long things took."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

from kalshi_assets.review.statistics.figure import Figure, ratio

NO_ORDER = "no order reached the venue"


@dataclass(frozen=True)
class FillRate:
    """How much of what was ordered was bought or sold.

    Attributes:
        filled_count: orders of which everything came; `touched_count`: of which anything did.
        by_order: touched / all orders.
        by_contract: contracts that came / contracts ordered; big orders count more.
    """

    order_count: int
    filled_count: int
    touched_count: int
    by_order: Figure[Fraction]
    by_contract: Figure[Fraction]


def fill_rate(orders: Sequence[tuple[int, int]]) -> FillRate:
    """Return the fill rate of orders that reached the venue.

    Args:
        orders: what was ordered and how much of it came, centicontracts.

    Raises:
        ValueError: nothing ordered, or more filled than that.
    """
    for ordered, filled in orders:
        if not 0 <= filled <= ordered or ordered == 0:
            raise ValueError(f"{filled} of {ordered} ordered centicontracts cannot be filled")
    touched = sum(filled > 0 for _, filled in orders)
    ordered_all = sum(ordered for ordered, _ in orders)
    return FillRate(
        order_count=len(orders),
        filled_count=sum(filled == ordered for ordered, filled in orders),
        touched_count=touched,
        by_order=ratio(touched, len(orders), why_not=NO_ORDER),
        by_contract=ratio(sum(filled for _, filled in orders), ordered_all, why_not=NO_ORDER),
    )


@dataclass(frozen=True)
class Percentiles:
    """Seconds that half, 95 % and 99 % of the measured times do not exceed, and the longest."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float


def percentiles(seconds: Sequence[float]) -> Figure[Percentiles]:
    """Return percentiles by nearest rank: each is a time that was measured, none is interpolated.

    Percentile p of n times is the ceil(p n / 100)th shortest: of fewer than 20 times p95 is the
    longest, of fewer than 100 p99 is.

    Raises:
        ValueError: a time that is not a finite number.
    """
    for value in seconds:
        if not isfinite(value):
            raise ValueError(f"{value} is not a time in seconds")
    if not seconds:
        return Figure(None, "nothing was measured")
    ranked, count = sorted(seconds), len(seconds)
    p50, p95, p99 = (ranked[-(-share * count // 100) - 1] for share in (50, 95, 99))
    return Figure(Percentiles(count, p50, p95, p99, ranked[-1]))
