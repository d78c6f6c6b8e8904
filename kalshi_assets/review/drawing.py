"""What all pictures share: colours, a plain frame, New York days, and the way into a PNG.

Figures are made directly: pyplot would keep them all. matplotlib takes half a second to import, so
functions do it themselves. Prices and money become floats here, for a picture is for eyes.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from kalshi_assets.domain.calendar import day_bounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_AN_INCH = 100  # of a screen: at it, 7 inches are 700 px wide
COLOURS = 32
# Okabe and Ito's palette: told apart with any colour vision, and by line style or shape besides.
BLUE, VERMILION, SHADE, INK, FAINT = "#0072B2", "#D55E00", "#FAE3D3", "#333333", "#D9D9D9"
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What surrounds the panels of a figure, in inches, and how finely it is drawn."""

    width: float = 7.0
    left: float
    right: float
    head: float
    foot: float
    between_columns: float = 0.0
    between_rows: float = 0.0
    dots_an_inch: int = DOTS_AN_INCH


def panels(
    sheet: Sheet, rows: Sequence[float], *, columns: int = 1, count: int | None = None
) -> tuple["Figure", list["Axes"]]:
    """Return a figure and its panels, row by row: as many as there are places, or `count`.

    Args:
        sheet: what surrounds them.
        rows: their heights in inches.
        columns: panels in a row.
        count: fewer than there are places.
    """
    from matplotlib.figure import Figure

    gaps = (columns - 1) * sheet.between_columns
    column = (sheet.width - sheet.left - sheet.right - gaps) / columns
    height = sheet.head + sum(rows) + (len(rows) - 1) * sheet.between_rows + sheet.foot
    figure = Figure(figsize=(sheet.width, height), dpi=sheet.dots_an_inch)
    grid = figure.add_gridspec(
        len(rows),
        columns,
        left=sheet.left / sheet.width,
        right=1 - sheet.right / sheet.width,
        top=1 - sheet.head / height,
        bottom=sheet.foot / height,
        wspace=sheet.between_columns / column,
        hspace=sheet.between_rows * len(rows) / sum(rows),
        height_ratios=rows,
    )
    places = [(row, column) for row in range(len(rows)) for column in range(columns)]
    return figure, [figure.add_subplot(grid[place]) for place in places[:count]]


def plain(text: str) -> str:
    """Return text as matplotlib draws it as it stands: two dollar signs are no formula."""
    return " ".join(text.split()).replace("$", r"\$")


def frame(panel: "Axes", *, text: float) -> None:
    """Leave of a panel's frame what helps reading; `text` is the size of its figures in points."""
    panel.grid(axis="y", color=FAINT, linewidth=0.5)
    panel.tick_params(labelsize=text, colors=INK, length=0, pad=3)
    panel.set_axisbelow(True)
    for side in ("top", "right", "left", "bottom"):
        panel.spines[side].set_color(FAINT)


def cents(panel: "Axes") -> None:
    """Name a panel's prices, which are in cents."""
    panel.yaxis.set_major_formatter("{x:.0f}¢")
    panel.locator_params(axis="y", nbins=5, integer=True)


def mark_midnights(panel: "Axes", days: Sequence[date], start: datetime) -> list[float]:
    """Mark the first moments of New York days, and return them, in days since `start`."""
    midnights = [(day_bounds(day)[0] - start) / DAY for day in days]
    panel.vlines(midnights, *panel.get_ylim(), color=FAINT, linewidth=0.5, zorder=0.5)
    return midnights


def png_of(figure: "Figure") -> bytes:
    """Return the figure with few colours: a third of the bytes, and lines stay smooth."""
    from PIL import Image

    pixels = BytesIO()
    figure.savefig(pixels, format="rgba")
    size = (round(figure.bbox.width), round(figure.bbox.height))
    image = Image.frombytes("RGBA", size, pixels.getvalue()).convert("RGB")
    out = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(out, format="PNG", optimize=True)
    return out.getvalue()


def as_uri(png: bytes) -> str:
    """Return a PNG as an address that carries its own data."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def as_markdown(png: bytes, text: str) -> str:
    """Return a PNG as a Markdown image; `text`, already Markdown, stands in for it."""
    return f"![{text}]({as_uri(png)})"
