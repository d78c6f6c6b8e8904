"""The books: cash and positions at the opening, and all that moved them since.

Fills and settlements that the venue told before the opening are in the opening balance; what comes
after it is a movement. Orders of others on the same account are known by name, so that each of
their fills is explained.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select

from kalshi_assets.domain.account import Fill, Position, Settlement, VenueOrder
from kalshi_assets.storage import schema
from kalshi_assets.storage.rows import insert_missing

ForeignKind = Literal["manual", "unknown", "earlier"]


@dataclass(frozen=True)
class Opening:
    """The account when its books were opened. Money in micros.

    Attributes:
        positions: by market: contracts (+ YES, - NO, centicontracts) and what they cost.
    """

    at: datetime
    cash_micros: int
    positions: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class UnknownOrder:
    """An order of our scheme that this ledger did not send, as the venue told it first."""

    order_id: str
    client_order_id: str
    market_ticker: str
    status: str

    def as_text(self) -> str:
        """Return it for people."""
        named = f"{self.order_id} ({self.client_order_id}) in {self.market_ticker}"
        return f"{named}, {self.status} when first seen"


def opening(connection: Connection) -> Opening | None:
    """Return the opening, or None while the books are not open."""
    table = schema.cash_movements
    row = connection.execute(select(table).where(table.c.kind == "opening")).first()
    if row is None:
        return None
    held = {ticker: (count, cost) for ticker, (count, cost) in row.positions.items()}
    return Opening(row.at, row.amount_micros, held)


def add_opening(
    connection: Connection, *, at: datetime, cash_micros: int, positions: Iterable[Position]
) -> None:
    """Open the books.

    Raises:
        StorageError: they are open.
    """
    held = {p.market_ticker: [p.position, abs(p.exposure_micros)] for p in positions}
    _add_movement(connection, "opening", at=at, amount=cash_micros, held=held, note="")


def add_transfer(connection: Connection, amount_micros: int, *, at: datetime, note: str) -> None:
    """Book money that was paid in, or out where it is negative."""
    kind = "deposit" if amount_micros > 0 else "withdrawal"
    _add_movement(connection, kind, at=at, amount=amount_micros, held={}, note=note)


def transferred(connection: Connection, *, since: datetime | None = None) -> int:
    """Return what was paid in less what was paid out, from a moment or from the opening on."""
    table = schema.cash_movements
    query = select(func.coalesce(func.sum(table.c.amount_micros), 0))
    query = query.where(table.c.kind != "opening")
    if since is not None:
        query = query.where(table.c.at >= since)
    return int(connection.scalar(query) or 0)


def fills_since_opening(connection: Connection) -> list[Fill]:
    """Return the account's fills since the opening, oldest first."""
    return _fills(connection, is_before_opening=False)


def settlements_since_opening(connection: Connection) -> list[Settlement]:
    """Return the account's settlements since the opening, oldest first."""
    return _settlements(connection, is_before_opening=False)


def before_opening(connection: Connection) -> tuple[list[Fill], list[Settlement]]:
    """Return what is kept of the time before the opening, oldest first.

    Without `import-history` that is what the live tier told when the books were opened.
    """
    return (
        _fills(connection, is_before_opening=True),
        _settlements(connection, is_before_opening=True),
    )


def _fills(connection: Connection, *, is_before_opening: bool) -> list[Fill]:
    table = schema.fills
    columns = [table.c[f.name] for f in fields(Fill) if f.name != "order_id"]
    query = select(*columns, table.c.venue_order_id.label("order_id"))
    query = query.where(table.c.is_before_opening.is_(is_before_opening))
    rows = connection.execute(query.order_by(table.c.filled_at, table.c.fill_id))
    return [Fill(**row._mapping) for row in rows]


def _settlements(connection: Connection, *, is_before_opening: bool) -> list[Settlement]:
    table = schema.settlements
    query = select(*(table.c[f.name] for f in fields(Settlement)))
    query = query.where(table.c.is_before_opening.is_(is_before_opening))
    query = query.order_by(table.c.settled_at)
    return [Settlement(**row._mapping) for row in connection.execute(query)]


def foreign_order_ids(connection: Connection) -> set[str]:
    """Return the venue's ids of all orders that are known not to be this ledger's."""
    return set(connection.scalars(select(schema.foreign_orders.c.order_id)))


def unknown_since(connection: Connection, moment: datetime) -> list[UnknownOrder]:
    """Return the orders of our scheme, not ours, that were first seen from then on."""
    table = schema.foreign_orders
    columns = [table.c[f.name] for f in fields(UnknownOrder)]
    query = select(*columns).where(table.c.kind == "unknown", table.c.seen_at >= moment)
    rows = connection.execute(query.order_by(table.c.seen_at, table.c.order_id))
    return [UnknownOrder(**row._mapping) for row in rows]


def add_foreign_orders(
    connection: Connection, found: Sequence[tuple[VenueOrder, ForeignKind]], *, at: datetime
) -> int:
    """Remember orders of others as first seen; return how many are new."""
    return insert_missing(connection, schema.foreign_orders, [_foreign(*f, at=at) for f in found])


def _foreign(order: VenueOrder, kind: ForeignKind, *, at: datetime) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "market_ticker": order.market_ticker,
        "side": order.side,
        "status": order.status,
        "count": order.initial_count,
        "yes_price": order.yes_price,
        "kind": kind,
        "created_at": order.created_at,
        "seen_at": at,
    }


def _add_movement(
    connection: Connection, kind: str, *, at: datetime, amount: int, held: Any, note: str
) -> None:
    connection.execute(
        insert(schema.cash_movements).values(
            at=at, kind=kind, amount_micros=amount, positions=held, note=note
        )
    )
