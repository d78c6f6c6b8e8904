"""Won and lost, by hand. Amounts in micros: 10_000_000 is $10."""

from fractions import Fraction
from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.review.statistics import Figure, Interval, trade_figures, wilson

USD = 1_000_000
Z = 1.959964
RESULTS = st.lists(st.integers(-(10**9), 10**9) | st.just(0), max_size=60)


def test_the_figures_of_a_small_week() -> None:
    week = trade_figures([30 * USD, -10 * USD, 20 * USD, -15 * USD, 10 * USD])
    # Won: 30, 20, 10, together 60; lost: 10, 15, together 25.
    assert (week.trade_count, week.win_count, week.loss_count, week.tie_count) == (5, 3, 2, 0)
    assert week.net_profit == 35 * USD  # 60 - 25
    assert week.win_rate.value == Fraction(3, 5)
    assert week.average_winner.value == 20 * USD  # 60 / 3
    assert week.average_loser.value == Fraction(-25 * USD, 2)  # -12.50
    assert week.reward_to_risk.value == Fraction(8, 5)  # 20 / 12.50
    assert week.expectancy.value == 7 * USD  # 35 / 5, and 0.6 x 20 - 0.4 x 12.50
    assert week.profit_factor.value == Fraction(12, 5)  # 60 / 25
    assert week.counts_said == "5 trades: 3 won, 2 lost"


def test_the_story_adds_up_to_1968_dollars_and_not_to_its_reports_1712() -> None:
    story = trade_figures([38_200_000] * 86 + [-21_600_000] * 61)
    assert story.trade_count == 147
    assert f"{100 * float(story.win_rate.value or 0):.1f} %" == "58.5 %"  # 86 / 147 = 0.58503
    # 86 x 38.20 = 3,285.20; 61 x 21.60 = 1,317.60; the difference is 1,967.60.
    assert story.net_profit == 1_967_600_000
    assert story.net_profit != 1_712_000_000
    assert story.reward_to_risk.value == Fraction(3820, 2160)  # 1.77
    assert story.expectancy.value == Fraction(1_967_600_000, 147)  # $13.385


def test_a_tie_is_neither_won_nor_lost_and_is_said() -> None:
    week = trade_figures([10 * USD, 0, -4 * USD])
    assert (week.win_count, week.loss_count, week.tie_count) == (1, 1, 1)
    assert week.win_rate.value == Fraction(1, 3), "a tie counts as a trade"
    assert week.average_winner.value == 10 * USD
    assert week.average_loser.value == -4 * USD
    assert week.expectancy.value == 2 * USD  # (10 + 0 - 4) / 3
    assert week.counts_said == (
        "3 trades: 1 won, 1 lost, 1 at exactly $0.00, which is neither won nor lost"
    )


def test_a_week_without_a_trade_made_zero_and_has_no_other_figure() -> None:
    week = trade_figures([])
    assert (week.trade_count, week.net_profit) == (0, 0)
    none: Figure[Fraction] = Figure(None, "no trade was closed")
    assert week.win_rate == week.expectancy == week.profit_factor == none
    assert week.win_interval == Figure(None, "no trade was closed")
    assert week.average_winner == week.reward_to_risk == Figure(None, "no trade was won")
    assert week.average_loser == Figure(None, "no trade was lost")
    assert week.counts_said == "0 trades: 0 won, 0 lost"


def test_one_trade_that_won_has_no_loser_to_be_compared_with() -> None:
    week = trade_figures([7 * USD])
    assert week.win_rate.value == 1
    assert week.average_winner.value == week.expectancy.value == 7 * USD
    none: Figure[Fraction] = Figure(None, "no trade was lost")
    assert week.average_loser == week.reward_to_risk == week.profit_factor == none
    assert week.counts_said == "1 trade: 1 won, 0 lost"


