"""Exits: selling what our own orders bought, for a reason, by the reduce list of gates alone.

An exit is sent immediate-or-cancel and reduce-only at the bid of now: it never rests, never opens a
position, and what it leaves is asked again by the next round. Only our own share of a position is
sold; what was bought by hand is left alone.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.market import Quote, TrackedMarket
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts
from kalshi_assets.execution import account
from kalshi_assets.execution.decision_record import result_of, stored_inputs
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.halting import cancel
from kalshi_assets.execution.holdings import OwnHolding, own_holdings
from kalshi_assets.execution.known import arming_of, has_reconciled, or_none
from kalshi_assets.execution.place import are_shown, commit, send
from kalshi_assets.risk.engine import RiskDecision, judge_exit
from kalshi_assets.risk.inputs import ExitInputs
from kalshi_assets.storage import averages, ledger, markets
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.trading_state import State, current_state
from kalshi_assets.strategy.exits import Exit, ExitRules, exit_of
from kalshi_assets.strategy.exits import Holding as Held

FLATTEN = Exit("flatten", "by command", "nothing held")


@dataclass(frozen=True)
class ExitJudgement:
    """A holding that there is a reason to sell, what was decided, and the order made of it."""

    holding: OwnHolding
    exit: Exit
    decision: RiskDecision
    order: ledger.Order | None


def sell_for_reasons(desk: Desk, rules: ExitRules) -> list[ExitJudgement]:
    """Judge every holding of ours by the exit rules, and sell what passes; not while halted."""
    with desk.database.transaction() as connection:
        is_halted = current_state(connection) == "halted"
    if is_halted or rules == ExitRules():
        return []
    return _sell(desk, rules, while_in=("active", "reducing"))


def flatten(desk: Desk) -> list[ExitJudgement]:
    """Sell all that our orders bought, at the bid of now, whatever the state of trading."""
    return _sell(desk, None, while_in=("active", "reducing", "halted"))


def left_to_sell(desk: Desk) -> list[OwnHolding]:
    """Return what our own orders still hold, as far as their fills are told."""
    or_none(lambda: account.record_fills(desk))
    with desk.database.transaction() as connection:
        return own_holdings(connection)


def _sell(
    desk: Desk, rules: ExitRules | None, *, while_in: Collection[State]
) -> list[ExitJudgement]:
    """Sell what `rules` give a reason for; without rules everything."""
    if not has_reconciled(desk) or or_none(lambda: account.record_fills(desk)) is None:
        return []
    with desk.database.transaction() as connection:
        held = own_holdings(connection)
    tickers = [holding.market_ticker for holding in held]
    batch = or_none(lambda: desk.venue.markets(tickers=tickers)) if tickers else None
    quotes = {s.quote.market_ticker: s.quote for s in batch.snapshots} if batch else {}
    done = []
    for holding in held:
        quote = quotes.get(holding.market_ticker)
        why = FLATTEN if rules is None else _reason(desk, holding, rules, quote)
        if why is not None:
            done.append(_judge_and_send(desk, holding, why, quote, while_in=while_in))
    return done


def _reason(desk: Desk, holding: OwnHolding, rules: ExitRules, quote: Quote | None) -> Exit | None:
    recent = desk.clock.now() - timedelta(seconds=desk.limits.max_signal_age_seconds)
    with desk.database.transaction() as connection:
        known = _market(connection, holding.market_ticker)
        mean = averages.latest_mean(connection, holding.market_ticker, since=recent)
    if quote is None or known is None:
        return None
    return exit_of(
        Held(holding.side, holding.entry_price),
        rules,
        quote=quote,
        mean=mean,
        close_at=known.market.close_at,
        now=desk.clock.now(),
    )


def _market(connection: Connection, ticker: str) -> TrackedMarket | None:
    return markets.known_markets(connection, [ticker]).get(ticker)


def _judge_and_send(
    desk: Desk, holding: OwnHolding, why: Exit, quote: Quote | None, *, while_in: Collection[State]
) -> ExitJudgement:
    _withdraw_entries(desk, holding.market_ticker)
    inputs = _inputs(desk, holding, quote)
    decision = judge_exit(inputs, desk.limits)
    with desk.database.transaction() as connection:
        before = ledger.latest_exit(connection, holding.signal_id)
        attempt = 1 + ledger.exit_attempts(connection, holding.signal_id)
        row = _decision_row(desk, holding, why, inputs, decision=decision, attempt=attempt)
        if row.outcome == "approved" or before is None or before.refused_by != row.refused_by:
            ledger.save_decisions(connection, [row])
    if not decision.is_approved:
        return ExitJudgement(holding, why, decision, None)
    order = _order(desk, row, inputs, bid=decision.limit_price)
    if not commit(desk, order, while_in=while_in):
        return ExitJudgement(holding, why, decision, None)
    sent = send(desk, order)
    are_shown(desk, [sent])  # what is sold next is judged with it
    return ExitJudgement(holding, why, decision, sent.order)


def _withdraw_entries(desk: Desk, market_ticker: str) -> None:
    """Cancel a resting entry of the market: selling and buying at once would meet itself."""
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
    for order in live:
        if order.market_ticker == market_ticker and order.leg == "entry":
            cancel(desk, order, "what it bought is being sold")


def _inputs(desk: Desk, holding: OwnHolding, quote: Quote | None) -> ExitInputs:
    positions = or_none(desk.venue.positions)
    held = None
    if positions is not None:
        by_ticker = {p.market_ticker: p.position for p in positions}
        held = by_ticker.get(holding.market_ticker, 0)
    with desk.database.transaction() as connection:
        arming = arming_of(connection, is_needed=desk.needs_arming)
        known = _market(connection, holding.market_ticker)
    most = 0 if held is None else max(0, held if holding.side == "yes" else -held)
    return ExitInputs(
        now=desk.clock.now(),
        market_ticker=holding.market_ticker,
        side=holding.side,
        count=min(holding.count, most),
        position=held,
        own_count=holding.count,
        quote=quote,
        exchange=or_none(desk.venue.exchange_status),
        exchange_index=None if known is None else known.market.exchange_index,
        arming=arming,
    )


def _decision_row(
    desk: Desk,
    holding: OwnHolding,
    why: Exit,
    inputs: ExitInputs,
    *,
    decision: RiskDecision,
    attempt: int,
) -> ledger.Decision:
    outcome = "approved" if decision.is_approved else "refused"
    text = f"{holding.signal_id}|exit|{inputs.now.isoformat()}|{attempt}|{outcome}"
    seen: dict[str, Any] = {
        "verdict_ids": [],
        "reason": asdict(why),
        "entry_price_micros": holding.entry_price,
        "entry_order": holding.client_order_id,
    }
    return ledger.Decision(
        decision_id=hashlib.sha256(text.encode()).hexdigest()[:32],
        signal_id=holding.signal_id,
        strategy=holding.strategy,
        market_ticker=holding.market_ticker,
        judged_at=inputs.now,
        outcome=outcome,
        refused_by=list(decision.refused_by),
        gates=[asdict(gate) for gate in decision.gates],
        inputs=stored_inputs(inputs, desk.limits, seen=seen),
        side=holding.side,
        attempt=attempt,
        count=decision.count,
        cost_micros=None,
        run_id=desk.run_id,
        kind="exit",
        reason=why.reason,
        result=result_of(decision).decode(),
        settings_id=desk.settings_id,
    )


def _order(
    desk: Desk, row: ledger.Decision, inputs: ExitInputs, *, bid: int | None
) -> ledger.Order:
    """Return the order: selling a side at its bid is buying the other one at what that leaves."""
    if bid is None:
        raise ValueError(f"decision {row.decision_id} is approved without a price")
    now = desk.clock.now()
    return ledger.Order(
        client_order_id=client_order_id(row.signal_id, leg="exit", attempt=row.attempt),
        decision_id=row.decision_id,
        signal_id=row.signal_id,
        market_ticker=row.market_ticker,
        leg="exit",
        attempt=row.attempt,
        side="no" if inputs.side == "yes" else "yes",
        limit_price=MICROS_PER_DOLLAR - bid,
        count=inputs.count,
        expires_at=now + timedelta(seconds=desk.order_ttl_seconds),
        status="intent",
        reason="",
        venue_order_id=None,
        fill_count=0,
        verdict_ids=[],
        created_at=now,
        updated_at=now,
        intent_wall_at=wall_now(),
        run_id=desk.run_id,
    )


def words(judged: Sequence[ExitJudgement]) -> list[str]:
    """Say what was sold, or why not, a line each."""
    return [_line(one) for one in judged]


def _line(one: ExitJudgement) -> str:
    what = f"{one.holding.market_ticker}: {one.exit.reason}"
    if one.order is None:
        refused = [gate.reason for gate in one.decision.gates if not gate.is_passed]
        return f"{what}: not sold: {'; '.join(refused) or 'an exit is under way already'}"
    return f"{what}: {one.order.status}, {contracts(one.order.fill_count)} contracts sold"
