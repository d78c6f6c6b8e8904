"""The rules on the order that a signal would make: price, edge, size, and what it may add up to.

Where price or cost is not known, they refuse as unknown, and another rule says what was missing.
"""

from collections.abc import Callable
from decimal import Decimal

from kalshi_assets.domain.fees import taker_fee
from kalshi_assets.domain.price import (
    CENTICONTRACTS,
    MICROS_PER_CENT,
    MICROS_PER_DOLLAR,
    contracts,
    dollars,
)
from kalshi_assets.risk.gate import Gate, answer
from kalshi_assets.risk.inputs import Inputs, Limits
from kalshi_assets.risk.trade import Trade

OrderRule = Callable[[Inputs, Limits, Trade], Gate]


def price_known(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """Somebody sells the side to buy, at a price that the market's grid has."""
    needed = f"an ask of {inputs.signal.side.upper()} on the grid"
    if inputs.market is None or inputs.quote is None:
        return answer("price_known", False, None, needed)
    if trade.ask is None or trade.price is None:
        value = "no ask" if trade.ask is None else "off the grid"
        return Gate("price_known", False, value, needed, f"there is not {needed}")
    return answer("price_known", True, f"{dollars(trade.price):.4f}", needed)


def price_moved(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """The ask has not run away from the one at which the signal was made."""
    if trade.ask is None or trade.most is None or trade.reference is None:
        return answer("price_moved", False, None, "within the slippage allowed")
    value, limit = f"{dollars(trade.ask):.4f}", f"<= {dollars(trade.most):.4f}"
    if trade.ask <= trade.most:
        return answer("price_moved", True, value, limit)
    over = f"{dollars(trade.reference):.4f}"
    reason = f"the ask is {value}, more than the slippage allowed over {over}"
    return Gate("price_moved", False, value, limit, reason)


def edge(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """Something is left of the way back to the average: less the limit price and the taker fee.

    The limit price is an ask, so that half the spread is in it already.
    """
    limit = f"> {limits.min_edge / MICROS_PER_CENT:g} points"
    if trade.price is None or inputs.fee_multiplier is None:
        return answer("edge", False, None, limit)
    mean = inputs.signal.mean
    fair = mean if inputs.signal.side == "yes" else MICROS_PER_DOLLAR - mean
    count = max(trade.count or 0, CENTICONTRACTS)
    fee = Decimal(taker_fee(count, trade.price, multiplier=inputs.fee_multiplier))
    left = fair - trade.price - fee * CENTICONTRACTS / count
    return answer("edge", left > limits.min_edge, f"{left / MICROS_PER_CENT:.2f} points", limit)


def size(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """At least one contract fits what one trade may lose."""
    if (
        trade.price is None
        or trade.spendable_micros is None
        or trade.count is None
        or trade.cost_micros is None
    ):
        needed = "a price, portfolio value and fee terms"
        return Gate("size", False, "unknown", needed, f"size needs {needed}")
    limit = f"cost <= {dollars(trade.spendable_micros):.2f} USD"
    value = f"{contracts(trade.count):.0f} contracts for {dollars(trade.cost_micros):.2f} USD"
    is_passed = trade.count > 0
    reason = "" if is_passed else f"not one contract at {dollars(trade.price):.4f} fits {limit}"
    return Gate("size", is_passed, value, limit, reason)


def event_exposure(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """The legs of one event are one bet: this trade still fits what it may stake."""
    where = None if inputs.market is None else inputs.market.event_ticker
    return _fits(
        "event_exposure", inputs, trade, inputs.event_exposure_micros, limits.max_event_pct, where
    )


def category_exposure(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """Markets of one category move together: this trade still fits."""
    staked, pct = inputs.category_exposure_micros, limits.max_category_pct
    return _fits("category_exposure", inputs, trade, staked, pct, inputs.category)


def shard_exposure(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """One shard of the exchange may be out of reach: this trade still fits."""
    index = None if inputs.market is None else inputs.market.exchange_index
    where = "the exchange" if index is None else f"shard {index}"
    staked, pct = inputs.shard_exposure_micros, limits.max_shard_pct
    return _fits("shard_exposure", inputs, trade, staked, pct, where)


def total_exposure(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """A part of the account is never staked."""
    staked, pct = inputs.total_exposure_micros, limits.max_total_pct
    return _fits("total_exposure", inputs, trade, staked, pct, "everything")


def shard_cash(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """The cash lies where the market trades; a venue that tells no shards has one."""
    account, market, cost = inputs.account, inputs.market, trade.cost_micros
    cash = None if account is None else account.cash_micros
    if account is not None and account.shards:
        index = None if market is None else market.exchange_index
        cash = None if index is None else account.shards.get(index, 0)
    if cash is None or cost is None:
        return answer("shard_cash", False, None, "cash on the market's shard")
    return answer(
        "shard_cash", cost <= cash, f"{dollars(cash):.2f} USD", f">= {dollars(cost):.2f} USD"
    )


def order_usd(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """Whatever the shares say, no order costs more than this: a slip of units cannot pass."""
    return _capped("order_usd", trade.cost_micros, limits.max_order_micros)


def day_notional(inputs: Inputs, limits: Limits, trade: Trade) -> Gate:
    """Nor do the orders of a day."""
    ordered = None if inputs.activity is None else inputs.activity.cost_today_micros
    cost = trade.cost_micros
    together = None if ordered is None or cost is None else ordered + cost
    return _capped("day_notional", together, limits.max_day_notional_micros)


# Each needs the price, those of OF_COST the cost as well: see `RiskDecision.refused_by`.
OF_COST: tuple[OrderRule, ...] = (
    event_exposure,
    category_exposure,
    shard_exposure,
    total_exposure,
    shard_cash,
    order_usd,
    day_notional,
)
OF_PRICE: tuple[OrderRule, ...] = (price_moved, edge, size, *OF_COST)
OF_ORDER: tuple[OrderRule, ...] = (price_known, *OF_PRICE)


def _fits(
    name: str,
    inputs: Inputs,
    trade: Trade,
    staked: int | None,
    pct: Decimal,
    where: str | None,
) -> Gate:
    """Return whether what is staked and this trade's cost fit a share of the account's value."""
    value = None if inputs.account is None else inputs.account.sellable_micros
    if staked is None or value is None or trade.cost_micros is None:
        return answer(name, False, None, f"<= {pct} % of the account, this trade included")
    together = staked + trade.cost_micros
    room = pct * value / 100
    shown, limit = f"{dollars(together):.2f} USD", f"<= {room / MICROS_PER_DOLLAR:.2f} USD"
    reason = (
        f"{dollars(staked):.2f} USD are staked on {where} already, with this trade {shown}, "
        f"needed: {limit}"
    )
    return Gate(name, together <= room, shown, limit, "" if together <= room else reason)


def _capped(name: str, cost: int | None, limit: int) -> Gate:
    is_passed = cost is not None and cost <= limit
    shown = None if cost is None else f"{dollars(cost):.2f} USD"
    return answer(name, is_passed, shown, f"<= {dollars(limit):.2f} USD")
