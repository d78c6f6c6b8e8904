"""A week of New York, Sunday to Saturday."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kalshi_assets.domain.calendar import day_bounds, venue_day

SUNDAY = 6


@dataclass(frozen=True)
class Week:
    """A New York week, Sunday to Saturday: 168 hours, 167 or 169 where the clock changes.

    Raises:
        ValueError: the first day is no Sunday.
    """

    first_day: date

    def __post_init__(self) -> None:
        if self.first_day.weekday() != SUNDAY:
            raise ValueError(f"{self.first_day} is a {self.first_day:%A}: a week begins on Sunday")

    @classmethod
    def of(cls, moment: datetime) -> "Week":
        """Return the week a moment belongs to."""
        return cls.of_day(venue_day(moment))

    @classmethod
    def of_day(cls, day: date) -> "Week":
        """Return the week a New York day belongs to."""
        return cls(day - timedelta(days=(day.weekday() + 1) % 7))

    def shifted(self, weeks: int) -> "Week":
        """Return the week so many weeks later, earlier where it is below 0."""
        return Week(self.first_day + timedelta(weeks=weeks))

    @property
    def last_day(self) -> date:
        """Return its Saturday."""
        return self.first_day + timedelta(days=6)

    @property
    def begin(self) -> datetime:
        """Return its first moment, UTC."""
        return day_bounds(self.first_day)[0]

    @property
    def end(self) -> datetime:
        """Return the moment after its last, UTC."""
        return day_bounds(self.last_day)[1]

    def known_until(self, as_of: datetime) -> datetime:
        """Return its end, or `as_of` where that is earlier.

        Raises:
            ValueError: it has not begun.
        """
        if as_of <= self.begin:
            raise ValueError(f"the week of {self.first_day} begins after {as_of}")
        return min(self.end, as_of)
