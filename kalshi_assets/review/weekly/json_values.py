"""How values of a review are spelled in JSON: by the unit that ends their key.

    _usd      decimal string, exact; what has no end (an average) is rounded to a millionth
    _share    number, 1 is the whole; `_ratio`, `_points` likewise; rounded to a millionth
    _seconds  number, rounded to a millionth
    _at       ISO 8601, UTC

A value that is not defined is null, and `why_not` beside it says why, by key.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, TypeVar

from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.review.statistics import Figure

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
T = TypeVar("T")
FINEST, ROUNDED = 10**8, 10**6
DIGITS = 6


def object_of(values: Mapping[str, object]) -> dict[str, Json]:
    """Return an object whose keys spell their values, with `why_not` for what is not defined."""
    told: dict[str, Json] = {}
    why_not: dict[str, Json] = {}
    for key, value in values.items():
        if isinstance(value, Figure):
            told[key] = _spelled(key, value.value)
            if value.value is None:
                why_not[key] = value.why_not
        else:
            told[key] = _spelled(key, value)
    return {**told, "why_not": why_not}


def part(figure: Figure[T], of: Callable[[T], object]) -> object:
    """Return something of a figure's value, or the figure itself where it has none."""
    return figure if figure.value is None else of(figure.value)


def exact_usd(micros: float | Fraction) -> str:
    """Return micros as dollars: exact, or rounded to a millionth where that has no end."""
    dollars = Fraction(micros) / MICROS_PER_DOLLAR
    scaled = dollars * FINEST
    if isinstance(micros, float) or scaled.denominator != 1:
        scaled = Fraction(round(dollars * ROUNDED) * (FINEST // ROUNDED))
    whole, rest = divmod(abs(int(scaled)), FINEST)
    return f"{'-' if scaled < 0 else ''}{whole}.{f'{rest:08}'.rstrip('0').ljust(2, '0')}"


def _spelled(key: str, value: object) -> Json:
    """Return a value as its key's unit demands.

    Raises:
        TypeError: the value is not of that unit.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, datetime) and key.endswith("_at"):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, int | float | Fraction | Decimal):
        if key.endswith("_usd") and not isinstance(value, Decimal):
            return exact_usd(value)
        if key.endswith(("_share", "_ratio", "_points", "_seconds")):
            return round(float(value), DIGITS)
        if isinstance(value, int):
            return value
    raise TypeError(f"{key} cannot be spelled: {value!r} is not of its unit")
