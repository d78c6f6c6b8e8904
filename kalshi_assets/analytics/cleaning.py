"""From raw to clean ticks: faults flagged, never deleted, and running totals for the averages.

A usable tick's price holds until the next usable tick, at most for its `hold_ms`; beyond that, time
is not covered. Each clean tick carries its New York day's running totals up to its own moment, so
that a mean over any window needs two ticks and whole days only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kalshi_assets.analytics.faults import CleaningRules, faults_of
from kalshi_assets.analytics.sequence import CANDLE, MILLISECOND, Reference
from kalshi_assets.domain.calendar import venue_day

SOURCE_RANK = {"stream": 0, "poll": 1, "candle": 2}
EPOCH = datetime.fromtimestamp(0, UTC)


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


def clean(
    raw: pd.DataFrame,
    anchors: Mapping[str, Anchor],
    *,
    day_start: datetime,
    rules: CleaningRules,
    before: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the clean ticks of one New York day.

    Args:
        raw: raw ticks of that day (columns of `raw_ticks`), any order, all sources.
        anchors: by market, the last usable clean tick before the raw ones: of an earlier day (its
            price carries into this one) or of this day (its running totals go on).
        day_start: the day's first moment, UTC.
        rules: limits.
        before: the raw ticks of the `rules.sequence.reach` before, which are judged already.

    Returns:
        One row a market and moment, columns of `clean_ticks`, sorted by market and moment.
    """
    if raw.empty:
        return pd.DataFrame()
    ticks = _one_source_a_moment(raw)
    ticks["hold_ms"] = _hold_ms(ticks, rules)
    earlier = None if before is None or before.empty else _one_source_a_moment(before)
    references = {ticker: _reference(anchor) for ticker, anchor in anchors.items()}
    ticks["faults"] = faults_of(ticks, references, rules=rules, before=earlier)
    ticks["is_usable"] = [not faults for faults in ticks["faults"]]
    ticks["mid"] = (ticks["yes_bid"] + ticks["yes_ask"]) // 2
    ticks["spread"] = ticks["yes_ask"] - ticks["yes_bid"]
    parts = [
        _with_running_totals(part, anchors.get(str(ticker)), day_start=day_start, rules=rules)
        for ticker, part in ticks.groupby("market_ticker", sort=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _one_source_a_moment(raw: pd.DataFrame) -> pd.DataFrame:
    """Keep the best source of each moment; of several candles the shortest."""
    ranked = raw.assign(rank=raw["source"].map(SOURCE_RANK), width=raw["source_key"].str.len())
    ranked = ranked.sort_values(["market_ticker", "observed_at", "rank", "width", "source_key"])
    return ranked.drop_duplicates(["market_ticker", "observed_at"]).reset_index(drop=True)


def _hold_ms(ticks: pd.DataFrame, rules: CleaningRules) -> "pd.Series[int]":
    is_candle = ticks["source"] == CANDLE
    interval = pd.to_numeric(ticks["source_key"].where(is_candle, "0")).astype("int64")
    return (interval * 2_000).where(is_candle, rules.live_hold_ms).astype("int64")


def _reference(anchor: Anchor) -> Reference:
    return Reference(anchor.observed_at, anchor.source, anchor.mid, anchor.hold_ms)


def _with_running_totals(
    ticks: pd.DataFrame, anchor: Anchor | None, *, day_start: datetime, rules: CleaningRules
) -> pd.DataFrame:
    """Add price_ms, covered_ms and tick_count to one market's ticks, sorted by moment."""
    opened, closed = (_ms(m) for m in rules.collection.hours_of(venue_day(day_start)))
    usable = ticks["is_usable"].to_numpy()
    at = _epoch_ms(ticks["observed_at"])
    mid, hold = ticks["mid"].to_numpy("int64"), ticks["hold_ms"].to_numpy("int64")
    begin = _beginning(anchor, _ms(day_start))
    # Position of the last usable tick before each tick, 0 being the beginning.
    order = np.where(usable, np.arange(1, len(ticks) + 1), 0)
    before = np.concatenate(([0], np.maximum.accumulate(order)[:-1]))
    prev_at = np.concatenate(([begin.at_ms], at))[before]
    prev_mid = np.concatenate(([begin.mid], mid))[before]
    prev_end = prev_at + np.concatenate(([begin.hold_ms], hold))[before]
    until = np.minimum(np.minimum(at, prev_end), closed)
    span = np.maximum(0, until - np.maximum(prev_at, opened))
    covered = np.concatenate(([begin.covered_ms], np.where(usable, span, 0)))
    price = np.concatenate(([begin.price_ms], np.where(usable, span * prev_mid, 0)))
    count = np.concatenate(([begin.tick_count], usable.astype("int64")))
    return ticks.assign(
        price_ms=np.cumsum(price)[1:],
        covered_ms=np.cumsum(covered)[1:],
        tick_count=np.cumsum(count)[1:],
    )


@dataclass(frozen=True)
class _Beginning:
    at_ms: int
    mid: int
    hold_ms: int
    price_ms: int = 0
    covered_ms: int = 0
    tick_count: int = 0


def _beginning(anchor: Anchor | None, start_ms: int) -> _Beginning:
    if anchor is None:
        return _Beginning(start_ms, 0, 0)
    at_ms = _ms(anchor.observed_at)
    if at_ms < start_ms:  # of an earlier day: its price carries in, its totals do not
        return _Beginning(at_ms, anchor.mid, anchor.hold_ms)
    return _Beginning(
        at_ms,
        anchor.mid,
        anchor.hold_ms,
        anchor.price_ms,
        anchor.covered_ms,
        anchor.tick_count,
    )


def _epoch_ms(moments: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    return np.asarray(moments.dt.as_unit("ms").astype("int64"), dtype=np.int64)


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND
