"""Record what the venue answered to a write of ours, unless its list has told something newer."""

from typing import Any

from kalshi_assets.domain.order import OrderStatus
from kalshi_assets.execution.desk import Desk
from kalshi_assets.storage import ledger


def record_answer(
    desk: Desk, order: ledger.Order, status: OrderStatus, **told: Any
) -> ledger.Order:
    """Take an order where an answer says, and return it as the ledger has it then.

    Another job may have found the order in the list while the answer was under way. What the list
    told is newer: an answer wakes no dead order, and none that is known to rest becomes unknown.

    Raises:
        IllegalTransition: the order was taken for never received, or is not in the ledger.
    """
    with desk.database.transaction() as connection:
        kept = ledger.order_by_client_id(connection, order.client_order_id)
        if kept is None or not _is_newer(kept.status, status):
            ledger.move_order(connection, order, status, at=desk.clock.now(), **told)
            kept = ledger.order_by_client_id(connection, order.client_order_id)
    return kept or order


def _is_newer(kept: OrderStatus, answered: OrderStatus) -> bool:
    return kept in ("filled", "canceled") or (kept, answered) == ("resting", "unknown")
