"""Halting: the state first, then our resting orders, by id, until the venue confirms.

A halt is latched: only `kalshi-assets resume` ends it. Cancelling needs no gate; it is tried as
long as one of our orders may still trade, by every job that runs meanwhile.
"""

from collections.abc import Sequence

from kalshi_assets.domain.order import status_at_venue
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.execution.answers import record_answer
from kalshi_assets.execution.desk import Desk
from kalshi_assets.storage import ledger


def cancel_live(desk: Desk, why: str) -> list[ledger.Order]:
    """Ask the venue once to cancel each of our live orders; return those that may still trade.

    An order without a venue's id cannot be cancelled yet: reconcile finds it in the list first. It
    expires by itself in any case.
    """
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
    return [order for order in live if not cancel(desk, order, why)]


def cancel(desk: Desk, order: ledger.Order, why: str) -> bool:
    """Ask the venue once to cancel an order, and tell whether it confirmed that it is dead.

    The request is written down before it is sent. A 404 does not tell cancelled from filled, and no
    answer tells nothing: then the order stays as it is until the list says.
    """
    if order.venue_order_id is None:
        return False
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        ledger.note_request(connection, order, "cancel", at=now, detail=why)
    try:
        ack = desk.venue.cancel_order(order.venue_order_id, market_ticker=order.market_ticker)
    except (ExchangeError, PayloadError):
        return False
    filled = order.count - ack.reduced_by
    status = status_at_venue("canceled", fill_count=filled, initial_count=order.count)
    record_answer(desk, order, status, reason=why, fill_count=filled)
    return True


def names(orders: Sequence[ledger.Order]) -> str:
    """Name orders in a sentence."""
    return ", ".join(f"{o.client_order_id} in {o.market_ticker} ({o.status})" for o in orders)
