"""Settle what is not known of our orders, by client order id, against the venue's list.

Single reads lag at the venue, and a 404 on a cancel does not tell cancelled from filled: only the
list counts. An order is taken for never received only when the whole list does not have it, after
a grace period of wall time, longer than any request of a dead process can be under way, and when
the list is not one from before that.

The same list shows orders that this ledger did not send. Those of another scheme are somebody's
own: they are written down and left alone. One of our scheme means that a second host trades on this
key, or that the ledger lost rows: trading halts.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from kalshi_assets.domain.account import VenueOrder
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import OrderStatus, is_of_our_scheme, status_at_venue
from kalshi_assets.execution.books import open_books
from kalshi_assets.execution.desk import Desk
from kalshi_assets.storage import books, ledger
from kalshi_assets.storage.trading_state import halt

GRACE = timedelta(seconds=30)
LIST_OVERLAP = timedelta(minutes=10)


def reconcile(desk: Desk, *, is_whole: bool = False) -> int:
    """Bring every live order to what the venue lists, and return how many were looked at.

    Args:
        desk: where.
        is_whole: list all orders, however old: others may have traded while nothing ran here.

    Raises:
        ExchangeError: the venue could not be asked; nothing was changed.
        LedgerNotOpen: the account was never still enough to open its books.
    """
    open_books(desk)
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
    found = _listed(desk, since=None if is_whole else _since(desk, live))
    listed = {order.client_order_id: order for order in found}
    missing = [o for o in live if o.client_order_id not in listed and _end_if_unlisted(desk, o)]
    dead = {o.client_order_id for o in missing if _is_told_since_its_end(desk, o)}
    if missing:  # it may be older there than our row of it
        listed = {order.client_order_id: order for order in _listed(desk, since=None)}
    for order in live:
        found_there = listed.get(order.client_order_id)
        if found_there is not None or order.client_order_id in dead:
            _settle(desk, order, found_there)
    _note_foreign(desk, list(listed.values()))
    return len(live)


def _since(desk: Desk, live: Sequence[ledger.Order]) -> datetime:
    """Return from when on orders are listed: all live ones, and what others sent of late."""
    moments = [desk.clock.now() - LIST_OVERLAP, *(order.created_at for order in live)]
    return min(moments) - LIST_OVERLAP


def _listed(desk: Desk, *, since: datetime | None) -> list[VenueOrder]:
    return desk.venue.orders(min_created_at=since)


def _note_foreign(desk: Desk, listed: Sequence[VenueOrder]) -> None:
    """Write down orders that this ledger did not send; halt where one looks like ours."""
    with desk.database.transaction() as connection:
        ours = ledger.known_client_ids(connection, [o.client_order_id for o in listed])
        foreign = books.foreign_order_ids(connection)
        new = [
            order
            for order in listed
            if order.client_order_id not in ours and order.order_id not in foreign
        ]
        now = desk.clock.now()
        books.add_foreign_orders(connection, [(order, _kind(order)) for order in new], at=now)
        for order in new:
            if _kind(order) == "unknown":
                halt(connection, "unknown_order", why=_who_else(order), at=now)


def _kind(order: VenueOrder) -> books.ForeignKind:
    return "unknown" if is_of_our_scheme(order.client_order_id) else "manual"


def _who_else(order: VenueOrder) -> str:
    return (
        f"order {order.order_id} ({order.client_order_id}) in {order.market_ticker} is of our "
        "scheme, but this ledger did not send it: another host trades on this key, or the ledger "
        "lost rows"
    )


def _end_if_unlisted(desk: Desk, order: ledger.Order) -> OrderStatus | None:
    """Return what an order has come to that the whole list does not have; None: too early to say.

    A resting one has expired by itself; one that was never acknowledged was never received.
    """
    if order.status == "resting":
        return "canceled" if desk.clock.now() > order.expires_at + GRACE else None
    return "lapsed" if wall_now() - order.intent_wall_at > GRACE else None


def _is_told_since_its_end(desk: Desk, order: ledger.Order) -> bool:
    """Tell whether the list is one of after the moment from which on this order cannot come.

    Reads lag, for minutes where the venue is in trouble: a list from before says nothing.
    """
    end = order.expires_at if order.status == "resting" else order.created_at
    return desk.venue.await_reads(end + GRACE, within_seconds=0)


def _settle(desk: Desk, order: ledger.Order, found: VenueOrder | None) -> None:
    with desk.database.transaction() as connection:
        if ledger.order_by_client_id(connection, order.client_order_id) != order:
            return  # another job has moved it since the list was asked for
        if found is not None:
            status = status_at_venue(
                found.status, fill_count=found.fill_count, initial_count=order.count
            )
            ledger.move_order(
                connection,
                order,
                status,
                at=desk.clock.now(),
                reason=f"venue: {found.status}",
                venue_order_id=found.order_id,
                fill_count=found.fill_count,
                expires_at=found.expires_at if status == "resting" else None,
            )
            return
        ended = _end_if_unlisted(desk, order)
        if ended is not None:
            reason = "the venue does not list it"
            ledger.move_order(connection, order, ended, at=desk.clock.now(), reason=reason)
