from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.fees import charge, cost_to_buy, rate_of, taker_fee, trade_fee
from kalshi_assets.domain.price import micros

ONE = Decimal(1)


@pytest.mark.parametrize(
    ("contracts", "price", "fee"),
    [(1, "0.52", "0.0175"), (1, "0.99", "0.0007"), (3, "0.45", "0.0520"), (298, "0.32", "4.5392")],
)
def test_a_taker_pays_what_the_fee_schedule_says(contracts: int, price: str, fee: str) -> None:
    assert taker_fee(contracts * 100, micros(price), multiplier=ONE) == micros(fee)


@given(
    st.integers(1, 10**6),
    st.integers(1, 9_999),
    st.sampled_from(["0", "0.5", "1", "1.5", "2"]),
)
def test_the_fee_is_the_formula_rounded_up_to_a_hundredth_of_a_cent(
    count: int, price: int, multiplier: str
) -> None:
    share = Fraction(price, 10_000)
    exact = Fraction(multiplier) * Fraction(7, 100) * Fraction(count, 100) * share * (1 - share)
    fee = taker_fee(count, price * 100, multiplier=Decimal(multiplier))
    assert fee == ceil(exact * 10_000) * 100
    assert fee == taker_fee(count, 1_000_000 - price * 100, multiplier=Decimal(multiplier))


def test_the_cost_is_price_and_fee_and_a_series_without_fees_costs_its_price() -> None:
    assert cost_to_buy(29_800, 320_000, multiplier=ONE) == micros("99.8992")
    assert cost_to_buy(29_800, 320_000, multiplier=Decimal(0)) == micros("95.36")


@given(st.integers(1, 10**5), st.integers(1, 9_999))
def test_the_cost_of_a_part_of_a_contract_is_never_understated(count: int, price: int) -> None:
    exact = Fraction(count * price * 100, 100) + taker_fee(count, price * 100, multiplier=ONE)
    assert cost_to_buy(count, price * 100, multiplier=ONE) >= exact


@pytest.mark.parametrize(
    ("fee_type", "is_taker", "contracts", "price", "by_formula", "paid"),
    [
        ("quadratic", True, 1, "0.52", "0.017472", "0.0175"),
        ("quadratic", True, 1, "0.99", "0.000693", "0.0007"),
        ("quadratic", True, 3, "0.45", "0.051975", "0.0520"),
        ("quadratic", False, 2, "0.67", "0", "0"),
        ("quadratic_with_maker_fees", False, 2, "0.67", "0.007739", "0.0078"),
        ("quadratic_with_combo_maker_fees", False, 2, "0.67", "0.015477", "0.0155"),
        ("quadratic_with_maker_fees", True, 1, "0.52", "0.017472", "0.0175"),
    ],
)
def test_the_first_fill_of_an_order_pays_what_was_observed(
    fee_type: str, is_taker: bool, contracts: int, price: str, by_formula: str, paid: str
) -> None:
    rate = rate_of(fee_type, multiplier=ONE, is_taker=is_taker)
    fee = trade_fee(contracts * 100, micros(price), rate=rate)
    assert fee == micros(by_formula)
    charged = charge(fee, revenue_micros=-contracts * micros(price), rounding_micros=0)
    assert charged.fee_micros == micros(paid)
    assert charged.rounding_micros == micros(paid) - fee


def test_a_whole_step_lost_to_rounding_is_given_back() -> None:
    first = charge(40, revenue_micros=-5_000, rounding_micros=0)
    assert (first.fee_micros, first.rounding_micros) == (100, 60)
    second = charge(40, revenue_micros=-5_000, rounding_micros=60)
    assert (second.fee_micros, second.rounding_micros) == (0, 20)


def test_a_fill_never_pays_a_negative_fee() -> None:
    charged = charge(0, revenue_micros=-5_010, rounding_micros=330)
    assert (charged.fee_micros, charged.rounding_micros) == (90, 420)


def test_terms_that_are_not_known_have_no_rate() -> None:
    with pytest.raises(ValueError, match="flat"):
        rate_of("flat", multiplier=ONE, is_taker=False)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-(10**7), 10**7)), max_size=8))
def test_fees_are_the_formulas_and_what_is_still_lost_to_rounding(
    fills: list[tuple[int, int]],
) -> None:
    rounding = paid = 0
    for fee, revenue in fills:
        charged = charge(fee, revenue_micros=revenue, rounding_micros=rounding)
        assert charged.fee_micros >= 0
        assert (revenue - charged.fee_micros) % 100 == 0, "the balance stays on its step"
        assert charged.rounding_micros < 100 or charged.fee_micros < 100
        paid, rounding = paid + charged.fee_micros, charged.rounding_micros
    assert paid == sum(fee for fee, _ in fills) + rounding
