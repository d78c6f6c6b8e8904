"""Back to trading after a halt: where every order is settled and the ledger equals the venue."""

from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.errors import NotReconciled
from kalshi_assets.execution.books import Comparison
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.halting import names
from kalshi_assets.execution.upkeep import compare_patiently, keep_up
from kalshi_assets.storage import books
from kalshi_assets.storage.alert_causes import settle_halts
from kalshi_assets.storage.breaker import newest_transition
from kalshi_assets.storage.trading_state import (
    TradingState,
    change_state,
    halts_since_active,
    lock_state,
    newest_change,
)


@dataclass(frozen=True)
class Resumed:
    """What was true at the moment of resuming.

    Attributes:
        halts: that were in force, oldest first; none where trading was only reducing, or active.
        is_changed: False where trading was active already.
    """

    halts: list[TradingState]
    comparison: Comparison
    is_changed: bool


def resume(desk: Desk, *, by: str, why: str, is_unknown_accepted: bool) -> Resumed:
    """Reconcile everything, and make trading active again.

    Args:
        desk: where.
        by: who resumes; kept, as the reason is.
        why: the reason.
        is_unknown_accepted: orders of our scheme that this ledger did not send were looked into.

    Raises:
        ExchangeError: the venue does not answer; trading stays halted.
        NotReconciled: something is not settled; trading stays halted, the message says what.
    """
    with desk.database.transaction() as connection:
        seen = newest_change(connection)
    _require_an_answer(desk)
    kept = keep_up(desk)
    unclear = [order for order in kept.live if order.status != "resting"]
    if unclear:
        raise NotReconciled(
            f"it is not known yet what became of {names(unclear)}: wait half a minute, try again"
        )
    comparison = compare_patiently(desk)
    if not comparison.is_equal:
        raise NotReconciled(
            f"ledger and venue do not agree: {comparison.sentence}; money paid in or out is booked "
            "with `kalshi-assets book-transfer`"
        )
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        lock_state(connection)
        if newest_change(connection) != seen:
            raise NotReconciled("trading was halted again meanwhile: look at it, then try again")
        halts = halts_since_active(connection)
        unknown = books.unknown_since(connection, _since(halts, now))
        if unknown and not is_unknown_accepted:
            ids = ", ".join(order.order_id for order in unknown)
            raise NotReconciled(
                f"orders of our scheme that this ledger did not send: {ids}; end "
                "the other host, or find out which rows are lost, then `resume --accept-unknown`"
            )
        changed = change_state(connection, "active", cause="command", why=why, at=now, by=by)
        settle_halts(connection, at=now)
    return Resumed(halts, comparison, changed)


def _require_an_answer(desk: Desk) -> None:
    """Ask the exchange itself: an answer closes its breaker, and without one nothing is known."""
    desk.venue.exchange_status()
    with desk.database.transaction() as connection:
        breaker = newest_transition(connection, desk.api_host)
    if breaker is not None and breaker.to_state != "closed":
        raise NotReconciled(f"the breaker of {desk.api_host} is {breaker.to_state}: try again")


def _since(halts: list[TradingState], now: datetime) -> datetime:
    """Return from when on unknown orders stand in the way: the first of the present halts."""
    return min((halt.changed_at for halt in halts), default=now)
