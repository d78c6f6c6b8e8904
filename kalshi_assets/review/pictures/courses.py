"""Price against average of the markets traded in the week, with what was bought and closed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.review.drawing import BLUE, DAY, INK, VERMILION, cents, panels
from kalshi_assets.review.pictures.chosen import (
    BOUGHT,
    CLOSED,
    Chosen,
    Course,
    Mark,
    chosen_of,
    told_of,
)
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
from kalshi_assets.review.weekly import Week, WeekInputs, WeeklyReview
from kalshi_assets.review.weekly.spelling import number_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, ROOM, LETTER = 1.45, 0.8, 0.08  # inches: of a panel, of a result, of a letter
# Told apart by shape alone: the colours are those of the lines.
SHAPES = dict(zip((*BOUGHT.values(), *CLOSED.values()), "^voXs", strict=True))


def courses_picture(
    inputs: WeekInputs, review: WeeklyReview, courses: Mapping[str, pd.DataFrame]
) -> Picture | None:
    """Return the markets with most at stake, or None where no traded market has a price."""
    chosen = chosen_of(inputs, review, courses)
    if not chosen.shown:
        return None
    return pictured(lambda canvas: draw(inputs.week, chosen, canvas), told_of(chosen))


def draw(week: Week, chosen: Chosen, canvas: Canvas) -> "Figure":
    """Return a panel a market; all have the week as their width."""
    count = len(chosen.shown)
    columns = 1 if canvas.is_narrow else min(count, 2)
    head = 0.94 if canvas.is_narrow else 0.56
    sheet = canvas.sheet(left=0.45, head=head, foot=0.66, between_columns=0.5, between_rows=0.7)
    rows = [ROW] * -(-count // columns)
    figure, axes = panels(sheet, rows, columns=columns, count=count)
    for panel, course in zip(axes, chosen.shown, strict=True):
        _draw_prices(panel, week, course)
        _draw_trades(panel, week, course)
        name_days(panel, week)
        cents(panel)
        title(panel, fitted(course.ticker, panel), right=course.made)
    legend(figure, sheet, axes, columns=2 if canvas.is_narrow else 7, last=list(SHAPES))
    missing = chosen.left_out_count
    left_out = f"{number_of(missing, 'more market')} not shown; " if missing else ""
    note(figure, sheet, f"{left_out}YES, days of New York")
    return figure


def fitted(ticker: str, panel: "Axes") -> str:
    """Return a ticker that leaves room for a result beside it: its middle may be left out."""
    most = int((panel.get_window_extent().width / panel.figure.dpi - ROOM) / LETTER)
    if len(ticker) <= most:
        return ticker
    return f"{ticker[: most // 2]}…{ticker[len(ticker) - (most - 1 - most // 2) :]}"


def _draw_prices(panel: "Axes", week: Week, course: Course) -> None:
    """Draw the price as steps, for it holds until the next one; lines have gaps where none is."""
    at = ((course.prices["at"] - week.begin) / DAY).to_numpy(float)
    price, average = (
        pd.to_numeric(course.prices[name]).to_numpy(float) / MICROS_PER_CENT
        for name in ("mid", "mean")
    )
    panel.plot(at, price, color=BLUE, linewidth=1.1, drawstyle="steps-post", label="price (mid)")
    (line,) = panel.plot(at, average, color=VERMILION, linewidth=1.5, label="average")
    line.set(linestyle=(0, (4, 1.2)), drawstyle="steps-post")


def _draw_trades(panel: "Axes", week: Week, course: Course) -> None:
    """Draw each trade's ends, and a thin line between them."""
    marks = [mark for held in course.held for mark in held.marks]
    for name in dict.fromkeys(mark.name for mark in marks):
        panel.plot(
            *_places(week, [mark for mark in marks if mark.name == name]),
            SHAPES[name],
            color=INK,
            markersize=7,
            markeredgecolor="white",
            markeredgewidth=0.7,
            label=name,
            clip_on=False,
            zorder=3,
        )
    for held in course.held:
        panel.plot(*_places(week, list(held.marks)), color=INK, linewidth=0.6, alpha=0.45)
    panel.margins(y=0.12)


def _places(week: Week, marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
    days = [since(week.begin, mark.at) for mark in marks]
    return days, [mark.price / MICROS_PER_CENT for mark in marks]
