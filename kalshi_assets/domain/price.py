"""Exact prices and counts. Does not know where they come from.

Money and prices are integers of one millionth of a dollar (`micros`): the exchange's finest price
step is $0.0001, a mid lies half a step beside it, fees come with six decimals; all are exact.
Counts are integers of one hundredth of a contract (`centicontracts`), the exchange's granularity.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

MICROS_PER_DOLLAR = 1_000_000
MICROS_PER_CENT = 10_000
CENTICONTRACTS = 100


def micros(dollars: str | Decimal) -> int:
    """Return millionths of a dollar for a decimal string such as "0.6800".

    Raises:
        ValueError: not a decimal number, or finer than a millionth.
    """
    return _scaled(dollars, MICROS_PER_DOLLAR)


def centicontracts(contracts: str | Decimal) -> int:
    """Return hundredths of a contract for a decimal string such as "500.00".

    Raises:
        ValueError: not a decimal number, or finer than a hundredth.
    """
    return _scaled(contracts, CENTICONTRACTS)


def dollars(amount_micros: int) -> Decimal:
    """Return dollars for millionths of a dollar."""
    return Decimal(amount_micros) / MICROS_PER_DOLLAR


def contracts(count_centicontracts: int) -> Decimal:
    """Return contracts for hundredths of a contract."""
    return Decimal(count_centicontracts) / CENTICONTRACTS


def _scaled(value: str | Decimal, scale: int) -> int:
    try:
        numerator, denominator = Decimal(value).as_integer_ratio()
    except (InvalidOperation, OverflowError, ValueError) as exc:
        raise ValueError(f"{value!r} is not a decimal number") from exc
    whole, rest = divmod(numerator * scale, denominator)
    if rest:
        raise ValueError(f"{value!r} is finer than 1/{scale}")
    return whole


@dataclass(frozen=True)
class PriceRange:
    """Prices from `start` to `end` (micros, both inclusive) come in steps of `step`."""

    start: int
    end: int
    step: int


@dataclass(frozen=True)
class PriceGrid:
    """The prices a market accepts, as its `price_ranges` say. Bounds 0 and 1 are not tradable."""

    ranges: tuple[PriceRange, ...]

    def holds(self, price: int) -> bool:
        """Tell whether an order may carry this price (micros)."""
        return 0 < price < MICROS_PER_DOLLAR and any(
            r.start <= price <= r.end and (price - r.start) % r.step == 0 for r in self.ranges
        )

    def floor(self, price: int) -> int | None:
        """Return the highest tradable price not above `price`, or None where there is none."""
        price = min(price, MICROS_PER_DOLLAR - 1)
        below = [
            min(r.end, price) - (min(r.end, price) - r.start) % r.step
            for r in self.ranges
            if r.start <= price
        ]
        tradable = [p for p in below if self.holds(p)]
        return max(tradable, default=None)

    def ceiling(self, price: int) -> int | None:
        """Return the lowest tradable price not below `price`, or None where there is none."""
        price = max(price, 1)
        above = [
            max(r.start, price) + (r.start - max(r.start, price)) % r.step
            for r in self.ranges
            if r.end >= price
        ]
        tradable = [p for p in above if self.holds(p)]
        return min(tradable, default=None)

    def as_json(self) -> list[list[int]]:
        """Return `[[start, end, step], …]` in micros, the form it is stored in."""
        return [[r.start, r.end, r.step] for r in self.ranges]

    @classmethod
    def from_json(cls, rows: list[list[int]]) -> "PriceGrid":
        """Return the grid that `as_json` wrote."""
        return cls(tuple(PriceRange(*row) for row in rows))
