"""The plot of price against average: a DataFrame in, a PNG out."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kalshi_assets.domain.calendar import VENUE_ZONE, days_between, venue_day
from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.review.drawing import (
    BLUE,
    DAY,
    INK,
    SHADE,
    VERMILION,
    Sheet,
    cents,
    frame,
    mark_midnights,
    panels,
    plain,
    png_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 6
ROW = 1.4  # inches
SHEET = Sheet(left=0.42, right=0.12, head=0.5, foot=0.46, between_columns=0.5, between_rows=0.52)
PRICE, AVERAGE, BAND = BLUE, VERMILION, SHADE
Floats = NDArray[np.floating[Any]]


def furthest_from_average(latest: pd.DataFrame, count: int = MOST_PANELS) -> list[str]:
    """Return the markets whose price is furthest from their average, furthest first.

    Args:
        latest: `market_ticker`, `mid` and `mean` (micros), one row a market; a missing value
            leaves the market out.
        count: at most so many.
    """
    known = latest.dropna(subset=["mid", "mean"])
    points = (known["mid"].astype(float) - known["mean"].astype(float)).abs()
    ranked = known.assign(points=points).sort_values(
        ["points", "market_ticker"], ascending=[False, True]
    )
    return [str(ticker) for ticker in ranked["market_ticker"].head(count)]


def plot_averages(
    course: pd.DataFrame,
    tickers: Sequence[str],
    *,
    window: tuple[datetime, datetime],
    deviation_points: float,
) -> bytes | None:
    """Return a PNG, 700 px wide, of price against average: one panel a market, New York time.

    Where no price stood, the lines have a gap.

    Args:
        course: `market_ticker`, `stretch`, `observed_at`, `held_until`, `mid` and `mean` (micros,
            the mean may be missing), sorted by market and moment. A stretch is covered time
            without a gap; its number differs from that of the next one.
        tickers: the markets to show, in this order; those without a row are left out.
        window: first and last moment shown.
        deviation_points: half the width of the shaded band around the average, in cents.

    Returns:
        None where there is nothing to show.
    """
    by_market = {str(ticker): rows for ticker, rows in course.groupby("market_ticker", sort=False)}
    shown = [(ticker, by_market[ticker]) for ticker in tickers if ticker in by_market]
    if not shown:
        return None
    columns = min(len(shown), 2)
    rows = [ROW] * -(-len(shown) // columns)
    figure, axes = panels(SHEET, rows, columns=columns, count=len(shown))
    for panel, (ticker, found) in zip(axes, shown, strict=True):
        _draw_market(panel, found, window[0], deviation_points)
        _name(panel, ticker, found, deviation_points)
        _mark_days(panel, window)
    _explain(figure, axes[0], window, deviation_points)
    return png_of(figure)


def _draw_market(panel: "Axes", rows: pd.DataFrame, start: datetime, points: float) -> None:
    """Draw the price as steps, for it holds until the next one, and the average with its band."""
    at, price, average = _with_gaps(rows, start)
    panel.fill_between(at, average - points, average + points, color=BAND, linewidth=0)
    panel.plot(at, price, color=PRICE, linewidth=1.1, drawstyle="steps-post")
    panel.plot(at, average, color=AVERAGE, linewidth=1.5, linestyle=(0, (4, 1.2)))
    reach = np.concatenate([price, average - points, average + points])
    panel.set_ylim(np.nanmin(reach) - 2, np.nanmax(reach) + 2)


def _with_gaps(rows: pd.DataFrame, start: datetime) -> tuple[Floats, Floats, Floats]:
    """Return days since `start`, price and average in cents; not-a-number where a gap begins."""
    at = ((rows["observed_at"] - start) / DAY).to_numpy(float)
    until = ((rows["held_until"] - start) / DAY).to_numpy(float)
    price = rows["mid"].to_numpy(float) / MICROS_PER_CENT
    average = pd.to_numeric(rows["mean"]).to_numpy(float) / MICROS_PER_CENT
    stretch = rows["stretch"].to_numpy()
    ends = np.flatnonzero(np.append(stretch[1:] != stretch[:-1], True))
    behind = np.repeat(ends + 1, 2)
    nothing = np.full(len(ends), np.nan)

    def with_end(values: Floats, closing: Floats) -> Floats:
        return np.insert(values, behind, np.column_stack([closing, nothing]).ravel())

    times = np.insert(at, behind, np.repeat(until[ends], 2))
    return times, with_end(price, price[ends]), with_end(average, average[ends])


def _name(panel: "Axes", ticker: str, rows: pd.DataFrame, deviation_points: float) -> None:
    last = rows.iloc[-1]
    # A given place: to find one, every label would be measured, a fifth of the whole time.
    panel.set_title(
        plain(ticker), loc="left", fontsize=8.5, color=INK, fontweight="bold", pad=4, y=1.0
    )
    if pd.isna(last["mean"]):
        return
    points = (float(last["mid"]) - float(last["mean"])) / MICROS_PER_CENT
    is_beyond = abs(points) > deviation_points
    panel.set_title(
        f"{points:+.1f} points",
        loc="right",
        fontsize=8.5,
        color=AVERAGE if is_beyond else INK,
        fontweight="bold" if is_beyond else "normal",
        pad=4,
        y=1.0,
    )


def _mark_days(panel: "Axes", window: tuple[datetime, datetime]) -> None:
    """Mark New York midnights, and name every few of them."""
    start, end = window
    days = list(days_between(venue_day(start) + DAY, venue_day(end)))
    step = -(-len(days) // 4) or 1
    named = range(len(days) - 1, -1, -step)
    panel.set_xlim(0, (end - start) / DAY * 1.01)
    midnights = mark_midnights(panel, days, start)
    panel.set_xticks([midnights[n] for n in named], [f"{days[n]:%b} {days[n].day}" for n in named])
    cents(panel)
    frame(panel, text=7.5)


def _explain(
    figure: "Figure", panel: "Axes", window: tuple[datetime, datetime], deviation_points: float
) -> None:
    band, (price, average) = panel.collections[0], panel.lines
    end = window[1].astimezone(VENUE_ZONE)
    days = round((window[1] - window[0]) / DAY)
    figure.legend(
        [price, average, band],
        ["price (mid)", f"{days}-day average", f"±{deviation_points:g} points"],
        loc="upper left",
        bbox_to_anchor=(SHEET.left / SHEET.width - 0.01, 1.0),
        ncols=3,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        borderpad=0.2,
    )
    told = f"midnights and times of New York; as of {end:%a %b} {end.day} {end:%H:%M %Z}"
    figure.text(
        1 - SHEET.right / SHEET.width, 0.012, told, ha="right", va="bottom", fontsize=7.5, color=INK
    )
