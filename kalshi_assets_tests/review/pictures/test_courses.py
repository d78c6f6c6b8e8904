"""Price against average: lines are the prices given, marks are what was bought and closed."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kalshi_assets.review.pictures.chosen import MOST_MARKETS, Chosen, chosen_of, told_of
from kalshi_assets.review.pictures.courses import courses_picture, draw, fitted
from kalshi_assets.review.pictures.picture import NARROW, WIDE
from kalshi_assets.review.weekly import WeekInputs, weekly_review
from kalshi_assets_tests.review.pictures.artists import line, words
from kalshi_assets_tests.review.pictures.weeks import course
from kalshi_assets_tests.review.weekly.week_bench import (
    CPI,
    DAY,
    FED,
    HOUR,
    MONDAY,
    WEEK,
    still_open,
    trip,
    week_of,
)


def chosen(inputs: WeekInputs, *tickers: str) -> Chosen:
    return chosen_of(inputs, weekly_review(inputs), {t: course(t) for t in tickers})


def panel_of(inputs: WeekInputs, ticker: str = CPI) -> Any:
    """Return the only panel."""
    (panel,) = draw(inputs.week, chosen(inputs, ticker), WIDE).axes
    return panel


def days(moment: datetime) -> float:
    return (moment - WEEK.begin) / DAY


def marked(panel: Any, label: str) -> list[Any]:
    return [(pytest.approx(x), y) for x, y in zip(*line(panel, label), strict=True)]


def test_lines_are_the_prices_given_and_have_the_same_gaps() -> None:
    given, panel = course(CPI), panel_of(week_of(trips=[trip()]))
    for label, column in (("price (mid)", "mid"), ("average", "mean")):
        at, price = line(panel, label)
        assert at == pytest.approx([days(moment) for moment in given["at"]])
        np.testing.assert_allclose(price, given[column] / 10_000)
        assert np.isnan(price).any(), "the week given has a gap"


def test_a_price_holds_until_the_next_one() -> None:
    panel = panel_of(week_of(trips=[trip()]))
    lines = [each for each in panel.lines if each.get_label() in ("price (mid)", "average")]
    assert {each.get_drawstyle() for each in lines} == {"steps-post"}


def test_marks_stand_at_the_moment_and_at_the_price_of_yes() -> None:
    trips = [
        trip("no", paid="0.32", end="1"),
        trip("yes", side="yes", paid="0.61", end="0.55", opened_at=MONDAY - 5 * HOUR),
        trip("tie", end="0.335", entry_fees_micros=1_200_000, closed_at=MONDAY + HOUR),
        still_open("held", opened_at=MONDAY + 9 * HOUR),
        trip("before", opened_at=WEEK.begin - DAY, closed_at=MONDAY + 2 * HOUR),
    ]
    panel = panel_of(week_of(trips=trips))
    monday = days(MONDAY)
    assert sorted(line(panel, "bought NO")[1]) == [68, 68, 68]
    assert marked(panel, "bought YES") == [(days(MONDAY - 5 * HOUR), 61)]
    # NO that is paid 1 dollar is YES at 0
    assert marked(panel, "closed, won") == [(monday, 0), (days(MONDAY + 2 * HOUR), 0)]
    assert marked(panel, "closed, lost") == [(monday, 55)]
    assert marked(panel, "closed at $0.00") == [(days(MONDAY + HOUR), 66.5)]


def test_a_thin_line_ties_the_ends_of_each_trade_together() -> None:
    panel = panel_of(week_of(trips=[trip(), still_open("held")]))
    pairs = [each for each in panel.lines if each.get_linewidth() == pytest.approx(0.6)]
    ends = [list(each.get_ydata()) for each in pairs]
    assert ends == [[68, 0], [68]]


def test_what_was_done_is_told_apart_by_shape() -> None:
    trips = [trip("a"), trip("b", side="yes", end="0")]
    panel = panel_of(week_of(trips=trips))
    names = ("bought YES", "bought NO", "closed, won", "closed, lost")
    shapes = {each.get_marker() for each in panel.lines if each.get_label() in names}
    assert len(shapes) == 4


def test_the_markets_with_most_at_stake_come_first_and_the_rest_is_counted() -> None:
    trips = [trip(f"S{n}", market_ticker=f"KX-{n}", count=str(10 + n)) for n in range(9)]
    trips.append(
        trip(
            "old",
            market_ticker="KX-OLD",
            count="999",
            closed_at=WEEK.begin - HOUR,
            opened_at=WEEK.begin - DAY,
        )
    )
    inputs = week_of(trips=trips)
    found = chosen(inputs, *(f"KX-{n}" for n in range(9) if n != 7), "KX-OLD")
    assert [each.ticker for each in found.shown] == [f"KX-{n}" for n in (8, 6, 5, 4, 3, 2)]
    assert (found.traded_count, found.left_out_count, found.unpriced_count) == (9, 3, 1)
    figure = draw(WEEK, found, WIDE)
    assert len(figure.axes) == MOST_MARKETS
    assert "3 more markets not shown; YES, days of New York" in words(figure)
    assert "6 of 9 markets traded in the week" in told_of(found)
    assert "Without a stored price: 1 market." in told_of(found)


def test_each_market_tells_what_its_closed_trades_made() -> None:
    inputs = week_of(trips=[trip(), trip("b"), still_open("c", market_ticker=FED)])
    found = chosen(inputs, CPI, FED)
    assert {each.ticker: each.made for each in found.shown} == {
        CPI: "+$106.36",  # 2 x 53.1814
        FED: "still open",
    }
    assert (
        f"{CPI}: 2 bought, 2 closed, +$106.36; {FED}: 1 bought, 0 closed, still open."
        in told_of(found)
    )
    assert "+$106.36" in words(draw(WEEK, found, NARROW))


def test_a_market_without_a_known_price_is_not_drawn() -> None:
    inputs = week_of(trips=[trip()])
    review = weekly_review(inputs)
    unknown = course(CPI).assign(mid=np.nan)
    for courses in ({}, {CPI: unknown}, {CPI: unknown.iloc[:0]}, {FED: course(FED)}):
        assert courses_picture(inputs, review, courses) is None


def test_a_course_may_come_as_objects_with_missing_means() -> None:
    given = course(CPI)
    given["mean"] = pd.Series([None] * len(given), dtype=object)
    inputs = week_of(trips=[trip()])
    assert courses_picture(inputs, weekly_review(inputs), {CPI: given}) is not None


def test_a_long_ticker_leaves_room_and_keeps_both_ends() -> None:
    panel = panel_of(week_of(trips=[trip()]))
    assert fitted(CPI, panel) == CPI
    long = "KX" + "A" * 90 + "-T9"
    assert len(fitted(long, panel)) <= 70
    assert fitted(long, panel).startswith("KXA")
    assert fitted(long, panel).endswith("A-T9")
    assert "…" in fitted(long, panel)
