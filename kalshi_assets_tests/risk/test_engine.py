from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.risk.engine import judge
from kalshi_assets.risk.inputs import Inputs
from kalshi_assets_tests.risk.cases import (
    CHECK,
    COST,
    DOLLAR,
    INPUTS,
    LIMITS,
    LINEAR,
    MARKET,
    QUOTE,
    SIGNAL,
    with_account,
    with_quote,
    with_signal,
)

DECI = PriceGrid((PriceRange(0, DOLLAR, 1_000),))
TAPERED = PriceGrid(
    (
        PriceRange(0, 100_000, 1_000),
        PriceRange(100_000, 900_000, 10_000),
        PriceRange(900_000, DOLLAR, 1_000),
    )
)
GRIDS = (LINEAR, DECI, TAPERED)


def test_an_eligible_signal_is_approved_with_price_size_and_cost() -> None:
    decision = judge(INPUTS, LIMITS)
    assert decision.is_approved
    assert decision.limit_price == 320_000
    assert decision.count == 29_800
    assert decision.cost_micros == COST == 99_899_200
    assert decision.refused_by == ()
    assert decision.gate("size").value == "298 contracts for 99.90 USD"


def test_the_same_inputs_give_the_same_decision() -> None:
    assert judge(INPUTS, LIMITS) == judge(INPUTS, LIMITS)


@pytest.mark.parametrize(
    ("yes_bid", "price"),
    [
        (680_000, 320_000),
        (685_500, 310_000),
        (700_000, 300_000),
        (660_000, 340_000),
        (650_000, None),
    ],
)
def test_no_is_bought_at_the_ask_up_to_the_slippage_over_the_reference(
    yes_bid: int, price: int | None
) -> None:
    decision = judge(with_quote(yes_bid=yes_bid), LIMITS)
    assert decision.is_approved is (price is not None)
    assert decision.refused_by == (() if price else ("price_moved",))
    assert decision.limit_price == (price or 340_000), "and never more than that"


@pytest.mark.parametrize(
    ("yes_ask", "price"), [(320_000, 320_000), (340_000, 340_000), (341_000, None)]
)
def test_yes_is_bought_at_the_ask_up_to_the_slippage_over_the_reference(
    yes_ask: int, price: int | None
) -> None:
    signal = replace(SIGNAL, side="yes", deviation=-180_000)
    market = replace(MARKET, grid=DECI)
    quote = replace(QUOTE, yes_bid=yes_ask - 20_000, yes_ask=yes_ask)
    decision = judge(replace(INPUTS, signal=signal, market=market, quote=quote), LIMITS)
    assert decision.is_approved is (price is not None)
    assert decision.limit_price == (price or 340_000), "and never more than that"


def test_an_ask_that_moved_is_refused_with_both_prices() -> None:
    gate = judge(with_quote(yes_bid=650_000), LIMITS).gate("price_moved")
    assert (gate.value, gate.limit) == ("0.3500", "<= 0.3400")
    assert gate.reason == ("the ask is 0.3500, more than the slippage allowed over 0.3200")


@given(
    grid=st.sampled_from(GRIDS),
    side=st.sampled_from(["yes", "no"]),
    yes_bid=st.integers(0, 10_000).map(lambda p: p * 100),
    spread=st.integers(0, 300).map(lambda p: p * 100),
    reference=st.integers(1, 9_999).map(lambda p: p * 100),
    slippage=st.integers(0, 1_000).map(lambda p: p * 100),
)
def test_the_limit_never_exceeds_the_intended_price_and_lies_on_the_grid(
    grid: PriceGrid, side: str, yes_bid: int, spread: int, reference: int, slippage: int
) -> None:
    quote = replace(QUOTE, yes_bid=yes_bid, yes_ask=min(DOLLAR, yes_bid + spread))
    inputs = replace(
        INPUTS,
        market=replace(MARKET, grid=grid),
        quote=quote,
        signal=replace(SIGNAL, side=side, reference_price=reference),  # type: ignore[arg-type]
    )
    decision = judge(inputs, replace(LIMITS, max_slippage=slippage))
    ask = quote.yes_ask if side == "yes" else DOLLAR - yes_bid
    if ask > reference + slippage:
        assert not decision.gate("price_moved").is_passed
        assert not decision.is_approved
    if decision.limit_price is not None:
        assert decision.limit_price <= min(ask, reference + slippage)
        yes_price = decision.limit_price if side == "yes" else DOLLAR - decision.limit_price
        assert grid.holds(yes_price)


