"""Where a result came from, by hand. Micros: 320_000 is 32 cents; 8_000 are 80 contracts."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.account import Side
from kalshi_assets.review.statistics import (
    Figure,
    Parts,
    Trip,
    of_side,
    parts_of,
    parts_of_all,
    slippage_of,
)

USD, CENT = 1_000_000, 10_000
PRICES = st.integers(0, 10_000).map(lambda step: step * 100)
# What the decision saw: a mean of many ticks is no whole number of micros.
MEANS = st.fractions(0, 1, max_denominator=997).map(lambda share: share * USD)


@st.composite
def trips(draw: st.DrawFn) -> Trip:
    """Return any trip, decided by a mean or by hand."""
    is_decided = draw(st.booleans())
    return Trip(
        count=draw(st.integers(1, 10**6)),
        paid=draw(MEANS),  # an average over fills is none either
        end=draw(PRICES),
        fees=draw(st.integers(0, 10**7)),
        limit=draw(st.none() | PRICES),
        mean=draw(MEANS) if is_decided else None,
        mid=draw(PRICES) if is_decided else None,
    )


def test_80_no_contracts_at_32_cents_cost_25_60_and_win_54_40_before_fees() -> None:
    """Its report says $256 and 21 %: ten times the cost, and the win as a share of that."""
    trip = Trip(count=8_000, paid=32 * CENT, end=of_side(0, "no"), fees=0)
    assert trip.cost == 25_600_000  # 80 x 0.32
    assert trip.net_result == 54_400_000  # 80 x (1.00 - 0.32)
    assert trip.net_result / trip.cost == Fraction(2125, 1000)  # 212.5 % of what it cost
    assert trip.cost != 256_000_000
    assert round(trip.net_result / 256_000_000, 2) == Fraction(21, 100)  # where its 21 % is from
    # Taker fee 0.07 x 80 x 0.32 x 0.68 = 1.21856, rounded up to 1.2186: 53.1814 are left.
    assert replace(trip, fees=1_218_600).net_result == 53_181_400


def test_the_parts_of_a_no_held_to_its_settlement() -> None:
    # YES stands at 69 (mid), its mean is 54; NO is bought at 32 with a limit of 33; NO wins.
    # Of NO: mean 46, mid 31. Per contract: edge 46 - 31 = 15, spread 31 - 32 = -1,
    # settlement 100 - 46 = 54; 15 - 1 + 54 = 68 = 100 - 32. Times 80; fees 1.2186.
    trip = Trip(
        count=8_000,
        paid=32 * CENT,
        end=of_side(0, "no"),
        fees=1_218_600,
        limit=33 * CENT,
        mean=of_side(54 * CENT, "no"),
        mid=of_side(69 * CENT, "no"),
    )
    parts = parts_of(trip).value
    assert parts is not None
    assert parts.edge == 12 * USD  # 80 x 0.15
    assert parts.spread_and_slippage == -800_000  # 80 x -0.01
    assert parts.fees == -1_218_600
    assert parts.settlement == 43_200_000  # 80 x 0.54
    assert parts.total == trip.net_result == 53_181_400  # 12 - 0.80 - 1.2186 + 43.20
    slippage = slippage_of(trip)
    assert slippage.against_mid.value == -800_000  # paid 1 cent more than the mid
    assert slippage.against_limit.value == 800_000  # and 1 cent less than it might have


def test_the_parts_of_a_yes_sold_early_use_the_price_it_was_sold_at() -> None:
    # YES at mid 30, mean 45, bought at 31, sold at 40: edge 15, spread -1, settlement 40 - 45 = -5.
    trip = Trip(
        count=100,
        paid=31 * CENT,
        end=40 * CENT,
        fees=30_000,
        mean=45 * CENT,
        mid=30 * CENT,
    )
    expected = Parts(
        edge=Fraction(15 * CENT),
        spread_and_slippage=Fraction(-CENT),
        fees=Fraction(-3 * CENT),
        settlement=Fraction(-5 * CENT),
    )
    assert parts_of(trip).value == expected
    assert expected.total == trip.net_result == 6 * CENT  # 40 - 31 - 3


@pytest.mark.parametrize(("side", "end"), [("yes", 370_000), ("no", 630_000)])
def test_a_scalar_settlement_pays_yes_its_value_and_no_the_rest(side: Side, end: int) -> None:
    trip = Trip(count=200, paid=50 * CENT, end=of_side(370_000, side), fees=0)
    assert trip.end == end
    assert trip.net_result == 2 * (end - 500_000)  # 2 contracts: -0.26 and +0.26


def test_a_trip_without_a_decision_has_no_parts_and_stands_apart_in_full() -> None:
    by_hand = Trip(count=100, paid=40 * CENT, end=USD, fees=20_000)
    why = "no decision by a mean and a mid led to this trade"
    assert parts_of(by_hand) == Figure(None, why)
    assert parts_of(replace(by_hand, mid=38 * CENT)).why_not == why, "a mid alone is no decision"
    assert parts_of(replace(by_hand, mean=50 * CENT)).why_not == why, "nor is a mean"
    decided = replace(by_hand, mean=50 * CENT, mid=38 * CENT)
    both = parts_of_all([by_hand, decided])
    assert both.parts == parts_of(decided).value
    assert both.unexplained == 580_000  # 1.00 - 0.40 - 0.02
    assert both.unexplained_count == 1
    assert both.total == 1_160_000


def test_slippage_that_cannot_be_told_says_why() -> None:
    slippage = slippage_of(Trip(count=100, paid=40 * CENT, end=0, fees=0))
    assert slippage.against_mid.why_not == "no mid is known of the moment of the decision"
    assert slippage.against_limit.why_not == "no limit is known of the entry"


def test_no_trips_have_parts_of_zero() -> None:
    none = parts_of_all([])
    assert none.parts == Parts()
    assert none.total == none.unexplained_count == 0


def test_a_mean_may_be_a_decimal_as_signals_keep_it() -> None:
    trip = Trip(
        count=100,
        paid=40 * CENT,
        end=0,
        fees=0,
        mean=Decimal("412345.678901"),
        mid=39 * CENT,
    )
    parts = parts_of(trip).value
    assert parts is not None
    assert parts.edge == Fraction("22345.678901")
    assert parts.total == -40 * CENT


@given(trips())
def test_the_parts_of_a_trip_sum_to_its_result_exactly(trip: Trip) -> None:
    parts = parts_of(trip).value
    made = Fraction(trip.count, 100) * (Fraction(trip.end) - Fraction(trip.paid)) - Fraction(
        trip.fees
    )
    assert trip.net_result == made
    assert parts is None or parts.total == made


@given(st.lists(trips(), max_size=8))
def test_the_parts_of_all_trips_sum_to_what_all_made(several: list[Trip]) -> None:
    of_all = parts_of_all(several)
    assert of_all.total == sum(trip.net_result for trip in several)
    assert of_all.unexplained_count == sum(trip.mean is None for trip in several)


@given(trips())
def test_the_same_trip_seen_from_the_other_side_has_the_opposite_parts(trip: Trip) -> None:
    """Who sold it to us has what we have not, but for the fees that both pay."""
    other = replace(
        trip,
        paid=USD - Fraction(trip.paid),
        end=USD - Fraction(trip.end),
        mean=None if trip.mean is None else USD - Fraction(trip.mean),
        mid=None if trip.mid is None else USD - Fraction(trip.mid),
    )
    ours, theirs = parts_of(trip).value, parts_of(other).value
    assert (ours is None) == (theirs is None)
    if ours is not None and theirs is not None:
        assert ours + theirs == Parts(fees=Fraction(-2 * Fraction(trip.fees)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"count": 0}, "no contracts"),
        ({"fees": -1}, "fees below zero"),
        ({"paid": USD + 1}, "outside 0 to 1000000"),
        ({"end": -1}, "outside 0 to 1000000"),
        ({"limit": 2 * USD}, "outside 0 to 1000000"),
        ({"mean": Decimal("1000000.5")}, "outside 0 to 1000000"),
        ({"mid": -1}, "outside 0 to 1000000"),
    ],
)
def test_a_trip_that_cannot_be_is_refused(change: dict[str, Any], match: str) -> None:
    trip = Trip(count=100, paid=40 * CENT, end=USD, fees=0)
    with pytest.raises(ValueError, match=match):
        replace(trip, **change)
