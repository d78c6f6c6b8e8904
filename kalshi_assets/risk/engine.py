"""Judge one signal: every rule is asked, and the answers are kept whether they pass or not."""

from dataclasses import dataclass

from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.market import Market, Quote
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.risk.inputs import Inputs, Limits
from kalshi_assets.risk.limits import ELIGIBILITY, Gate, verdict
from kalshi_assets.strategy.mean_reversion import ask_of
from kalshi_assets.strategy.sizing import contracts_within


@dataclass(frozen=True)
class RiskDecision:
    """Approved with price and size, or refused with the gates that did it.

    Attributes:
        limit_price: of the side bought, micros; `count`: centicontracts; `cost_micros`: with fees.
    """

    gates: tuple[Gate, ...]
    limit_price: int | None = None
    count: int | None = None
    cost_micros: int | None = None

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Return the names of the gates that refuse, in their order."""
        return tuple(gate.gate for gate in self.gates if not gate.is_passed)

    @property
    def is_approved(self) -> bool:
        """Tell whether an order may be made of it."""
        return not self.refused_by and bool(self.count)


def judge(inputs: Inputs, limits: Limits) -> RiskDecision:
    """Return the decision on one signal. Price and size are asked only of an eligible one."""
    rules = (*ELIGIBILITY, *(verdict(name) for name in limits.required_checks))
    gates = tuple(rule(inputs, limits) for rule in rules)
    if not all(gate.is_passed for gate in gates):
        return RiskDecision(gates)
    price, price_gate = _price(inputs, limits)
    if price is None:
        return RiskDecision((*gates, price_gate))
    count, cost, size_gate = _size(inputs, limits, price)
    return RiskDecision((*gates, price_gate, size_gate), price, count, cost)


def _price(inputs: Inputs, limits: Limits) -> tuple[int | None, Gate]:
    """Return min(ask now, reference + slippage) on the grid, of the side bought."""
    market, quote, reference = inputs.market, inputs.quote, inputs.signal.reference_price
    if market is None or quote is None or reference is None:
        needed = "a quote and a reference price"
        return None, Gate("price_known", False, "unknown", needed, f"price needs {needed}")
    if not _has_ask(inputs.signal.side, quote):
        needed = f"an ask of {inputs.signal.side.upper()}"
        return None, Gate("price_known", False, "no ask", needed, f"there is not {needed}")
    ask = ask_of(inputs.signal.side, yes_bid=quote.yes_bid, yes_ask=quote.yes_ask)
    most = reference + limits.max_slippage
    value, limit = f"{dollars(ask):.4f}", f"<= {dollars(most):.4f}"
    price = _on_grid(market, inputs.signal.side, min(ask, most))
    if ask > most or price is None:
        reason = f"the ask is {value}, more than the slippage allowed over {dollars(reference):.4f}"
        return None, Gate("price_moved", False, value, limit, reason)
    return price, Gate("price_moved", True, value, limit)


def _has_ask(side: str, quote: Quote) -> bool:
    size = quote.yes_ask_size if side == "yes" else quote.yes_bid_size
    return size > 0


def _on_grid(market: Market, side: str, price: int) -> int | None:
    """Return the highest price of the side, not above `price`, that the market's grid has."""
    if side == "yes":
        return market.grid.floor(price)
    yes = market.grid.ceiling(MICROS_PER_DOLLAR - price)
    return None if yes is None else MICROS_PER_DOLLAR - yes


def _size(inputs: Inputs, limits: Limits, price: int) -> tuple[int, int, Gate]:
    account, multiplier = inputs.account, inputs.fee_multiplier
    if account is None or account.value_micros is None or multiplier is None:
        needed = "portfolio value and fee terms"
        return 0, 0, Gate("size", False, "unknown", needed, f"size needs {needed}")
    budget = int(account.value_micros * limits.max_trade_pct / 100)
    spendable = min(budget, account.cash_micros)
    count = contracts_within(spendable, price, fee_multiplier=multiplier)
    cost = cost_to_buy(count, price, multiplier=multiplier) if count else 0
    limit = f"cost <= {dollars(spendable):.2f} USD"
    value = f"{contracts(count):.0f} contracts for {dollars(cost):.2f} USD"
    reason = "" if count else f"not one contract at {dollars(price):.4f} fits {limit}"
    return count, cost, Gate("size", count > 0, value, limit, reason)
