"""Judge the open signals: gather what is known, ask every rule, keep the answer.

What the venue does not tell is None, and None refuses. The why-not ledger gets a row when a
signal's answer changes, so that a lasting refusal is one row and not one every 90 seconds.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.signal import Signal
from kalshi_assets.execution.decision_record import result_of, stored_inputs
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.known import Stake, gather, has_reconciled, inputs_of
from kalshi_assets.risk.engine import RiskDecision, judge
from kalshi_assets.risk.inputs import Inputs
from kalshi_assets.storage import ledger, signals, verdicts

LEG = "entry"


@dataclass(frozen=True)
class Judgement:
    """A signal with everything it was judged by, and the decision."""

    inputs: Inputs
    decision: RiskDecision
    required_checks: tuple[str, ...]

    @property
    def signal(self) -> Signal:
        """Return the signal."""
        return self.inputs.signal

    @property
    def attempt(self) -> int:
        """Return which attempt an order made of this would be, from 1."""
        return (self.inputs.attempts or 0) + 1


def judge_open_signals(desk: Desk) -> list[Judgement]:
    """Judge every signal of today that has not ended, and record what changed."""
    refuse_unsent(desk)
    with desk.database.transaction() as connection:
        open_signals = signals.open_signals(connection, venue_day(desk.clock.now()))
    judgements = judge_signals(desk, list(open_signals.values()))
    record(desk, judgements)
    return judgements


def judge_signals(desk: Desk, to_judge: Sequence[Signal]) -> list[Judgement]:
    """Return the decision on each signal, the strongest first, with fresh answers of the venue.

    The ledger is reconciled first, also where there is no signal: orders may be live.
    """
    is_reconciled = has_reconciled(desk)
    if not to_judge:
        return []
    known, approved = gather(desk, to_judge, is_reconciled=is_reconciled), list[Stake]()
    judgements = []
    for signal in sorted(to_judge, key=by_strength):
        inputs = inputs_of(desk.clock.now(), signal, known, approved=approved)
        judgement = Judgement(inputs, judge(inputs, desk.limits), desk.limits.required_checks)
        judgements.append(judgement)
        if judgement.decision.is_approved:
            approved.append((signal.market_ticker, judgement.decision.cost_micros or 0))
    return judgements


def by_strength(signal: Signal) -> tuple[Decimal, str]:
    """Return by what signals are put in order: the strongest is judged first."""
    return -signal.strength, signal.market_ticker


def record(desk: Desk, judgements: Sequence[Judgement]) -> int:
    """Write the decisions that approve, or that differ from their signal's last one."""
    ids = [judgement.signal.signal_id for judgement in judgements]
    with desk.database.transaction() as connection:
        before = ledger.latest_outcomes(connection, ids)
        news = [j for j in judgements if _is_news(j.decision, before.get(j.signal.signal_id))]
        return ledger.save_decisions(connection, [decision_row(desk, each) for each in news])


def decision_row(desk: Desk, judgement: Judgement) -> ledger.Decision:
    """Return the ledger's row of a judgement."""
    signal, decision = judgement.signal, judgement.decision
    outcome = "approved" if decision.is_approved else "refused"
    return ledger.Decision(
        decision_id=_decision_id(signal.signal_id, judgement.inputs.now, outcome),
        signal_id=signal.signal_id,
        strategy=signal.strategy,
        market_ticker=signal.market_ticker,
        judged_at=judgement.inputs.now,
        outcome=outcome,
        refused_by=list(decision.refused_by),
        gates=[asdict(gate) for gate in decision.gates],
        inputs=stored_inputs(judgement.inputs, desk.limits, seen=_seen(judgement.inputs)),
        side=signal.side,
        attempt=judgement.attempt,
        count=decision.count,
        cost_micros=decision.cost_micros,
        run_id=desk.run_id,
        kind="entry",
        result=result_of(decision).decode(),
        settings_id=desk.settings_id,
    )


def refuse_unsent(desk: Desk) -> int:
    """Turn what was approved but never sent into a refusal, `gate_closed`, and say why."""
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        unsent = ledger.approved_without_order(connection)
        rows = []
        for row in unsent:
            seen = max(row.inputs["seen"]["verdict_ids"], default=0)
            failed = verdicts.failed_since(connection, seen)
            names = ", ".join(f"{v.check_name} ({v.observed})" for v in failed)
            why = f"approved at {row.judged_at.isoformat()}, not sent: "
            why += names or "the run ended before sending"
            rows.append(closed(row, now, why, desk.run_id))
        return ledger.save_decisions(connection, rows)


def closed(row: ledger.Decision, now: datetime, reason: str, run_id: str) -> ledger.Decision:
    """Return the refusal that follows an approval which was not sent."""
    gate = {
        "gate": "gate_closed",
        "is_passed": False,
        "value": "not sent",
        "limit": "sent while fresh",
        "reason": reason,
    }
    return replace(
        row,
        decision_id=_decision_id(row.signal_id, now, "gate_closed"),
        judged_at=now,
        outcome="refused",
        refused_by=["gate_closed"],
        gates=[*row.gates, gate],
        run_id=run_id,
        result=None,  # nothing was judged: it says what became of the approval
    )


def _is_news(decision: RiskDecision, before: tuple[str, Sequence[str]] | None) -> bool:
    if decision.is_approved or before is None:
        return True
    outcome, refused_by = before
    return outcome != "refused" or list(refused_by) != list(decision.refused_by)


def _decision_id(signal_id: str, at: datetime, outcome: str) -> str:
    return hashlib.sha256(f"{signal_id}|{at.isoformat()}|{outcome}".encode()).hexdigest()[:32]


def _seen(inputs: Inputs) -> dict[str, Any]:
    """Return, for the ledger, what the judgement saw."""
    quote, account, signal = inputs.quote, inputs.account, inputs.signal
    return {
        "verdict_ids": sorted(v.verdict_id for v in inputs.verdicts.values()),
        "average_hash": signal.average_hash,
        "average_as_of": signal.last_seen_at.isoformat(),
        "mid_micros": signal.mid,
        "mean_micros": str(signal.mean),
        "deviation_micros": signal.deviation,
        "reference_price_micros": signal.reference_price,
        "yes_bid_micros": quote.yes_bid if quote else None,
        "yes_ask_micros": quote.yes_ask if quote else None,
        "quoted_at": quote.quoted_at.isoformat() if quote else None,
        "cash_micros": account.cash_micros if account else None,
        "portfolio_value_micros": account.value_micros if account else None,
        "event_exposure_micros": inputs.event_exposure_micros,
        "category_exposure_micros": inputs.category_exposure_micros,
        "total_exposure_micros": inputs.total_exposure_micros,
    }
