"""An input that every rule passes, to be spoilt one thing at a time."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.calendar import TradingCalendar
from kalshi_assets.domain.market import ExchangeStatus, Market, Quote
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.domain.signal import Signal
from kalshi_assets.risk.inputs import (
    AccountView,
    Activity,
    CheckVerdict,
    ExitInputs,
    Inputs,
    Limits,
)

NOW = datetime.fromisoformat("2026-10-13T14:30:00+00:00")  # a Tuesday, 10:30 in New York
TICKER = "KXCPI-26OCT-T0.3"
CHECK = "ticks_are_fresh"
DOLLAR = 1_000_000
LINEAR = PriceGrid((PriceRange(0, DOLLAR, 10_000),))
SECOND = timedelta(seconds=1)

LIMITS = Limits(
    trigger=120_000,
    min_coverage=Decimal("0.6"),
    min_volume=50_000,
    min_seconds_to_close=14_400,
    max_spread=100_000,
    min_edge=10_000,
    max_slippage=20_000,
    max_trade_pct=Decimal(2),
    max_event_pct=Decimal(2),
    max_category_pct=Decimal(20),
    max_shard_pct=Decimal(40),
    max_total_pct=Decimal(50),
    max_daily_loss_pct=Decimal(5),
    max_order_micros=250 * DOLLAR,
    max_day_notional_micros=2_500 * DOLLAR,
    max_orders_per_minute=5,
    max_orders_per_day=50,
    max_signal_age_seconds=180,
    max_verdict_age_seconds=180,
    max_balance_age_seconds=120,
    max_quote_age_seconds=300,
    max_clock_offset_ms=3_000,
    min_disk_free_bytes=1 << 30,
    max_attempts=3,
    trading_calendar=TradingCalendar(closed_days=frozenset({date(2026, 11, 26)})),
    required_checks=(CHECK,),
    trading_hours=(time(8), time(18)),
)
SIGNAL = Signal(
    strategy="mean_reversion",
    market_ticker=TICKER,
    day=date(2026, 10, 13),
    started_at=NOW - timedelta(minutes=30),
    last_seen_at=NOW,
    ended_at=None,
    side="no",
    strength=Decimal("1.5"),
    deviation=180_000,
    mid=690_000,
    mean=Decimal(510_000),
    coverage=Decimal("0.9"),
    triggered_at=NOW - timedelta(minutes=20),
    reference_price=320_000,
    average_hash="hash",
)
MARKET = Market(
    ticker=TICKER,
    event_ticker="KXCPI-26OCT",
    title="CPI",
    status="active",
    open_at=NOW - timedelta(days=30),
    close_at=NOW + timedelta(days=1),
    grid=LINEAR,
    result="",
    exchange_index=0,
)
QUOTE = Quote(
    market_ticker=TICKER,
    status="active",
    yes_bid=680_000,
    yes_bid_size=100_000,
    yes_ask=700_000,
    yes_ask_size=100_000,
    last_price=690_000,
    volume=1_000_000,
    volume_24h=60_000,
    open_interest=1_000,
    quoted_at=NOW,
)
ACCOUNT = AccountView(
    as_of=NOW,
    cash_micros=5_000 * DOLLAR,
    value_micros=5_000 * DOLLAR,
    positions={},
    exposures={},
    shards={0: 5_000 * DOLLAR},
)
# What every rule makes of INPUTS: 298 NO at 0.32, with fees.
COST = 99_899_200
VERDICT = CheckVerdict(
    verdict_id=7,
    check_name=CHECK,
    as_of=NOW,
    is_passed=True,
    observed="0 of 5 markets bad",
    threshold="quote_age_seconds <= 300",
    markets_checked=frozenset({TICKER, "KXFED"}),
    markets_failed={},
)
INPUTS = Inputs(
    now=NOW,
    signal=SIGNAL,
    market=MARKET,
    fee_multiplier=Decimal(1),
    quote=QUOTE,
    exchange=ExchangeStatus(is_exchange_active=True, is_trading_active=True),
    account=ACCOUNT,
    verdicts={CHECK: VERDICT},
    has_live_order=False,
    category="Economics",
    event_exposure_micros=0,
    category_exposure_micros=0,
    shard_exposure_micros=0,
    total_exposure_micros=0,
    attempts=0,
    has_bought=False,
    trading_state="active",
    breaker="closed",
    arming="not needed",
    opening_value_micros=5_000 * DOLLAR,
    activity=Activity(orders_last_minute=0, orders_today=0, cost_today_micros=0),
    clock_offset_ms=0,
    disk_free_bytes=10 << 30,
)
EXIT = ExitInputs(
    now=NOW,
    market_ticker=TICKER,
    side="no",
    count=29_800,
    position=-29_800,
    own_count=29_800,
    quote=QUOTE,
    exchange=INPUTS.exchange,
    exchange_index=0,
    arming="not needed",
)


def with_signal(**values: Any) -> Inputs:
    return replace(INPUTS, signal=replace(SIGNAL, **values))


def with_quote(**values: Any) -> Inputs:
    return replace(INPUTS, quote=replace(QUOTE, **values))


def with_account(**values: Any) -> Inputs:
    return replace(INPUTS, account=replace(ACCOUNT, **values))


def with_activity(**values: Any) -> Inputs:
    assert INPUTS.activity is not None
    return replace(INPUTS, activity=replace(INPUTS.activity, **values))


def with_verdict(**values: Any) -> Inputs:
    spoilt = replace(VERDICT, **values)
    return replace(INPUTS, verdicts={CHECK: spoilt})
