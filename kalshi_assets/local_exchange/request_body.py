"""Decodes JSON bodies of order writes, and refuses wrong shapes in the exchange's words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.units import ONE_DOLLAR, parse_count, parse_price

END_OF_TIME = 253_402_300_800
"""The year 10000 in seconds, which no date can hold."""

STRING, INTEGER, FLAG = ("string", str), ("int64", int), ("bool", bool)
FieldType = tuple[str, type]
Fields = dict[str, Any]


def decode_fields(body: bytes, struct: str, *, types: Mapping[str, FieldType]) -> Fields:
    """Return the fields of a body that are not null.

    Args:
        body: the request's body.
        struct: the request's name in error messages.
        types: of each known field, the type's name in error messages, and the type; unknown
            fields pass.

    Raises:
        Refusal: 400, flat.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise bad_request(f"invalid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise bad_request(f"json: cannot unmarshal {_kind(value)} into Go value of type {struct}")
    fields = {name: field for name, field in value.items() if field is not None}
    for name, field_type in types.items():
        _check_type(fields.get(name), f"{struct}.{name}", field_type)
    return fields


def require(fields: Fields, struct: str, *, names: Sequence[str]) -> None:
    """Refuse a body that lacks one of these fields."""
    for name in names:
        if not fields.get(name):
            raise bad_request(f"{struct}.{name} is required")


def choose(fields: Fields, struct: str, *, choices: Mapping[str, Sequence[str]]) -> None:
    """Refuse a body with a field that is none of its choices."""
    for name, known in choices.items():
        if fields[name] not in known:
            raise bad_request(f"{struct}.{name} {fields[name]!r} is none of {', '.join(known)}")


def size_of(text: str, *, can_be_zero: bool = False) -> int:
    """Read a count.

    Raises:
        Refusal: 400 `invalid_order_size`.
    """
    count = parse_count(text)
    if count is None or (count == 0 and not can_be_zero):
        raise Refusal.nested(400, "invalid_order_size")
    return count


def price_of(text: str) -> int:
    """Read a price; what no grid could ever hold comes out as 0, which no market's grid holds.

    So the market's own checks come first.
    """
    price = parse_price(text) or 0
    return price if price < ONE_DOLLAR else 0


def expiry_of(seconds: int | None) -> int | None:
    """Read an expiration time, in ms; None and 0 are none.

    Raises:
        Refusal: 400 `invalid_order`.
    """
    if seconds is None or seconds == 0:
        return None
    if not 0 < seconds < END_OF_TIME:
        raise invalid_order("expiration time is out of range")
    return seconds * 1000


def bad_request(details: str) -> Refusal:
    """Build the refusal of a body of the wrong shape."""
    return Refusal.flat(400, "bad_request", details=details)


def invalid_order(details: str) -> Refusal:
    """Build the refusal of an order that makes no sense."""
    return Refusal.nested(400, "invalid_order", details=details)


def _check_type(value: object, place: str, field_type: FieldType) -> None:
    go_type, python_type = field_type
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise bad_request(f"{place} holds half a surrogate pair")
    if value is not None and type(value) is not python_type:
        raise bad_request(
            f"json: cannot unmarshal {_kind(value)} into Go struct field {place} of type {go_type}"
        )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
