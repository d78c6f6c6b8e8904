"""Inputs at random: whatever a venue, a ledger and a machine may tell, and what they may not."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from kalshi_assets.domain.market import ExchangeStatus, ShardStatus
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.risk.inputs import (
    AccountView,
    Activity,
    CheckVerdict,
    ExitInputs,
    Inputs,
    Limits,
)
from kalshi_assets_tests.risk.cases import (
    CHECK,
    DOLLAR,
    EXIT,
    INPUTS,
    LIMITS,
    LINEAR,
    MARKET,
    NOW,
    QUOTE,
    SIGNAL,
    TICKER,
)

DECI = PriceGrid((PriceRange(0, DOLLAR, 1_000),))
# What Postgres cannot keep in JSON is no text of an exchange.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
tickers = st.sampled_from([TICKER, "KXFED-26OCT-T3.75", "KXNBA-26OCT13-NYK"]) | texts
money = st.integers(-(10**15), 10**15)
prices = st.integers(0, 10_000).map(lambda step: step * 100)
counts = st.integers(0, 10**9)
shares = st.decimals(0, 100, places=2, allow_nan=False)
HOUR_MS = 3_600_000
offsets = st.sampled_from([0, -200_000]) | st.integers(-5_000 * HOUR_MS, 1_000 * HOUR_MS)
moments = offsets.map(lambda ms: NOW + timedelta(milliseconds=ms))

signals = st.builds(
    replace,
    st.just(SIGNAL),
    side=st.sampled_from(["yes", "no"]),
    deviation=st.integers(-DOLLAR, DOLLAR),
    mean=st.decimals(0, DOLLAR, allow_nan=False, allow_infinity=False, places=6),
    coverage=st.decimals(0, 1, places=6),
    strength=st.decimals(0, 10, places=4),
    last_seen_at=moments,
    reference_price=st.none() | prices,
    average_hash=texts,
)
markets = st.builds(
    replace,
    st.just(MARKET),
    grid=st.sampled_from([LINEAR, DECI]),
    close_at=moments,
    title=texts,
    exchange_index=st.none() | st.integers(0, 3),
)
quotes = st.builds(
    replace,
    st.just(QUOTE),
    status=st.sampled_from(["active", "closed"]),
    yes_bid=prices,
    yes_ask=prices,
    yes_bid_size=counts,
    yes_ask_size=counts,
    volume_24h=counts,
    quoted_at=moments,
)
statuses = st.builds(
    ExchangeStatus,
    st.booleans(),
    st.booleans(),
    st.none() | moments,
    st.lists(st.builds(ShardStatus, st.integers(0, 3), st.booleans(), st.booleans())).map(tuple),
)
accounts = st.builds(
    AccountView,
    as_of=moments,
    cash_micros=money,
    value_micros=st.none() | money,
    positions=st.dictionaries(tickers, st.integers(-(10**9), 10**9), max_size=3),
    exposures=st.dictionaries(tickers, money, max_size=3),
    shards=st.dictionaries(st.integers(0, 12), money, max_size=3),
    waiting_micros=money,
    unmarked=st.lists(tickers, max_size=2).map(tuple),
)
verdicts = st.builds(
    CheckVerdict,
    verdict_id=counts,
    check_name=st.just(CHECK),
    as_of=moments,
    is_passed=st.booleans(),
    observed=texts,
    threshold=texts,
    markets_checked=st.frozensets(tickers, max_size=4),
    markets_failed=st.dictionaries(tickers, texts, max_size=2),
)
limits: st.SearchStrategy[Limits] = st.builds(
    replace,
    st.just(LIMITS),
    max_trade_pct=shares,
    max_total_pct=shares,
    min_edge=prices,
    max_spread=prices,
    max_order_micros=money,
    trading_calendar=st.builds(
        replace,
        st.just(LIMITS.trading_calendar),
        closed_days=st.frozensets(st.dates(date(2026, 10, 1), date(2026, 10, 31)), max_size=4),
    ),
)


def _surroundings() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "now": moments,
        "exchange": st.none() | statuses,
        "account": st.none() | accounts,
        "verdicts": st.dictionaries(st.sampled_from([CHECK, "another"]), verdicts),
        "trading_state": st.none() | st.sampled_from(["active", "halted"]),
        "breaker": st.none() | st.sampled_from(["closed", "open", "half_open"]),
        "arming": st.none() | st.sampled_from(["armed", "not armed", "not needed"]),
        "opening_value_micros": st.none() | money,
        "activity": st.none() | st.builds(Activity, counts, counts, money),
        "clock_offset_ms": st.none() | st.integers(-(10**7), 10**7),
        "disk_free_bytes": st.none() | st.integers(0, 10**14),
    }


inputs: st.SearchStrategy[Inputs] = st.builds(
    Inputs,
    signal=signals,
    market=st.none() | markets,
    fee_multiplier=st.none() | st.decimals(0, 4, places=2),
    category=st.none() | texts,
    quote=st.none() | quotes,
    has_live_order=st.none() | st.booleans(),
    event_exposure_micros=st.none() | money,
    category_exposure_micros=st.none() | money,
    shard_exposure_micros=st.none() | money,
    total_exposure_micros=st.none() | money,
    attempts=st.none() | st.integers(0, 5),
    **_surroundings(),
)
exits: st.SearchStrategy[ExitInputs] = st.builds(
    ExitInputs,
    now=moments,
    market_ticker=tickers,
    side=st.sampled_from(["yes", "no"]),
    count=st.integers(-100, 10**6),
    position=st.none() | st.integers(-(10**6), 10**6),
    own_count=st.none() | st.integers(0, 10**6),
    quote=st.none() | quotes,
    exchange=st.none() | statuses,
    arming=st.none() | st.sampled_from(["armed", "not armed", "not needed"]),
)
# What passes every rule is among what is drawn.
inputs |= st.just(INPUTS)
exits |= st.just(EXIT)
