"""Days and hours of America/New_York: partitions, trading hours, collection hours.

Durations always come from UTC, so that a day with a clock change has 23 or 25 hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

VENUE_TIMEZONE = "America/New_York"
VENUE_ZONE = ZoneInfo(VENUE_TIMEZONE)
DAY_FORMAT = "%Y-%m-%d"
# The exchange pauses trading every Thursday 03:00-05:00 ET (its maintenance page).
PAUSE_WEEKDAY, PAUSE_START, PAUSE_END = 3, time(3), time(5)


@lru_cache(maxsize=10_000)
def venue_day(moment: datetime) -> date:
    """Return the New York day a moment belongs to."""
    return moment.astimezone(VENUE_ZONE).date()


@lru_cache(maxsize=1_000)
def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return a New York day's first moment and its end (exclusive), in UTC."""
    return _local(day, time(0)), _local(day + timedelta(days=1), time(0))


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield every day from `first` to `last`, both inclusive."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


@dataclass(frozen=True)
class TradingCalendar:
    """When new orders may be placed, New York time.

    Attributes:
        opens, closes: the daily hours, `closes` exclusive.
        closed_days: days of the calendar of exceptions, on which nothing new is placed.
    """

    opens: time = time(8)
    closes: time = time(18)
    closed_days: frozenset[date] = frozenset()

    def closed_because(self, moment: datetime) -> str | None:
        """Return why no new order may be placed at `moment`, or None when one may."""
        local = moment.astimezone(VENUE_ZONE)
        if local.date() in self.closed_days:
            return f"{local.date()} is a day without trading"
        if local.weekday() == PAUSE_WEEKDAY and PAUSE_START <= local.time() < PAUSE_END:
            return "the exchange pauses on Thursdays 03:00-05:00 ET"
        if not self.opens <= local.time() < self.closes:
            return f"{local:%H:%M} ET is outside {self.opens:%H:%M}-{self.closes:%H:%M} ET"
        return None


@dataclass(frozen=True)
class CollectionCalendar:
    """When quotes are collected, New York time. Equal hours mean round the clock."""

    opens: time = time(0)
    closes: time = time(0)

    @property
    def is_round_the_clock(self) -> bool:
        """Tell whether every moment is collected."""
        return self.opens == self.closes

    def is_open(self, moment: datetime) -> bool:
        """Tell whether quotes are collected at `moment`."""
        opened, closed = self.hours_of(venue_day(moment))
        return opened <= moment < closed

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """Return when collection opens and closes on a New York day, UTC."""
        if self.is_round_the_clock:
            return day_bounds(day)
        return _local(day, self.opens), _local(day, self.closes)

    def expected_ms(self, start: datetime, end: datetime) -> int:
        """Return the milliseconds of collection between two moments."""
        if self.is_round_the_clock:
            return _ms(end - start)
        total = timedelta(0)
        for day in days_between(venue_day(start), venue_day(end)):
            opened, closed = self.hours_of(day)
            total += max(timedelta(0), min(end, closed) - max(start, opened))
        return _ms(total)


def _local(day: date, at: time) -> datetime:
    return datetime.combine(day, at, VENUE_ZONE).astimezone(UTC)


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
