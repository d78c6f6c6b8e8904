"""The rules on a signal and its market, one function each, and on what the checks say of it."""

from collections.abc import Callable

from kalshi_assets.domain.price import MICROS_PER_CENT, contracts
from kalshi_assets.risk.common import feed_verdict, shard_gate
from kalshi_assets.risk.gate import Gate, answer
from kalshi_assets.risk.inputs import CheckVerdict, Inputs, Limits

Rule = Callable[[Inputs, Limits], Gate]


def market_active(inputs: Inputs, limits: Limits) -> Gate:
    """The market is open for trading."""
    status = None if inputs.quote is None else inputs.quote.status
    return answer("market_active", status == "active", status, "active")


def shard_open(inputs: Inputs, limits: Limits) -> Gate:
    """The shard of the exchange on which the market trades is open."""
    market = inputs.market
    return shard_gate(inputs.exchange, None if market is None else market.exchange_index)


def signal_fresh(inputs: Inputs, limits: Limits) -> Gate:
    """The deviation was seen a moment ago, on data of now."""
    age = (inputs.now - inputs.signal.last_seen_at).total_seconds()
    limit = limits.max_signal_age_seconds
    is_fresh = 0 <= age <= limit
    reason = "" if is_fresh else f"the signal is stale: seen {age:.0f} s ago, needed: {limit} s"
    return Gate("signal_fresh", is_fresh, f"{age:.0f} s", f"{limit} s", reason)


def deviation(inputs: Inputs, limits: Limits) -> Gate:
    """The price is further off its average than the threshold."""
    points = abs(inputs.signal.deviation) / MICROS_PER_CENT
    limit = limits.trigger / MICROS_PER_CENT
    is_passed = abs(inputs.signal.deviation) > limits.trigger
    return answer("deviation", is_passed, f"{points:.2f} points", f"> {limit:g} points")


def coverage(inputs: Inputs, limits: Limits) -> Gate:
    """The average rests on enough of its window."""
    value = inputs.signal.coverage
    return answer(
        "coverage", value >= limits.min_coverage, f"{value:.3f}", f">= {limits.min_coverage}"
    )


def volume(inputs: Inputs, limits: Limits) -> Gate:
    """The market trades enough a day to be left again."""
    value = None if inputs.quote is None else inputs.quote.volume_24h
    is_passed = value is not None and value > limits.min_volume
    shown = None if value is None else f"{contracts(value):.0f} contracts"
    return answer("volume", is_passed, shown, f"> {contracts(limits.min_volume):.0f} contracts")


def spread(inputs: Inputs, limits: Limits) -> Gate:
    """Both sides are quoted, and what lies between them can be earned back."""
    quote, limit = inputs.quote, f"<= {limits.max_spread / MICROS_PER_CENT:g} cents"
    if quote is None:
        return answer("spread", False, None, limit)
    if not quote.yes_bid_size > 0 < quote.yes_ask_size:
        return answer("spread", False, "one side empty", limit)
    cents = (quote.yes_ask - quote.yes_bid) / MICROS_PER_CENT
    is_passed = quote.yes_ask - quote.yes_bid <= limits.max_spread
    return answer("spread", is_passed, f"{cents:.2f} cents", limit)


def time_to_close(inputs: Inputs, limits: Limits) -> Gate:
    """The market does not close soon."""
    left = None
    if inputs.market is not None:
        left = (inputs.market.close_at - inputs.now).total_seconds()
    is_passed = left is not None and left >= limits.min_seconds_to_close
    shown = None if left is None else f"{left / 3600:.2f} h"
    return answer("time_to_close", is_passed, shown, f">= {limits.min_seconds_to_close / 3600:g} h")


def existing_position(inputs: Inputs, limits: Limits) -> Gate:
    """Nothing is held in this market yet."""
    held = None
    if inputs.account is not None:
        held = inputs.account.positions.get(inputs.signal.market_ticker, 0)
    shown = None if held is None else f"{contracts(held)} contracts"
    return answer("existing_position", held == 0, shown, "0 contracts")


def live_order(inputs: Inputs, limits: Limits) -> Gate:
    """No order of ours is live in this market."""
    live = inputs.has_live_order
    shown = None if live is None else "1" if live else "0"
    return answer("live_order", live is False, shown, "0")


def attempts(inputs: Inputs, limits: Limits) -> Gate:
    """The signal has not used up its attempts: one that has bought something has none left.

    Else what an exit has sold would be bought again, while the same deviation lasts.
    """
    limit = f"< {limits.max_attempts}"
    if inputs.has_bought:
        reason = "the signal has bought once: one episode is one trade"
        return Gate("attempts", False, "bought", limit, reason)
    made = None if inputs.has_bought is None else inputs.attempts
    is_passed = made is not None and made < limits.max_attempts
    return answer("attempts", is_passed, None if made is None else str(made), limit)


def verdict(check_name: str) -> Rule:
    """Return the rule that a data check has passed, for the feed and for this market."""
    of_feed = feed_verdict(check_name)

    def rule(inputs: Inputs, limits: Limits) -> Gate:
        gate, found = of_feed(inputs, limits), inputs.verdicts.get(check_name)
        if found is None or not gate.is_passed:
            return gate
        return _of_market(found, inputs.signal.market_ticker)

    return rule


OF_SIGNAL: tuple[Rule, ...] = (
    shard_open,
    market_active,
    signal_fresh,
    deviation,
    coverage,
    volume,
    spread,
    time_to_close,
    existing_position,
    live_order,
    attempts,
)


def _of_market(found: CheckVerdict, ticker: str) -> Gate:
    name = found.check_name
    if ticker in found.markets_failed:
        seen = found.markets_failed[ticker]
        return Gate(name, False, seen, found.threshold, f"{name} fails for this market: {seen}")
    if ticker not in found.markets_checked:
        return answer(name, False, "market not checked", "a verdict on this market")
    return answer(name, True, found.observed, found.threshold)
