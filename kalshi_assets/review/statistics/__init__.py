"""The definitions of the review's figures: plain numbers in, exact numbers out. Reads nothing.

Money and prices are micros, counts are centicontracts. What is counted or divided is exact (int,
Fraction); what is estimated (an interval, a resampling) is a float. What is not defined is a
`Figure` without a value and with a reason that people can read, never 0, nan or inf.
`docs/review.md` has each formula and what it does not say.

Reading order: `figure` (a value, or why there is none), `trades` (won and lost), `bootstrap` (is it
different from zero?), `parts` (where a result came from), `over_time` (drawdown, exposure),
`orders` (fill rate, latency).
"""

from kalshi_assets.review.statistics.bootstrap import Bootstrap, bootstrap_mean
from kalshi_assets.review.statistics.figure import Figure, Interval, share_of_opening
from kalshi_assets.review.statistics.orders import FillRate, Percentiles, fill_rate, percentiles
from kalshi_assets.review.statistics.over_time import Drawdown, Point, max_drawdown, time_weighted
from kalshi_assets.review.statistics.parts import (
    Parts,
    PartsOfAll,
    Slippage,
    Trip,
    of_side,
    parts_of,
    parts_of_all,
    slippage_of,
)
from kalshi_assets.review.statistics.trades import TradeFigures, trade_figures, wilson

__all__ = [
    "Bootstrap",
    "Drawdown",
    "Figure",
    "FillRate",
    "Interval",
    "Parts",
    "PartsOfAll",
    "Percentiles",
    "Point",
    "Slippage",
    "TradeFigures",
    "Trip",
    "bootstrap_mean",
    "fill_rate",
    "max_drawdown",
    "of_side",
    "parts_of",
    "parts_of_all",
    "percentiles",
    "share_of_opening",
    "slippage_of",
    "time_weighted",
    "trade_figures",
    "wilson",
]
