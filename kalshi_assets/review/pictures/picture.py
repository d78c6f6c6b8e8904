"""What a picture of the week is, and what all four of them share: two widths, and New York days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kalshi_assets.domain.calendar import days_between
from kalshi_assets.review.drawing import (
    DAY,
    DOTS_AN_INCH,
    INK,
    Sheet,
    frame,
    mark_midnights,
    plain,
    png_of,
)
from kalshi_assets.review.weekly import Week

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating[Any]]
TEXT = 8.5  # points: 11.8 px at the widths below
NARROW_DAY = 0.62  # inches; in less, a day's name and number stand in two lines


@dataclass(frozen=True)
class Picture:
    """A picture for the eyes, and the words that stand in for it.

    Attributes:
        png: 700 px wide.
        alt: says the picture's numbers.
        narrow: the same drawn for a phone, 340 px wide, two dots to a pixel; None: there is none.
    """

    png: bytes
    alt: str
    narrow: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class WeekPictures:
    """The pictures of a week; None where there is nothing to show."""

    equity: Picture | None
    courses: Picture | None
    deviations: Picture | None
    refusals: Picture | None


@dataclass(frozen=True)
class Canvas:
    """How wide a picture is drawn: in inches, 100 px each."""

    width: float
    dots_an_inch: int

    @property
    def is_narrow(self) -> bool:
        """Tell whether it is for a phone."""
        return self.width < WIDE.width

    def sheet(
        self,
        *,
        left: float,
        head: float,
        foot: float,
        right: float = 0.12,
        between_columns: float = 0.0,
        between_rows: float = 0.0,
    ) -> Sheet:
        """Return what surrounds the panels of a picture of this width."""
        return Sheet(
            width=self.width,
            dots_an_inch=self.dots_an_inch,
            left=left,
            right=right,
            head=head,
            foot=foot,
            between_columns=between_columns,
            between_rows=between_rows,
        )


WIDE, NARROW = Canvas(7.0, DOTS_AN_INCH), Canvas(3.4, 2 * DOTS_AN_INCH)


def pictured(draw: Callable[[Canvas], "Figure"], alt: str) -> Picture:
    """Return a picture drawn in both widths."""
    return Picture(png_of(draw(WIDE)), alt, narrow=png_of(draw(NARROW)))


def since(begin: datetime, moment: datetime) -> float:
    """Return days since the week's begin, of 24 hours each: a day of New York may have 23 or 25."""
    return (moment - begin) / DAY


def name_days(panel: "Axes", week: Week, *, shown: bool = True) -> None:
    """Mark the midnights of a week and name its days, each in its middle; heights are final."""
    panel.set_ylim(panel.get_ylim())
    days = list(days_between(week.first_day, week.last_day))
    length = since(week.begin, week.end)
    edges = [*mark_midnights(panel, days, week.begin), length]
    middles = [(first + last) / 2 for first, last in pairwise(edges)]
    inches = panel.get_window_extent().width / panel.figure.dpi / len(days)
    between = "\n" if inches < NARROW_DAY else " "
    panel.set_xlim(0, length)
    panel.set_xticks(
        middles, [f"{day:%a}{between}{day.day}" for day in days] if shown else [""] * 7
    )
    frame(panel, text=TEXT)


def title(panel: "Axes", text: str, *, right: str = "") -> None:
    """Name a panel, and say something at its right edge."""
    style: dict[str, Any] = {"fontsize": TEXT, "color": INK, "pad": 5, "y": 1.0}
    panel.set_title(plain(text), loc="left", fontweight="bold", **style)
    panel.set_title(plain(right), loc="right", **style)


def note(figure: "Figure", sheet: Sheet, text: str) -> None:
    """Say something at the lower right."""
    place = 1 - sheet.right / sheet.width
    figure.text(
        place,
        0.04 / figure.get_figheight(),
        plain(text),
        ha="right",
        va="bottom",
        fontsize=TEXT,
        color=INK,
    )


def legend(
    figure: "Figure",
    sheet: Sheet,
    axes: Sequence["Axes"],
    *,
    columns: int,
    last: Sequence[str] = (),
) -> None:
    """Explain above the panels what in them has a label; the labels `last` come so, at the end."""
    by_label: dict[str, Artist] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            by_label.setdefault(label, handle)
    labels = [label for label in by_label if label not in last]
    labels += [label for label in last if label in by_label]
    figure.legend(
        [by_label[label] for label in labels],
        labels,
        loc="upper left",
        bbox_to_anchor=(sheet.left / sheet.width - 0.01, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=TEXT,
        labelcolor=INK,
        borderpad=0.2,
        handletextpad=0.5,
        columnspacing=1.2,
    )


def dollars(panel: "Axes", *, axis: str = "y") -> None:
    """Name the money on an axis, which is in dollars: cents only where steps are small."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    along = panel.yaxis if axis == "y" else panel.xaxis
    low, high = along.get_view_interval()
    places = 0 if high - low >= 5 else 2
    along.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    along.set_major_formatter(FuncFormatter(lambda value, _: _usd(value, places)))


def zero_line(panel: "Axes") -> None:
    """Draw where nothing is won and nothing lost."""
    panel.axhline(0, color=INK, linewidth=0.8, zorder=1.5)


def _usd(value: float, places: int) -> str:
    sign = "-" if round(value, places) < 0 else ""
    return rf"{sign}\${abs(value):,.{places}f}"
