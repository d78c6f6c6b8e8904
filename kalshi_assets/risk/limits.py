"""The rules, one function each. A rule answers with its name, the value, the limit and a reason."""

from collections.abc import Callable
from dataclasses import dataclass

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.domain.price import MICROS_PER_CENT, contracts, dollars
from kalshi_assets.risk.inputs import CheckVerdict, Inputs, Limits, Surroundings

UNKNOWN = "unknown"
# The venue states its times in whole seconds and by its own clock.
CLOCK_SLACK = -5.0


@dataclass(frozen=True)
class Gate:
    """One rule's answer. `reason` is a sentence where the rule refuses."""

    gate: str
    is_passed: bool
    value: str
    limit: str
    reason: str = ""


Rule = Callable[[Inputs, Limits], Gate]
# A rule that needs no signal: it opens or closes the gate for all of them.
CommonRule = Callable[[Surroundings, Limits], Gate]


def trading_state(inputs: Surroundings, limits: Limits) -> Gate:
    """Trading is not halted."""
    state = inputs.trading_state
    return _gate("trading_state", state == "active", state, "active")


def exchange_open(inputs: Surroundings, limits: Limits) -> Gate:
    """The exchange says that it runs and trades."""
    status = inputs.exchange
    is_open = status is not None and status.is_exchange_active and status.is_trading_active
    value = None if status is None else "trading" if is_open else "paused"
    return _gate("exchange_open", is_open, value, "trading")


def trading_hours(inputs: Surroundings, limits: Limits) -> Gate:
    """The moment lies in the trading hours, outside of pauses and days of exception."""
    why = limits.trading_calendar.closed_because(inputs.now)
    start, end = limits.trading_hours
    now = inputs.now.astimezone(VENUE_ZONE)
    return Gate(
        "trading_hours",
        why is None,
        f"{now:%a %Y-%m-%d %H:%M} ET",
        f"{start:%H:%M}-{end:%H:%M} ET",
        why or "",
    )


def market_active(inputs: Inputs, limits: Limits) -> Gate:
    """The market is open for trading."""
    status = None if inputs.quote is None else inputs.quote.status
    return _gate("market_active", status == "active", status, "active")


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
    return _gate("deviation", is_passed, f"{points:.2f} points", f"> {limit:g} points")


def coverage(inputs: Inputs, limits: Limits) -> Gate:
    """The average rests on enough of its window."""
    value = inputs.signal.coverage
    return _gate(
        "coverage", value >= limits.min_coverage, f"{value:.3f}", f">= {limits.min_coverage}"
    )


def volume(inputs: Inputs, limits: Limits) -> Gate:
    """The market trades enough a day to be left again."""
    value = None if inputs.quote is None else inputs.quote.volume_24h
    is_passed = value is not None and value > limits.min_volume
    shown = None if value is None else f"{contracts(value):.0f} contracts"
    return _gate("volume", is_passed, shown, f"> {contracts(limits.min_volume):.0f} contracts")


def time_to_close(inputs: Inputs, limits: Limits) -> Gate:
    """The market does not close soon."""
    left = None
    if inputs.market is not None:
        left = (inputs.market.close_at - inputs.now).total_seconds()
    is_passed = left is not None and left >= limits.min_seconds_to_close
    shown = None if left is None else f"{left / 3600:.2f} h"
    return _gate("time_to_close", is_passed, shown, f">= {limits.min_seconds_to_close / 3600:g} h")


def existing_position(inputs: Inputs, limits: Limits) -> Gate:
    """Nothing is held in this market yet."""
    held = None
    if inputs.account is not None:
        held = inputs.account.positions.get(inputs.signal.market_ticker, 0)
    shown = None if held is None else f"{contracts(held)} contracts"
    return _gate("existing_position", held == 0, shown, "0 contracts")


def live_order(inputs: Inputs, limits: Limits) -> Gate:
    """No order of ours is live in this market."""
    live = inputs.has_live_order
    shown = None if live is None else "1" if live else "0"
    return _gate("live_order", live is False, shown, "0")


