"""Decisions and orders: intents are committed before anything is sent; no row is ever deleted.

What must never be, the database refuses: an illegal step, a fill taken back, more than ordered, a
second live order of a leg in a market. Each change of an order leaves an event, by a trigger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, and_, exists, func, insert, or_, select, update

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.order import LIVE, IllegalTransition, OrderStatus, require_transition
from kalshi_assets.storage.rows import insert_missing
from kalshi_assets.storage.schema import decisions, order_events, orders

Request = Literal["cancel", "renew"]


@dataclass(frozen=True)
class Decision:
    """A row of `decisions`: a signal judged at a moment. Money in micros, count in centicontracts.

    Attributes:
        gates: every gate that was asked, with value, limit and reason.
        inputs: what the judgement saw: `seen`, a few things to read, `inputs` and `limits`, all.
        kind: "entry" buys, "exit" sells what is held.
        reason: of an exit, why it was asked for.
        result: gates, price, count and cost as canonical JSON, to be recomputed; None in rows of
            before it was kept.
    """

    decision_id: str
    signal_id: str
    strategy: str
    market_ticker: str
    judged_at: datetime
    outcome: str
    refused_by: Sequence[str]
    gates: Sequence[Mapping[str, Any]]
    inputs: Mapping[str, Any]
    side: Side
    attempt: int
    count: int | None
    cost_micros: int | None
    run_id: str
    kind: str = "entry"
    reason: str = ""
    result: str | None = None
    settings_id: str = ""


@dataclass(frozen=True)
class Order:
    """A row of `orders`. `limit_price` is of the side bought, micros; counts in centicontracts."""

    client_order_id: str
    decision_id: str
    signal_id: str
    market_ticker: str
    leg: str
    attempt: int
    side: Side
    limit_price: int
    count: int
    expires_at: datetime
    status: OrderStatus
    reason: str
    venue_order_id: str | None
    fill_count: int
    verdict_ids: Sequence[int]
    created_at: datetime
    updated_at: datetime
    intent_wall_at: datetime
    run_id: str


def save_decisions(connection: Connection, rows: Sequence[Decision]) -> int:
    """Add decisions; one that is there already stays as it is."""
    return insert_missing(connection, decisions, [vars(row) for row in rows])


def latest_decisions(
    connection: Connection, signal_ids: Sequence[str] | None = None
) -> dict[str, Decision]:
    """Return each signal's newest decision to enter; without ids, of every signal."""
    rows = connection.execute(_newest(select(decisions), signal_ids))
    return {row.signal_id: Decision(**row._mapping) for row in rows}


def latest_outcomes(
    connection: Connection, signal_ids: Sequence[str]
) -> dict[str, tuple[str, Sequence[str]]]:
    """Return what each signal's newest decision to enter is, and which gates refused by it."""
    row = decisions.c
    wanted = select(row.signal_id, row.outcome, row.refused_by)
    return {
        found.signal_id: (found.outcome, found.refused_by)
        for found in connection.execute(_newest(wanted, signal_ids))
    }


def _newest(query: Select[Any], signal_ids: Sequence[str] | None) -> Select[Any]:
    """Narrow a query of decisions down to each signal's newest one to enter."""
    row = decisions.c
    if signal_ids is not None:
        query = query.where(row.signal_id.in_(signal_ids))
    return (
        query.where(row.kind == "entry")
        .distinct(row.signal_id)
        .order_by(row.signal_id, row.judged_at.desc(), row.decision_id)
    )


def approved_without_order(connection: Connection) -> list[Decision]:
    """Return the decisions, newest of their signal, that approve and have no order yet."""
    row, other = decisions.c, decisions.alias("other").c
    has_order = exists().where(orders.c.decision_id == row.decision_id)
    is_later = or_(
        other.judged_at > row.judged_at,
        and_(other.judged_at == row.judged_at, other.decision_id < row.decision_id),
    )
    has_later = exists().where(other.signal_id == row.signal_id, other.kind == "entry", is_later)
    query = select(decisions).where(
        row.kind == "entry", row.outcome == "approved", ~has_order, ~has_later
    )
    found = connection.execute(query.order_by(row.signal_id))
    return [Decision(**each._mapping) for each in found]


