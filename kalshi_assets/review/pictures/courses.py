"""Price against average of the markets traded in the week, with what was bought and closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import MICROS_PER_CENT, MICROS_PER_DOLLAR
from kalshi_assets.review.drawing import BLUE, DAY, INK, VERMILION, cents, panels
from kalshi_assets.review.pictures.picture import (
    Canvas,
    Picture,
    legend,
    name_days,
    note,
    pictured,
    since,
    title,
)
from kalshi_assets.review.weekly import WeekInputs, WeeklyReview
from kalshi_assets.review.weekly.spelling import number_of, result
from kalshi_assets.review.weekly.trades import result_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
ROW, ROOM, LETTER = 1.45, 0.9, 0.085  # inches: of a panel, of a result, of a letter
# Shapes alone: colours are those of the lines.
BOUGHT = {"yes": ("^", "bought YES"), "no": ("v", "bought NO")}
CLOSED = {1: ("o", "closed, won"), -1: ("X", "closed, lost"), 0: ("s", "closed at $0.00")}


@dataclass(frozen=True)
class Mark:
    """What was done at a moment: YES at what price, micros, drawn as which shape."""

    at: datetime
    price: int
    shape: str
    name: str


@dataclass(frozen=True)
class Course:
    """A market of the week: its prices, what was bought and closed, and what that made."""

    ticker: str
    prices: pd.DataFrame
    marks: Sequence[Mark]
    made: str


@dataclass(frozen=True)
class Chosen:
    """The markets shown, and how many were traded in all."""

    shown: Sequence[Course]
    traded_count: int
    unpriced_count: int


def courses_picture(
    inputs: WeekInputs, review: WeeklyReview, courses: Mapping[str, pd.DataFrame]
) -> Picture | None:
    """Return the markets with most at stake, or None where no traded market has a price."""
    chosen = chosen_of(inputs, review, courses)
    if not chosen.shown:
        return None
    return pictured(lambda canvas: draw(inputs, chosen, canvas), told_of(chosen))


def chosen_of(
    inputs: WeekInputs, review: WeeklyReview, courses: Mapping[str, pd.DataFrame]
) -> Chosen:
    """Return the markets in which something was bought or closed, most at stake first."""
    by_market: dict[str, list[RoundTrip]] = {}
    for trip in inputs.trips:
        if inputs.has(trip.opened_at) or (trip.closed_at and inputs.has(trip.closed_at)):
            by_market.setdefault(trip.market_ticker, []).append(trip)
    ranked = sorted(by_market, key=lambda t: (-sum(x.entry_cost_micros for x in by_market[t]), t))
    priced = [t for t in ranked if t in courses and courses[t]["mid"].notna().any()]
    made = {g.name: result(g.trades.figures.net_profit) for g in review.figures.traded.by_market}
    shown = [
        Course(t, courses[t], marks_of(by_market[t], inputs), made.get(t, "still open"))
        for t in priced[:MOST_PANELS]
    ]
    return Chosen(shown, len(ranked), len(ranked) - len(priced))


def marks_of(trips: Sequence[RoundTrip], inputs: WeekInputs) -> list[Mark]:
    """Return what was bought and closed within the week, as prices of YES."""
    marks = [
        Mark(trip.opened_at, of_yes(trip, trip.entry_price_micros), *BOUGHT[trip.side])
        for trip in trips
        if inputs.has(trip.opened_at)
    ]
    for trip in trips:
        price = trip.exit_price_micros
        if trip.closed_at is not None and price is not None and inputs.has(trip.closed_at):
            made = result_of(trip)
            outcome = CLOSED[(made > 0) - (made < 0)]
            marks.append(Mark(trip.closed_at, of_yes(trip, price), *outcome))
    return sorted(marks, key=lambda mark: mark.at)


def of_yes(trip: RoundTrip, price: int) -> int:
    """Return a price of the side held as one of YES."""
    return price if trip.side == "yes" else MICROS_PER_DOLLAR - price


def draw(inputs: WeekInputs, chosen: Chosen, canvas: Canvas) -> "Figure":
    """Return a panel a market; all have the week as their width."""
    count = len(chosen.shown)
    columns = 1 if canvas.is_narrow else min(count, 2)
    sheet = canvas.sheet(
        left=0.45,
        head=0.94 if canvas.is_narrow else 0.56,
        foot=0.66,
        between_columns=0.5,
        between_rows=0.7,
    )
    rows = [ROW] * -(-count // columns)
    figure, axes = panels(sheet, rows, columns=columns, count=count)
    for panel, course in zip(axes, chosen.shown, strict=True):
        _draw_prices(panel, inputs, course)
        _draw_marks(panel, inputs, course.marks)
        name_days(panel, inputs.week)
        cents(panel)
        title(panel, fitted(course.ticker, panel), right=course.made)
    legend(figure, sheet, axes, columns=2 if canvas.is_narrow else 6)
    note(figure, sheet, f"{left_out(chosen)}YES, days of New York")
    return figure


def fitted(ticker: str, panel: "Axes") -> str:
    """Return a ticker that leaves room for a result beside it: its middle may be left out."""
    most = int((panel.get_window_extent().width / panel.figure.dpi - ROOM) / LETTER)
    if len(ticker) <= most:
        return ticker
    return f"{ticker[: most // 2]}…{ticker[len(ticker) - (most - 1 - most // 2) :]}"


def left_out(chosen: Chosen) -> str:
    """Return how many traded markets are not shown, as the beginning of a note."""
    missing = chosen.traded_count - len(chosen.shown)
    return f"{number_of(missing, 'more market')} not shown; " if missing else ""


def told_of(chosen: Chosen) -> str:
    """Return the picture's numbers in words."""
    markets = "; ".join(f"{each.ticker}: {_done(each)}" for each in chosen.shown)
    said = (
        f"Price of YES against its average in {len(chosen.shown)} of "
        f"{number_of(chosen.traded_count, 'market')} traded in the week, most at stake first, with "
        f"what was bought and closed. {markets}."
    )
    if not chosen.unpriced_count:
        return said
    return f"{said} Without a stored price: {number_of(chosen.unpriced_count, 'market')}."


def _done(course: Course) -> str:
    closed = sum(mark.name.startswith("closed") for mark in course.marks)
    return f"{len(course.marks) - closed:,} bought, {closed:,} closed, {course.made}"


def _draw_prices(panel: "Axes", inputs: WeekInputs, course: Course) -> None:
    """Draw the price as steps, for it holds until the next one; lines have gaps where none is."""
    at = ((course.prices["at"] - inputs.week.begin) / DAY).to_numpy(float)
    price, average = (
        pd.to_numeric(course.prices[name]).to_numpy(float) / MICROS_PER_CENT
        for name in ("mid", "mean")
    )
    panel.plot(at, price, color=BLUE, linewidth=1.1, drawstyle="steps-post", label="price (mid)")
    (line,) = panel.plot(at, average, color=VERMILION, linewidth=1.5, label="average")
    line.set(linestyle=(0, (4, 1.2)), drawstyle="steps-post")


def _draw_marks(panel: "Axes", inputs: WeekInputs, marks: Sequence[Mark]) -> None:
    for shape, name in dict.fromkeys((mark.shape, mark.name) for mark in marks):
        of = [mark for mark in marks if mark.name == name]
        panel.plot(
            [since(inputs.week.begin, mark.at) for mark in of],
            [mark.price / MICROS_PER_CENT for mark in of],
            shape,
            color=INK,
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.7,
            label=name,
            clip_on=False,
            zorder=3,
        )
    panel.margins(y=0.12)
