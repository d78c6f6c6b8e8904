"""What a page of the account's past gives to the ledger: new rows of before the opening, no other.

A row that is known stays as it is, and must say the same. A row that is not, and is older than the
opening of the books, is added with the mark that keeps it out of their sums. What is younger is the
books' own: whether it is in their opening balance, only they can tell. That holds for the last hour
before the opening too, as the books were opened on several answers, one after the other.
"""

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from kalshi_assets.domain.account import Fill, ListKind, Settlement, VenueOrder
from kalshi_assets.domain.order import is_of_our_scheme
from kalshi_assets.errors import HistoryDiffers
from kalshi_assets.kalshi.calls_pages import Record
from kalshi_assets.storage import account, books, earlier, ledger
from kalshi_assets.storage.engine import Connection

DOUBT = timedelta(hours=1)
# The tiers may tell a moment more or less finely.
SAME_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True)
class Kept:
    """What became of a page's rows."""

    added: int
    known: int
    left_out: int


def keep_rows(
    connection: Connection,
    kind: ListKind,
    rows: Sequence[Record],
    *,
    opened_at: datetime,
    now: datetime,
) -> Kept:
    """Add what is new of before the opening, and compare what is known.

    Raises:
        HistoryDiffers: a row is known otherwise; nothing of the page was kept.
    """
    return _KEEPERS[kind](connection, rows, opened_at - DOUBT, now)


def moment_of(row: Record) -> datetime:
    """Return the moment by which a list is asked for."""
    if isinstance(row, VenueOrder):
        return row.created_at
    return row.filled_at if isinstance(row, Fill) else row.settled_at


def _keep_fills(
    connection: Connection, rows: Sequence[Record], before: datetime, now: datetime
) -> Kept:
    fills = cast(Sequence[Fill], rows)
    kept = earlier.fills_by_id(connection, [fill.fill_id for fill in fills])
    new: dict[str, Fill] = {}
    for fill in fills:
        known = kept.get(fill.fill_id) or new.setdefault(fill.fill_id, fill)
        _require_same("fill", fill, known, is_same=_at(fill, known.filled_at) == known)
    old = [fill for fill in new.values() if fill.filled_at < before]
    added = account.save_fills(
        connection,
        old,
        client_ids=ledger.client_ids_by_venue_id(connection),
        is_before_opening=True,
    )
    return _counted(fills, new, added=added, old=old)


def _keep_settlements(
    connection: Connection, rows: Sequence[Record], before: datetime, now: datetime
) -> Kept:
    settled = cast(Sequence[Settlement], rows)
    kept = earlier.settlements_of(connection, [one.market_ticker for one in settled])
    new: dict[tuple[str, datetime], Settlement] = {}
    for one in settled:
        found = (k for k in kept.get(one.market_ticker, []) if _is_near(one, k))
        known = next(found, None) or new.setdefault((one.market_ticker, one.settled_at), one)
        is_same = replace(one, settled_at=known.settled_at) == known
        _require_same("settlement", one, known, is_same=is_same)
    old = [one for one in new.values() if one.settled_at < before]
    added = account.save_settlements(connection, old, is_before_opening=True)
    return _counted(settled, new, added=added, old=old)


def _keep_orders(
    connection: Connection, rows: Sequence[Record], before: datetime, now: datetime
) -> Kept:
    """Note the orders of others; one of our scheme only where it was dead before the opening.

    Else it is not for us to say that it is of earlier: seeing it later, the books halt trading.
    """
    orders = cast(Sequence[VenueOrder], rows)
    ours = earlier.ours_among(connection, orders)
    kept = earlier.foreign_by_id(connection, [order.order_id for order in orders])
    new: dict[str, VenueOrder] = {}
    for order in orders:
        if order.order_id in ours:
            continue
        known = kept.get(order.order_id) or new.setdefault(order.order_id, order)
        is_same = (order.market_ticker, order.side) == (known.market_ticker, known.side)
        is_same &= abs(order.created_at - known.created_at) < SAME_MOMENT
        _require_same("order", order, known, is_same=is_same)
    old = [order for order in new.values() if _is_earlier(order, before)]
    noted: list[tuple[VenueOrder, books.ForeignKind]] = [
        (order, "earlier" if is_of_our_scheme(order.client_order_id) else "manual") for order in old
    ]
    added = books.add_foreign_orders(connection, noted, at=now)
    return _counted(orders, new, added=added, old=old)


def _is_earlier(order: VenueOrder, before: datetime) -> bool:
    if not is_of_our_scheme(order.client_order_id):
        return order.created_at < before
    ended_at = None if order.status == "resting" else order.updated_at
    return ended_at is not None and ended_at < before


def _at(fill: Fill, moment: datetime) -> Fill:
    is_near = abs(fill.filled_at - moment) < SAME_MOMENT
    return replace(fill, filled_at=moment) if is_near else fill


def _is_near(one: Settlement, other: Settlement) -> bool:
    return abs(one.settled_at - other.settled_at) < SAME_MOMENT


def _require_same(what: str, told: object, kept: object, *, is_same: bool) -> None:
    if not is_same:
        raise HistoryDiffers(
            f"the venue tells a {what} otherwise than it is kept: told {told}, kept {kept}; "
            "nothing of its page was imported"
        )


def _counted(rows: Sized, new: Sized, *, added: int, old: Sized) -> Kept:
    left_out = len(new) - len(old)
    return Kept(added=added, known=len(rows) - added - left_out, left_out=left_out)


_KEEPERS: Mapping[ListKind, Callable[[Connection, Sequence[Record], datetime, datetime], Kept]] = {
    "orders": _keep_orders,
    "fills": _keep_fills,
    "settlements": _keep_settlements,
}
