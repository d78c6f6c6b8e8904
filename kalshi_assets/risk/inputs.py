"""What a judgement rests on. None means "not known", and what is not known refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from kalshi_assets.domain.calendar import TradingCalendar
from kalshi_assets.domain.market import ExchangeStatus, Market, Quote
from kalshi_assets.domain.signal import Signal


@dataclass(frozen=True)
class Limits:
    """The account's rules, from settings. Money and prices in micros, counts in centicontracts."""

    trigger: int
    min_coverage: Decimal
    min_volume: int
    min_seconds_to_close: float
    max_trade_pct: Decimal
    max_event_pct: Decimal
    max_slippage: int
    max_signal_age_seconds: int
    max_verdict_age_seconds: int
    max_balance_age_seconds: int
    max_attempts: int
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
        value_micros: cash, and positions at the bid; None where that is not known.
        positions: contracts by market (centicontracts), YES positive, NO negative.
        exposures: what is at stake by market, micros, as the venue states it.
    """

    as_of: datetime
    cash_micros: int
    value_micros: int | None
    positions: Mapping[str, int]
    exposures: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What is the same for every signal: the moment, the venue, the account, the data checks."""

    now: datetime
    exchange: ExchangeStatus | None
    account: AccountView | None
    verdicts: Mapping[str, CheckVerdict]
    trading_state: str | None


@dataclass(frozen=True, kw_only=True)
class Inputs(Surroundings):
    """All that one signal is judged by.

    Attributes:
        event_exposure_micros: what is staked on the other legs of the market's event, live orders
            too; what is held of the market itself is another rule's.
    """

    signal: Signal
    market: Market | None
    fee_multiplier: Decimal | None
    quote: Quote | None
    has_live_order: bool | None
    event_exposure_micros: int | None
    attempts: int
