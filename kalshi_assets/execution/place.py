"""Send approved decisions: gates once more, intent committed, sent once, answer recorded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kalshi_assets.domain.account import OrderAck, OrderRequest
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import OrderStatus, client_order_id
from kalshi_assets.domain.signal import Signal
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
from kalshi_assets.execution.judge import (
    LEG,
    Judgement,
    by_strength,
    decision_row,
    judge_signals,
)
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.storage import ledger, signals
from kalshi_assets.storage.trading_state import State, held_state

TRADING: tuple[State, ...] = ("active",)
# The look at the venue that so many orders are judged on is never old.
ON_ONE_LOOK = 5
# Answers after which the venue certainly has no order of ours.
REFUSALS = (BreakerOpen, Rejected, RateLimited, NotAuthorized, NotFound)


def place_approved(desk: Desk) -> list[ledger.Order]:
    """Make an order of every approved decision that passes the gates once more.

    Returns:
        The orders as they stand after sending, one a decision that was sent.
    """
    waiting, placed = _approved(desk), list[ledger.Order]()
    while waiting:
        dealt_with = _place(desk, waiting[:ON_ONE_LOOK])
        waiting = waiting[len(dealt_with) :]
        sent = [each for each in dealt_with if each is not None]
        placed += [each.order for each in sent]
        if not are_shown(desk, sent):
            break  # what they staked cannot be seen yet: a later poll judges the rest
    if any(order.status == "unknown" for order in placed):
        reconcile(desk)
    return placed


@dataclass(frozen=True)
class Sent:
    """An order after its one sending, and the venue's moment of it where the venue took it."""

    order: ledger.Order
    acknowledged_at: datetime | None = None


def _approved(desk: Desk) -> list[tuple[ledger.Decision, Signal]]:
    """Return what is approved and was not sent yet, the strongest signal first."""
    with desk.database.transaction() as connection:
        approved = ledger.approved_without_order(connection)
        today = signals.open_signals(connection, venue_day(desk.clock.now()))
    by_id = {signal.signal_id: signal for signal in today.values()}
    # A signal that has ended since: the next judgement records its decision as not sent.
    found = [(d, by_id[d.signal_id]) for d in approved if d.signal_id in by_id]
    return sorted(found, key=lambda pair: by_strength(pair[1]))


def _place(desk: Desk, waiting: Sequence[tuple[ledger.Decision, Signal]]) -> list[Sent | None]:
    """Judge some decisions once more, on one look at the venue, and send those that pass.

    Each is judged with what those before it may cost, whether they were filled or not: nothing of
    the venue's has to be read between two of them.

    Returns:
        What became of each, in their order; None: not sent. It ends with the first that the venue
        did not take: the others have to be judged with that.
    """
    judgements = judge_signals(desk, [signal for _, signal in waiting])
    dealt_with: list[Sent | None] = []
    for (decision, _), judgement in zip(waiting, judgements, strict=True):
        sent = _send_judged(desk, decision, judgement)
        dealt_with.append(sent)
        if sent is not None and sent.acknowledged_at is None:
            break
    return dealt_with


def _send_judged(desk: Desk, decision: ledger.Decision, judgement: Judgement) -> Sent | None:
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
        return Sent(record_answer(desk, order, "rejected", reason=str(exc)))
    except (ExchangeError, PayloadError) as exc:
        return Sent(record_answer(desk, order, "unknown", reason=str(exc)))
    told = {"venue_order_id": ack.order_id, "fill_count": ack.fill_count}
    moved = record_answer(desk, order, _status(ack, order.count), **told)
    return Sent(moved, ack.acknowledged_at)


def are_shown(desk: Desk, sent: Sequence[Sent]) -> bool:
    """Wait until the venue's reads show all that these orders did; what is unknown never is."""
    if any(each.order.status == "unknown" for each in sent):
        return False
    moments = [each.acknowledged_at for each in sent if each.acknowledged_at is not None]
    if not moments:
        return True
    try:
        return desk.venue.await_reads(max(moments), within_seconds=READS_SECONDS)
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
