"""What paper accepts of an order: the conditions it keeps, price, size, expiry and fee terms."""

from datetime import datetime
from typing import NoReturn

from kalshi_assets.domain.account import OrderAmendment, OrderRequest, Side
from kalshi_assets.domain.fees import MAKER_RATES
from kalshi_assets.domain.market import Market, Series
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.errors import Rejected
from kalshi_assets.storage.paper import PaperOrder

RESTS = "good_till_canceled"
NEVER_RESTS = "immediate_or_cancel"


def refuse(code: str, why: str) -> NoReturn:
    """Refuse an order write.

    Raises:
        Rejected: always.
    """
    raise Rejected(f"paper venue: {code}: {why}", status=400, code=code)


def require_kept(request: OrderRequest) -> None:
    """Refuse an order with conditions that nothing here would keep.

    Raises:
        Rejected: the conditions are named in the message.
    """
    asked = {
        f"time_in_force={request.time_in_force}": request.time_in_force not in (RESTS, NEVER_RESTS),
        "is_post_only": request.is_post_only,
        "is_reduce_only without immediate_or_cancel": (
            request.is_reduce_only and request.time_in_force != NEVER_RESTS
        ),
        "is_canceled_on_pause": request.is_canceled_on_pause,
    }
    conditions = [name for name, is_set in asked.items() if is_set]
    if conditions:
        refuse(
            "unsupported_on_paper",
            f"order {request.client_order_id} asks for {', '.join(conditions)}; paper knows "
            f"{RESTS}, and {NEVER_RESTS} with or without is_reduce_only: leave the rest out there",
        )


def accepted(
    request: OrderRequest, market: Market, series: Series | None, *, now: datetime
) -> PaperOrder:
    """Return the order that a request makes, before it meets the book.

    Raises:
        Rejected: price, size or expiry are wrong, or the fee terms are not known.
    """
    if request.count <= 0:
        refuse("invalid_order_size", f"{contracts(request.count)} contracts are none")
    _require_price(market, request.side, request.limit_price)
    expires_at = request.expires_at.replace(microsecond=0)  # the exchange keeps whole seconds
    if request.time_in_force == RESTS:
        _require_future(expires_at, now)
    if series is None or series.fee_type not in MAKER_RATES or series.fee_multiplier < 0:
        known = "no terms" if series is None else f"{series.fee_type} x {series.fee_multiplier}"
        refuse("fee_terms_unknown", f"series {market.series_ticker} has {known}: refresh it")
    return PaperOrder(
        order_id=f"paper-{request.client_order_id}",
        client_order_id=request.client_order_id,
        market_ticker=market.ticker,
        side=request.side,
        limit_price=request.limit_price,
        initial_count=request.count,
        fill_count=0,
        status="resting",
        reason="",
        fee_type=series.fee_type,
        fee_multiplier=series.fee_multiplier,
        fees_micros=0,
        rounding_micros=0,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
        queued_at=now,
        queue_ahead=0,
        queue_as_of=now,
        looked_at=now,
    )


def require_amendable(
    order: PaperOrder, amendment: OrderAmendment, market: Market, *, now: datetime
) -> datetime:
    """Return the expiry that an amended order has from now on.

    Raises:
        Rejected: it names another order, asks for what paper does not do, or price, size or expiry
            are wrong.
    """
    if amendment.expiry == "never" or amendment.new_client_order_id is not None:
        refuse(
            "unsupported_on_paper",
            f"order {order.order_id} shall never expire or change its client order id; "
            "on paper every order expires and keeps its id",
        )
    if amendment.client_order_id not in (None, order.client_order_id):
        refuse("order_id_and_client_order_id_mismatch", f"it is {order.client_order_id}")
    if amendment.side != order.side:
        refuse("order_side_mismatch", f"{order.order_id} buys {order.side.upper()}")
    if amendment.count < order.fill_count:
        filled, wanted = contracts(order.fill_count), contracts(amendment.count)
        refuse("invalid_order_size", f"{filled} contracts are filled, {wanted} in all are asked")
    _require_price(market, order.side, amendment.limit_price)
    if amendment.expiry == "keep":
        return order.expires_at
    expires_at = amendment.expiry.replace(microsecond=0)
    _require_future(expires_at, now)
    return expires_at


def _require_price(market: Market, side: Side, paid: int) -> None:
    if not market.grid.holds(paid if side == "yes" else MICROS_PER_DOLLAR - paid):
        refuse(
            "invalid_price",
            f"{side.upper()} at {dollars(paid):.4f} is off the grid of {market.ticker}",
        )


def _require_future(expires_at: datetime, now: datetime) -> None:
    if expires_at <= now:
        refuse("invalid_order", f"it expires at {expires_at}, and it is {now}")
