from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.fees import cost_to_buy, taker_fee
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
