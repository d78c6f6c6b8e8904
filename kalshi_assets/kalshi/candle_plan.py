"""How many days of how many markets go into one call for candlesticks. Sends nothing.

A call holds 100 markets and 10,000 candles. Each of ours holds whole days, so that what it brings
is either complete for a market and a day or not there at all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.kalshi.requests import (
    CANDLES_BESIDE,
    MOST_CANDLES,
    MOST_CANDLES_OF_ONE,
    MOST_TICKERS,
)

T = TypeVar("T")

ONE_DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60
# The clocks go back once more than forward at most, in any stretch.
LONGER_DAY_MINUTES = 60


@dataclass(frozen=True)
class CandleCall:
    """One call: these markets, on these days, which follow each other."""

    tickers: tuple[str, ...]
    days: tuple[date, ...]


def candle_plan(
    wanted: Mapping[str, Collection[date]], *, interval_minutes: int
) -> list[CandleCall]:
    """Return calls that hold every market's wanted days, and no others.

    Args:
        wanted: days by market.
        interval_minutes: of a candle.
    """
    together: dict[tuple[date, ...], list[str]] = {}
    for ticker, days in wanted.items():
        for run in runs_of(days):
            together.setdefault(run, []).append(ticker)
    return [
        CandleCall(markets, span)
        for run, tickers in together.items()
        for size, length in [_shape(len(tickers), len(run), interval_minutes)]
        for span in _evenly(run, length)
        for markets in _evenly(tickers, size)
    ]


def least_calls(wanted: Mapping[str, Collection[date]], *, interval_minutes: int) -> int:
    """Return how many calls cannot be gone below: what one of them holds is limited."""
    seconds = sum((_length(day) for days in wanted.values() for day in days), timedelta())
    candles = seconds // timedelta(minutes=interval_minutes)
    markets = sum(1 for days in wanted.values() if days)
    return max(-(-candles // MOST_CANDLES), -(-markets // MOST_TICKERS))


def least_calls_one_by_one(wanted: Mapping[str, Collection[date]], *, interval_minutes: int) -> int:
    """Return the same for the historical tier, where a call is about one market."""
    step = timedelta(minutes=interval_minutes)
    lengths = [sum((_length(day) for day in days), timedelta()) for days in wanted.values()]
    return sum(-(-(length // step) // MOST_CANDLES_OF_ONE) for length in lengths)


def runs_of(days: Collection[date]) -> list[tuple[date, ...]]:
    """Return the days in runs without a gap."""
    ordered = sorted(days)
    if not ordered:
        return []
    gaps = [at for at, (day, after) in enumerate(pairwise(ordered), 1) if after - day > ONE_DAY]
    return [tuple(ordered[a:b]) for a, b in pairwise([0, *gaps, len(ordered)])]


def _shape(tickers: int, days: int, interval_minutes: int) -> tuple[int, int]:
    """Return how many markets and days a call takes so that there are the fewest calls."""
    shapes = []
    for size in range(1, min(tickers, MOST_TICKERS) + 1):
        minutes = (MOST_CANDLES // size - CANDLES_BESIDE) * interval_minutes
        length = min(days, (minutes - LONGER_DAY_MINUTES) // MINUTES_A_DAY)
        if length > 0:
            shapes.append((-(-tickers // size) * -(-days // length), size, length))
    _, size, length = min(shapes)
    return size, length


def _evenly(items: Sequence[T], most: int) -> list[tuple[T, ...]]:
    """Return the items in as few parts as `most` allows, about equally long."""
    parts = -(-len(items) // most)
    bounds = [len(items) * part // parts for part in range(parts + 1)]
    return [tuple(items[a:b]) for a, b in pairwise(bounds)]


def _length(day: date) -> timedelta:
    start, end = day_bounds(day)
    return end - start
