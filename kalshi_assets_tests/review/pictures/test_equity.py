"""The account's course: the points drawn are those of the week, and of nothing else."""

from datetime import date, timedelta
from typing import Any

import pytest

from kalshi_assets.review.pictures.equity import draw, equity_picture
from kalshi_assets.review.pictures.picture import NARROW, WIDE, Canvas
from kalshi_assets.review.weekly import Stretch, Transfer, Week, WeekInputs, weekly_review
from kalshi_assets_tests.review.pictures.artists import line, words
from kalshi_assets_tests.review.weekly.week_bench import (
    DAY,
    HOUR,
    MONDAY,
    WEEK,
    point,
    trip,
    week_of,
)

EQUITY = [
    point(WEEK.begin - 9 * DAY, "7000", "7000"),
    point(WEEK.begin - HOUR, "1000", "900"),
    point(WEEK.begin + DAY, "1060.50", "900"),
    point(WEEK.begin + 2 * DAY, None, "900"),
    point(WEEK.begin + 3 * DAY, "1500.25", "900"),
    point(WEEK.begin + 4 * DAY, "1580", "900"),
    point(WEEK.end + HOUR, "9000", "9000"),
]
PAID_IN = [Transfer(WEEK.begin + 2.5 * DAY, 500_000_000)]


def week(**changes: Any) -> WeekInputs:
    return week_of(**{"equity": EQUITY, "transfers": PAID_IN} | changes)


def drawn(inputs: WeekInputs, canvas: Canvas = WIDE) -> Any:
    return draw(inputs, weekly_review(inputs), canvas)


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
def test_the_value_is_drawn_without_what_was_paid_in_and_without_unknown_ones(
    canvas: Canvas,
) -> None:
    above, _ = drawn(week(), canvas).axes
    days, value = line(above, "account")
    assert days == pytest.approx([-1 / 24, 1, 3, 4])
    assert value == [1000, 1060.5, 1000.25, 1080]
    assert set(line(above, "at the opening")[1]) == {1000}


def test_a_fall_is_drawn_below_zero_and_the_deepest_one_is_told() -> None:
    _, below = drawn(week()).axes
    falls = max((each.get_ydata() for each in below.lines), key=len)
    assert list(falls) == [0, 0, -60.25, 0]
    assert below.get_ylim()[0] < -60.25
    assert below.get_ylim()[1] >= 0, "zero is in sight"
    assert "-$60.25 (5.7 %)" in words(below.figure)


def test_an_account_that_never_fell_marks_no_fall() -> None:
    risen = week(equity=[EQUITY[1], EQUITY[2]], transfers=[])
    _, below = drawn(risen).axes
    assert not [text for text in words(below.figure) if "%" in text]
    assert below.get_ylim()[0] <= -1


def test_halts_are_shaded_for_as_long_as_trading_was_halted() -> None:
    halts = [
        Stretch(WEEK.begin - DAY, WEEK.begin + 6 * HOUR, "breaker"),
        Stretch(MONDAY, MONDAY + 2 * HOUR, "breaker"),
        Stretch(MONDAY + HOUR, MONDAY + 3 * HOUR, "by hand"),
        Stretch(WEEK.end - 12 * HOUR, None, "breaker"),
    ]
    for panel in drawn(week(halts=halts)).axes:
        spans = sorted((p.get_x(), p.get_x() + p.get_width()) for p in panel.patches)
        monday = (MONDAY - WEEK.begin) / DAY
        assert [pytest.approx(span) for span in spans] == [
            (0, 0.25),
            (monday, monday + 0.125),
            (6.5, 7),
        ]
    assert "trading halted" in words(drawn(week(halts=halts)))
    assert "trading halted" not in words(drawn(week()))


@pytest.mark.parametrize(
    ("sunday", "length"),
    [(date(2026, 3, 8), 167), (date(2026, 10, 11), 168), (date(2026, 11, 1), 169)],
)
def test_days_are_those_of_new_york_also_where_the_clock_changes(sunday: date, length: int) -> None:
    its = Week(sunday)
    equity = [point(its.begin, "10", "10"), point(its.end - timedelta(minutes=1), "11", "11")]
    inputs = WeekInputs(week=its, as_of=its.end, equity=equity)
    above, below = drawn(inputs).axes
    assert above.get_xlim() == below.get_xlim() == (0, pytest.approx(length / 24))
    names = [label.get_text() for label in below.get_xticklabels()]
    assert names[0] == f"Sun {sunday.day}"
    assert names[-1] == f"Sat {its.last_day.day}"
    assert below.get_xticks()[0] == pytest.approx(
        (24 - (168 - length)) / 48 if length != 168 else 0.5
    )


def test_the_words_tell_the_numbers() -> None:
    inputs = week(trips=[trip()], halts=[Stretch(MONDAY, MONDAY + 2 * HOUR, "breaker")])
    picture = equity_picture(inputs, weekly_review(inputs))
    assert picture is not None
    for figure in ("$1,000.00", "$1,580.00", "+$500.00", "$60.25 (5.7 %)", "1 time (2 h 00 min"):
        assert figure in picture.alt


def test_without_two_values_there_is_no_course() -> None:
    for equity in ([], EQUITY[:2], EQUITY[2:3]):
        inputs = week(equity=equity)
        assert equity_picture(inputs, weekly_review(inputs)) is None
