from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.risk import limits
from kalshi_assets.risk.inputs import Inputs
from kalshi_assets.risk.limits import ELIGIBILITY, Rule
from kalshi_assets_tests.risk.cases import (
    CHECK,
    DOLLAR,
    INPUTS,
    LIMITS,
    MARKET,
    NOW,
    SECOND,
    TICKER,
    with_account,
    with_quote,
    with_signal,
    with_verdict,
)


def at(text: str) -> Inputs:
    return replace(INPUTS, now=datetime.fromisoformat(text))


def closing_in(**span: float) -> Inputs:
    return replace(INPUTS, market=replace(MARKET, close_at=NOW + timedelta(**span)))


# rule, an input at its limit that passes, one just beyond that does not
BOUNDS: list[tuple[Rule, Inputs, Inputs]] = [
    (limits.trading_state, INPUTS, replace(INPUTS, trading_state="halted")),
    (limits.exchange_open, INPUTS, replace(INPUTS, exchange=ExchangeStatus(True, False))),
    (limits.exchange_open, INPUTS, replace(INPUTS, exchange=ExchangeStatus(False, True))),
    (limits.trading_hours, at("2026-10-13T12:00:00Z"), at("2026-10-13T11:59:59Z")),
    (limits.trading_hours, at("2026-10-13T21:59:59Z"), at("2026-10-13T22:00:00Z")),
    (limits.trading_hours, at("2026-11-25T15:00:00Z"), at("2026-11-26T15:00:00Z")),
    (limits.market_active, INPUTS, with_quote(status="inactive")),
    (
        limits.signal_fresh,
        with_signal(last_seen_at=NOW - 180 * SECOND),
        with_signal(last_seen_at=NOW - 181 * SECOND),
    ),
    (limits.signal_fresh, INPUTS, with_signal(last_seen_at=NOW + SECOND)),
    (limits.deviation, with_signal(deviation=120_001), with_signal(deviation=120_000)),
    (limits.deviation, with_signal(deviation=-120_001), with_signal(deviation=-120_000)),
    (
        limits.coverage,
        with_signal(coverage=Decimal("0.6")),
        with_signal(coverage=Decimal("0.599999")),
    ),
    (limits.volume, with_quote(volume_24h=50_001), with_quote(volume_24h=50_000)),
    (limits.time_to_close, closing_in(hours=4), closing_in(hours=4, seconds=-1)),
    (
        limits.existing_position,
        with_account(positions={"KXFED": 100, TICKER: 0}),
        with_account(positions={TICKER: 1}),
    ),
    (limits.existing_position, INPUTS, with_account(positions={TICKER: -1})),
    (limits.live_order, INPUTS, replace(INPUTS, has_live_order=True)),
    (limits.event_exposure, INPUTS, replace(INPUTS, event_exposure_micros=1)),
    (limits.attempts, replace(INPUTS, attempts=2), replace(INPUTS, attempts=3)),
    (
        limits.portfolio_known,
        with_account(as_of=NOW - 120 * SECOND),
        with_account(as_of=NOW - 121 * SECOND),
    ),
    (
        limits.portfolio_known,
        with_account(as_of=NOW + 120 * SECOND),
        with_account(as_of=NOW + 121 * SECOND),
    ),
]
UNKNOWN: list[tuple[Rule, Inputs]] = [
    (limits.trading_state, replace(INPUTS, trading_state=None)),
    (limits.exchange_open, replace(INPUTS, exchange=None)),
    (limits.market_active, replace(INPUTS, quote=None)),
    (limits.volume, replace(INPUTS, quote=None)),
    (limits.time_to_close, replace(INPUTS, market=None)),
    (limits.existing_position, replace(INPUTS, account=None)),
    (limits.live_order, replace(INPUTS, has_live_order=None)),
    (limits.event_exposure, replace(INPUTS, event_exposure_micros=None)),
    (limits.portfolio_known, replace(INPUTS, account=None)),
    (limits.portfolio_known, with_account(value_micros=None)),
]


def name_of(value: object) -> str | None:
    return getattr(value, "__name__", "")


@pytest.mark.parametrize(("rule", "good", "bad"), BOUNDS, ids=name_of)
def test_a_rule_passes_at_its_limit_and_refuses_beyond(
    rule: Rule, good: Inputs, bad: Inputs
) -> None:
    assert rule(good, LIMITS).is_passed
    refusal = rule(bad, LIMITS)
    assert not refusal.is_passed
    assert refusal.gate == rule.__name__
    assert refusal.reason
    assert refusal.value
    assert refusal.limit


@pytest.mark.parametrize(("rule", "inputs"), UNKNOWN, ids=name_of)
def test_what_is_not_known_refuses(rule: Rule, inputs: Inputs) -> None:
    gate = rule(inputs, LIMITS)
    assert (gate.is_passed, gate.value) == (False, "unknown")


def test_every_rule_has_bounds_here() -> None:
    assert {rule for rule, _, _ in BOUNDS} == set(ELIGIBILITY)


def test_the_ledger_reads_value_and_limit_as_people_write_them() -> None:
    gate = limits.deviation(with_signal(deviation=80_000), LIMITS)
    assert (gate.value, gate.limit) == ("8.00 points", "> 12 points")
    assert gate.reason == "deviation is 8.00 points, needed: > 12 points"


@pytest.mark.parametrize(
    ("inputs", "value"),
    [
        (replace(INPUTS, verdicts={}), "no verdict"),
        (with_verdict(as_of=NOW - 181 * SECOND), "verdict 181 s old"),
        (with_verdict(as_of=NOW + 6 * SECOND), "verdict -6 s old"),
        (with_verdict(is_passed=False, observed="4 of 5 markets bad"), "feed: 4 of 5 markets bad"),
        (with_verdict(markets_failed={TICKER: "quote_age_seconds 400"}), "quote_age_seconds 400"),
        (with_verdict(markets_checked=frozenset({"KXFED"})), "market not checked"),
    ],
)
def test_a_market_is_refused_without_a_fresh_passing_verdict_on_it(
    inputs: Inputs, value: str
) -> None:
    gate = limits.verdict(CHECK)(inputs, LIMITS)
    assert (gate.is_passed, gate.gate, gate.value) == (False, CHECK, value)


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS,
        with_verdict(as_of=NOW - 180 * SECOND),
        with_verdict(as_of=NOW + 5 * SECOND),
        with_verdict(markets_failed={"KXFED": "quote_age_seconds 400"}),
    ],
)
def test_another_markets_failure_does_not_refuse_this_one(inputs: Inputs) -> None:
    assert limits.verdict(CHECK)(inputs, LIMITS).is_passed


def test_an_account_worth_nothing_is_known_all_the_same() -> None:
    assert limits.portfolio_known(with_account(value_micros=0 * DOLLAR), LIMITS).is_passed


def test_a_second_leg_fits_where_an_event_may_hold_two_trades() -> None:
    two = replace(LIMITS, max_event_pct=Decimal(4))  # 2 % of 5,000 USD beside the trade itself
    full = replace(INPUTS, event_exposure_micros=100 * DOLLAR)
    assert limits.event_exposure(full, two).is_passed
    assert not limits.event_exposure(
        replace(full, event_exposure_micros=100 * DOLLAR + 1), two
    ).is_passed
    [refusal] = [limits.event_exposure(full, LIMITS)]
    assert refusal.reason == (
        "100.00 USD are staked on KXCPI-26OCT already, another whole trade needs <= 0.00 USD"
    )
