"""What the UI shows of averages and summaries: a plot, and small tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from kalshi_assets.analytics.rolling import window_start
from kalshi_assets.defs.metadata import MOST_ROWS, cents_text, new_york_text, table
from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.review.drawing import as_markdown
from kalshi_assets.review.plots import furthest_from_average, plot_averages
from kalshi_assets.settings import Settings
from kalshi_assets.storage import averages as rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.frames import records

# A little less than a panel of the plot has pixels: every 42 minutes of a week.
PLOT_POINTS = 240


def average_plot(
    connection: Connection, latest: pd.DataFrame, settings: Settings
) -> dg.MetadataValue:
    """Return the plot of the markets furthest from their average, or why there is none."""
    tickers = furthest_from_average(latest)
    if not tickers:
        return dg.MetadataValue.text("No tracked market has an average yet: nothing to plot.")
    until = latest["as_of"].max()
    window = window_start(until, settings.window_days), until
    course = rows.price_courses(
        connection, tickers, span=window, window_days=settings.window_days, points=PLOT_POINTS
    )
    png = plot_averages(
        course,
        tickers,
        window=window,
        deviation_points=settings.deviation_points,
    )
    if png is None:
        return dg.MetadataValue.text("No usable price stood in the window: nothing to plot.")
    return dg.MetadataValue.md(as_markdown(png, "price against its average"))


def average_table(latest: pd.DataFrame) -> dg.MetadataValue:
    """Return each tracked market's newest average, furthest from its price first."""
    found = latest.dropna(subset=["mean"])
    points = (found["mid"].astype(float) - found["mean"].astype(float)) / MICROS_PER_CENT
    order = points.abs().fillna(0.0).sort_values(ascending=False, kind="stable").index
    return table(
        ["market", "price", "average", "points off", "coverage", "as of (New York)"],
        [
            [
                row["market_ticker"],
                cents_text(row["mid"]),
                cents_text(row["mean"]),
                "-" if row["points"] is None else f"{row['points']:+.1f}",
                f"{row['coverage']:.0%}",
                new_york_text(row["as_of"]),
            ]
            for row in records(found.assign(points=points).loc[order].head(MOST_ROWS))
        ],
        empty="No tracked market has an average yet.",
    )


def summary_table(made: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Return summaries as prices in cents."""
    prices = ("mid_open", "mid_high", "mid_low", "mid_close", "mean")
    return table(
        ["market", "open", "high", "low", "close", "mean", "coverage", "state"],
        [
            [
                row["market_ticker"],
                *(cents_text(row[name]) for name in prices),
                f"{row['coverage']:.0%}",
                "provisional" if row["is_provisional"] else "final",
            ]
            for row in made
        ],
        empty="No market was observed on these days.",
    )
