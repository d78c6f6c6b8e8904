"""Fill rate and latency, by hand. Counts in centicontracts: 8_000 are 80 contracts."""

from fractions import Fraction
from math import ceil, inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.review.statistics import Figure, fill_rate, percentiles


def test_orders_and_contracts_have_each_their_fill_rate() -> None:
    # 80 of 80, 15 of 60, 0 of 50: 2 of 3 orders, 95 of 190 contracts.
    rate = fill_rate([(8_000, 8_000), (6_000, 1_500), (5_000, 0)])
    assert (rate.order_count, rate.filled_count, rate.touched_count) == (3, 1, 2)
    assert rate.by_order.value == Fraction(2, 3)
    assert rate.by_contract.value == Fraction(1, 2)


def test_orders_that_got_nothing_have_a_fill_rate_of_zero() -> None:
    rate = fill_rate([(100, 0)])
    assert rate.by_order.value == rate.by_contract.value == 0


def test_without_an_order_there_is_no_fill_rate() -> None:
    rate = fill_rate([])
    assert rate.by_order == rate.by_contract == Figure(None, "no order reached the venue")


@pytest.mark.parametrize("order", [(0, 0), (100, 101), (100, -1)])
def test_an_order_that_cannot_be_is_refused(order: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot be filled"):
        fill_rate([(100, 100), order])


def test_percentiles_are_times_that_were_measured() -> None:
    # 20 times, 0.1 to 2.0 s: p50 is the 10th, p95 the 19th, p99 the 20th (19.8 rounded up).
    found = percentiles([n / 10 for n in range(20, 0, -1)]).value
    assert found is not None
    assert (found.count, found.p50, found.p95, found.p99, found.longest) == (20, 1.0, 1.9, 2.0, 2.0)


def test_of_19_times_p95_is_the_longest() -> None:
    found = percentiles([float(n) for n in range(1, 20)]).value
    assert found is not None
    assert (found.p50, found.p95) == (10.0, 19.0)  # 9.5 and 18.05, rounded up


def test_one_time_is_all_percentiles() -> None:
    found = percentiles([0.8]).value
    assert found is not None
    assert {found.p50, found.p95, found.p99, found.longest} == {0.8}


def test_without_a_measured_time_there_are_no_percentiles() -> None:
    assert percentiles([]) == Figure(None, "nothing was measured")


@pytest.mark.parametrize("value", [nan, inf])
def test_what_is_no_time_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        percentiles([1.0, value])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_so_many_percent_do_not_exceed_a_percentile_and_fewer_do_not_reach_it(
    seconds: list[float],
) -> None:
    found = percentiles(seconds).value
    assert found is not None
    for share, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        least = ceil(Fraction(share * len(seconds), 100))
        assert sum(each <= value for each in seconds) >= least
        assert sum(each < value for each in seconds) < least
    assert found.longest == max(seconds)
