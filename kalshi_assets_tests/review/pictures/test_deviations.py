"""Deviation against result: a dot a trade, told apart by colour and by shape."""

from typing import Any

import numpy as np

from kalshi_assets.review.pictures.deviations import (
    LOST,
    TIE,
    WON,
    deviations_picture,
    dots_of,
    draw,
)
from kalshi_assets.review.pictures.picture import WIDE
from kalshi_assets_tests.review.pictures.artists import dots
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    WEEK,
    by_hand,
    still_open,
    trip,
    week_of,
)

TRIPS = [
    trip("won"),
    trip("lost", end="0", mean_micros=585_000),
    trip("tie", end="0.335", entry_fees_micros=1_200_000, mid_micros=300_000),
    by_hand("hand"),
]


def panel() -> Any:
    (found,) = draw(dots_of(TRIPS), WIDE).axes
    return found


def test_each_trade_is_a_dot_at_its_deviation_and_its_result() -> None:
    assert dots(panel()) == {
        "won": [(15, 53.1814)],
        "lost": [(27.5, -26.8186)],
        r"at exactly \$0.00": [(16, 0)],
    }


def test_outcomes_are_told_apart_by_colour_and_by_shape() -> None:
    assert len({sort.colour for sort in (WON, LOST, TIE)}) == 3
    assert len({sort.shape for sort in (WON, LOST, TIE)}) == 3
    drawn = [each for each in panel().collections if not each.get_label().startswith("_")]
    assert len({each.get_facecolor().tobytes() for each in drawn}) == 3
    assert len({each.get_paths()[0].vertices.tobytes() for each in drawn}) == 3


def test_nothing_won_and_nothing_lost_has_a_line() -> None:
    (zero,) = [each for each in panel().lines if not np.any(each.get_ydata())]
    low, high = panel().get_ylim()
    assert zero.get_linestyle() == "-"
    assert low < 0 < high


def test_the_zero_line_is_in_sight_also_where_all_was_lost() -> None:
    lost = dots_of([trip(f"S{n}", end="0", count=str(70 + n)) for n in range(4)])
    (found,) = draw(lost, WIDE).axes
    low, high = found.get_ylim()
    assert low < -20 < 0 <= high


def test_the_words_tell_the_numbers_and_what_is_not_shown() -> None:
    picture = deviations_picture(week_of(trips=TRIPS))
    assert picture is not None
    assert picture.alt == (
        "Result after fees of 3 trades beside how far the price stood below its average at the "
        "decision: 1 won, 1 lost, 1 at exactly $0.00. From 15.0 cents to 27.5 cents below, from "
        "-$26.82 to +$53.18. Not shown: 1 trade that no decision of ours led to."
    )


def test_only_trades_closed_in_the_week_that_a_decision_led_to_are_drawn() -> None:
    before = trip("before", closed_at=WEEK.begin - DAY, opened_at=WEEK.begin - 2 * DAY)
    assert deviations_picture(week_of(trips=[before, by_hand("H"), still_open("open")])) is None
    picture = deviations_picture(week_of(trips=[before, trip()]))
    assert picture is not None
    assert "of 1 trade beside" in picture.alt
