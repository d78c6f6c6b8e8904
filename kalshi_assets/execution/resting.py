"""Resting entries: each is renewed while its signal is healthy, and withdrawn when it is not.

An order expires by itself after its time to live, since in an outage no cancel can arrive. While
all is well its expiry is moved on, by the same write that keeps its place in the queue; what rests
on a signal that has ended, on data that fails a check or in a halt is cancelled at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from kalshi_assets.domain.account import OrderAmendment
from kalshi_assets.domain.order import OrderStatus
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.execution.answers import record_answer
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.halting import cancel
from kalshi_assets.execution.judge import Judgement
from kalshi_assets.risk.engine import HEALTH_OF_RESTING
from kalshi_assets.storage import ledger

# A renewal is due once this part of the time to live is over.
RENEW_AFTER = 0.25


@dataclass(frozen=True)
class Tended:
    """What became of the resting entries: `kept` had no need, `in_doubt` gave no clear answer."""

    renewed: int = 0
    withdrawn: int = 0
    kept: int = 0
    in_doubt: int = 0


def tend(desk: Desk, judgements: Sequence[Judgement]) -> Tended:
    """Renew or withdraw each resting entry by what was just judged of its signal."""
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
    resting = [o for o in live if o.status == "resting" and o.leg == "entry"]
    judged = {judgement.signal.signal_id: judgement for judgement in judgements}
    counts = {"renewed": 0, "withdrawn": 0, "kept": 0, "in_doubt": 0}
    for order in resting:
        counts[_tend(desk, order, judged.get(order.signal_id))] += 1
    return Tended(**counts)


def _tend(desk: Desk, order: ledger.Order, judgement: Judgement | None) -> str:
    why = _withdrawn_because(judgement)
    if why:
        return "withdrawn" if cancel(desk, order, f"withdrawn: {why}") else "in_doubt"
    left = (order.expires_at - desk.clock.now()).total_seconds()
    if left > desk.order_ttl_seconds * (1 - RENEW_AFTER):
        return "kept"
    return "renewed" if renew(desk, order) else "in_doubt"


def _withdrawn_because(judgement: Judgement | None) -> str:
    """Return what speaks against letting an order rest; its own existence does not."""
    if judgement is None:
        return "its signal has ended"
    gates = judgement.decision.gates
    required = set(judgement.required_checks)
    failing = [
        gate.reason
        for gate in gates
        if not gate.is_passed and (gate.gate in HEALTH_OF_RESTING or gate.gate in required)
    ]
    return "; ".join(failing)


def renew(desk: Desk, order: ledger.Order) -> bool:
    """Move an order's expiry on, once, and tell whether the venue said that it did.

    The request is written down before it is sent. Without a clear answer nothing is assumed: the
    list will say when it expires.
    """
    if order.venue_order_id is None:
        return False
    now = desk.clock.now()
    expires_at = now + timedelta(seconds=desk.order_ttl_seconds)
    with desk.database.transaction() as connection:
        detail = f"expires at {expires_at.isoformat()}"
        ledger.note_request(connection, order, "renew", at=now, detail=detail)
    try:
        ack = desk.venue.amend_order(
            OrderAmendment(
                order_id=order.venue_order_id,
                market_ticker=order.market_ticker,
                side=order.side,
                limit_price=order.limit_price,
                fill_count=order.fill_count,
                remaining_count=order.count - order.fill_count,
                expiry=expires_at,
                client_order_id=order.client_order_id,
            )
        )
    except (ExchangeError, PayloadError):
        return False
    filled = 0 if ack.remaining_count is None else order.count - ack.remaining_count
    status: OrderStatus = "filled" if filled == order.count else "resting"
    record_answer(desk, order, status, fill_count=filled, expires_at=expires_at)
    return True
