"""Our daily bars beside the exchange's hourly candlesticks of the same New York day. Pure.

The exchange has candles of a day, too, but a bar of ours made of polls knows what was traded from
its first poll to its last one only. Hourly candles tell how much that may leave out: the hour at
either end of the day may be in or out, and between the two a bar is right.
A price is right while it lies between the lowest and the highest mid that the hour's bids and asks
allow: more than that a candle does not say of a mid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.market import Candle
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_CENT, MICROS_PER_DOLLAR

Row = Mapping[str, Any]
COLUMNS = ("market_ticker", "day", "price_difference_points", "volume_difference", "bars")
# What the difference is where one side has nothing: no tolerance allows it.
NOTHING = 100.0


@dataclass(frozen=True)
class Span:
    """The lowest and the highest of something; None where there is nothing."""

    low: int
    high: int

    def distance(self, value: int) -> int:
        """Return by how much a value lies outside."""
        return max(0, self.low - value, value - self.high)


def bar_rows(summaries: Sequence[Row], candles: Sequence[Candle]) -> pd.DataFrame:
    """Return a row a market and day of which the exchange has candles, with the differences.

    Args:
        summaries: final rows of `daily_summaries`, of the days asked for.
        candles: the exchange's, hourly, from the first day's start to the last one's end, both
            inclusive.
    """
    hours: dict[tuple[str, date], list[Candle]] = {}
    for summary in summaries:
        hours[summary["market_ticker"], summary["day"]] = []
    for candle in candles:
        ends_on = venue_day(candle.end_at)
        for day in {ends_on, venue_day(candle.end_at - pd.Timedelta(hours=1))}:
            if (candle.market_ticker, day) in hours:
                hours[candle.market_ticker, day].append(candle)
    rows = [_row(s, of) for s in summaries if (of := hours[s["market_ticker"], s["day"]])]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(summary: Row, candles: list[Candle]) -> dict[str, object]:
    candles = sorted(candles, key=lambda candle: candle.end_at)
    prices, volumes = _price_distance(summary, candles), _volumes(candles, summary["day"])
    return {
        "market_ticker": summary["market_ticker"],
        "day": summary["day"],
        "price_difference_points": prices / MICROS_PER_CENT,
        "volume_difference": _share(summary["volume"], volumes),
        "bars": _told(summary, candles, volumes),
    }


def _price_distance(summary: Row, candles: list[Candle]) -> float:
    """Return how far the bar leaves the exchange's prices, in micros."""
    mids, closing = _mids(candles), _mids(candles[-2:])
    traded = _trades(candles)
    found = [
        *_distances(mids, summary, ("mid_open", "mid_high", "mid_low", "mid_close")),
        *_distances(closing, summary, ("mid_close",)),
        *_distances(traded, summary, ("trade_open", "trade_high", "trade_low", "trade_close")),
    ]
    return max(found, default=0)


def _distances(span: Span | None, summary: Row, columns: Sequence[str]) -> list[int]:
    values = [summary[column] for column in columns if summary[column] is not None]
    return [] if span is None else [span.distance(value) for value in values]


def _mids(candles: list[Candle]) -> Span | None:
    """Return the mids that these candles allow; those without a book say nothing."""
    quoted = [c for c in candles if c.yes_bid_range[2] > 0 and c.yes_ask_range[1] > 0]
    lows = [(c.yes_bid_range[1] + c.yes_ask_range[1]) // 2 for c in quoted]
    highs = [(c.yes_bid_range[2] + c.yes_ask_range[2]) // 2 for c in quoted]
    return Span(min(lows), max(highs)) if quoted else None


def _trades(candles: list[Candle]) -> Span | None:
    lows = [c.trade_low for c in candles if c.trade_low is not None]
    highs = [c.trade_high for c in candles if c.trade_high is not None]
    return Span(min(lows), max(highs)) if lows and highs else None


def _volumes(candles: list[Candle], day: date) -> Span:
    """Return the day's least and greatest volume: without the hours at its ends, and with both."""
    start, end = day_bounds(day)
    inner = [c.volume for c in candles if start < c.end_at < end]
    return Span(sum(inner), sum(c.volume for c in candles if start <= c.end_at <= end))


def _share(volume: int | None, span: Span) -> float:
    """Return by what share of the exchange's volume ours lies outside of it."""
    if volume is None:
        return NOTHING
    return span.distance(volume) / max(span.high, 1)


def _told(summary: Row, candles: list[Candle], volumes: Span) -> str:
    mids, ours = _mids(candles), (summary["mid_low"], summary["mid_high"], summary["mid_close"])
    allowed = "no quotes" if mids is None else f"{_usd(mids.low)} to {_usd(mids.high)}"
    low, high, close = (_usd(value) for value in ours)
    return (
        f"{summary['day']}: ours {low} to {high}, close {close}, volume "
        f"{_count(summary['volume'])}; the exchange's {allowed}, volume {_count(volumes.low)} to "
        f"{_count(volumes.high)}"
    )


def _usd(micros: int | None) -> str:
    return "-" if micros is None else f"{micros / MICROS_PER_DOLLAR:g}"


def _count(centicontracts: int | None) -> str:
    return "-" if centicontracts is None else f"{centicontracts / CENTICONTRACTS:g}"


def stretch_of(days: Sequence[date]) -> tuple[datetime, datetime]:
    """Return the first and the last moment whose candles speak of these days."""
    return day_bounds(min(days))[0], day_bounds(max(days))[1]
