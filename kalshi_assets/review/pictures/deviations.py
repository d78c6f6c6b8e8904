"""What trades made beside how far the price stood from its average when they were decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import MICROS_PER_CENT, MICROS_PER_DOLLAR
from kalshi_assets.review.drawing import BLUE, FAINT, INK, VERMILION, frame, panels
from kalshi_assets.review.pictures.picture import (
    TEXT,
    Canvas,
    Picture,
    dollars,
    legend,
    pictured,
    title,
    zero_line,
)
from kalshi_assets.review.weekly import WeekInputs
from kalshi_assets.review.weekly.spelling import number_of, result
from kalshi_assets.review.weekly.trades import result_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sort:
    """How trades of one outcome are drawn: told apart by colour, and by shape as well."""

    name: str
    colour: str
    shape: str
    size: float


WON, LOST, TIE = (
    Sort("won", BLUE, "o", 34),
    Sort("lost", VERMILION, "X", 40),
    Sort("at exactly $0.00", INK, "s", 28),
)


@dataclass(frozen=True)
class Dot:
    """A trade: how far off the price was, micros of the side bought, and what it made, micros."""

    deviation: int
    made: int

    @property
    def sort(self) -> Sort:
        """Return its outcome."""
        return WON if self.made > 0 else LOST if self.made < 0 else TIE


def deviations_picture(inputs: WeekInputs) -> Picture | None:
    """Return the week's closed trades, or None where no decision led to any of them."""
    closed = [trip for trip in inputs.trips if trip.closed_at and inputs.has(trip.closed_at)]
    dots = dots_of(closed)
    if not dots:
        return None
    return pictured(lambda canvas: draw(dots, canvas), told_of(dots, len(closed)))


def dots_of(closed: Sequence[RoundTrip]) -> list[Dot]:
    """Return a dot for each trade that a decision led to."""
    return [
        Dot(trip.mean_micros - trip.mid_micros, result_of(trip))
        for trip in closed
        if trip.mean_micros is not None and trip.mid_micros is not None
    ]


def draw(dots: Sequence[Dot], canvas: Canvas) -> "Figure":
    """Return the trades as dots over a zero line."""
    sheet = canvas.sheet(left=0.62, head=0.52, foot=0.5)
    figure, (panel,) = panels(sheet, [2.4])
    for sort in (WON, LOST, TIE):
        of = [dot for dot in dots if dot.sort is sort]
        if of:
            panel.scatter(
                [dot.deviation / MICROS_PER_CENT for dot in of],
                [dot.made / MICROS_PER_DOLLAR for dot in of],
                s=sort.size,
                c=sort.colour,
                marker=sort.shape,
                edgecolors="white",
                linewidths=0.6,
                label=sort.name.replace("$", r"\$"),
                zorder=3,
            )
    panel.margins(x=0.06, y=0.12)
    frame(panel, text=TEXT)
    panel.grid(axis="x", color=FAINT, linewidth=0.5)
    zero_line(panel)
    dollars(panel)
    panel.locator_params(axis="x", nbins=8, steps=[1, 2, 5, 10])
    panel.set_xlabel("cents below the average at the decision", fontsize=TEXT, color=INK)
    title(panel, "result after fees, a trade")
    legend(figure, sheet, [panel], columns=3)
    return figure


def told_of(dots: Sequence[Dot], closed_count: int) -> str:
    """Return the picture's numbers in words."""
    counts = [(sort, sum(dot.sort is sort for dot in dots)) for sort in (WON, LOST, TIE)]
    ended = ", ".join(f"{count:,} {sort.name}" for sort, count in counts if count)
    off, made = [dot.deviation for dot in dots], [dot.made for dot in dots]
    said = (
        f"Result after fees of {number_of(len(dots), 'trade')} beside how far the price stood "
        f"below its average at the decision: {ended}. From {cents(min(off))} to {cents(max(off))} "
        f"below, from {result(min(made))} to {result(max(made))}."
    )
    if closed_count == len(dots):
        return said
    others = number_of(closed_count - len(dots), "trade")
    return f"{said} Not shown: {others} that no decision of ours led to."


def cents(price: int) -> str:
    """Return a difference of prices as `14.5 cents`."""
    return f"{price / MICROS_PER_CENT:.1f} cents"
