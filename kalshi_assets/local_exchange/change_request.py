"""Decodes the bodies of amend and decrease, refusing what the exchange refuses, in its words."""

from dataclasses import dataclass
from typing import cast

from kalshi_assets.local_exchange.order_request import SIDES
from kalshi_assets.local_exchange.request_body import (
    INTEGER,
    STRING,
    FieldType,
    bad_request,
    choose,
    decode_fields,
    expiry_of,
    price_of,
    require,
    size_of,
)
from kalshi_assets.local_exchange.tape import Side

_AMEND = "AmendOrderV2Request"
_DECREASE = "DecreaseOrderV2Request"
_INDEX: FieldType = ("int32", int)
_AMEND_TYPES: dict[str, FieldType] = {
    "ticker": STRING,
    "side": STRING,
    "price": STRING,
    "count": STRING,
    "client_order_id": STRING,
    "updated_client_order_id": STRING,
    "expiration_time": INTEGER,
    "exchange_index": _INDEX,
}
_DECREASE_TYPES: dict[str, FieldType] = {
    "reduce_by": STRING,
    "reduce_to": STRING,
    "market_ticker": STRING,
    "exchange_index": _INDEX,
}


@dataclass(frozen=True, slots=True)
class AmendRequest:
    """What an order is to become.

    Attributes:
        total: contracts filled already, and those that shall rest from now on.
        client_order_id: what the caller takes the order's id to be; empty if not given.
        updated_client_order_id: the order's new id; empty keeps it.
        keeps_expiry: the expiry stays as it is, and `expires_ms` says nothing.
        exchange_index: the shard it is sent to; None and -1 are routed by ticker.
    """

    ticker: str
    side: Side
    price: int
    total: int
    client_order_id: str = ""
    updated_client_order_id: str = ""
    keeps_expiry: bool = True
    expires_ms: int | None = None
    exchange_index: int | None = None


@dataclass(frozen=True, slots=True)
class DecreaseRequest:
    """How much smaller an order is to become: by so many contracts, or to so many.

    Attributes:
        market_ticker: routes the call; empty if not given.
    """

    reduce_by: int | None = None
    reduce_to: int | None = None
    market_ticker: str = ""
    exchange_index: int | None = None


def decode_amend(body: bytes) -> AmendRequest:
    """Decode an amend.

    Raises:
        Refusal: 400, flat for what cannot be decoded, nested for what makes no order.
    """
    fields = decode_fields(body, _AMEND, types=_AMEND_TYPES)
    require(fields, _AMEND, names=("ticker", "side", "price", "count"))
    choose(fields, _AMEND, choices={"side": SIDES})
    return AmendRequest(
        ticker=fields["ticker"],
        side=cast(Side, fields["side"]),
        price=price_of(fields["price"]),
        total=size_of(fields["count"]),
        client_order_id=fields.get("client_order_id", ""),
        updated_client_order_id=fields.get("updated_client_order_id", ""),
        keeps_expiry="expiration_time" not in fields,
        expires_ms=expiry_of(fields.get("expiration_time")),
        exchange_index=fields.get("exchange_index"),
    )


def decode_decrease(body: bytes) -> DecreaseRequest:
    """Decode a decrease.

    Raises:
        Refusal: 400, flat for what cannot be decoded, nested for a size that is none.
    """
    fields = decode_fields(body, _DECREASE, types=_DECREASE_TYPES)
    if ("reduce_by" in fields) == ("reduce_to" in fields):
        raise bad_request(f"{_DECREASE}: exactly one of reduce_by and reduce_to is required")
    by, to = fields.get("reduce_by"), fields.get("reduce_to")
    return DecreaseRequest(
        reduce_by=None if by is None else size_of(by),
        reduce_to=None if to is None else size_of(to, can_be_zero=True),
        market_ticker=fields.get("market_ticker", ""),
        exchange_index=fields.get("exchange_index"),
    )
