"""What the gates refused, and what it would have made.

A signal that waits is judged again and again, and refused each time: it counts once, by its first
refusal in the week. One that was ordered later was not missed: it has no price here. A gate is
charged only with what it refused alone; what several refused at once stands in a row of its own. So
each signal is in one row, and the rows add up to the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_assets.domain.fees import taker_fee
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.domain.week_inputs import RefusedDecision
from kalshi_assets.review.statistics import Figure

SEVERAL = "(several at once)"


@dataclass(frozen=True)
class Refused:
    """Signals that one gate refused alone, or all of some rows.

    Attributes:
        named_count: signals it refused, alone or with others.
        ordered_later_count: of `signal_count`, those that were ordered after all.
        settled_count, marked_count: those priced by the result, and by the mid now.
        unpriced_count: those of which price, count, fee terms or worth are not known.
        would_have_made: of those that are priced, net of a taker's fee, micros.
    """

    gate: str
    named_count: int
    signal_count: int
    ordered_later_count: int
    settled_count: int
    marked_count: int
    unpriced_count: int
    would_have_made: Figure[int]


@dataclass(frozen=True)
class Refusals:
    """All refusals of a week.

    Attributes:
        decision_count: judgements that refused, each repetition counted.
        by_gate: the most often alone first, `(several at once)` last.
        total: `named_count` is the number of signals.
    """

    decision_count: int
    by_gate: tuple[Refused, ...]
    total: Refused


def refusals_of(decisions: Sequence[RefusedDecision]) -> Refusals:
    """Return what the gates refused in a week."""
    signals: dict[str, RefusedDecision] = {}
    for decision in sorted(decisions, key=lambda d: (d.judged_at, d.decision_id)):
        signals.setdefault(decision.signal_id, decision)
    later = {d.signal_id for d in decisions if d.was_ordered_later}
    by_gate = {gate: list[RefusedDecision]() for d in signals.values() for gate in d.gates}
    several: list[RefusedDecision] = []
    for first in signals.values():
        (by_gate[first.gates[0]] if len(set(first.gates)) == 1 else several).append(first)
    named = {gate: sum(gate in d.gates for d in signals.values()) for gate in by_gate}
    rows = [_row(gate, named[gate], alone, later) for gate, alone in by_gate.items()]
    rows.sort(key=lambda row: (-row.signal_count, -row.named_count, row.gate))
    if several:
        rows.append(_row(SEVERAL, len(several), several, later))
    total = _row("all", len(signals), list(signals.values()), later)
    return Refusals(len(decisions), tuple(rows), total)


def would_have_made(decision: RefusedDecision) -> int | None:
    """Return what a refused entry would have made, micros; None where that is not known.

    Bought at the ask with a taker's fee, held to the result, or to the mid now without another fee.
    """
    yes_worth = decision.yes_result_micros
    if yes_worth is None:
        yes_worth = decision.yes_mid_micros
    ask, count, multiplier = decision.ask_micros, decision.count, decision.fee_multiplier
    if yes_worth is None or ask is None or count is None or multiplier is None:
        return None
    worth = yes_worth if decision.side == "yes" else MICROS_PER_DOLLAR - yes_worth
    made = count * (worth - ask) // CENTICONTRACTS
    return made - taker_fee(count, ask, multiplier=multiplier)


def _row(gate: str, named: int, signals: Sequence[RefusedDecision], later: set[str]) -> Refused:
    missed = [signal for signal in signals if signal.signal_id not in later]
    made = [(signal, would_have_made(signal)) for signal in missed]
    priced = [(signal, value) for signal, value in made if value is not None]
    settled = sum(signal.yes_result_micros is not None for signal, _ in priced)
    why_not = "none of these can be priced" if missed else "nothing was missed"
    total = Figure(sum(v for _, v in priced)) if priced else Figure[int](None, why_not)
    return Refused(
        gate=gate,
        named_count=named,
        signal_count=len(signals),
        ordered_later_count=len(signals) - len(missed),
        settled_count=settled,
        marked_count=len(priced) - settled,
        unpriced_count=len(missed) - len(priced),
        would_have_made=total,
    )
