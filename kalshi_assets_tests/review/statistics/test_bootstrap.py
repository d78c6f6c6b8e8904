"""Is the mean result different from zero? Seeded, by day or by trade, with an honest answer."""

from datetime import date, timedelta
from fractions import Fraction
from itertools import product
from random import Random
from statistics import mean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.review.statistics import Bootstrap, Figure, bootstrap_mean

USD = 1_000_000
MONDAY = date(2026, 10, 5)
TRADES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(-(10**8), 10**8)), min_size=5, max_size=40
).map(lambda rows: [(MONDAY + timedelta(days=day), result) for day, result in rows])


def of_days(*results: int, trades_a_day: int = 1) -> list[tuple[date, int]]:
    """Return trades, so many a day, one result after the other, dollars."""
    return [
        (MONDAY + timedelta(days=n // trades_a_day), result * USD)
        for n, result in enumerate(results)
    ]


def found(trades: list[tuple[date, int]], **changes: int) -> Bootstrap:
    value = bootstrap_mean(trades, **changes).value
    assert value is not None
    return value


def test_resamples_of_five_days_are_spread_as_all_3125_that_there_are() -> None:
    results = (10, -4, 6, 2, -3)
    every = sorted(mean(drawn) * USD for drawn in product(results, repeat=5))
    share = sum(each <= 0 for each in every) / len(every)
    low, high = np.quantile(every, (0.025, 0.975))
    seen = found(of_days(*results), resamples=40_000)
    assert seen.mean == Fraction(11 * USD, 5)  # (10 - 4 + 6 + 2 - 3) / 5 = 2.20
    assert float(seen.share_not_above_zero) == pytest.approx(share, abs=0.01)
    # Means come in steps of 20 cents: a drawn interval may lie one step beside that of all.
    assert seen.interval.low == pytest.approx(low, abs=0.2 * USD)
    assert seen.interval.high == pytest.approx(high, abs=0.2 * USD)


def test_whole_days_are_drawn_so_that_trades_that_hang_together_do_not_count_as_many() -> None:
    # Five days, each with ten equal trades: as uncertain as five trades, not as fifty.
    days = (10, -4, 6, 2, -3)
    repeated = [result for result in days for _ in range(10)]
    together = found(of_days(*repeated, trades_a_day=10))
    alone = found(of_days(*days))
    assert together.resampled_by == "day"
    assert together.interval == alone.interval
    assert together.share_not_above_zero == alone.share_not_above_zero


def test_a_day_of_many_trades_weighs_as_many_in_the_mean() -> None:
    # One day of nine trades at +$1 and four days of one at -$1: the mean is 5 / 13 dollars.
    trades = [(MONDAY, USD)] * 9 + [(MONDAY + timedelta(days=n), -USD) for n in range(1, 5)]
    seen = found(trades)
    assert seen.mean == Fraction(5 * USD, 13)
    # It is drawn not at all with (4 / 5)^5 = 32.8 %, and the mean is then -1. Drawn once, it is
    # (9 - 4) / 13 > 0: nothing else is zero or below.
    assert float(seen.share_not_above_zero) == pytest.approx(0.328, abs=0.02)
    assert seen.interval.low == -USD


@pytest.mark.parametrize(("days", "drawn"), [(4, "trade"), (5, "day")])
def test_with_fewer_than_five_days_single_trades_are_drawn_and_the_answer_says_so(
    days: int, drawn: str
) -> None:
    trades = [(MONDAY + timedelta(days=n % days), (n % 3 - 1) * USD) for n in range(20)]
    seen = found(trades)
    assert (seen.resampled_by, seen.day_count) == (drawn, days)
    assert ("narrower than it should be" in seen.answer) == (drawn == "trade")


def test_a_clear_profit_is_told_from_zero() -> None:
    seen = found(of_days(*[5, 5, 7, 7, 4, 4, 6, 6, 8, 8, 5, 5], trades_a_day=2))
    assert seen.is_different_from_zero
    assert seen.share_not_above_zero == 0
    assert seen.answer.startswith(
        "Yes, above zero: the mean result of 12 trades is +$5.83; of 10,000 resamples of 6 days, "
        "95 % lie between +$"
    )
    assert seen.answer.endswith("and 0.0 % are not above zero.")


def test_a_clear_loss_is_told_from_zero() -> None:
    seen = found(of_days(-5, -7, -4, -6, -8, -5))
    assert seen.is_different_from_zero
    assert seen.share_not_above_zero == 1
    assert seen.answer.startswith("Yes, below zero: the mean result of 6 trades is -$5.83;")


def test_what_may_be_chance_is_not_told_from_zero() -> None:
    seen = found(of_days(30, -20, 25, -22, 10, -18))
    assert not seen.is_different_from_zero
    assert seen.answer.startswith("It cannot be told from zero: the mean result of 6 trades is +$")


def test_a_mean_of_zero_counts_as_not_above_zero() -> None:
    # Of results 0 and 1, resamples are at 0 only where all five draws are: (4 / 5)^5 = 32.8 %.
    seen = found(of_days(0, 0, 0, 0, 1))
    assert float(seen.share_not_above_zero) == pytest.approx(0.328, abs=0.02)
    assert seen.interval.low == 0
    assert not seen.is_different_from_zero


def test_the_story_is_above_zero_if_its_trades_do_not_hang_together() -> None:
    """147 trades of +$38.20 and -$21.60 (mean $13.39), one a day in turn.

    By the formula: the deviation of a result is 59.80 x sqrt(0.585 x 0.415) = $29.46, of the mean
    29.46 / sqrt(147) = $2.43; 13.39 -+ 1.96 x 2.43 is $8.62 to $18.15.
    """
    results = [38_200_000] * 86 + [-21_600_000] * 61
    trades = [(MONDAY + timedelta(days=n), result) for n, result in enumerate(results)]
    seen = found(trades)
    assert seen.interval.low == pytest.approx(8.62 * USD, abs=0.3 * USD)
    assert seen.interval.high == pytest.approx(18.15 * USD, abs=0.3 * USD)
    assert seen.is_different_from_zero


def test_the_figures_of_a_seed_are_the_same_for_ever() -> None:
    """A review made again shows what it showed: what numpy draws here is promised not to change."""
    seen = found(of_days(10, -4, 6, 2, -3), seed=1)
    assert (seen.interval.low, seen.interval.high) == (-2_400_000.0, 6_800_000.0)
    assert seen.share_not_above_zero == Fraction(1_886, 10_000)


def test_another_seed_draws_others() -> None:
    trades = of_days(10, -4, 6, 2, -3, 7, 1)
    assert found(trades, seed=1).share_not_above_zero != found(trades, seed=2).share_not_above_zero


def test_without_a_trade_there_is_nothing_to_ask() -> None:
    assert bootstrap_mean([]) == Figure(None, "no trade was closed")


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_trades_are_not_resampled(count: int) -> None:
    why = "fewer than 5 trades are too few to resample"
    assert bootstrap_mean(of_days(3, -1, 2, 5)[:count]) == Figure(None, why)


@pytest.mark.parametrize("trades_a_day", [1, 5])
def test_equal_results_tell_nothing_of_chance(trades_a_day: int) -> None:
    why = "every resample has the same mean: resampling tells nothing"
    trades = of_days(7, 7, 7, 7, 7, trades_a_day=trades_a_day)
    assert bootstrap_mean(trades) == Figure(None, why)


@settings(max_examples=60, deadline=None)
@given(TRADES, st.randoms())
def test_the_same_trades_in_any_order_have_the_same_figures(
    trades: list[tuple[date, int]], random: Random
) -> None:
    shuffled = list(trades)
    random.shuffle(shuffled)
    assert bootstrap_mean(shuffled, resamples=200) == bootstrap_mean(trades, resamples=200)


@settings(max_examples=60, deadline=None)
@given(TRADES)
def test_the_interval_holds_the_mean(trades: list[tuple[date, int]]) -> None:
    seen = bootstrap_mean(trades, resamples=1_000).value
    if seen is not None:
        assert seen.interval.low <= float(seen.mean) <= seen.interval.high
        assert 0 <= seen.share_not_above_zero <= 1


def test_many_trades_are_drawn_in_pieces_that_all_count() -> None:
    trades = [(MONDAY + timedelta(days=n), (n % 5 - 1) * USD) for n in range(3_000)]
    seen = found(trades, resamples=1_000)  # pieces of 333, 333, 333 and 1
    # Mean 1; deviation of a result sqrt(2), of the mean 0.0258: 1 -+ 0.0506.
    assert seen.resample_count == 1_000
    assert seen.interval.low == pytest.approx(0.949 * USD, abs=0.01 * USD)
    assert seen.interval.high == pytest.approx(1.051 * USD, abs=0.01 * USD)
