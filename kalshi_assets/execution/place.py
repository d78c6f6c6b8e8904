"""Send approved decisions: gates once more, intent committed, sent once, answer recorded."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from kalshi_assets.domain.account import OrderAck, OrderRequest
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import OrderStatus, client_order_id
from kalshi_assets.errors import (
    BreakerOpen,
    ExchangeError,
    NotAuthorized,
    NotFound,
    PayloadError,
    RateLimited,
    Rejected,
)
from kalshi_assets.execution.account import READS_SECONDS
from kalshi_assets.execution.answers import record_answer
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.judge import LEG, Judgement, decision_row, judge_signals
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.storage import ledger, signals
from kalshi_assets.storage.trading_state import State, held_state

TRADING: tuple[State, ...] = ("active",)
# Answers after which the venue certainly has no order of ours.
REFUSALS = (BreakerOpen, Rejected, RateLimited, NotAuthorized, NotFound)


def place_approved(desk: Desk) -> list[ledger.Order]:
    """Make an order of every approved decision that passes the gates once more.

    Returns:
        The orders as they stand after sending, one a decision that was sent.
    """
    with desk.database.transaction() as connection:
        approved = ledger.approved_without_order(connection)
        today = signals.open_signals(connection, venue_day(desk.clock.now()))
    by_id = {signal.signal_id: signal for signal in today.values()}
    placed = []
    for decision in approved:
        signal = by_id.get(decision.signal_id)
        if signal is None:  # ended since: the next judgement records it as not sent
            continue
        judgement = judge_signals(desk, [signal])[0]
        sent = _place(desk, decision, judgement)
        if sent is None:
            continue
        placed.append(sent.order)
        if not sent.is_shown:
            break  # what it staked cannot be seen yet: a later poll judges the rest
    if any(order.status == "unknown" for order in placed):
        reconcile(desk)
    return placed


@dataclass(frozen=True)
class Sent:
    """An order after its one sending.

    Attributes:
        is_shown: the venue's reads show all it did, so the next order can be judged with it.
    """

    order: ledger.Order
    is_shown: bool


def _place(desk: Desk, decision: ledger.Decision, judgement: Judgement) -> Sent | None:
    if not judgement.decision.is_approved:
        with desk.database.transaction() as connection:
            ledger.save_decisions(connection, [decision_row(desk, judgement)])
        return None
    order = _intent(desk, decision, judgement)
    return send(desk, order) if commit(desk, order) else None


def commit(desk: Desk, order: ledger.Order, *, while_in: Collection[State] = TRADING) -> bool:
    """Commit the intent, and tell whether the row that stands in the ledger now is this one.

    It is not where the order, or a live one of its leg in its market, was there before, or where
    the state of trading has changed to another since it was judged: then nothing is sent.
    The row is read back because a count of inserted rows is a driver's word, and money rests on it.
    """
    with desk.database.transaction() as connection:
        if held_state(connection) not in while_in:
            return False
        ledger.add_intent(connection, order)
    with desk.database.transaction() as connection:
        return ledger.order_by_client_id(connection, order.client_order_id) == order


def _intent(desk: Desk, decision: ledger.Decision, judgement: Judgement) -> ledger.Order:
    risk, signal = judgement.decision, judgement.signal
    if risk.limit_price is None or risk.count is None:
        raise ValueError(f"decision {decision.decision_id} is approved without price or size")
    now = desk.clock.now()
    required = desk.limits.required_checks
    verdicts = judgement.inputs.verdicts
    return ledger.Order(
        client_order_id=client_order_id(signal.signal_id, leg=LEG, attempt=judgement.attempt),
        decision_id=decision.decision_id,
        signal_id=signal.signal_id,
        market_ticker=signal.market_ticker,
        leg=LEG,
        attempt=judgement.attempt,
        side=signal.side,
        limit_price=risk.limit_price,
        count=risk.count,
        expires_at=now + timedelta(seconds=desk.order_ttl_seconds),
        status="intent",
        reason="",
        venue_order_id=None,
        fill_count=0,
        verdict_ids=[verdicts[name].verdict_id for name in required],
        created_at=now,
        updated_at=now,
        intent_wall_at=wall_now(),
        run_id=desk.run_id,
    )


def send(desk: Desk, order: ledger.Order) -> Sent:
    """Send once. Any answer but an acceptance or a refusal leaves the order for reconcile."""
    try:
        ack = desk.venue.create_order(_request(order))
    except REFUSALS as exc:
        return Sent(record_answer(desk, order, "rejected", reason=str(exc)), is_shown=True)
    except (ExchangeError, PayloadError) as exc:
        return Sent(record_answer(desk, order, "unknown", reason=str(exc)), is_shown=False)
    told = {"venue_order_id": ack.order_id, "fill_count": ack.fill_count}
    moved = record_answer(desk, order, _status(ack, order.count), **told)
    return Sent(moved, _is_shown(desk, ack))


def _is_shown(desk: Desk, ack: OrderAck) -> bool:
    """Wait until balance, positions and orders are told as of this answer or later."""
    try:
        return desk.venue.await_reads(ack.acknowledged_at, within_seconds=READS_SECONDS)
    except (ExchangeError, PayloadError):
        return False


def _request(order: ledger.Order) -> OrderRequest:
    return OrderRequest(
        client_order_id=order.client_order_id,
        market_ticker=order.market_ticker,
        side=order.side,
        limit_price=order.limit_price,
        count=order.count,
        expires_at=order.expires_at,
        time_in_force="immediate_or_cancel" if order.leg == "exit" else "good_till_canceled",
        is_reduce_only=order.leg == "exit",
    )


def _status(ack: OrderAck, count: int) -> OrderStatus:
    if ack.remaining_count > 0:
        return "resting"
    return "filled" if ack.fill_count >= count else "canceled"
