"""A figure: a value, or the reason why there is none."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from kalshi_assets.domain.price import MICROS_PER_DOLLAR

T = TypeVar("T")


@dataclass(frozen=True)
class Figure(Generic[T]):
    """A value, or None and why: never both, never neither.

    Raises:
        ValueError: a value with a reason, or neither.
    """

    value: T | None
    why_not: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.why_not):
            raise ValueError(f"{self} must have a value, or a reason why there is none")


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends included."""

    low: float
    high: float


def ratio(over: int | Fraction, under: int | Fraction, *, why_not: str) -> Figure[Fraction]:
    """Return the exact quotient, or `why_not` where there is nothing to divide by."""
    return Figure(Fraction(over) / under) if under else Figure(None, why_not)


def share_of_opening(amount: int | Fraction, opening_value: int | None) -> Figure[Fraction]:
    """Return an amount as a share of the account's value at the opening: return, exposure.

    Args:
        amount: micros.
        opening_value: cash and positions at the bid when the period began, micros; None where it
            is not known.
    """
    if opening_value is None:
        return Figure(None, "the value at the opening is not known")
    if opening_value <= 0:
        worth = usd(opening_value)
        return Figure(None, f"the value at the opening was {worth}: nothing to take a share of")
    return Figure(Fraction(amount) / opening_value)


def usd(amount: float | Fraction) -> str:
    """Return micros for a sentence, to the cent and with their sign: `+$38.20`, `-$21.60`."""
    cents = round(amount / MICROS_PER_DOLLAR * 100)
    sign = "+" if cents > 0 else "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02}"
