"""Decodes the body of a create-order call, refusing what the exchange refuses, in its words."""

import json
import uuid
from dataclasses import dataclass
from typing import Any, Literal, cast

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.matching import SelfTrade
from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR, parse_count, parse_price

TimeInForce = Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]

_STRUCT = "CreateOrderV2Request"
_END_OF_TIME = 253_402_300_800  # the year 10000, which no date can hold
_TYPES: dict[str, tuple[str, type]] = {
    "ticker": ("string", str),
    "client_order_id": ("string", str),
    "side": ("string", str),
    "count": ("string", str),
    "price": ("string", str),
    "time_in_force": ("string", str),
    "self_trade_prevention_type": ("string", str),
    "order_group_id": ("string", str),
    "expiration_time": ("int64", int),
    "subaccount": ("int", int),
    "exchange_index": ("int32", int),
    "post_only": ("bool", bool),
    "reduce_only": ("bool", bool),
    "cancel_order_on_pause": ("bool", bool),
}
_REQUIRED = ("ticker", "side", "count", "price", "time_in_force", "self_trade_prevention_type")
_CHOICES = {
    "side": ("bid", "ask"),
    "time_in_force": ("good_till_canceled", "immediate_or_cancel", "fill_or_kill"),
    "self_trade_prevention_type": ("taker_at_cross", "maker"),
}


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order; whether the venue accepts it is another matter."""

    ticker: str
    client_order_id: str
    side: Side
    price: int
    count: int
    time_in_force: TimeInForce
    self_trade: SelfTrade
    post_only: bool
    reduce_only: bool
    cancel_on_pause: bool
    expires_ms: int | None


def decode_order(body: bytes) -> OrderRequest:
    """Decode an order.

    A price the grid could never hold (more than four decimals, or no number) comes out as 0, which
    no market's grid holds, so that the market's own checks come first.

    Raises:
        Refusal: 400, flat for what cannot be decoded, nested for what makes no order.
    """
    fields = _decode_object(body)
    _check_types(fields)
    _check_values(fields)
    count = parse_count(fields["count"])
    if not count:
        raise Refusal.nested(400, "invalid_order_size")
    price = parse_price(fields["price"]) or 0
    order = OrderRequest(
        ticker=fields["ticker"],
        client_order_id=fields.get("client_order_id") or "",
        side=cast(Side, fields["side"]),
        price=price if price < ONE_DOLLAR else 0,
        count=count,
        time_in_force=cast(TimeInForce, fields["time_in_force"]),
        self_trade=cast(SelfTrade, fields["self_trade_prevention_type"]),
        post_only=bool(fields.get("post_only")),
        reduce_only=bool(fields.get("reduce_only")),
        cancel_on_pause=bool(fields.get("cancel_order_on_pause")),
        expires_ms=_expiry_ms(fields.get("expiration_time")),
    )
    _check_combination(order)
    return order


def new_id() -> str:
    """Return a fresh order or trade id."""
    return str(uuid.uuid4())


def _decode_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise _bad_request(f"invalid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise _bad_request(
            f"json: cannot unmarshal {_json_kind(value)} into Go value of type {_STRUCT}"
        )
    return {name: field for name, field in value.items() if field is not None}


def _check_types(fields: dict[str, Any]) -> None:
    for name, (go_type, python_type) in _TYPES.items():
        value = fields.get(name)
        if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            raise _bad_request(f"{_STRUCT}.{name} holds half a surrogate pair")
        if value is not None and type(value) is not python_type:
            raise _bad_request(
                f"json: cannot unmarshal {_json_kind(value)} into Go struct field "
                f"{_STRUCT}.{name} of type {go_type}"
            )


def _check_values(fields: dict[str, Any]) -> None:
    for name in _REQUIRED:
        if not fields.get(name):
            raise _bad_request(f"{_STRUCT}.{name} is required")
    for name, choices in _CHOICES.items():
        if fields[name] not in choices:
            raise _bad_request(f"{_STRUCT}.{name} {fields[name]!r} is none of {', '.join(choices)}")
    if fields.get("subaccount") or fields.get("exchange_index", 0) not in (-1, 0):
        raise _invalid_order("only the primary subaccount on exchange index 0 is served")
    if fields.get("order_group_id"):
        raise _invalid_order("order groups are not served")


def _check_combination(order: OrderRequest) -> None:
    is_resting = order.time_in_force == "good_till_canceled"
    if order.reduce_only and order.time_in_force != "immediate_or_cancel":
        raise _invalid_order("reduce only needs immediate_or_cancel")
    if order.post_only and not is_resting:
        raise _invalid_order("post only needs good_till_canceled")
    if order.expires_ms is not None and not is_resting:
        raise _invalid_order("expiration time needs good_till_canceled")


def _expiry_ms(seconds: int | None) -> int | None:
    if seconds is None or seconds == 0:
        return None
    if not 0 < seconds < _END_OF_TIME:
        raise _invalid_order("expiration time is out of range")
    return seconds * 1000


def _json_kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _bad_request(details: str) -> Refusal:
    return Refusal.flat(400, "bad_request", details=details)


def _invalid_order(details: str) -> Refusal:
    return Refusal.nested(400, "invalid_order", details=details)
