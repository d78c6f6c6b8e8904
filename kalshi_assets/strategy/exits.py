"""When to sell what is held before it settles. Each rule is off unless set: by default none sells.

Only says that there is a reason; whether it may be sold, `risk` says.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.market import Quote
from kalshi_assets.domain.price import MICROS_PER_CENT, MICROS_PER_DOLLAR, dollars

# `flatten` is nobody's rule: a command gives it.
Reason = Literal["take_profit", "stop", "time_stop", "flatten"]


@dataclass(frozen=True)
class ExitRules:
    """Levels, each optional.

    Attributes:
        take_profit: sell once |mid - mean| is back within this, micros.
        stop: sell once the bid is below the average entry by more than this, micros.
        before_close: sell this long before the market closes.
    """

    take_profit: int | None = None
    stop: int | None = None
    before_close: timedelta | None = None


@dataclass(frozen=True)
class Holding:
    """A position as the rules see it: the side held, and its average price at entry, micros."""

    side: Side
    entry_price: int


@dataclass(frozen=True)
class Exit:
    """A reason to sell, with what was seen and what was set."""

    reason: Reason
    value: str
    limit: str


def exit_of(
    holding: Holding,
    rules: ExitRules,
    *,
    quote: Quote,
    mean: Decimal | None,
    close_at: datetime,
    now: datetime,
) -> Exit | None:
    """Return why a position should be sold now, or None. A loss is looked at first.

    Args:
        holding: what is held.
        rules: levels.
        quote: of now.
        mean: the market's rolling average, micros; None where not known: nothing to revert to.
        close_at: when the market closes.
        now: the venue's moment.
    """
    return (
        _stop(holding, rules, quote)
        or _take_profit(rules, quote, mean)
        or _time_stop(rules, close_at - now)
    )


def _stop(holding: Holding, rules: ExitRules, quote: Quote) -> Exit | None:
    bid = bid_of(holding.side, quote)
    if rules.stop is None or bid is None:
        return None
    least = holding.entry_price - rules.stop
    if bid >= least:
        return None
    return Exit("stop", f"bid {dollars(bid):.4f}", f">= {dollars(least):.4f}")


def _take_profit(rules: ExitRules, quote: Quote, mean: Decimal | None) -> Exit | None:
    if rules.take_profit is None or mean is None:
        return None
    if not quote.yes_bid_size > 0 < quote.yes_ask_size:
        return None  # without both sides there is no mid
    off = abs(Decimal(quote.yes_bid + quote.yes_ask) / 2 - mean)
    if off > rules.take_profit:
        return None
    points, limit = off / MICROS_PER_CENT, rules.take_profit / MICROS_PER_CENT
    return Exit("take_profit", f"{points:.2f} points", f"> {limit:g} points")


def _time_stop(rules: ExitRules, left: timedelta) -> Exit | None:
    if rules.before_close is None or left > rules.before_close:
        return None
    limit = rules.before_close / timedelta(hours=1)
    return Exit("time_stop", f"{left / timedelta(hours=1):.2f} h", f"> {limit:g} h")


def bid_of(side: Side, quote: Quote) -> int | None:
    """Return what one contract of the side held sells for, micros; None where nobody bids."""
    if side == "yes":
        return quote.yes_bid if quote.yes_bid_size > 0 else None
    return MICROS_PER_DOLLAR - quote.yes_ask if quote.yes_ask_size > 0 else None
