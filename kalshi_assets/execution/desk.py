"""What every step of execution is handed: database, venue, clock, limits and the run it serves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from kalshi_assets.domain.calendar import TradingCalendar
from kalshi_assets.domain.clock import Clock
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_CENT
from kalshi_assets.execution.venue import Venue
from kalshi_assets.quality.suites import QualityLimits, gating_checks
from kalshi_assets.risk.inputs import Limits
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import Database

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Desk:
    """The tools of one run of the order or reconcile job.

    Attributes:
        database: connected as the trading role: it adds to the ledger and changes nothing in it.
        pause: waits so many seconds of the wall, where the venue's reads lag.
        settings_id: which row of `settings_history` is in force.
    """

    database: Database
    venue: Venue
    clock: Clock
    limits: Limits
    order_ttl_seconds: int
    run_id: str
    settings_id: str = ""
    pause: Callable[[float], None] = time.sleep


def limits_of(settings: Settings) -> Limits:
    """Return the account's rules."""
    return Limits(
        trigger=round(settings.deviation_points * MICROS_PER_CENT),
        min_coverage=Decimal(str(settings.min_coverage)),
        min_volume=settings.min_volume_contracts * CENTICONTRACTS,
        min_seconds_to_close=settings.min_hours_to_close * 3600,
        max_trade_pct=settings.max_trade_pct,
        max_event_pct=settings.max_event_pct or settings.max_trade_pct,
        max_slippage=int(settings.max_slippage_cents * MICROS_PER_CENT),
        max_signal_age_seconds=2 * settings.poll_seconds,
        max_verdict_age_seconds=settings.max_verdict_age_seconds,
        max_balance_age_seconds=settings.max_balance_age_seconds,
        max_attempts=MAX_ATTEMPTS,
        trading_calendar=TradingCalendar(
            settings.trading_start,
            settings.trading_end,
            frozenset(date.fromisoformat(day) for day in settings.closed_days),
        ),
        required_checks=gating_checks(quality_limits_of(settings)),
        trading_hours=(settings.trading_start, settings.trading_end),
    )


def quality_limits_of(settings: Settings) -> QualityLimits:
    """Return the thresholds of the data checks."""
    return QualityLimits(
        max_quote_age_seconds=settings.max_quote_age_seconds,
        max_bad_share=settings.max_bad_market_share,
        min_coverage=settings.min_coverage,
    )
