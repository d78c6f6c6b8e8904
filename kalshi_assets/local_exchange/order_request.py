"""Decodes the body of a create-order call, refusing what the exchange refuses, in its words."""

from dataclasses import dataclass
from typing import Literal, cast

from kalshi_assets.local_exchange.matching import SelfTrade
from kalshi_assets.local_exchange.request_body import (
    FLAG,
    INTEGER,
    STRING,
    Fields,
    FieldType,
    choose,
    decode_fields,
    expiry_of,
    invalid_order,
    price_of,
    require,
    size_of,
)
from kalshi_assets.local_exchange.tape import Side

TimeInForce = Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]

SIDES = ("bid", "ask")

_STRUCT = "CreateOrderV2Request"
_TYPES: dict[str, FieldType] = {
    "ticker": STRING,
    "client_order_id": STRING,
    "side": STRING,
    "count": STRING,
    "price": STRING,
    "time_in_force": STRING,
    "self_trade_prevention_type": STRING,
    "order_group_id": STRING,
    "expiration_time": INTEGER,
    "subaccount": ("int", int),
    "exchange_index": ("int32", int),
    "post_only": FLAG,
    "reduce_only": FLAG,
    "cancel_order_on_pause": FLAG,
}
_REQUIRED = ("ticker", "side", "count", "price", "time_in_force", "self_trade_prevention_type")
_CHOICES = {
    "side": SIDES,
    "time_in_force": ("good_till_canceled", "immediate_or_cancel", "fill_or_kill"),
    "self_trade_prevention_type": ("taker_at_cross", "maker"),
}


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A well-formed order; whether the venue accepts it is another matter.

    Attributes:
        exchange_index: the shard it is sent to; None and -1 are routed by ticker.
    """

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
    exchange_index: int | None = None


def decode_order(body: bytes) -> OrderRequest:
    """Decode an order; a price no grid could ever hold comes out as 0.

    Raises:
        Refusal: 400, flat for what cannot be decoded, nested for what makes no order.
    """
    fields = decode_fields(body, _STRUCT, types=_TYPES)
    require(fields, _STRUCT, names=_REQUIRED)
    choose(fields, _STRUCT, choices=_CHOICES)
    _check_served(fields)
    order = OrderRequest(
        ticker=fields["ticker"],
        client_order_id=fields.get("client_order_id") or "",
        side=cast(Side, fields["side"]),
        count=size_of(fields["count"]),
        price=price_of(fields["price"]),
        time_in_force=cast(TimeInForce, fields["time_in_force"]),
        self_trade=cast(SelfTrade, fields["self_trade_prevention_type"]),
        post_only=bool(fields.get("post_only")),
        reduce_only=bool(fields.get("reduce_only")),
        cancel_on_pause=bool(fields.get("cancel_order_on_pause")),
        expires_ms=expiry_of(fields.get("expiration_time")),
        exchange_index=fields.get("exchange_index"),
    )
    _check_combination(order)
    return order


def _check_served(fields: Fields) -> None:
    if fields.get("subaccount"):
        raise invalid_order("only the primary subaccount is served")
    if fields.get("order_group_id"):
        raise invalid_order("order groups are not served")


def _check_combination(order: OrderRequest) -> None:
    is_resting = order.time_in_force == "good_till_canceled"
    if order.reduce_only and order.time_in_force != "immediate_or_cancel":
        raise invalid_order("reduce only needs immediate_or_cancel")
    if order.post_only and not is_resting:
        raise invalid_order("post only needs good_till_canceled")
    if order.expires_ms is not None and not is_resting:
        raise invalid_order("expiration time needs good_till_canceled")
