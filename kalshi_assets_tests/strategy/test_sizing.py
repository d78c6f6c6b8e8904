from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.strategy.sizing import contracts_within

DOLLAR = 1_000_000


def test_two_percent_of_5000_dollars_buy_298_no_at_32_cents() -> None:
    assert contracts_within(100 * DOLLAR, 320_000, fee_multiplier=Decimal(1)) == 29_800


@given(
    budget=st.integers(-DOLLAR, 10**6) | st.integers(0, 10**12),
    price=st.integers(1, 9_999).map(lambda p: p * 100),
    multiplier=st.decimals(0, 40, places=2),
)
def test_the_size_fits_the_budget_with_fees_and_one_more_would_not(
    budget: int, price: int, multiplier: Decimal
) -> None:
    count = contracts_within(budget, price, fee_multiplier=multiplier)
    assert count % 100 == 0
    assert count >= 0
    if count:
        assert cost_to_buy(count, price, multiplier=multiplier) <= budget
    assert cost_to_buy(count + 100, price, multiplier=multiplier) > budget


@pytest.mark.parametrize("budget", [0, -1, 335_299])
def test_a_budget_below_one_contract_with_its_fee_buys_nothing(budget: int) -> None:
    assert contracts_within(budget, 320_000, fee_multiplier=Decimal(1)) == 0


def test_the_fee_of_one_contract_is_part_of_its_budget() -> None:
    assert contracts_within(335_300, 320_000, fee_multiplier=Decimal(1)) == 100
    assert contracts_within(335_299, 320_000, fee_multiplier=Decimal(1)) == 0
