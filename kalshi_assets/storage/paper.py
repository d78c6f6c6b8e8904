"""The paper venue's books: orders, fills, settlements, shares of levels and of public trades.

Rows are written by `execution.paper` only, one transaction a step, under `lock_account`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, select, text, update

from kalshi_assets.domain.account import Fill, Settlement, Side
from kalshi_assets.domain.market import Trade
from kalshi_assets.storage.rows import insert_missing, upsert
from kalshi_assets.storage.schema import (
    paper_fills,
    paper_orders,
    paper_settlements,
    paper_taken,
    paper_trades,
)

ACCOUNT_LOCK = 715_005
PaperStatus = Literal["resting", "executed", "canceled"]
# The side bought and its price, micros.
LevelKey = tuple[Side, int]


@dataclass(frozen=True)
class PaperOrder:
    """A row of `paper_orders`, with the venue's own words for its status.

    `limit_price` is of the side bought, micros; counts are centicontracts. The fee terms are those
    of the series when the order came.

    Attributes:
        rounding_micros: lost to the rounding of fees and not given back yet.
        queued_at: since when it waits where it stands in the queue.
        queue_ahead: contracts of strangers at its price that trade before it does.
        queue_as_of: as of when a look at the book told that; trades after it lessen it.
        looked_at: up to when the public trades have been read for it.
    """

    order_id: str
    client_order_id: str
    market_ticker: str
    side: Side
    limit_price: int
    initial_count: int
    fill_count: int
    status: PaperStatus
    reason: str
    fee_type: str
    fee_multiplier: Decimal
    fees_micros: int
    rounding_micros: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    queued_at: datetime
    queue_ahead: int
    queue_as_of: datetime
    looked_at: datetime

    @property
    def remaining_count(self) -> int:
        """Return what may still be filled."""
        return self.initial_count - self.fill_count if self.status == "resting" else 0


def lock_account(connection: Connection) -> None:
    """Wait until no other transaction works on the paper account; held until this one ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ACCOUNT_LOCK})


def save_order(connection: Connection, order: PaperOrder) -> None:
    """Write an order, new or changed."""
    upsert(connection, paper_orders, [vars(order)])


def all_orders(
    connection: Connection, *, min_created_at: datetime | None = None
) -> list[PaperOrder]:
    """Return the orders created at that moment or later, newest first."""
    if min_created_at is None:
        return _orders(connection)
    return _orders(connection, paper_orders.c.created_at >= min_created_at)


def resting_orders(connection: Connection) -> list[PaperOrder]:
    """Return the orders that may still be filled, oldest first."""
    return _orders(connection, paper_orders.c.status == "resting")[::-1]


def order_by_id(connection: Connection, order_id: str) -> PaperOrder | None:
    """Return one order, or None."""
    return next(iter(_orders(connection, paper_orders.c.order_id == order_id)), None)


def has_client_id(connection: Connection, client_order_id: str) -> bool:
    """Tell whether an order of this id was ever accepted; the id is never freed."""
    return bool(_orders(connection, paper_orders.c.client_order_id == client_order_id))


def set_looked_at(connection: Connection, order_ids: Collection[str], at: datetime) -> None:
    """Note up to when the public trades have been read for these orders."""
    of_these = paper_orders.c.order_id.in_(order_ids)
    connection.execute(update(paper_orders).where(of_these).values(looked_at=at))


def add_fill(connection: Connection, fill: Fill) -> None:
    """Write a fill."""
    connection.execute(insert(paper_fills).values(**vars(fill)))


def all_fills(connection: Connection, *, min_filled_at: datetime | None = None) -> list[Fill]:
    """Return the fills made at that moment or later, in the order they were booked."""
    query = select(*(paper_fills.c[f.name] for f in fields(Fill)))
    if min_filled_at is not None:
        query = query.where(paper_fills.c.filled_at >= min_filled_at)
    rows = connection.execute(query.order_by(paper_fills.c.fill_number))
    return [Fill(**row._mapping) for row in rows]


def add_settlement(connection: Connection, settlement: Settlement) -> None:
    """Write a settlement; a market settles once."""
    connection.execute(insert(paper_settlements).values(**vars(settlement)))


def all_settlements(
    connection: Connection, *, min_settled_at: datetime | None = None
) -> list[Settlement]:
    """Return the settlements made at that moment or later, oldest first."""
    query = select(paper_settlements)
    if min_settled_at is not None:
        query = query.where(paper_settlements.c.settled_at >= min_settled_at)
    rows = connection.execute(query.order_by(paper_settlements.c.settled_at))
    return [Settlement(**row._mapping) for row in rows]


def taken_levels(connection: Connection, market_ticker: str) -> dict[LevelKey, int]:
    """Return how much of each displayed level of a market paper fills have taken."""
    query = select(paper_taken).where(paper_taken.c.market_ticker == market_ticker)
    return {(r["side"], r["price"]): r["count"] for r in connection.execute(query).mappings()}


def save_taken_levels(
    connection: Connection, market_ticker: str, taken: Mapping[LevelKey, int]
) -> None:
    """Replace what was taken of a market's levels."""
    connection.execute(delete(paper_taken).where(paper_taken.c.market_ticker == market_ticker))
    rows = [
        {"market_ticker": market_ticker, "side": side, "price": price, "count": count}
        for (side, price), count in taken.items()
    ]
    if rows:
        connection.execute(insert(paper_taken), rows)


def shared_trades(connection: Connection, market_tickers: Collection[str]) -> set[str]:
    """Return the ids of the public trades of these markets that were shared out lately."""
    of_these = paper_trades.c.market_ticker.in_(market_tickers)
    return set(connection.scalars(select(paper_trades.c.trade_id).where(of_these)))


def add_shared_trades(connection: Connection, trades: Iterable[Trade]) -> None:
    """Remember that these public trades were shared out."""
    rows = [
        {"market_ticker": t.market_ticker, "trade_id": t.trade_id, "traded_at": t.created_at}
        for t in trades
    ]
    insert_missing(connection, paper_trades, rows)


def forget_shared_trades(
    connection: Connection, market_tickers: Collection[str], *, before: datetime
) -> None:
    """Forget the trades of these markets that are too old to be read once more."""
    of_these = paper_trades.c.market_ticker.in_(market_tickers)
    connection.execute(delete(paper_trades).where(of_these, paper_trades.c.traded_at < before))


def _orders(connection: Connection, *conditions: ColumnElement[bool]) -> list[PaperOrder]:
    query = select(paper_orders).where(*conditions)
    newest_first = (paper_orders.c.created_at.desc(), paper_orders.c.order_id)
    return [PaperOrder(**row._mapping) for row in connection.execute(query.order_by(*newest_first))]
