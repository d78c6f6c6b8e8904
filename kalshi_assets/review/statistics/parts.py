"""Where a trade's result came from: four parts that add up to it exactly.

Of one contract of the side bought, with mean and mid of the decision, the price paid and what came
of it in the end:

    edge                 mean - mid     what the rule claimed the price was off by
    spread and slippage  mid  - paid    what getting in cost beside the mid
    settlement           end  - mean    what came, beside what the rule held it to be worth
    fees                      - fees    of the whole trade

The sum is end - paid - fees. All parts are signed by what they did to the result: a cost is below
zero. Of a trade that was sold early, `end` is the price it was sold at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.review.statistics.figure import Figure

Exact = int | Decimal | Fraction


@dataclass(frozen=True)
class Trip:
    """A closed round trip as plain numbers. Prices in micros a contract; averages are Fractions.

    All prices are of the side held; `of_side` makes them of those of YES.

    Attributes:
        count: centicontracts.
        paid: average price of the entry; `limit`: what its order would have paid at most.
        end: what a contract brought: the average price it was sold at, or the settlement value, or
            the average of both where a part was sold.
        fees: of entry, exit and settlement together, micros.
        mean, mid: as the decision saw them; None where nobody decided by a mean.

    Raises:
        ValueError: no contracts, a price outside 0 to 1 dollar, or fees below 0.
    """

    count: int
    paid: Exact
    end: Exact
    fees: Exact
    limit: Exact | None = None
    mean: Exact | None = None
    mid: Exact | None = None

    def __post_init__(self) -> None:
        if self.count <= 0 or self.fees < 0:
            raise ValueError(f"{self} has no contracts, or fees below zero")
        for price in (self.paid, self.end, self.limit, self.mean, self.mid):
            if price is not None and not 0 <= price <= MICROS_PER_DOLLAR:
                raise ValueError(f"price {price} is outside 0 to {MICROS_PER_DOLLAR} in {self}")

    @property
    def cost(self) -> Fraction:
        """Return what the entry cost before fees, micros."""
        return self.times_count(Fraction(self.paid))

    @property
    def net_result(self) -> Fraction:
        """Return what the trip made after fees, micros."""
        return self.times_count(Fraction(self.end) - Fraction(self.paid)) - Fraction(self.fees)

    def times_count(self, per_contract: Fraction) -> Fraction:
        """Return micros of the whole trip for micros a contract."""
        return per_contract * self.count / CENTICONTRACTS


def of_side(yes_price: Exact, side: Side) -> Fraction:
    """Return a price or settlement value of YES as that of a side: of NO, what is missing to 1."""
    price = Fraction(yes_price)
    return price if side == "yes" else MICROS_PER_DOLLAR - price


@dataclass(frozen=True)
class Parts:
    """The parts of a result, micros, a cost below zero; see the module's formulas."""

    edge: Fraction = Fraction()
    spread_and_slippage: Fraction = Fraction()
    fees: Fraction = Fraction()
    settlement: Fraction = Fraction()

    @property
    def total(self) -> Fraction:
        """Return the result whose parts these are."""
        return self.edge + self.spread_and_slippage + self.fees + self.settlement

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            self.edge + other.edge,
            self.spread_and_slippage + other.spread_and_slippage,
            self.fees + other.fees,
            self.settlement + other.settlement,
        )


@dataclass(frozen=True)
class PartsOfAll:
    """The parts of many trips, and what those without a decision made (manual ones, say)."""

    parts: Parts
    unexplained: Fraction
    unexplained_count: int

    @property
    def total(self) -> Fraction:
        """Return the net result of all trips, micros."""
        return self.parts.total + self.unexplained


@dataclass(frozen=True)
class Slippage:
    """What the entry made beside mid and limit, micros of the whole trip; a cost is below zero."""

    against_mid: Figure[Fraction]
    against_limit: Figure[Fraction]


def parts_of(trip: Trip) -> Figure[Parts]:
    """Return the four parts of a trip's result; their sum is its net result, exactly."""
    if trip.mean is None or trip.mid is None:
        return Figure(None, "no decision by a mean and a mid led to this trade")
    mean, mid = Fraction(trip.mean), Fraction(trip.mid)
    return Figure(
        Parts(
            edge=trip.times_count(mean - mid),
            spread_and_slippage=trip.times_count(mid - Fraction(trip.paid)),
            fees=-Fraction(trip.fees),
            settlement=trip.times_count(Fraction(trip.end) - mean),
        )
    )


def parts_of_all(trips: Sequence[Trip]) -> PartsOfAll:
    """Return the parts of all trips together; trips without a decision stand apart, in full."""
    parts, unexplained, count = Parts(), Fraction(), 0
    for trip in trips:
        explained = parts_of(trip).value
        if explained is None:
            unexplained, count = unexplained + trip.net_result, count + 1
        else:
            parts += explained
    return PartsOfAll(parts, unexplained, count)


def slippage_of(trip: Trip) -> Slippage:
    """Return what the entry made beside the decision's mid and beside its limit.

    Against the limit it is never below zero where the order got what it asked for.
    """
    return Slippage(
        _made_beside(trip.mid, trip, why_not="no mid is known of the moment of the decision"),
        _made_beside(trip.limit, trip, why_not="no limit is known of the entry"),
    )


def _made_beside(price: Exact | None, trip: Trip, *, why_not: str) -> Figure[Fraction]:
    if price is None:
        return Figure(None, why_not)
    return Figure(trip.times_count(Fraction(price) - Fraction(trip.paid)))
