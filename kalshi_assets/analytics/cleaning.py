"""From raw to clean ticks: faults flagged, never deleted, and running totals for the averages.

A usable tick's price holds until the next usable tick, at most for its `hold_ms`; beyond that, time
is not covered. Each clean tick carries its New York day's running totals up to its own moment, so
that a mean over any window needs two ticks and whole days only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from kalshi_assets.analytics.faults import CleaningRules, faults_of
from kalshi_assets.analytics.memory import CANDLE, Told
from kalshi_assets.analytics.running import Anchor as Anchor
from kalshi_assets.analytics.running import with_running_totals

SOURCE_RANK = {"stream": 0, "poll": 1, "candle": 2}


@dataclass(frozen=True)
class Cleaned:
    """What cleaning makes of raw ticks.

    Attributes:
        ticks: one row a market and moment, columns of `clean_ticks`, sorted by market and moment.
        memories: by market, what the ticks behind these have to know; see `memory.py`.
    """

    ticks: pd.DataFrame
    memories: Mapping[str, Told]


def clean(
    raw: pd.DataFrame,
    anchors: Mapping[str, Anchor],
    *,
    day_start: datetime,
    rules: CleaningRules,
    memories: Mapping[str, Told] | None = None,
) -> Cleaned:
    """Clean raw ticks of one New York day.

    Args:
        raw: raw ticks of that day (columns of `raw_ticks`), any order, all sources.
        anchors: by market, the last usable clean tick before the raw ones: of an earlier day (its
            price carries into this one) or of this day (its running totals go on).
        day_start: the day's first moment, UTC.
        rules: limits.
        memories: by market, what cleaning the ticks before these left behind.
    """
    if raw.empty:
        return Cleaned(pd.DataFrame(), {})
    ticks = _one_source_a_moment(raw)
    ticks["hold_ms"] = _hold_ms(ticks, rules)
    ticks["faults"], told = faults_of(ticks, memories or {}, rules=rules)
    ticks["is_usable"] = [not faults for faults in ticks["faults"]]
    ticks["mid"] = (ticks["yes_bid"] + ticks["yes_ask"]) // 2
    ticks["spread"] = ticks["yes_ask"] - ticks["yes_bid"]
    return Cleaned(with_running_totals(ticks, anchors, day_start=day_start, rules=rules), told)


def _one_source_a_moment(raw: pd.DataFrame) -> pd.DataFrame:
    """Keep the best source of each moment; of several candles the shortest."""
    ranked = raw.assign(rank=raw["source"].map(SOURCE_RANK), width=raw["source_key"].str.len())
    ranked = ranked.sort_values(["market_ticker", "observed_at", "rank", "width", "source_key"])
    return ranked.drop_duplicates(["market_ticker", "observed_at"]).reset_index(drop=True)


def _hold_ms(ticks: pd.DataFrame, rules: CleaningRules) -> "pd.Series[int]":
    is_candle = ticks["source"] == CANDLE
    interval = pd.to_numeric(ticks["source_key"].where(is_candle, "0")).astype("int64")
    return (interval * 2_000).where(is_candle, rules.live_hold_ms).astype("int64")
