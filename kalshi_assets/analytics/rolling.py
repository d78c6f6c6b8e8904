"""Time-weighted averages over a sliding window, from running totals.

The mean over [as_of - window, as_of] = (totals of the whole days the window starts in or contains)
+ (totals of the last day up to as_of) - (totals of the first day up to the window's start). Exact:
integers until the one division at the end.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.domain.calendar import CollectionCalendar, venue_day

MILLISECOND = timedelta(milliseconds=1)
MEAN_PLACES = Decimal("0.000001")
ROUND_THE_CLOCK = CollectionCalendar()


@dataclass(frozen=True)
class Totals:
    """Price x milliseconds, milliseconds covered and usable ticks of a stretch of time."""

    price_ms: int = 0
    covered_ms: int = 0
    tick_count: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.price_ms + other.price_ms,
            self.covered_ms + other.covered_ms,
            self.tick_count + other.tick_count,
        )

    def __sub__(self, other: "Totals") -> "Totals":
        return Totals(
            self.price_ms - other.price_ms,
            self.covered_ms - other.covered_ms,
            self.tick_count - other.tick_count,
        )

    @property
    def mean(self) -> Decimal | None:
        """Return the time-weighted mean in micros, or None where no time is covered."""
        if self.covered_ms == 0:
            return None
        return (Decimal(self.price_ms) / self.covered_ms).quantize(MEAN_PLACES)


@dataclass(frozen=True)
class RollingAverage:
    """A row of `rolling_averages`. `mean` is in micros; `coverage` is covered / expected time.

    `window_start` is later than `window_days` ago where the contract is younger than that.
    """

    as_of: datetime
    market_ticker: str
    window_days: int
    window_start: datetime
    mean: Decimal | None
    coverage: Decimal
    covered_ms: int
    price_ms: int
    tick_count: int
    content_hash: str


def totals_until(
    anchor: Anchor | None,
    until: datetime,
    *,
    day_start: datetime,
    calendar: CollectionCalendar = ROUND_THE_CLOCK,
) -> Totals:
    """Return one day's totals up to a moment.

    Args:
        anchor: the last usable tick at or before `until`, of this day or an earlier one.
        until: the moment, within the day or its end.
        day_start: the day's first moment.
        calendar: the hours in which time counts as covered.
    """
    if anchor is None:
        return Totals()
    opened, closed = calendar.hours_of(venue_day(day_start))
    held_until = anchor.observed_at + anchor.hold_ms * MILLISECOND
    span = min(until, held_until, closed) - max(anchor.observed_at, day_start, opened)
    open_ms = max(0, span // MILLISECOND)
    tail = Totals(anchor.mid * open_ms, open_ms, 0)
    if anchor.observed_at < day_start:
        return tail
    return Totals(anchor.price_ms, anchor.covered_ms, anchor.tick_count) + tail


def rolling_average(
    market_ticker: str,
    as_of: datetime,
    *,
    window_days: int,
    start: datetime,
    first_day_until_start: Totals,
    whole_days: Iterable[Totals],
    last_day_until_end: Totals,
    calendar: CollectionCalendar,
) -> RollingAverage:
    """Return the average of one market at one moment; see the module's formula.

    Args:
        market_ticker: the market.
        as_of: the window's end.
        window_days: its length; all of it is expected to be covered.
        start: from when on prices count: the window's start, or the contract's own if that is
            later.
        first_day_until_start: totals of the start's day, up to the start.
        whole_days: totals of the days from the start's on, without the last.
        last_day_until_end: totals of the window's last day, up to its end.
        calendar: for the expected time.
    """
    totals = sum(whole_days, last_day_until_end) - first_day_until_start
    expected_ms = calendar.expected_ms(window_start(as_of, window_days), as_of)
    coverage = Decimal(totals.covered_ms) / expected_ms if expected_ms else Decimal(0)
    content = f"{market_ticker}|{as_of.isoformat()}|{window_days}|{totals}"
    return RollingAverage(
        as_of=as_of,
        market_ticker=market_ticker,
        window_days=window_days,
        window_start=start,
        mean=totals.mean,
        coverage=coverage.quantize(MEAN_PLACES),
        covered_ms=totals.covered_ms,
        price_ms=totals.price_ms,
        tick_count=totals.tick_count,
        content_hash=hashlib.sha256(content.encode()).hexdigest()[:32],
    )


def window_start(as_of: datetime, window_days: int) -> datetime:
    """Return the window's first moment: whole multiples of 24 hours before `as_of`."""
    return as_of - timedelta(days=window_days)
