"""What a judgement rests on. None means "not known", and what is not known refuses.

There is no binary float here, so that what is kept of a judgement gives it again, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.calendar import TradingCalendar
from kalshi_assets.domain.calls import BreakerState
from kalshi_assets.domain.market import ExchangeStatus, Market, Quote, Side
from kalshi_assets.domain.signal import Signal

Arming = Literal["armed", "not armed", "not needed"]


@dataclass(frozen=True)
class Limits:
    """The account's rules, from settings. Money and prices in micros, counts in centicontracts."""

    trigger: int
    min_coverage: Decimal
    min_volume: int
    min_seconds_to_close: int
    max_spread: int
    min_edge: int
    max_slippage: int
    max_trade_pct: Decimal
    max_event_pct: Decimal
    max_category_pct: Decimal
    max_shard_pct: Decimal
    max_total_pct: Decimal
    max_daily_loss_pct: Decimal
    max_order_micros: int
    max_day_notional_micros: int
    max_orders_per_minute: int
    max_orders_per_day: int
    max_attempts: int
    max_signal_age_seconds: int
    max_verdict_age_seconds: int
    max_balance_age_seconds: int
    max_quote_age_seconds: int
    max_clock_offset_ms: int
    min_disk_free_bytes: int
    trading_calendar: TradingCalendar
    required_checks: tuple[str, ...]
    trading_hours: tuple[time, time]


@dataclass(frozen=True)
class CheckVerdict:
    """The newest verdict of one check, with what it said of single markets."""

    verdict_id: int
    check_name: str
    as_of: datetime
    is_passed: bool
    observed: str
    threshold: str
    markets_checked: frozenset[str]
    markets_failed: Mapping[str, str]


@dataclass(frozen=True)
class AccountView:
    """The account as the venue stated it at `as_of`.

    Attributes:
        value_micros: cash, and positions at the bid, those that wait for their result at what they
            were last worth; None where that is not known.
        positions: contracts by market (centicontracts), YES positive, NO negative.
        exposures: what is at stake by market, micros, as the venue states it.
        shards: cash by shard of the exchange, micros; empty where the venue tells no shards.
        waiting_micros: how much of the value is in markets where nothing can be sold now.
        unmarked: markets that wait, and count nothing because no bid of them is known.
    """

    as_of: datetime
    cash_micros: int
    value_micros: int | None
    positions: Mapping[str, int]
    exposures: Mapping[str, int]
    shards: Mapping[int, int] = field(default_factory=dict)
    waiting_micros: int = 0
    unmarked: tuple[str, ...] = ()

    @property
    def sellable_micros(self) -> int | None:
        """Return the value without what waits: the limits of an order are shares of this."""
        return None if self.value_micros is None else self.value_micros - self.waiting_micros


@dataclass(frozen=True)
class Activity:
    """Orders of the past minute and of the New York day, whatever became of them.

    Attributes:
        cost_today_micros: what the day's entries could have cost, with fees.
    """

    orders_last_minute: int
    orders_today: int
    cost_today_micros: int


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is the same for every signal: the moment, the venue, the account, this machine.

    Attributes:
        breaker: state of the breaker of the exchange's host.
        opening_value_micros: what the account was worth when the New York day began.
        clock_offset_ms: by how much this machine's clock is ahead of the exchange's.
        disk_free_bytes: on the disk of the home folder.
    """

    now: datetime
    exchange: ExchangeStatus | None
    account: AccountView | None
    verdicts: Mapping[str, CheckVerdict]
    trading_state: str | None
    breaker: BreakerState | None
    arming: Arming | None
    opening_value_micros: int | None
    activity: Activity | None
    clock_offset_ms: int | None
    disk_free_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Inputs(Surroundings):
    """All that one signal is judged by. What is staked counts live orders, and approvals of now.

    Attributes:
        category: of the market's series.
        event_exposure_micros: what is staked on the other legs of the market's event; what is held
            of the market itself is another rule's.
        category_exposure_micros: what is staked on the category.
        shard_exposure_micros: what is staked on the market's shard of the exchange.
        total_exposure_micros: what is staked in all.
        attempts: how many orders were made of the signal.
        has_bought: whether one of them bought something, be it sold again since.
    """

    signal: Signal
    market: Market | None
    fee_multiplier: Decimal | None
    category: str | None
    quote: Quote | None
    has_live_order: bool | None
    event_exposure_micros: int | None
    category_exposure_micros: int | None
    shard_exposure_micros: int | None
    total_exposure_micros: int | None
    attempts: int | None
    has_bought: bool | None


@dataclass(frozen=True, kw_only=True)
class ExitInputs:
    """All that selling what is held is judged by; no entry rule has a say.

    Attributes:
        market_ticker: the market.
        side: the side held, to be sold.
        count: what is asked to be sold, centicontracts.
        position: what the venue says is held: YES positive, NO negative, centicontracts.
        own_count: how much of that our own orders bought and have not sold, centicontracts.
        exchange_index: the market's shard of the exchange; None where it is not known.
    """

    now: datetime
    market_ticker: str
    side: Side
    count: int
    position: int | None
    own_count: int | None
    quote: Quote | None
    exchange: ExchangeStatus | None
    exchange_index: int | None
    arming: Arming | None
