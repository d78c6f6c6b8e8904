"""Running totals: price x time and time covered of a market's day, up to each of its ticks.

Computed for all markets at once, in integers; the sums start anew with each market.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.analytics.sequence import MILLISECOND
from kalshi_assets.domain.calendar import venue_day

EPOCH = datetime.fromtimestamp(0, UTC)
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Anchor:
    """A usable clean tick with its day's running totals: where a calculation goes on from.

    Attributes:
        source: which way it came in; mid: price in micros; `hold_ms`: how long it may hold.
        price_ms, covered_ms, tick_count: totals of the tick's day up to and including it.
    """

    observed_at: datetime
    source: str
    mid: int
    hold_ms: int
    price_ms: int
    covered_ms: int
    tick_count: int


def with_running_totals(
    ticks: pd.DataFrame,
    anchors: Mapping[str, Anchor],
    *,
    day_start: datetime,
    rules: CleaningRules,
) -> pd.DataFrame:
    """Add price_ms, covered_ms and tick_count to ticks sorted by market and moment.

    Args:
        ticks: ticks of one New York day, with mid, hold_ms and is_usable.
        anchors: by market, the last usable tick before these, of this day or an earlier one.
        day_start: the day's first moment, UTC.
        rules: for the hours of collection.
    """
    opened, closed = (_ms(m) for m in rules.collection.hours_of(venue_day(day_start)))
    market, tickers = pd.factorize(ticks["market_ticker"])
    begin = _beginnings(list(tickers), anchors, _ms(day_start))
    usable = ticks["is_usable"].to_numpy(bool)
    at = np.asarray(ticks["observed_at"].dt.as_unit("ms").astype("int64"), dtype=np.int64)
    mid, hold = ticks["mid"].to_numpy("int64"), ticks["hold_ms"].to_numpy("int64")
    before, is_known = _last_usable_before(usable, market)
    prev_at = np.where(is_known, at[before], begin["at_ms"][market])
    prev_mid = np.where(is_known, mid[before], begin["mid"][market])
    prev_hold = np.where(is_known, hold[before], begin["hold_ms"][market])
    until = np.minimum(np.minimum(at, prev_at + prev_hold), closed)
    span = np.where(usable, np.maximum(0, until - np.maximum(prev_at, opened)), 0)
    return ticks.assign(
        price_ms=begin["price_ms"][market] + _running_sum(span * prev_mid, market),
        covered_ms=begin["covered_ms"][market] + _running_sum(span, market),
        tick_count=begin["tick_count"][market] + _running_sum(usable.astype("int64"), market),
    )


def _last_usable_before(
    usable: NDArray[np.bool_], market: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return each tick's last usable predecessor in its market, and whether there is one."""
    positions = np.where(usable, np.arange(len(usable)), -1)
    before = np.concatenate(([-1], np.maximum.accumulate(positions)[:-1]))
    is_known = (before >= 0) & (market[before] == market)
    return before, is_known


def _running_sum(values: Integers, market: NDArray[np.intp]) -> Integers:
    """Return the sum of a market's values up to each of them."""
    sums = np.cumsum(values)
    first = np.searchsorted(market, np.arange(market[-1] + 1))
    opening: Integers = sums[first] - values[first]
    return np.asarray(sums - opening[market], dtype=np.int64)


def _beginnings(
    tickers: list[str], anchors: Mapping[str, Anchor], start_ms: int
) -> dict[str, Integers]:
    """Return where each market's day goes on from, a value a market by name."""
    names = ("at_ms", "mid", "hold_ms", "price_ms", "covered_ms", "tick_count")
    rows = [_beginning(anchors.get(ticker), start_ms) for ticker in tickers]
    columns = np.array(rows, dtype=np.int64).reshape(-1, len(names)).T
    return dict(zip(names, columns, strict=True))


def _beginning(anchor: Anchor | None, start_ms: int) -> tuple[int, ...]:
    if anchor is None:
        return start_ms, 0, 0, 0, 0, 0
    at_ms, is_earlier_day = _ms(anchor.observed_at), _ms(anchor.observed_at) < start_ms
    if is_earlier_day:  # its price carries in, its totals do not
        return at_ms, anchor.mid, anchor.hold_ms, 0, 0, 0
    totals = (anchor.price_ms, anchor.covered_ms, anchor.tick_count)
    return at_ms, anchor.mid, anchor.hold_ms, *totals


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND
