from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.price import (
    PriceGrid,
    PriceRange,
    centicontracts,
    contracts,
    dollars,
    micros,
)

DOLLAR = 1_000_000
LINEAR = PriceGrid((PriceRange(0, DOLLAR, 10_000),))
DECI = PriceGrid((PriceRange(0, DOLLAR, 1_000),))
TAPERED = PriceGrid(
    (
        PriceRange(0, 100_000, 1_000),
        PriceRange(100_000, 900_000, 10_000),
        PriceRange(900_000, DOLLAR, 1_000),
    )
)
CENTI_EDGE = PriceGrid(
    (
        PriceRange(0, 10_000, 100),
        PriceRange(10_000, 990_000, 1_000),
        PriceRange(990_000, DOLLAR, 100),
    )
)
GRIDS = pytest.mark.parametrize("grid", [LINEAR, DECI, TAPERED, CENTI_EDGE])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.6800", 680_000), ("1.0000", DOLLAR), ("0.000001", 1), ("-2.5", -2_500_000), ("1E-4", 100)],
)
def test_dollars_become_exact_micros(text: str, expected: int) -> None:
    assert micros(text) == expected
    assert micros(Decimal(text)) == expected


@pytest.mark.parametrize(
    "text", ["0.0000001", "1.0000000000000000000000000000000000001", "0.00000050000"]
)
def test_a_price_finer_than_a_micro_is_refused_and_never_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="finer than 1/1000000"):
        micros(text)


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "-Infinity", "0,68"])
def test_what_is_no_number_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is not a decimal number"):
        micros(text)


@given(st.integers(-(10**15), 10**15))
def test_micros_and_dollars_are_each_others_inverse(amount: int) -> None:
    assert micros(dollars(amount)) == amount
    assert micros(f"{dollars(amount):f}") == amount


def test_counts_are_exact_to_a_hundredth() -> None:
    assert centicontracts("500.01") == 50_001
    assert contracts(50_001) == Decimal("500.01")
    with pytest.raises(ValueError, match="finer than 1/100"):
        centicontracts("0.001")


@GRIDS
def test_floor_ceiling_and_holds_agree_with_a_list_of_all_prices(grid: PriceGrid) -> None:
    listed = sorted(
        {
            price
            for r in grid.ranges
            for price in range(r.start, r.end + 1, r.step)
            if 0 < price < DOLLAR
        }
    )
    members = set(listed)
    edges = [
        edge + shift
        for r in grid.ranges
        for edge in (r.start, r.end)
        for shift in range(-150, 151, 25)
    ]
    asked = {*edges, *range(-10_000, DOLLAR + 10_001, 3_700), *listed[:30], *listed[-30:]}
    for price in sorted(asked):
        assert grid.holds(price) is (price in members), price
        assert grid.floor(price) == max((p for p in listed if p <= price), default=None), price
        assert grid.ceiling(price) == min((p for p in listed if p >= price), default=None), price


def test_an_empty_grid_has_no_price() -> None:
    grid = PriceGrid(())
    assert (grid.holds(500_000), grid.floor(500_000), grid.ceiling(500_000)) == (False, None, None)


@GRIDS
def test_a_grid_is_the_same_after_it_was_stored(grid: PriceGrid) -> None:
    assert PriceGrid.from_json(grid.as_json()) == grid