def add_intent(connection: Connection, order: Order) -> bool:
    """Write an order before it is sent; False where it, or a live one, is there already."""
    return bool(insert_missing(connection, orders, [vars(order)]))


def note_request(
    connection: Connection, order: Order, request: Request, *, at: datetime, detail: str
) -> None:
    """Write down, before it is sent, that a change of an order is asked of the venue."""
    connection.execute(
        insert(order_events).values(
            client_order_id=order.client_order_id,
            at=at,
            kind=request,
            status=order.status,
            fill_count=order.fill_count,
            expires_at=order.expires_at,
            detail=detail,
        )
    )


def move_order(
    connection: Connection,
    order: Order,
    status: OrderStatus,
    *,
    at: datetime,
    reason: str = "",
    venue_order_id: str | None = None,
    fill_count: int | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Take an order one step along its state machine; nothing is written where nothing changed.

    The step is from where the ledger has the order, which may be ahead of `order`: the order job
    and the reconcile job run beside each other. What was filled stays filled.

    Raises:
        IllegalTransition: the state machine has no such step, or the ledger no such order.
    """
    query = select(orders).where(orders.c.client_order_id == order.client_order_id)
    found = _orders(connection, query.with_for_update())
    if not found:
        raise IllegalTransition(f"order {order.client_order_id} is not in the ledger")
    kept = found[0]
    values: dict[str, Any] = {
        "status": status,
        "reason": reason or kept.reason,
        "venue_order_id": venue_order_id or kept.venue_order_id,
        "fill_count": max(kept.fill_count, fill_count or 0),
        "expires_at": expires_at or kept.expires_at,
    }
    if all(getattr(kept, name) == value for name, value in values.items()):
        return
    if status != kept.status:
        require_transition(order.client_order_id, old=kept.status, new=status)
    connection.execute(
        update(orders)
        .where(orders.c.client_order_id == order.client_order_id)
        .values(**values, updated_at=at)
    )


def live_orders(connection: Connection) -> list[Order]:
    """Return the orders that may still trade."""
    return _orders(connection, select(orders).where(orders.c.status.in_(LIVE)))


def orders_of_signals(connection: Connection, signal_ids: Sequence[str]) -> list[Order]:
    """Return all orders of these signals."""
    return _orders(connection, select(orders).where(orders.c.signal_id.in_(signal_ids)))


def latest_exit(connection: Connection, signal_id: str) -> Decision | None:
    """Return the newest decision to sell what a signal bought, or None."""
    query = select(decisions).where(decisions.c.signal_id == signal_id, decisions.c.kind == "exit")
    row = connection.execute(query.order_by(decisions.c.judged_at.desc()).limit(1)).first()
    return None if row is None else Decision(**row._mapping)


def exit_attempts(connection: Connection, signal_id: str) -> int:
    """Return how many orders were made to sell what a signal bought."""
    query = select(func.count()).where(orders.c.signal_id == signal_id, orders.c.leg == "exit")
    return int(connection.scalar(query) or 0)


def order_by_client_id(connection: Connection, client_order_id: str) -> Order | None:
    """Return one order, or None."""
    query = select(orders).where(orders.c.client_order_id == client_order_id)
    return next(iter(_orders(connection, query)), None)


def known_client_ids(connection: Connection, client_ids: Sequence[str]) -> set[str]:
    """Return which of these ids are those of our orders."""
    query = select(orders.c.client_order_id).where(orders.c.client_order_id.in_(client_ids))
    return set(connection.scalars(query))


def client_ids_by_venue_id(connection: Connection) -> dict[str, str]:
    """Return our id for each of the venue's."""
    query = select(orders.c.venue_order_id, orders.c.client_order_id).where(
        orders.c.venue_order_id.is_not(None)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _orders(connection: Connection, query: Select[Any]) -> list[Order]:
    return [
        Order(**row._mapping) for row in connection.execute(query.order_by(orders.c.created_at))
    ]
