"""Decimal strings of frames as exact integers, each string worked out once.

A feed repeats few strings very often: prices are at most 9,999, counts some thousands. The tables
start anew when they are full.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from kalshi_assets.domain.price import MICROS_PER_DOLLAR, centicontracts, micros
from kalshi_assets.kalshi.schemas import as_price, fixed_point

MOST_STRINGS = 50_000


class Remembered(dict[str, int]):
    """What `work_out` returned for each string; it raises ValueError on one that is wrong."""

    def __init__(self, work_out: Callable[[str], int]) -> None:
        super().__init__()
        self._work_out = work_out

    def __missing__(self, text: str) -> int:
        value = self._work_out(text)
        if len(self) >= MOST_STRINGS:
            self.clear()
        self[text] = value
        return value


def level_price(text: str) -> int:
    """Return micros for the price of a book's level, which lies between 0 and 1 dollar.

    Raises:
        ValueError: another text, or outside.
    """
    price = as_price(text)
    if not 0 < price < MICROS_PER_DOLLAR:
        raise ValueError(f"price {text} is none an order can have")
    return price


def signed_count(text: str) -> int:
    """Return centicontracts for a count, which may be below 0.

    Raises:
        ValueError: another text.
    """
    return centicontracts(fixed_point(text))


def money(text: str) -> int:
    """Return micros for an amount of any size and sign.

    Raises:
        ValueError: another text.
    """
    return micros(fixed_point(text))


def instant(ms: int) -> datetime:
    """Return the moment of milliseconds since the epoch as aware UTC."""
    # A double of this size is exact to a quarter of a microsecond.
    return datetime.fromtimestamp(ms / 1000, UTC)
