"""Exact units, and the only place where the wire's strings become integers and back.

A price is an integer of $0.0001, a count an integer of 0.01 contract, so that price * count is an
integer of $0.000001, the unit of all money here ("micros"). No binary float is ever involved.
Instants are integer milliseconds since the epoch, UTC.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

ONE_DOLLAR = 10_000
"""A price of $1.0000."""
ONE_CONTRACT = 100
"""A count of 1.00."""
CENT_MICROS = 10_000
DOLLAR_MICROS = 1_000_000
BALANCE_STEP_MICROS = 100
"""Balances move in steps of $0.0001 (a direct member's precision)."""

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_DECIMAL = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")


def parse_price(text: str) -> int | None:
    """Return the price in $0.0001, or None for anything but a plain number of 0-4 decimals."""
    return _parse(text, 4)


def parse_count(text: str) -> int | None:
    """Return the count in 0.01 contract, or None for anything but a number of 0-2 decimals."""
    return _parse(text, 2)


def price_text(price: int) -> str:
    """Write a price with 4 decimals."""
    return _fixed(price, 4)


def count_text(count: int) -> str:
    """Write a count with 2 decimals."""
    return _fixed(count, 2)


def micros_text(micros: int) -> str:
    """Write money with 6 decimals, as costs and fees are."""
    return _fixed(micros, 6)


def balance_text(micros: int) -> str:
    """Write a balance with 4 decimals; balances have no finer part."""
    return _fixed(micros // BALANCE_STEP_MICROS, 4)


def dollars_to_micros(dollars: Decimal) -> int:
    """Turn an amount into micros.

    Raises:
        ValueError: if it is finer than $0.0001 or negative.
    """
    steps = dollars * ONE_DOLLAR
    if steps != steps.to_integral_value() or steps < 0:
        raise ValueError(f"cash of {dollars} is not a positive amount in steps of 0.0001")
    return int(steps) * BALANCE_STEP_MICROS


def to_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch of an aware datetime."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def iso(ms: int) -> str:
    """Write an instant as RFC 3339 in UTC, with milliseconds where it has any."""
    seconds, milli = divmod(ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milli:03d}Z" if milli else f"{text}Z"


def _parse(text: str, places: int) -> int | None:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    whole, fraction = match.group(1), match.group(2) or ""
    if fraction[places:].strip("0"):
        return None
    return int(whole + fraction[:places].ljust(places, "0"))


def _fixed(value: int, places: int) -> str:
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**places)
    return f"{sign}{whole}.{fraction:0{places}d}"