def test_only_losses_have_a_win_rate_and_a_profit_factor_of_zero_and_no_reward() -> None:
    week = trade_figures([-5 * USD, -7 * USD])
    assert week.win_rate.value == 0
    assert week.profit_factor.value == 0  # 0 / 12: nothing was won, and that is known
    assert week.average_loser.value == -6 * USD
    assert week.average_winner == week.reward_to_risk == Figure(None, "no trade was won")


def test_only_ties_have_no_profit_factor() -> None:
    week = trade_figures([0, 0])
    assert week.profit_factor == Figure(None, "no trade was lost")
    assert week.win_rate.value == week.expectancy.value == 0


@pytest.mark.parametrize(
    ("won", "trades", "low", "high"),
    [
        # z^2 = 3.841459. Rate 0.585034; z^2/n = 0.026132; middle (0.585034 + 0.013066) / 1.026132
        # = 0.582869; half = sqrt(0.242768 x 0.026132 + 0.026132^2 / 4) / 1.026132 = 0.078659.
        (86, 147, 0.504209, 0.661528),
        (0, 10, 0.0, 0.277533),  # high = z^2 / (n + z^2) = 3.841459 / 13.841459
        (10, 10, 0.722467, 1.0),  # the same, seen from the other end
        (1, 1, 0.206549, 1.0),  # low = 1 / (1 + z^2) = 1 / 4.841459
        (1, 2, 0.094531, 0.905469),  # half = sqrt(.25 x 1.920729 + 1.920729^2/4) / 2.920729
    ],
)
def test_wilsons_interval_by_hand(won: int, trades: int, low: float, high: float) -> None:
    interval = wilson(won, trades)
    assert interval.low == pytest.approx(low, abs=2e-6)
    assert interval.high == pytest.approx(high, abs=2e-6)


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_ends_are_the_rates_from_which_what_came_is_just_1_96_deviations_off(
    trades: tuple[int, int],
) -> None:
    won, count = trades
    rate, interval = won / count, wilson(won, count)
    assert 0 <= interval.low <= rate <= interval.high <= 1
    for end in (interval.low, interval.high):
        is_at_the_edge = end in (0, 1) and end == rate
        off, deviation = abs(rate - end), sqrt(end * (1 - end) / count)
        assert is_at_the_edge or isclose(off, Z * deviation, rel_tol=1e-4)


@given(st.integers(1, 5_000))
def test_where_all_or_none_won_the_interval_ends_exactly_there(count: int) -> None:
    assert wilson(0, count).low == 0
    assert wilson(count, count).high == 1


@pytest.mark.parametrize(("won", "count"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_rate_has_no_interval(won: int, count: int) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        wilson(won, count)


@given(RESULTS)
def test_the_figures_agree_with_each_other_exactly(results: list[int]) -> None:
    week = trade_figures(results)
    assert week.win_count + week.loss_count + week.tie_count == len(results)
    assert week.net_profit == sum(results)
    winner, loser = week.average_winner.value or 0, week.average_loser.value or 0
    assert week.win_count * winner + week.loss_count * loser == week.net_profit
    if week.win_rate.value is not None and week.expectancy.value is not None:
        lost = Fraction(week.loss_count, len(results))
        assert week.win_rate.value * winner + lost * loser == week.expectancy.value
    if week.reward_to_risk.value is not None and week.profit_factor.value is not None:
        counts = Fraction(week.win_count, week.loss_count)
        assert week.reward_to_risk.value * counts == week.profit_factor.value


@given(RESULTS)
def test_the_interval_holds_the_rate_and_the_order_does_not_matter(results: list[int]) -> None:
    week = trade_figures(results)
    assert week == trade_figures(results[::-1])
    interval, rate = week.win_interval.value, week.win_rate.value
    assert (interval is None) == (rate is None) == (not results)
    if interval is not None and rate is not None:
        assert isinstance(interval, Interval)
        assert interval.low <= float(rate) <= interval.high