@given(
    value=st.integers(-DOLLAR, 10**11),
    cash=st.integers(-DOLLAR, 10**11),
    pct=st.sampled_from(["0.1", "2", "10"]),
)
def test_the_cost_with_fees_stays_within_share_and_cash(value: int, cash: int, pct: str) -> None:
    limits = replace(LIMITS, max_trade_pct=Decimal(pct))
    decision = judge(with_account(value_micros=value, cash_micros=cash), limits)
    assert decision.cost_micros is not None
    assert decision.cost_micros * 100 <= max(0, 100 * cash)
    assert decision.cost_micros * 100 <= max(Decimal(0), value * Decimal(pct))
    assert decision.gate("size").is_passed is (decision.count != 0)


@pytest.mark.parametrize(
    "inputs",
    [
        with_account(value_micros=16 * DOLLAR),
        with_account(cash_micros=319_999),
        with_account(cash_micros=-1),
    ],
)
def test_a_budget_below_one_contract_refuses(inputs: Inputs) -> None:
    decision = judge(inputs, LIMITS)
    assert "size" in decision.refused_by
    assert not decision.is_approved
    assert "not one contract at 0.3200 fits" in decision.gate("size").reason


@pytest.mark.parametrize(
    ("inputs", "deciding"),
    [
        (replace(INPUTS, fee_multiplier=None), ("edge", "size")),
        (with_quote(yes_bid_size=0), ("spread", "price_known")),
        (with_account(value_micros=None), ("portfolio_known", "daily_loss", "size")),
        (replace(INPUTS, verdicts={}), (CHECK,)),
    ],
)
def test_only_the_gates_that_decide_are_named_not_what_follows_from_them(
    inputs: Inputs, deciding: tuple[str, ...]
) -> None:
    decision = judge(inputs, LIMITS)
    assert decision.refused_by == deciding
    assert not decision.is_approved


def test_a_signal_that_never_triggered_is_asked_at_the_ask_of_now() -> None:
    """It has no reference price yet, and only the rule on its deviation should say so."""
    watched = with_signal(reference_price=None, triggered_at=None, deviation=80_000)
    decision = judge(watched, LIMITS)
    assert decision.refused_by == ("deviation",)
    assert decision.cost_micros == COST


def test_a_signal_refused_by_something_else_is_still_asked_about_its_real_cost() -> None:
    halted = replace(INPUTS, trading_state="halted", category_exposure_micros=950 * DOLLAR)
    decision = judge(halted, LIMITS)
    assert decision.refused_by == ("trading_state", "category_exposure")
    assert decision.cost_micros == COST


@pytest.mark.parametrize(
    "unknown",
    [
        "market",
        "fee_multiplier",
        "quote",
        "exchange",
        "account",
        "has_live_order",
        "trading_state",
        "breaker",
        "arming",
        "opening_value_micros",
        "activity",
        "clock_offset_ms",
        "disk_free_bytes",
        "attempts",
        "event_exposure_micros",
        "category_exposure_micros",
        "shard_exposure_micros",
        "total_exposure_micros",
    ],
)
def test_no_unknown_thing_ever_leads_to_an_order(unknown: str) -> None:
    without: dict[str, Any] = {unknown: None}
    decision = judge(replace(INPUTS, **without), LIMITS)
    assert not decision.is_approved
    assert decision.refused_by, "and it is said why"


def test_all_refusing_rules_are_named_not_only_the_first() -> None:
    inputs = replace(INPUTS, trading_state="halted", verdicts={}, attempts=3)
    decision = judge(inputs, LIMITS)
    assert decision.refused_by == ("trading_state", "attempts", CHECK)
    assert not decision.is_approved
