"""What the paper venue answers, in the words of any venue. Pure."""

from datetime import datetime

from kalshi_assets.domain.account import AmendAck, VenueOrder
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.errors import NotFound
from kalshi_assets.storage.paper import PaperOrder


def no_such_order(order_id: str, market_ticker: str) -> NotFound:
    """Return the refusal to change an order that does not rest."""
    return NotFound(
        f"no resting paper order {order_id} in {market_ticker}: look it up in the list",
        status=404,
        code="not_found",
    )


def as_amended(before: PaperOrder, after: PaperOrder, now: datetime) -> AmendAck:
    """Return the answer to an amendment; counts that it did not change are left out."""
    filled, left = after.fill_count - before.fill_count, after.remaining_count
    if not filled and left == before.remaining_count:
        return AmendAck(before.order_id, None, None, now)
    return AmendAck(before.order_id, filled, left, now)


def as_listed(order: PaperOrder) -> VenueOrder:
    """Return an order as the venue's list shows it."""
    is_yes = order.side == "yes"
    return VenueOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        market_ticker=order.market_ticker,
        side=order.side,
        status=order.status,
        yes_price=order.limit_price if is_yes else MICROS_PER_DOLLAR - order.limit_price,
        initial_count=order.initial_count,
        fill_count=order.fill_count,
        remaining_count=order.remaining_count,
        fees_micros=order.fees_micros,
        created_at=order.created_at,
        expires_at=order.expires_at,
    )
