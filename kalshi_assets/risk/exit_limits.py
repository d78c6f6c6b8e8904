"""The rules on selling what is held. Nothing else stands in an exit's way, no entry rule ever."""

from collections.abc import Callable

from kalshi_assets.domain.price import contracts, dollars
from kalshi_assets.risk.common import CLOCK_SLACK, arming_gate, shard_gate
from kalshi_assets.risk.gate import Gate, answer
from kalshi_assets.risk.inputs import ExitInputs, Limits
from kalshi_assets.strategy.exits import bid_of

ExitRule = Callable[[ExitInputs, Limits], Gate]


def armed(inputs: ExitInputs, limits: Limits) -> Gate:
    """Real money moves only while somebody has armed it."""
    return arming_gate(inputs.arming)


def shard_open(inputs: ExitInputs, limits: Limits) -> Gate:
    """The shard of the exchange on which the market trades is open, be others closed."""
    return shard_gate(inputs.exchange, inputs.exchange_index)


def market_active(inputs: ExitInputs, limits: Limits) -> Gate:
    """The market is open for trading."""
    status = None if inputs.quote is None else inputs.quote.status
    return answer("market_active", status == "active", status, "active")


def quote_fresh(inputs: ExitInputs, limits: Limits) -> Gate:
    """The price is one of now, by the exchange's own time."""
    limit = f"<= {limits.max_quote_age_seconds} s old"
    if inputs.quote is None:
        return answer("quote_fresh", False, None, limit)
    age = (inputs.now - inputs.quote.quoted_at).total_seconds()
    is_fresh = CLOCK_SLACK <= age <= limits.max_quote_age_seconds
    return answer("quote_fresh", is_fresh, f"{age:.0f} s old", limit)


def has_bid(inputs: ExitInputs, limits: Limits) -> Gate:
    """Somebody buys what is held."""
    limit = f"a bid for {inputs.side.upper()}"
    if inputs.quote is None:
        return answer("has_bid", False, None, limit)
    bid = bid_of(inputs.side, inputs.quote)
    return answer(
        "has_bid", bid is not None, "none" if bid is None else f"{dollars(bid):.4f}", limit
    )


def within_position(inputs: ExitInputs, limits: Limits) -> Gate:
    """No more is sold than is held, and than is ours: an exit never opens a position."""
    if inputs.position is None or inputs.own_count is None:
        return answer("within_position", False, None, "what is held, and what of it is ours")
    held = inputs.position if inputs.side == "yes" else -inputs.position
    most = max(0, min(held, inputs.own_count))
    value = f"{contracts(inputs.count)} contracts"
    limit = f"more than 0, at most {contracts(most)} contracts"
    return answer("within_position", 0 < inputs.count <= most, value, limit)


REDUCE: tuple[ExitRule, ...] = (
    armed,
    shard_open,
    market_active,
    quote_fresh,
    has_bid,
    within_position,
)
