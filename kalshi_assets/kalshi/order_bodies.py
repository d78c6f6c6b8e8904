"""Bodies of order writes, in the exchange's terms. What cannot be sent as it is, is refused here.

The one book is quoted on the YES leg: buying YES at p is a bid at p, buying NO at p an ask at
1 - p (order direction page).
"""

from datetime import datetime
from typing import Literal

from kalshi_assets.domain.account import OrderAmendment, OrderRequest, Side
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.kalshi.requests import epoch_seconds
from kalshi_assets.kalshi.schemas import BOOK_SIDE_OF

OrderBody = dict[str, str | int]
# Order prices carry at most four decimals.
MICROS_PER_PRICE_STEP = 100
# In an amendment this takes the expiry away.
NEVER_EXPIRES = 0


def order_body(order: OrderRequest) -> OrderBody:
    """Return the V2 body that means this order; it never trades with ourselves.

    Raises:
        ValueError: it cannot be sent as it is; nothing is rounded.
    """
    return {
        "ticker": order.market_ticker,
        "client_order_id": order.client_order_id,
        "side": BOOK_SIDE_OF[order.side],
        "count": _count(order.count),
        "price": _yes_price(order.side, order.limit_price),
        "time_in_force": order.time_in_force,
        "self_trade_prevention_type": "taker_at_cross",
        **_conditions(order),
    }


def amend_body(amendment: OrderAmendment) -> OrderBody:
    """Return the V2 body of an amendment; its count holds what was filled already.

    Raises:
        ValueError: it cannot be sent as it is; nothing is rounded.
    """
    if amendment.fill_count < 0 or amendment.remaining_count <= 0:
        raise ValueError(
            f"order {amendment.order_id} cannot go on with {contracts(amendment.fill_count)} "
            f"filled and {contracts(amendment.remaining_count)} to rest; to end it, cancel it"
        )
    body: OrderBody = {
        "ticker": amendment.market_ticker,
        "side": BOOK_SIDE_OF[amendment.side],
        "count": _count(amendment.count),
        "price": _yes_price(amendment.side, amendment.limit_price),
        **_new_expiry(amendment.expiry),
    }
    if amendment.client_order_id is not None:
        body["client_order_id"] = amendment.client_order_id
    if amendment.new_client_order_id is not None:
        body["updated_client_order_id"] = amendment.new_client_order_id
    return body


def decrease_body(
    market_ticker: str, *, reduce_by: int | None = None, reduce_to: int | None = None
) -> OrderBody:
    """Return the V2 body that makes a resting order smaller, centicontracts.

    Raises:
        ValueError: not exactly one of both is given, or it is not above 0.
    """
    if (reduce_by is None) == (reduce_to is None):
        raise ValueError("give either reduce_by or reduce_to, and not both")
    given = {"reduce_by": reduce_by, "reduce_to": reduce_to}
    sizes = {name: _count(count) for name, count in given.items() if count is not None}
    return {"market_ticker": market_ticker, **sizes}


def _conditions(order: OrderRequest) -> OrderBody:
    rests = order.time_in_force == "good_till_canceled"
    if order.is_post_only and not rests:
        raise ValueError(f"a post-only order rests, it cannot be {order.time_in_force}")
    if order.is_reduce_only and order.time_in_force != "immediate_or_cancel":
        raise ValueError(f"reduce-only needs immediate_or_cancel, not {order.time_in_force}")
    expires_at = epoch_seconds(order.expires_at)
    flags = {
        "post_only": order.is_post_only,
        "reduce_only": order.is_reduce_only,
        "cancel_order_on_pause": order.is_canceled_on_pause,
    }
    given = {name: True for name, is_set in flags.items() if is_set}
    return {"expiration_time": expires_at, **given} if rests else {**given}


def _new_expiry(expiry: datetime | Literal["keep", "never"]) -> OrderBody:
    if expiry == "keep":
        return {}
    if expiry == "never":
        return {"expiration_time": NEVER_EXPIRES}
    return {"expiration_time": epoch_seconds(expiry)}


def _count(count: int) -> str:
    if count <= 0:
        raise ValueError(f"count {contracts(count)} is not above 0")
    return f"{contracts(count):.2f}"


def _yes_price(side: Side, paid: int) -> str:
    if not 0 < paid < MICROS_PER_DOLLAR or paid % MICROS_PER_PRICE_STEP:
        raise ValueError(f"price {dollars(paid)} lies outside 0-1 or has more than 4 decimals")
    yes_price = paid if side == "yes" else MICROS_PER_DOLLAR - paid
    return f"{dollars(yes_price):.4f}"
