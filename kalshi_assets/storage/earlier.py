"""The account's time before its books were opened: what is known of it, and adding to it.

Rows of this time stand in the same tables as those of the books, marked, and are in none of the
books' sums. An order that is not of the books is known by its name, side and moment only: count,
price and state may be amended, and are kept as first seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, or_, select

from kalshi_assets.domain.account import Fill, Settlement, VenueOrder
from kalshi_assets.storage import schema


@dataclass(frozen=True)
class NamedOrder:
    """What of an order never changes."""

    order_id: str
    market_ticker: str
    side: str
    created_at: datetime


def fills_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Fill]:
    """Return those of these fills that are kept, of whatever time."""
    table = schema.fills
    columns = [table.c[f.name] for f in fields(Fill) if f.name != "order_id"]
    query = select(*columns, table.c.venue_order_id.label("order_id"))
    rows = connection.execute(query.where(table.c.fill_id.in_(ids)))
    return {row.fill_id: Fill(**row._mapping) for row in rows}


def settlements_of(connection: Connection, tickers: Sequence[str]) -> dict[str, list[Settlement]]:
    """Return the settlements of these markets that are kept, of whatever time."""
    table = schema.settlements
    query = select(*(table.c[f.name] for f in fields(Settlement)))
    found: dict[str, list[Settlement]] = {}
    for row in connection.execute(query.where(table.c.market_ticker.in_(tickers))):
        found.setdefault(row.market_ticker, []).append(Settlement(**row._mapping))
    return found


def foreign_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, NamedOrder]:
    """Return those of these orders that are known not to be this ledger's."""
    table = schema.foreign_orders
    columns = [table.c[f.name] for f in fields(NamedOrder)]
    rows = connection.execute(select(*columns).where(table.c.order_id.in_(ids)))
    return {row.order_id: NamedOrder(**row._mapping) for row in rows}


def ours_among(connection: Connection, orders: Sequence[VenueOrder]) -> set[str]:
    """Return the venue's ids of those of these orders that this ledger sent."""
    table = schema.orders.c
    query = select(table.client_order_id, table.venue_order_id).where(
        or_(
            table.client_order_id.in_([order.client_order_id for order in orders]),
            table.venue_order_id.in_([order.order_id for order in orders]),
        )
    )
    names = {name for row in connection.execute(query) for name in row if name}
    return {o.order_id for o in orders if o.order_id in names or o.client_order_id in names}
