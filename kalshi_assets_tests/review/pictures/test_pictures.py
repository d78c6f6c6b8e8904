"""The four pictures of a week: how large, how legible, and what an odd week does to them."""

from dataclasses import astuple, fields
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from kalshi_assets.review.pictures import WeekPictures, draw_week
from kalshi_assets.review.pictures import courses as of_courses
from kalshi_assets.review.pictures import deviations as of_deviations
from kalshi_assets.review.pictures import equity as of_equity
from kalshi_assets.review.pictures import refusals as of_refusals
from kalshi_assets.review.pictures.chosen import chosen_of
from kalshi_assets.review.pictures.picture import NARROW, WIDE, Canvas, Picture
from kalshi_assets.review.weekly import weekly_review
from kalshi_assets_tests.review.pictures.artists import smallest_text, words
from kalshi_assets_tests.review.pictures.weeks import course, empty, losses, rich
from kalshi_assets_tests.review.weekly.week_bench import CPI, refused, trip, week_of

RICH = rich()
HOSTILE = "KX$\\frac{1}{2}$<script>\n|*_[x](javascript:1)_^$"
# A page's margins and a frame on a phone that is 360 px wide leave the picture so many.
PHONE = 338


@pytest.fixture(scope="module")
def pictures() -> WeekPictures:
    return RICH.pictures


def figures(canvas: Canvas) -> dict[str, Any]:
    """Return the four figures of the rich week."""
    closed = [t for t in RICH.inputs.trips if t.closed_at and RICH.inputs.has(t.closed_at)]
    chosen = chosen_of(RICH.inputs, RICH.review, RICH.courses)
    return {
        "equity": of_equity.draw(RICH.inputs, RICH.review, canvas),
        "courses": of_courses.draw(RICH.inputs.week, chosen, canvas),
        "deviations": of_deviations.draw(of_deviations.dots_of(closed), canvas),
        "refusals": of_refusals.draw(RICH.review.figures.refusals.by_gate, canvas),
    }


@pytest.mark.parametrize("kind", [each.name for each in fields(WeekPictures)])
def test_every_picture_has_a_size_for_screens_and_one_for_phones(
    pictures: WeekPictures, kind: str
) -> None:
    picture: Picture = getattr(pictures, kind)
    assert picture.narrow is not None
    wide, narrow = Image.open(BytesIO(picture.png)), Image.open(BytesIO(picture.narrow))
    assert wide.format == narrow.format == "PNG"
    assert (wide.width, narrow.width) == (700, 680)
    assert 150 < wide.height < 1000
    assert len(picture.png) < 40_000
    assert len(picture.narrow) < 90_000


@pytest.mark.parametrize("kind", [each.name for each in fields(WeekPictures)])
def test_every_word_can_be_read_at_the_width_it_is_shown(kind: str) -> None:
    assert smallest_text(figures(WIDE)[kind]) >= 11
    narrow = figures(NARROW)[kind]
    assert smallest_text(narrow) * PHONE / (NARROW.width * 100) >= 11


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
@pytest.mark.parametrize("kind", [each.name for each in fields(WeekPictures)])
def test_nothing_is_cut_off_at_the_edge(kind: str, canvas: Canvas) -> None:
    figure = figures(canvas)[kind]
    box, whole = figure.get_tightbbox(), figure.bbox_inches
    assert 0 <= box.x0 < box.x1 <= whole.x1
    assert 0 <= box.y0 < box.y1 <= whole.y1


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
def test_titles_and_results_do_not_run_into_each_other(canvas: Canvas) -> None:
    figure = figures(canvas)["courses"]
    figure.canvas.draw()
    for panel in figure.axes:
        left, right = panel._left_title, panel._right_title
        assert left.get_window_extent().x1 < right.get_window_extent().x0, left.get_text()


def test_both_widths_are_drawn_from_the_same_points() -> None:
    wide, narrow = figures(WIDE), figures(NARROW)
    for kind, figure in wide.items():
        for one, other in zip(figure.axes, narrow[kind].axes, strict=True):
            mine = [line.get_xydata().tobytes() for line in one.lines]
            assert mine == [line.get_xydata().tobytes() for line in other.lines]
            assert [p.get_width() for p in one.patches] == [p.get_width() for p in other.patches]


def test_the_same_week_gives_the_same_bytes(pictures: WeekPictures) -> None:
    again = rich().pictures
    assert astuple(again) == astuple(pictures)


def test_an_empty_week_has_no_picture() -> None:
    assert set(astuple(empty().pictures)) == {None}


def test_a_week_of_losses_has_all_pictures() -> None:
    assert None not in astuple(losses().pictures)


def test_a_hostile_name_is_drawn_as_it_stands() -> None:
    trips = [trip(market_ticker=HOSTILE)]
    inputs = week_of(trips=trips, refused=[refused("R", HOSTILE)])
    review = weekly_review(inputs)
    pictures = draw_week(inputs, review, {HOSTILE: course(CPI)})
    assert pictures.courses is not None
    assert pictures.refusals is not None
    assert HOSTILE in pictures.courses.alt
    one_line = " ".join(HOSTILE.split())
    assert one_line in words(of_refusals.draw(review.figures.refusals.by_gate, WIDE))


def test_two_sums_of_money_in_one_text_are_no_formula() -> None:
    from matplotlib.cbook import is_math_text

    from kalshi_assets.review.drawing import plain

    assert is_math_text("-$5.61 to +$8.46")
    assert not is_math_text(plain("-$5.61 to +$8.46"))
