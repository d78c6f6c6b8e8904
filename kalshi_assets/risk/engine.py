"""Three lists of gates. Every gate of a list is asked, and every answer kept, passed or not.

ENTRY, `judge`: what buys something. `COMMON`, `OF_SIGNAL`, a gate for each data check, `OF_ORDER`.
REDUCE, `judge_exit`: what sells something held. `REDUCE` and nothing else: an exit is never blocked
    by an entry rule, be the data halted, the hours over or the day's loss at its limit.
CANCEL: no gate at all. Taking an order off the book is always allowed, and asks nobody.

An input that is not known refuses, in every list.
"""

from dataclasses import dataclass

from kalshi_assets.risk.common import COMMON
from kalshi_assets.risk.exit_limits import REDUCE
from kalshi_assets.risk.gate import Gate
from kalshi_assets.risk.inputs import ExitInputs, Inputs, Limits
from kalshi_assets.risk.limits import OF_SIGNAL, verdict
from kalshi_assets.risk.order_limits import OF_COST, OF_ORDER, OF_PRICE
from kalshi_assets.risk.trade import trade_of
from kalshi_assets.strategy.exits import bid_of

# What must go on to hold while an entry rests; the rest of an entry's gates is about sending one.
_OF_SENDING = frozenset(
    {"existing_position", "live_order", "attempts", "spread"}
    | {"orders_per_minute", "orders_per_day"}
)
HEALTH_OF_RESTING = (
    frozenset(rule.__name__ for rule in COMMON) | frozenset(rule.__name__ for rule in OF_SIGNAL)
) - _OF_SENDING
_NEEDS_PRICE = frozenset(rule.__name__ for rule in OF_PRICE)
_NEEDS_COST = frozenset(rule.__name__ for rule in OF_COST)


@dataclass(frozen=True)
class RiskDecision:
    """Approved, or refused, with the order that was asked about; of a refused one it never comes.

    Attributes:
        limit_price: of the side bought or sold, micros; None where not known, as the other two.
        count: centicontracts.
        cost_micros: with fees; None for an exit.
    """

    gates: tuple[Gate, ...]
    limit_price: int | None = None
    count: int | None = None
    cost_micros: int | None = None

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Return the names of the gates that decide against it, in their order.

        Where price or cost is not known, the rules on them refuse too; that follows from the gate
        that says what was missing, and only that one is named.
        """
        follows = _NEEDS_PRICE if self.limit_price is None else frozenset[str]()
        follows |= _NEEDS_COST if self.cost_micros is None else frozenset[str]()
        refusing = (gate.gate for gate in self.gates if not gate.is_passed)
        return tuple(name for name in refusing if name not in follows)

    @property
    def is_approved(self) -> bool:
        """Tell whether an order may be made of it."""
        return all(gate.is_passed for gate in self.gates) and bool(self.count)

    def gate(self, name: str) -> Gate:
        """Return the answer of one gate.

        Raises:
            KeyError: it was not asked.
        """
        return {gate.gate: gate for gate in self.gates}[name]


def judge(inputs: Inputs, limits: Limits) -> RiskDecision:
    """Return the decision on one signal."""
    trade = trade_of(inputs, limits)
    gates = (
        *(rule(inputs, limits) for rule in COMMON),
        *(rule(inputs, limits) for rule in OF_SIGNAL),
        *(verdict(name)(inputs, limits) for name in limits.required_checks),
        *(rule(inputs, limits, trade) for rule in OF_ORDER),
    )
    return RiskDecision(gates, trade.price, trade.count, trade.cost_micros)


def judge_exit(inputs: ExitInputs, limits: Limits) -> RiskDecision:
    """Return the decision on selling what is held, at the bid of now."""
    gates = tuple(rule(inputs, limits) for rule in REDUCE)
    bid = None if inputs.quote is None else bid_of(inputs.side, inputs.quote)
    return RiskDecision(gates, bid, inputs.count)
