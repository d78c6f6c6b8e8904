"""The account over the week: what it was worth, how far it fell, when trading was halted."""

from typing import TYPE_CHECKING

import numpy as np

from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.review.drawing import BLUE, INK, SHADE, VERMILION, panels, plain
from kalshi_assets.review.pictures.picture import (
    TEXT,
    Canvas,
    Floats,
    Picture,
    dollars,
    legend,
    name_days,
    note,
    pictured,
    since,
    title,
)
from kalshi_assets.review.statistics import Drawdown
from kalshi_assets.review.weekly import WeekInputs, WeeklyReview
from kalshi_assets.review.weekly.account import course_of
from kalshi_assets.review.weekly.health import covered_by
from kalshi_assets.review.weekly.spelling import amount, duration, number_of, percent, result
from kalshi_assets.review.weekly.tables import told
from kalshi_assets.review.weekly.tables_trades import drawdown as drawdown_told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALTED = "#E3E3E3"


def equity_picture(inputs: WeekInputs, review: WeeklyReview) -> Picture | None:
    """Return the account's course, or None where fewer than two of its values are known."""
    if len(course_of(inputs)) < 2:
        return None
    return pictured(lambda canvas: draw(inputs, review, canvas), told_of(review))


def draw(inputs: WeekInputs, review: WeeklyReview, canvas: Canvas) -> "Figure":
    """Return the account's value without payments, and below it how far under its peak it was."""
    head, foot = (0.72, 0.64) if canvas.is_narrow else (0.52, 0.46)
    sheet = canvas.sheet(left=0.62, head=head, foot=foot, between_rows=0.4)
    figure, (above, below) = panels(sheet, [1.9, 1.0])
    moments, values = zip(*course_of(inputs), strict=True)
    at = np.array([since(inputs.week.begin, moment) for moment in moments])
    worth = np.array(values, float) / MICROS_PER_DOLLAR
    _draw_value(above, at, worth)
    _draw_fall(below, at, worth)
    for panel in (above, below):
        _shade_halts(panel, inputs)
        name_days(panel, inputs.week, shown=panel is below)
        dollars(panel)
    title(above, "value, without money paid in or out")
    title(below, "below its highest value so far")
    found = review.figures.account.drawdown.value
    if found is not None:
        _mark_deepest(below, inputs, found)
    legend(figure, sheet, [above], columns=2 if canvas.is_narrow else 3)
    note(figure, sheet, "days of New York")
    return figure


def told_of(review: WeeklyReview) -> str:
    """Return the picture's numbers in words."""
    account, halts = review.figures.account, review.figures.quality.halts
    said = (
        "The account's value over the week, without money paid in or out, and how far it stood "
        f"below its highest value. At the opening: {told(account.opening, amount)}; at the end: "
        f"{told(account.closing, amount)}; paid in and out: {result(account.paid_in)}. "
        f"Max drawdown: {told(account.drawdown, drawdown_told)}."
    )
    if not halts.count:
        return f"{said} Trading was never halted."
    span = f"{duration(halts.seconds)}, {percent(halts.share)} of the week"
    return f"{said} Trading was halted {number_of(halts.count, 'time')} ({span}), shaded."


def _draw_value(panel: "Axes", at: Floats, worth: Floats) -> None:
    """Draw the value as steps, for each holds until the next one is known."""
    panel.plot(at, worth, color=BLUE, linewidth=1.4, drawstyle="steps-post", label="account")
    first = "at the opening" if at[0] <= 0 else "first known"
    opening = panel.axhline(worth[0], color=INK, linewidth=0.8, zorder=1.5, label=first)
    opening.set_linestyle((0, (2, 2)))
    panel.margins(y=0.1)


def _draw_fall(panel: "Axes", at: Floats, worth: Floats) -> None:
    fall = worth - np.maximum.accumulate(worth)
    panel.fill_between(at, fall, step="post", color=SHADE, linewidth=0)
    panel.plot(at, fall, color=VERMILION, linewidth=1.1, drawstyle="steps-post")
    deepest = min(float(fall.min()), -1.0)
    panel.set_ylim(deepest * 1.25, -deepest * 0.06)


def _shade_halts(panel: "Axes", inputs: WeekInputs) -> None:
    span = inputs.week.begin, inputs.known_until
    for n, (first, last) in enumerate(covered_by(inputs.halts, span=span)):
        panel.axvspan(
            since(inputs.week.begin, first),
            since(inputs.week.begin, last),
            facecolor=HALTED,
            edgecolor="none",
            zorder=0.2,
            label="trading halted" if n == 0 else None,
        )


def _mark_deepest(panel: "Axes", inputs: WeekInputs, found: Drawdown) -> None:
    if found.trough_at is None:
        return
    at, depth = since(inputs.week.begin, found.trough_at), -found.fall / MICROS_PER_DOLLAR
    panel.plot([at], [depth], "o", color=VERMILION, markersize=4, zorder=3)
    is_late = at > since(inputs.week.begin, inputs.week.end) / 2
    panel.annotate(
        plain(f"{amount(-found.fall)} ({told(found.share, percent)})"),
        (at, depth),
        xytext=(-6 if is_late else 6, 0),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="center",
        fontsize=TEXT,
        color=INK,
    )
