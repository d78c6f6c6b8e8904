"""What all payload schemas share: the exact scalar types, unknown fields, and the way in.

A field we use is required and strict: prices and counts are decimal strings, never JSON numbers.
A field we do not use passes. One that the API document does not name either is counted.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kalshi_assets.domain.clock import parse_instant
from kalshi_assets.domain.market import Side
from kalshi_assets.domain.price import MICROS_PER_CENT, MICROS_PER_DOLLAR, centicontracts, micros
from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Row

# The exchange writes up to six decimals; exponents, blanks, underscores and NaN are none of its.
FIXED_POINT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
# Before this year the exchange did not exist: a missing time coded as zero.
FIRST_YEAR, LAST_YEAR = 2018, 2100
LONGEST_QUOTE = 60
SHOWN_PROBLEMS = 3

BookSide = Literal["bid", "ask"]
# Buying NO is selling YES: the one book is quoted on the YES leg.
BOOK_SIDE_OF: dict[Side, BookSide] = {"yes": "bid", "no": "ask"}

S = TypeVar("S", bound="Payload")


class Payload(BaseModel):
    """Base of all payloads. `documented` names what the API document has and we do not use."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    documented: ClassVar[frozenset[str]] = frozenset()

    def unknown_fields(self) -> Counter[str]:
        """Count the fields that neither we nor the API document know, nested ones by their path."""
        return Counter(_unknown(self, ""))


def read_payload(schema: type[S], row: Row) -> S:
    """Return the row as the schema reads it.

    Raises:
        PayloadError: a field is missing, mistyped or out of range; carries the row's bytes.
    """
    try:
        return schema.model_validate(row.value)
    except ValidationError as exc:
        raise PayloadError(_explain(exc, row), payload=row.raw) from exc


def fixed_point(value: object) -> str:
    """Return the value if it is a decimal string as the exchange writes them.

    Raises:
        ValueError: it is a JSON number, or another text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no fixed-point string")
    if not FIXED_POINT.fullmatch(value):
        raise ValueError(f"{quoted(value)} is no fixed-point number")
    return value


def require_one_way(outcome_side: Side, book_side: BookSide) -> None:
    """Refuse a direction that contradicts itself.

    Raises:
        ValueError: the two ways to tell it do not agree.
    """
    if BOOK_SIDE_OF[outcome_side] != book_side:
        raise ValueError(f"outcome side {outcome_side} is not book side {book_side}")


def quoted(value: object) -> str:
    """Return a value for a message, cut to a readable length."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."


def as_price(value: object) -> int:
    """Return micros for a price string between 0 and 1 dollar.

    Raises:
        ValueError: another type or text, or outside.
    """
    text = fixed_point(value)
    price = micros(text)
    if not 0 <= price <= MICROS_PER_DOLLAR:
        raise ValueError(f"price {text} is outside 0-1")
    return price


def _money(value: object) -> int:
    return micros(fixed_point(value))


def _cents(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is no whole number of cents")
    return value * MICROS_PER_CENT


def _signed_count(value: object) -> int:
    return centicontracts(fixed_point(value))


def as_count(value: object) -> int:
    """Return centicontracts for a count string.

    Raises:
        ValueError: another type or text, or below 0.
    """
    count = _signed_count(value)
    if count < 0:
        raise ValueError(f"count {value} is below 0")
    return count


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no RFC 3339 time")
    try:
        return _plausible(parse_instant(value), value)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"{quoted(value)} is no time of this exchange") from exc


def _epoch(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is no whole number of seconds")
    try:
        return _plausible(datetime.fromtimestamp(value, UTC), value)
    except (OverflowError, OSError) as exc:
        raise ValueError(f"{quoted(value)} is no time") from exc


def _epoch_millis(value: object) -> datetime:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is no whole number of milliseconds")
    seconds, millis = divmod(value, 1_000)
    return _epoch(seconds).replace(microsecond=millis * 1_000)


def _plausible(moment: datetime, value: object) -> datetime:
    if not FIRST_YEAR <= moment.year < LAST_YEAR:
        raise ValueError(f"{quoted(value)} is no time of this exchange")
    return moment


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{quoted(value)} is no number")
    if not 0 <= value <= MICROS_PER_DOLLAR:
        raise ValueError(f"{quoted(value)} is outside 0-{MICROS_PER_DOLLAR}")
    return Decimal(value)


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("the text holds a NUL, which no database takes")
    return value


Price = Annotated[int, BeforeValidator(as_price)]
Money = Annotated[int, BeforeValidator(_money)]
# Whole cents are left in account statements only; no quote and no order has them.
Cents = Annotated[int, BeforeValidator(_cents)]
Count = Annotated[int, BeforeValidator(as_count)]
SignedCount = Annotated[int, BeforeValidator(_signed_count)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
EpochSeconds = Annotated[datetime, BeforeValidator(_epoch)]
EpochMillis = Annotated[datetime, BeforeValidator(_epoch_millis)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Whole = Annotated[int, Field(ge=0)]
Text = Annotated[str, AfterValidator(_storable)]
# Tickers are sent in comma lists: a comma or a blank inside would ask for another market.
Identifier = Annotated[str, Field(pattern=r"^[^\s,]+$"), AfterValidator(_storable)]


def _unknown(payload: Payload, prefix: str) -> Iterator[str]:
    for name in payload.model_extra or {}:
        if name not in payload.documented:
            yield prefix + name
    for name in type(payload).model_fields:
        value = getattr(payload, name)
        for nested in value if isinstance(value, list) else [value]:
            if isinstance(nested, Payload):
                yield from _unknown(nested, f"{prefix}{name}.")


def _explain(failure: ValidationError, row: Row) -> str:
    errors = failure.errors(include_url=False)
    problems = [
        f"{_problem(error['type'], error['msg'], error['input'])} of {_identity(row.value)} "
        f"({'.'.join(str(part) for part in error['loc']) or 'the whole row'}, {row.source})"
        for error in errors[:SHOWN_PROBLEMS]
    ]
    more = [f"{len(errors) - SHOWN_PROBLEMS} more"] if len(errors) > SHOWN_PROBLEMS else []
    return "; ".join(problems + more)


def _problem(kind: str, message: str, given: object) -> str:
    if kind == "missing":
        return "a required field is missing"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return f"{quoted(given)} is wrong ({message})"


def _identity(value: object) -> str:
    """Return which market, order or fill a row is about, as far as it says."""
    if isinstance(value, dict):
        for name in (
            "order_id",
            "fill_id",
            "trade_id",
            "ticker",
            "event_ticker",
            "market_ticker",
            "end_period_ts",
        ):
            if name in value:
                return quoted(value[name]).strip("'")
    return "a row without a name"
