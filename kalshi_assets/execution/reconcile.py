"""Settle what is not known of our orders, by client order id, against the venue's list.

Single reads lag at the venue, and a 404 on a cancel does not tell cancelled from filled: only the
list counts. An order is taken for never received only when the whole list does not have it, and
after a grace period of wall time, longer than any request of a dead process can be under way.
"""

from datetime import datetime, timedelta

from kalshi_assets.domain.account import VenueOrder
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import OrderStatus, status_at_venue
from kalshi_assets.execution.desk import Desk
from kalshi_assets.storage import ledger

GRACE = timedelta(seconds=30)
LIST_OVERLAP = timedelta(minutes=10)


def reconcile(desk: Desk) -> int:
    """Bring every live order to what the venue lists, and return how many were looked at.

    Raises:
        ExchangeError: the venue could not be asked; nothing was changed.
    """
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
    if not live:
        return 0
    listed = _listed(desk, since=min(order.created_at for order in live) - LIST_OVERLAP)
    if any(o.client_order_id not in listed and _end_if_unlisted(desk, o) for o in live):
        listed = _listed(desk, since=None)  # it may be older there than our row of it
    for order in live:
        _settle(desk, order, listed.get(order.client_order_id))
    return len(live)


def _listed(desk: Desk, *, since: datetime | None) -> dict[str, VenueOrder]:
    return {order.client_order_id: order for order in desk.venue.orders(min_created_at=since)}


def _end_if_unlisted(desk: Desk, order: ledger.Order) -> OrderStatus | None:
    """Return what an order has come to that the whole list does not have; None: too early to say.

    A resting one has expired by itself; one that was never acknowledged was never received.
    """
    if order.status == "resting":
        return "canceled" if desk.clock.now() > order.expires_at + GRACE else None
    return "lapsed" if wall_now() - order.intent_wall_at > GRACE else None


def _settle(desk: Desk, order: ledger.Order, found: VenueOrder | None) -> None:
    with desk.database.transaction() as connection:
        if ledger.order_by_client_id(connection, order.client_order_id) != order:
            return  # another job has moved it since the list was asked for
        if found is not None:
            ledger.move_order(
                connection,
                order,
                status_at_venue(
                    found.status, fill_count=found.fill_count, initial_count=found.initial_count
                ),
                at=desk.clock.now(),
                reason=f"venue: {found.status}",
                venue_order_id=found.order_id,
                fill_count=found.fill_count,
            )
            return
        ended = _end_if_unlisted(desk, order)
        if ended is not None:
            reason = "the venue does not list it"
            ledger.move_order(connection, order, ended, at=desk.clock.now(), reason=reason)
