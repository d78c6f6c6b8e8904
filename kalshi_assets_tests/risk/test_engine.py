from dataclasses import fields, replace
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
    assert decision.cost_micros == 99_899_200
    assert [gate.gate for gate in decision.gates][-3:] == [CHECK, "price_moved", "size"]


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
    assert decision.limit_price == price
    assert decision.refused_by == (() if price else ("price_moved",))


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
    assert decision.limit_price == price


def test_an_ask_that_moved_is_refused_with_both_prices() -> None:
    gate = judge(with_quote(yes_bid=650_000), LIMITS).gates[-1]
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
        assert decision.refused_by == ("price_moved",)
        assert decision.limit_price is None
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
    assert decision.is_approved is (decision.count != 0)


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
    assert decision.refused_by == ("size",)
    assert "not one contract at 0.3200 fits" in decision.gates[-1].reason


@pytest.mark.parametrize(
    ("inputs", "gate"),
    [
        (replace(INPUTS, fee_multiplier=None), "size"),
        (with_signal(reference_price=None), "price_known"),
        (with_quote(yes_bid_size=0), "price_known"),
        (with_account(value_micros=None), "portfolio_known"),
        (replace(INPUTS, verdicts={}), CHECK),
    ],
)
def test_what_is_not_known_refuses_the_order(inputs: Inputs, gate: str) -> None:
    decision = judge(inputs, LIMITS)
    assert decision.refused_by == (gate,)
    assert not decision.is_approved


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
        "event_exposure_micros",
    ],
)
def test_no_unknown_thing_ever_leads_to_an_order(unknown: str) -> None:
    assert unknown in {field.name for field in fields(Inputs)}
    without: dict[str, Any] = {unknown: None}
    assert not judge(replace(INPUTS, **without), LIMITS).is_approved


def test_all_refusing_rules_are_named_not_only_the_first() -> None:
    inputs = replace(INPUTS, trading_state="halted", verdicts={}, attempts=3)
    decision = judge(inputs, LIMITS)
    assert decision.refused_by == ("trading_state", "attempts", CHECK)
    assert decision.limit_price is None
