"""What every step of execution is handed: database, venue, clock, limits and the run it serves."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from kalshi_assets.domain.calendar import TradingCalendar
from kalshi_assets.domain.clock import Clock
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_CENT, micros
from kalshi_assets.execution.venue import Venue
from kalshi_assets.quality.suites import gating_checks, quality_limits_of
from kalshi_assets.risk.inputs import Limits
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.strategy.exits import ExitRules

MAX_ATTEMPTS = 3
MAX_CLOCK_OFFSET_MS = 3_000
MIN_DISK_FREE_BYTES = 1 << 30


@dataclass(frozen=True)
class Desk:
    """The tools of one run of the order or reconcile job.

    Attributes:
        database: connected as the trading role: it adds to the ledger and changes nothing in it.
        pause: waits so many seconds of the wall, where the venue's reads lag.
        settings_id: which row of `settings_history` is in force.
        api_host: the exchange's, whose breaker counts.
        needs_arming: real money: nothing passes that nobody armed.
        clock_offset_seconds: tells by how much our clock is ahead of the exchange's, or None.
        disk_free_bytes: tells what is free on the disk of the home folder, or None.
    """

    database: Database
    venue: Venue
    clock: Clock
    limits: Limits
    order_ttl_seconds: int
    run_id: str
    api_host: str
    needs_arming: bool
    clock_offset_seconds: Callable[[], float | None]
    disk_free_bytes: Callable[[], int | None]
    settings_id: str = ""
    pause: Callable[[float], None] = time.sleep


def limits_of(settings: Settings) -> Limits:
    """Return the account's rules."""
    return Limits(
        trigger=round(settings.deviation_points * MICROS_PER_CENT),
        min_coverage=Decimal(str(settings.min_coverage)),
        min_volume=settings.min_volume_contracts * CENTICONTRACTS,
        min_seconds_to_close=round(settings.min_hours_to_close * 3600),
        max_spread=int(settings.max_spread_cents * MICROS_PER_CENT),
        min_edge=int(settings.min_edge_points * MICROS_PER_CENT),
        max_slippage=int(settings.max_slippage_cents * MICROS_PER_CENT),
        max_trade_pct=settings.max_trade_pct,
        max_event_pct=settings.max_event_pct or settings.max_trade_pct,
        max_category_pct=settings.max_category_pct,
        max_shard_pct=settings.max_shard_pct,
        max_total_pct=settings.max_total_pct,
        max_daily_loss_pct=settings.max_daily_loss_pct,
        max_order_micros=micros(settings.max_order_usd),
        max_day_notional_micros=micros(settings.max_day_notional_usd),
        max_orders_per_minute=settings.max_orders_per_minute,
        max_orders_per_day=settings.max_orders_per_day,
        max_signal_age_seconds=2 * settings.poll_seconds,
        max_verdict_age_seconds=settings.max_verdict_age_seconds,
        max_balance_age_seconds=settings.max_balance_age_seconds,
        max_quote_age_seconds=settings.max_quote_age_seconds,
        max_attempts=MAX_ATTEMPTS,
        max_clock_offset_ms=MAX_CLOCK_OFFSET_MS,
        min_disk_free_bytes=MIN_DISK_FREE_BYTES,
        trading_calendar=trading_calendar_of(settings),
        required_checks=gating_checks(quality_limits_of(settings)),
        trading_hours=(settings.trading_start, settings.trading_end),
    )


def trading_calendar_of(settings: Settings) -> TradingCalendar:
    """Return when new orders may be placed."""
    closed = frozenset(date.fromisoformat(day) for day in settings.closed_days)
    return TradingCalendar(settings.trading_start, settings.trading_end, closed)


def exit_rules_of(settings: Settings) -> ExitRules:
    """Return when what is held is sold before it settles; by default never."""
    hours = settings.exit_hours_before_close
    return ExitRules(
        take_profit=_points(settings.exit_take_profit_points),
        stop=_points(settings.exit_stop_points),
        before_close=None if hours is None else timedelta(hours=float(hours)),
    )


def free_bytes(home: Path) -> int | None:
    """Return what is free on the disk of a folder, which may not be there yet; None: not known."""
    whole = home.absolute()
    try:
        standing = next(folder for folder in (whole, *whole.parents) if folder.exists())
        return shutil.disk_usage(standing).free
    except (OSError, StopIteration):
        return None


def _points(points: Decimal | None) -> int | None:
    return None if points is None else int(points * MICROS_PER_CENT)
