"""The fills of our own orders, and where some of them are not told yet."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, func, select

from kalshi_assets.domain.account import Fill
from kalshi_assets.storage.schema import decisions, fills, orders, settlements


@dataclass(frozen=True)
class OwnFill:
    """A fill with the order of ours it belongs to."""

    fill: Fill
    client_order_id: str
    leg: str
    signal_id: str
    strategy: str


def own_fills(connection: Connection) -> list[OwnFill]:
    """Return the fills of our orders in markets that are not settled, oldest first."""
    settled = select(settlements.c.market_ticker)
    query = (
        select(fills, orders.c.leg, orders.c.signal_id, decisions.c.strategy)
        .join(orders, orders.c.client_order_id == fills.c.client_order_id)
        .join(decisions, decisions.c.decision_id == orders.c.decision_id)
        .where(fills.c.market_ticker.not_in(settled))
        .order_by(fills.c.filled_at, fills.c.fill_id)
    )
    return [_own_fill(row) for row in connection.execute(query)]


def markets_missing_fills(connection: Connection) -> set[str]:
    """Return the markets where an order of ours is known to be filled further than its fills say.

    The venue's list of fills lags behind its answers: until it is whole, what is ours is not known.
    """
    told = func.coalesce(func.sum(fills.c.count), 0)
    query = (
        select(orders.c.market_ticker)
        .outerjoin(fills, fills.c.client_order_id == orders.c.client_order_id)
        .group_by(orders.c.client_order_id, orders.c.market_ticker, orders.c.fill_count)
        .having(orders.c.fill_count > told)
    )
    return set(connection.scalars(query))


def _own_fill(row: Row[Any]) -> OwnFill:
    told = row._mapping  # a row has a method `count`
    values = {f.name: told[f.name] for f in fields(Fill) if f.name != "order_id"}
    fill = Fill(order_id=told["venue_order_id"], **values)
    rest = {name: told[name] for name in ("client_order_id", "leg", "signal_id", "strategy")}
    return OwnFill(fill, **rest)
