"""Made-up observations of markets, and what they mean by a count of single milliseconds.

The brute force here shares nothing with the package: it walks over segments with exact fractions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import strategies as st

from kalshi_assets.analytics.faults import CleaningRules
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.storage.schema import raw_ticks

Source = Literal["stream", "poll", "candle"]
Flaw = Literal["", "no_bid", "no_ask", "empty", "crossed", "off_grid", "stale"]

CENT = 10_000
DOLLAR = 1_000_000
SECOND = 1_000
HOUR = 3_600 * SECOND
LIVE_HOLD = 300 * SECOND
MILLISECOND = timedelta(milliseconds=1)
CENT_GRID = PriceGrid((PriceRange(0, DOLLAR, CENT),))
MARKETS = ("KXCPI-26NOV-T0.3", "KXFED-26DEC-T3.75")
NEW_YORK = ZoneInfo("America/New_York")
RULES = CleaningRules(max_quote_age_seconds=300, grids=dict.fromkeys(MARKETS, CENT_GRID))
# The clocks of New York change on 2026-03-08 (23 hours) and 2026-11-01 (25 hours).
FIRST_DAYS = (date(2026, 3, 6), date(2026, 10, 30), date(2026, 6, 10))


@dataclass(frozen=True)
class Observation:
    """One observation; `minutes` is a candle's interval."""

    at: datetime
    market: str = MARKETS[0]
    source: Source = "poll"
    minutes: int = 60
    bid: int = 40
    spread: int = 2
    flaw: Flaw = ""

    @property
    def key(self) -> tuple[datetime, str, str, str]:
        return self.at, self.market, self.source, self.source_key

    @property
    def source_key(self) -> str:
        return str(self.minutes * 60) if self.source == "candle" else ""

    @property
    def hold(self) -> int:
        """For how many milliseconds the price may hold."""
        return 2 * self.minutes * 60 * SECOND if self.source == "candle" else LIVE_HOLD

    @property
    def is_good(self) -> bool:
        """Tell whether it could be used, were it alone."""
        return not self.flaw or (self.flaw == "stale" and self.source == "candle")

    @property
    def mid(self) -> Fraction:
        return Fraction((2 * self.bid + self.spread) * CENT, 2)

    def raw(self) -> dict[str, Any]:
        """Return the row of `raw_ticks`."""
        bid, ask = self.bid * CENT, (self.bid + self.spread) * CENT
        bid_size, ask_size = 1_000, 1_000
        if self.flaw in ("no_bid", "empty"):
            bid, bid_size = 0, 0
        if self.flaw in ("no_ask", "empty"):
            ask, ask_size = DOLLAR, 0
        if self.flaw == "crossed":
            bid, ask = ask + CENT, bid
        if self.flaw == "off_grid":
            bid -= 100
        is_stale = self.flaw == "stale" and self.source == "poll"
        is_candle = self.source == "candle"
        return dict.fromkeys(raw_ticks.columns.keys()) | {
            "observed_at": self.at,
            "market_ticker": self.market,
            "source": self.source,
            "source_key": self.source_key,
            "quoted_at": self.at - timedelta(seconds=301 if is_stale else 300),
            "received_at": self.at,
            "status": "active",
            "yes_bid": bid,
            "yes_ask": ask,
            "yes_bid_size": None if is_candle else bid_size,
            "yes_ask_size": None if is_candle else ask_size,
            "open_interest": 100,
        }


def frame(observations: Iterable[Observation]) -> pd.DataFrame:
    """Return raw ticks as storage hands them to cleaning."""
    return as_stored([o.raw() for o in observations])