def event_exposure(inputs: Inputs, limits: Limits) -> Gate:
    """The legs of one event are one bet: a whole trade still fits what it may stake."""
    staked, account = inputs.event_exposure_micros, inputs.account
    value = 0 if account is None or account.value_micros is None else account.value_micros
    if staked is None:
        return _gate("event_exposure", False, None, "what is staked on the event")
    room = max(0, int((limits.max_event_pct - limits.max_trade_pct) * value / 100))
    event = "the event" if inputs.market is None else inputs.market.event_ticker
    shown, limit = f"{dollars(staked):.2f} USD", f"<= {dollars(room):.2f} USD"
    reason = f"{shown} are staked on {event} already, another whole trade needs {limit}"
    is_passed = staked <= room
    return Gate("event_exposure", is_passed, shown, limit, "" if is_passed else reason)


def attempts(inputs: Inputs, limits: Limits) -> Gate:
    """The signal has not used up its attempts."""
    left = inputs.attempts < limits.max_attempts
    return _gate("attempts", left, str(inputs.attempts), f"< {limits.max_attempts}")


def portfolio_known(inputs: Surroundings, limits: Limits) -> Gate:
    """The venue stated what the account is worth, a moment ago."""
    account = inputs.account
    if account is None or account.value_micros is None:
        return _gate("portfolio_known", False, None, "a value from the venue")
    age = (inputs.now - account.as_of).total_seconds()
    limit = limits.max_balance_age_seconds
    # The venue's clock may be a little ahead of ours, but not by more than the age allowed.
    return _gate("portfolio_known", abs(age) <= limit, f"{age:.0f} s old", f"{limit} s old")


def feed_verdict(check_name: str) -> CommonRule:
    """Return the rule that a data check has passed for the feed, a moment ago."""

    def rule(inputs: Surroundings, limits: Limits) -> Gate:
        found = inputs.verdicts.get(check_name)
        if found is None:
            return _gate(check_name, False, "no verdict", "a passing verdict")
        age = (inputs.now - found.as_of).total_seconds()
        limit = f"a verdict of the past {limits.max_verdict_age_seconds} s"
        if not CLOCK_SLACK <= age <= limits.max_verdict_age_seconds:
            return _gate(check_name, False, f"verdict {age:.0f} s old", limit)
        if not found.is_passed:
            reason = f"{check_name} fails for the feed: {found.observed}"
            return Gate(check_name, False, f"feed: {found.observed}", found.threshold, reason)
        return _gate(check_name, True, found.observed, found.threshold)

    return rule


def verdict(check_name: str) -> Rule:
    """Return the rule that a data check has passed, for the feed and for this market."""
    of_feed = feed_verdict(check_name)

    def rule(inputs: Inputs, limits: Limits) -> Gate:
        gate, found = of_feed(inputs, limits), inputs.verdicts.get(check_name)
        if found is None or not gate.is_passed:
            return gate
        return _of_market(found, inputs.signal.market_ticker)

    return rule


def _of_market(found: CheckVerdict, ticker: str) -> Gate:
    name = found.check_name
    if ticker in found.markets_failed:
        seen = found.markets_failed[ticker]
        return Gate(name, False, seen, found.threshold, f"{name} fails for this market: {seen}")
    if ticker not in found.markets_checked:
        return _gate(name, False, "market not checked", "a verdict on this market")
    return _gate(name, True, found.observed, found.threshold)


COMMON: tuple[CommonRule, ...] = (trading_state, exchange_open, trading_hours, portfolio_known)
ELIGIBILITY: tuple[Rule, ...] = (
    trading_state,
    exchange_open,
    trading_hours,
    market_active,
    signal_fresh,
    deviation,
    coverage,
    volume,
    time_to_close,
    existing_position,
    live_order,
    event_exposure,
    attempts,
    portfolio_known,
)


def _gate(name: str, is_passed: bool, value: str | None, limit: str) -> Gate:
    shown = UNKNOWN if value is None else value
    reason = "" if is_passed else f"{name.replace('_', ' ')} is {shown}, needed: {limit}"
    return Gate(name, is_passed, shown, limit, reason)
