"""Refusals by gate: bars as long as the review's figures, from an honest zero."""

from typing import Any

import pytest

from kalshi_assets.review.drawing import BLUE, VERMILION
from kalshi_assets.review.pictures.picture import NARROW, WIDE, Canvas
from kalshi_assets.review.pictures.refusals import draw, refusals_picture
from kalshi_assets.review.weekly import weekly_review
from kalshi_assets_tests.review.pictures.artists import words
from kalshi_assets_tests.review.weekly.week_bench import eventful, refused, week_of

REVIEW = weekly_review(
    week_of(
        refused=[
            refused("A", "spread"),
            refused("B", "spread"),
            refused("C", "stale", yes_result_micros=1_000_000),
            refused("D", "hours", yes_result_micros=None),
            refused("E", "hours", "depth"),
        ]
    )
)
ROWS = REVIEW.figures.refusals.by_gate


def bars_of(panel: Any) -> list[Any]:
    return list(panel.patches)


def bars(panel: Any) -> list[float]:
    return [round(float(each.get_width()), 6) for each in bars_of(panel)]


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
def test_bars_are_as_long_as_the_figures_of_the_review(canvas: Canvas) -> None:
    counts, money = draw(ROWS, canvas).axes
    assert [row.gate for row in ROWS] == ["spread", "hours", "stale", "depth", "(several at once)"]
    assert bars(counts) == [2, 1, 1, 0, 1]
    # two of 53.1814; not priced; 80 contracts lost; none; 53.1814
    assert bars(money) == [106.3628, 0, -26.8186, 0, 53.1814]


def test_every_bar_begins_at_zero_and_zero_is_in_sight() -> None:
    for panel in draw(ROWS, WIDE).axes:
        assert {each.get_xy()[0] for each in bars_of(panel)} == {0}
        low, high = panel.get_xlim()
        assert low <= 0 <= high
        assert low <= min(bars(panel))
        assert high >= max(bars(panel))


@pytest.mark.parametrize(("yes", "end"), [(0, 0), (1_000_000, 1)])
def test_the_axis_ends_at_zero_where_all_was_won_or_all_was_lost(yes: int, end: int) -> None:
    review = weekly_review(week_of(refused=[refused("A", "spread", yes_result_micros=yes)]))
    counts, money = draw(review.figures.refusals.by_gate, WIDE).axes
    assert counts.get_xlim()[0] == money.get_xlim()[end] == 0


def test_won_and_lost_have_another_colour_as_well_as_another_side() -> None:
    from matplotlib.colors import to_hex

    _, money = draw(ROWS, WIDE).axes
    colours = [to_hex(each.get_facecolor()).upper() for each in money.patches]
    assert (colours[0], colours[2]) == (BLUE, VERMILION)


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
def test_every_gate_is_named_with_its_figures_or_why_there_is_none(canvas: Canvas) -> None:
    told = words(draw(ROWS, canvas))
    for text in ("spread", "(several at once)", "+$106.36", "-$26.82"):
        assert text in told
    assert "none of these can be priced" in told
    assert "nothing was missed" in told


def test_the_words_tell_every_gate_that_refused_alone_and_the_whole() -> None:
    picture = refusals_picture(REVIEW)
    assert picture is not None
    assert picture.alt == (
        "Signals each gate alone refused, and what they would have made. "
        "spread: 2 signals, +$106.36; hours: 1 signal, none of these can be priced; "
        "stale: 1 signal, -$26.82; "
        "(several at once): 1 signal, +$53.18. In all 5 signals, +$132.73."
    )


def test_where_nothing_was_refused_there_is_no_picture() -> None:
    assert refusals_picture(weekly_review(week_of())) is None
    assert refusals_picture(weekly_review(eventful())) is not None


def test_a_gate_that_only_refused_beside_others_draws_without_a_fault() -> None:
    review = weekly_review(
        week_of(refused=[refused("E", "hours", "depth", yes_result_micros=None)])
    )
    assert refusals_picture(review) is not None