def as_stored(ticks: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return rows of `raw_ticks` as storage hands them to cleaning."""
    rows = pd.DataFrame(ticks, columns=raw_ticks.columns.keys())
    for column in raw_ticks.columns:
        if column.type.python_type is int:
            rows[column.name] = rows[column.name].astype("Int64" if column.nullable else "int64")
        elif column.type.python_type is datetime:
            rows[column.name] = pd.to_datetime(rows[column.name], utc=True)
    return rows


def usable(observations: Iterable[Observation], market: str) -> list[Observation]:
    """Return what counts of a market: the best source of each moment, and only good ones."""
    by_moment: dict[datetime, Observation] = {}
    for o in observations:
        if o.market != market:
            continue
        rival = by_moment.get(o.at)
        if rival is None or (o.source == "candle", o.hold) < (rival.source == "candle", rival.hold):
            by_moment[o.at] = o
    kept = [by_moment[at] for at in sorted(by_moment)]
    live = [o.at for o in kept if o.source == "poll" and o.is_good]
    return [
        o
        for o in kept
        if o.is_good
        and not (
            o.source == "candle"
            and any(timedelta(0) <= o.at - at < LIVE_HOLD * MILLISECOND for at in live)
        )
    ]


def brute_force(
    observations: Iterable[Observation],
    market: str,
    start: datetime,
    end: datetime,
    *,
    hours: tuple[int, int] = (0, 24),
) -> tuple[Fraction | None, int]:
    """Return the time-weighted mean over [start, end] in micros, and the milliseconds covered.

    Of every New York day only the local `hours` count.
    """
    ticks = usable(observations, market)
    total, covered = Fraction(0), 0
    for position, tick in enumerate(ticks):
        until = tick.at + tick.hold * MILLISECOND
        if position + 1 < len(ticks):
            until = min(until, ticks[position + 1].at)
        for opened, closed in _open_hours(tick.at, until, hours):
            span = (min(until, end, closed) - max(tick.at, start, opened)) / MILLISECOND
            if span > 0:
                total += tick.mid * round(span)
                covered += round(span)
    return (total / covered if covered else None), covered


def _open_hours(
    start: datetime, end: datetime, hours: tuple[int, int]
) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(NEW_YORK).date()
    while day <= end.astimezone(NEW_YORK).date():
        opened = datetime.combine(day, time(hours[0]), NEW_YORK)
        closed = midnight(day + timedelta(days=1))
        if hours[1] < 24:
            closed = datetime.combine(day, time(hours[1]), NEW_YORK)
        yield opened.astimezone(UTC), closed.astimezone(UTC)
        day += timedelta(days=1)


def rounded(value: Fraction | None) -> Decimal | None:
    """Return a fraction to six decimals, half to even, as it is stored."""
    return None if value is None else Decimal(round(value * 10**6)).scaleb(-6)


def midnight(day: date) -> datetime:
    """Return the start of a New York day, written without the package's calendar."""
    is_summer = (
        date(day.year, 3, 8) < day <= date(day.year, 11, 1)
    )  # the days on which clocks change begin in the time before
    return datetime(day.year, day.month, day.day, 4 if is_summer else 5, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn, *, days: int, markets: int = 2) -> tuple[date, list[Observation]]:
    """Draw a first day and irregular observations over some days from it on.

    Runs of ticks begin anywhere, often just before a midnight; gaps are below, at and above what a
    price may hold.
    """
    first = draw(st.sampled_from(FIRST_DAYS))
    near_midnight = st.builds(
        lambda day, before: midnight(first + timedelta(days=day)) - before * MILLISECOND,
        st.integers(1, days - 1),
        st.sampled_from([0, 1, 40 * SECOND, LIVE_HOLD, HOUR, 30 * HOUR]),
    )
    last = midnight(first + timedelta(days=days)) - MILLISECOND
    anywhere = st.integers(0, round((last - midnight(first)) / MILLISECOND)).map(
        lambda offset: midnight(first) + offset * MILLISECOND
    )
    gaps = st.sampled_from(
        [1, 90 * SECOND, LIVE_HOLD - 1, LIVE_HOLD, LIVE_HOLD + 1, 20 * 60 * SECOND, HOUR, 3 * HOUR]
    ) | st.integers(1, 30 * HOUR)
    flaws = st.sampled_from(
        ["", "", "", "", "no_bid", "no_ask", "empty", "crossed", "off_grid", "stale"]
    )
    steps = st.lists(
        st.tuples(
            gaps,
            st.sampled_from(["poll", "poll", "candle"]),
            st.sampled_from([1, 60, 60, 1440]),
            st.integers(2, 90),
            st.integers(1, 8),
            flaws,
        ),
        min_size=1,
        max_size=12,
    )
    made: dict[tuple[datetime, str, str, str], Observation] = {}
    for market in MARKETS[:markets]:
        for _ in range(draw(st.integers(0, 3))):
            at = draw(near_midnight | anywhere)
            for gap, source, minutes, bid, spread, flaw in draw(steps):
                tick = Observation(at, market, source, minutes, bid, spread, flaw)
                if at >= midnight(first) and at <= last:
                    made.setdefault(tick.key, tick)
                at += gap * MILLISECOND
    return first, sorted(made.values(), key=lambda o: o.at)


def days_of(first: date, count: int) -> Sequence[date]:
    """Return `count` days from `first` on."""
    return [first + timedelta(days=n) for n in range(count)]
