"""What each gate refused, and what it would have made."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.review.drawing import BLUE, FAINT, INK, VERMILION, frame, panels, plain
from kalshi_assets.review.pictures.picture import (
    TEXT,
    Canvas,
    Picture,
    dollars,
    pictured,
    title,
)
from kalshi_assets.review.weekly import WeeklyReview
from kalshi_assets.review.weekly.refusals import Refused
from kalshi_assets.review.weekly.spelling import number_of, result
from kalshi_assets.review.weekly.tables import told

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.44  # inches a gate
# In rows, from a row's middle: its words stand above its bar.
WORDS, BAR, THICKNESS = -0.22, 0.2, 0.3
COUNTED = "#6E6E6E"


def refusals_picture(review: WeeklyReview) -> Picture | None:
    """Return what gates alone refused, or None where nothing was refused."""
    refusals = review.figures.refusals
    rows = [row for row in refusals.by_gate if row.signal_count]
    if not rows:
        return None
    return pictured(lambda canvas: draw(rows, canvas), told_of(rows, refusals.total))


def draw(rows: Sequence[Refused], canvas: Canvas) -> "Figure":
    """Return a row a gate: how many signals it alone refused, and what those would have made."""
    sheet = canvas.sheet(left=0.14, head=0.34, foot=0.36, between_columns=0.3, between_rows=0.72)
    height = ROW * len(rows) + 0.1
    heights, columns = ([height] * 2, 1) if canvas.is_narrow else ([height], 2)
    figure, (counts, money) = panels(sheet, heights, columns=columns)
    title(counts, "signals refused")
    title(money, "what they would have made")
    made = [row.would_have_made.value or 0 for row in rows]
    _bars(counts, [row.signal_count for row in rows], [COUNTED] * len(rows))
    _bars(money, [each / MICROS_PER_DOLLAR for each in made], [_colour(each) for each in made])
    for panel in (counts, money):
        _name(panel, rows, [_said(panel is money, row) for row in rows])
    counts.locator_params(axis="x", nbins=5, integer=True)
    dollars(money, axis="x")
    return figure


def told_of(rows: Sequence[Refused], total: Refused) -> str:
    """Return the picture's numbers in words."""
    gates = [
        f"{row.gate}: {number_of(row.signal_count, 'signal')}, {told(row.would_have_made, result)}"
        for row in rows
    ]
    return (
        "Signals each gate alone refused, and what they would have made. "
        f"{'; '.join(gates)}. In all {number_of(total.signal_count, 'signal')}, "
        f"{told(total.would_have_made, result)}."
    )


def _bars(panel: "Axes", lengths: Sequence[float], colours: Sequence[str]) -> None:
    """Draw a bar a gate from zero, the first one on top."""
    places = [n + BAR for n in range(len(lengths))]
    panel.barh(places, lengths, height=THICKNESS, color=colours, zorder=2)
    panel.set_ylim(len(lengths) - 0.45, -0.55)
    low, high = min(0, *lengths), max(0, *lengths)
    room = (high - low) * 0.05 or 1
    panel.set_xlim(low - room * (low < 0), high + room * (high > 0 or low == 0))
    frame(panel, text=TEXT)
    panel.grid(visible=False, axis="y")
    panel.grid(axis="x", color=FAINT, linewidth=0.5)
    panel.set_yticks([])
    reach = THICKNESS * 0.75  # of the zero line: it does not cross the words
    below, above = [y - reach for y in places], [y + reach for y in places]
    panel.vlines([0] * len(places), below, above, color=INK, linewidth=0.8, zorder=3)


def _name(panel: "Axes", rows: Sequence[Refused], figures: Sequence[str]) -> None:
    """Write above each bar whose it is, and its figure."""
    across = panel.get_yaxis_transform()
    for n, (row, figure) in enumerate(zip(rows, figures, strict=True)):
        for x, side, text in ((0.012, "left", row.gate), (0.988, "right", figure)):
            panel.text(
                x,
                n + WORDS,
                plain(text),
                ha=side,
                va="center",
                transform=across,
                fontsize=TEXT,
                color=INK,
            )


def _said(is_money: bool, row: Refused) -> str:
    return told(row.would_have_made, result) if is_money else f"{row.signal_count:,}"


def _colour(made: int) -> str:
    return BLUE if made > 0 else VERMILION
