"""What was wrong with the data of some days: faults by market, gaps, and rolls of contracts. Pure.

Three things a trader asks of a history before an average of it is believed: which prices could not
be used and why, when nothing was observed at all, and where one contract ends and the next begins.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pandas as pd

from kalshi_assets.analytics.memory import CANDLE
from kalshi_assets.domain.market import Market

HOUR = timedelta(hours=1)
# For how long a polled or streamed quote tells of its market, as `CleaningRules.live_hold_ms`.
LIVE_HOLD = timedelta(seconds=300)


@dataclass(frozen=True)
class Span:
    """A span in which nothing was observed, or no usable price stood."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """Return how long it lasted."""
        return self.end - self.start


@dataclass(frozen=True)
class MarketFaults:
    """One market's ticks.

    Attributes:
        faults: how many ticks have each fault; a tick may have several.
        unpriced: spans between its first and its last tick in which no usable price stood.
    """

    market_ticker: str
    ticks: int
    usable: int
    first_at: datetime
    last_at: datetime
    faults: Mapping[str, int]
    unpriced: tuple[Span, ...]

    @property
    def longest_unpriced_hours(self) -> float:
        """Return how long the longest span without a usable price was."""
        return max((span.length / HOUR for span in self.unpriced), default=0.0)


@dataclass(frozen=True)
class Roll:
    """A series' front event closes, and the next one takes its place."""

    series_ticker: str
    closing: str
    following: str
    at: datetime


@dataclass(frozen=True)
class FaultReport:
    """What was wrong with some days.

    Attributes:
        gaps: spans of which no observation of any market tells.
    """

    markets: tuple[MarketFaults, ...]
    gaps: tuple[Span, ...]
    rolls: tuple[Roll, ...]

    @property
    def faults(self) -> dict[str, int]:
        """Return how many ticks of all markets have each fault, the most frequent first."""
        names = {name for market in self.markets for name in market.faults}
        counts = {n: sum(market.faults.get(n, 0) for market in self.markets) for n in names}
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def fault_report(
    ticks: pd.DataFrame, markets: Iterable[Market], *, live_hold: timedelta = LIVE_HOLD
) -> FaultReport:
    """Return what was wrong.

    Args:
        ticks: clean ticks: market_ticker, observed_at, source, source_key, hold_ms, is_usable,
            faults.
        markets: the markets known, for when their events close.
        live_hold: for how long a polled or streamed quote tells of its market.
    """
    if ticks.empty:
        return FaultReport((), (), ())
    by_market = ticks.sort_values("observed_at").groupby("market_ticker", sort=True)
    first, last = ticks["observed_at"].min(), ticks["observed_at"].max()
    return FaultReport(
        markets=tuple(_market_faults(str(ticker), part) for ticker, part in by_market),
        gaps=_gaps(_told_from(ticks), _told_until(ticks, live_hold)),
        rolls=tuple(_rolls(markets, first, last)),
    )


def _market_faults(ticker: str, ticks: pd.DataFrame) -> MarketFaults:
    usable = ticks[ticks["is_usable"]]
    first, last = ticks["observed_at"].iloc[0], ticks["observed_at"].iloc[-1]
    held = usable["observed_at"] + pd.to_timedelta(usable["hold_ms"].astype("int64"), unit="ms")
    # Its own first and last tick bound the time in which a price was to be expected.
    starts = pd.concat([pd.Series([first]), usable["observed_at"], pd.Series([last])])
    ends = pd.concat([pd.Series([first]), held, pd.Series([last])])
    counts = ticks["faults"].explode().dropna().value_counts()
    return MarketFaults(
        market_ticker=ticker,
        ticks=len(ticks),
        usable=len(usable),
        first_at=first.to_pydatetime(),
        last_at=last.to_pydatetime(),
        faults={str(name): int(count) for name, count in counts.items()},
        unpriced=_gaps(starts, ends),
    )


def _told_from(ticks: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """Return since when each observation tells of its market: a candle since its own start."""
    seconds = pd.to_numeric(ticks["source_key"].where(ticks["source"] == CANDLE, "0"))
    return ticks["observed_at"] - pd.to_timedelta(seconds.astype("int64"), unit="s")


def _told_until(ticks: pd.DataFrame, live_hold: timedelta) -> "pd.Series[pd.Timestamp]":
    """Return until when each observation tells of its market: a candle until its end."""
    is_live = (ticks["source"] != CANDLE).astype("int64")
    return ticks["observed_at"] + pd.to_timedelta(is_live * live_hold.total_seconds(), unit="s")


def _gaps(starts: "pd.Series[pd.Timestamp]", ends: "pd.Series[pd.Timestamp]") -> tuple[Span, ...]:
    """Return what lies between these stretches and in none of them."""
    stretches = pd.DataFrame({"start": starts.to_numpy(), "end": ends.to_numpy()})
    stretches = stretches.sort_values("start", ignore_index=True)
    reached = stretches["end"].cummax().shift(1)
    open_ones = stretches[stretches["start"] > reached]
    return tuple(
        Span(_utc(end), _utc(start))
        for end, start in zip(reached[open_ones.index], open_ones["start"], strict=True)
    )


def _utc(moment: pd.Timestamp) -> datetime:
    aware = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return aware.to_pydatetime()


def _rolls(markets: Iterable[Market], first: datetime, last: datetime) -> list[Roll]:
    """Return where the event of a series that closes next changes, within a stretch."""
    closes: dict[str, dict[str, datetime]] = {}
    for market in markets:
        of_series = closes.setdefault(market.series_ticker, {})
        known = of_series.get(market.event_ticker, market.close_at)
        of_series[market.event_ticker] = max(known, market.close_at)
    rolls = []
    for series, events in closes.items():
        ordered = sorted(events.items(), key=lambda event: (event[1], event[0]))
        for (closing, at), (following, _) in pairwise(ordered):
            if first <= at <= last:
                rolls.append(Roll(series, closing, following, at))
    return sorted(rolls, key=lambda roll: (roll.at, roll.series_ticker))
