"""The rules that need no signal: they open or close the gate for all of them."""

from collections.abc import Callable
from dataclasses import replace

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.domain.price import dollars
from kalshi_assets.risk.gate import Gate, answer
from kalshi_assets.risk.inputs import AccountView, Arming, Limits, Surroundings

# The venue states its times in whole seconds and by its own clock.
CLOCK_SLACK = -5.0
GIB = 1 << 30

CommonRule = Callable[[Surroundings, Limits], Gate]


def trading_state(inputs: Surroundings, limits: Limits) -> Gate:
    """Trading is not halted."""
    state = inputs.trading_state
    return answer("trading_state", state == "active", state, "active")


def armed(inputs: Surroundings, limits: Limits) -> Gate:
    """Real money moves only while somebody has armed it."""
    return arming_gate(inputs.arming)


def breaker(inputs: Surroundings, limits: Limits) -> Gate:
    """The exchange answers: its breaker is closed."""
    return answer("breaker", inputs.breaker == "closed", inputs.breaker, "closed")


def exchange_open(inputs: Surroundings, limits: Limits) -> Gate:
    """The exchange says that it runs and trades."""
    return exchange_gate(inputs.exchange)


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


def clock(inputs: Surroundings, limits: Limits) -> Gate:
    """This machine's clock and the exchange's agree."""
    offset, limit = inputs.clock_offset_ms, limits.max_clock_offset_ms
    is_passed = offset is not None and abs(offset) <= limit
    shown = None if offset is None else f"{offset / 1000:.1f} s off"
    return answer("clock", is_passed, shown, f"<= {limit / 1000:g} s off")


def disk(inputs: Surroundings, limits: Limits) -> Gate:
    """There is room to write down what is done."""
    free, limit = inputs.disk_free_bytes, limits.min_disk_free_bytes
    is_passed = free is not None and free >= limit
    shown = None if free is None else f"{free / GIB:.1f} GiB free"
    return answer("disk", is_passed, shown, f">= {limit / GIB:g} GiB free")


def portfolio_known(inputs: Surroundings, limits: Limits) -> Gate:
    """The venue stated what the account is worth, a moment ago."""
    account = inputs.account
    if account is None or account.value_micros is None:
        return answer("portfolio_known", False, None, "a value from the venue")
    age = (inputs.now - account.as_of).total_seconds()
    limit = limits.max_balance_age_seconds
    # The venue's clock may be a little ahead of ours, but not by more than the age allowed.
    return answer("portfolio_known", abs(age) <= limit, f"{age:.0f} s old", f"{limit} s old")


def daily_loss(inputs: Surroundings, limits: Limits) -> Gate:
    """The account has not lost too much since 00:00 in New York, realised and marked."""
    return loss_gate(inputs.opening_value_micros, inputs.account, limits=limits)


def loss_gate(opening: int | None, account: AccountView | None, *, limits: Limits) -> Gate:
    """Answer whether a day that began at `opening` micros may stand as the account does."""
    value = None if account is None else account.value_micros
    if opening is None or account is None or value is None:
        return answer("daily_loss", False, None, _loss_limit(limits))
    is_passed = (opening - value) * 100 <= limits.max_daily_loss_pct * opening
    lost = max(0, opening - value)
    shown = f"{dollars(lost):.2f} USD of {dollars(opening):.2f} USD{_counted_as_nothing(account)}"
    return answer("daily_loss", is_passed, shown, _loss_limit(limits))


def _counted_as_nothing(account: AccountView) -> str:
    if not account.unmarked:
        return ""
    return f" (no bid is known of {', '.join(account.unmarked)}, not trading: counted as 0)"


def _loss_limit(limits: Limits) -> str:
    return f"<= {limits.max_daily_loss_pct} % of the day's opening value"


def orders_per_minute(inputs: Surroundings, limits: Limits) -> Gate:
    """A program gone wrong cannot send a burst."""
    made = None if inputs.activity is None else inputs.activity.orders_last_minute
    return _below("orders_per_minute", made, limits.max_orders_per_minute)


def orders_per_day(inputs: Surroundings, limits: Limits) -> Gate:
    """Nor can it send order after order all day."""
    made = None if inputs.activity is None else inputs.activity.orders_today
    return _below("orders_per_day", made, limits.max_orders_per_day)


def feed_verdict(check_name: str) -> CommonRule:
    """Return the rule that a data check has passed for the feed, a moment ago."""

    def rule(inputs: Surroundings, limits: Limits) -> Gate:
        found = inputs.verdicts.get(check_name)
        if found is None:
            return answer(check_name, False, "no verdict", "a passing verdict")
        age = (inputs.now - found.as_of).total_seconds()
        limit = f"a verdict of the past {limits.max_verdict_age_seconds} s"
        if not CLOCK_SLACK <= age <= limits.max_verdict_age_seconds:
            return answer(check_name, False, f"verdict {age:.0f} s old", limit)
        if not found.is_passed:
            reason = f"{check_name} fails for the feed: {found.observed}"
            return Gate(check_name, False, f"feed: {found.observed}", found.threshold, reason)
        return answer(check_name, True, found.observed, found.threshold)

    return rule


def arming_gate(arming: Arming | None) -> Gate:
    """Return whether money may be moved at all; exits are asked this too."""
    is_passed = arming in ("armed", "not needed")
    return answer("armed", is_passed, arming, "armed, on the venue live")


def exchange_gate(status: ExchangeStatus | None) -> Gate:
    """Return whether the exchange says that it runs and trades."""
    is_open = status is not None and status.is_exchange_active and status.is_trading_active
    value = None if status is None else "trading" if is_open else "paused"
    return answer("exchange_open", is_open, value, "trading")


def shard_gate(status: ExchangeStatus | None, exchange_index: int | None) -> Gate:
    """Return whether a market's own shard of the exchange trades; exits are asked this too.

    A market that may lie on any shard needs all of them, and an exchange that tells no shards has
    one: then its own word counts.
    """
    if status is None or not status.shards:
        return replace(exchange_gate(status), gate="shard_open")
    where = [s for s in status.shards if exchange_index in (None, s.exchange_index)]
    if not where:
        return answer("shard_open", False, f"no word on shard {exchange_index}", "trading")
    closed = [s for s in where if not (s.is_exchange_active and s.is_trading_active)]
    value = f"shard {closed[0].exchange_index} paused" if closed else "trading"
    return answer("shard_open", not closed, value, "trading")


COMMON: tuple[CommonRule, ...] = (
    trading_state,
    armed,
    breaker,
    exchange_open,
    trading_hours,
    clock,
    disk,
    portfolio_known,
    daily_loss,
    orders_per_minute,
    orders_per_day,
)


def _below(name: str, made: int | None, limit: int) -> Gate:
    is_passed = made is not None and made < limit
    return answer(name, is_passed, None if made is None else str(made), f"< {limit}")
