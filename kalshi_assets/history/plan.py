"""When the history looks at the market, what goes wrong on which day, and what a person does. Pure.

Everything is a function of the seed and the day, so a history that was interrupted goes on with
the same plan.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Literal

from kalshi_assets.domain.calendar import VENUE_ZONE

Rule = dict[str, object]
Deed = Literal["buy", "sell", "close early", "double", "deposit", "halt", "resume"]

MORNING = time(8, 40)


def _steady(hour: int, minute: int) -> time:
    """Return a time in the second half of 20 seconds.

    No quote of the scenario changes there: how fast the machine is makes no difference.
    """
    return time(hour, minute, 10, 500_000)


# Working days are looked at three times in trading hours, the others once.
WORKING_TIMES = _steady(9, 45), _steady(13, 0), _steady(16, 15)
WEEKEND_TIMES = (_steady(12, 0),)
DAYS_A_WEEK = 7
_SUNDAY, _MONDAY, _TUESDAY, _WEDNESDAY, _THURSDAY, _FRIDAY, _ = range(DAYS_A_WEEK)


@dataclass(frozen=True)
class Incident:
    """Something that goes wrong, from one New York time to another.

    Attributes:
        fault: a rule of the local exchange's vocabulary.
        markets: how many markets it is on; None: no matter of single markets, or of all.
        day_after: it ends on the next day.
    """

    week: int
    weekday: int
    fault: Rule
    begins: time
    ends: time
    markets: int | None = None
    day_after: bool = False


ALL_DAY = time(8, 45), time(17)
INCIDENTS = (
    Incident(0, _TUESDAY, {"fault": "zero-coded"}, *ALL_DAY, markets=3),
    Incident(1, _WEDNESDAY, {"fault": "connection-reset"}, time(12), time(15)),
    Incident(3, _THURSDAY, {"fault": "stale-feed"}, *ALL_DAY),
    Incident(4, _TUESDAY, {"fault": "contract-roll"}, time(12), time(15), markets=1),
    Incident(5, _FRIDAY, {"fault": "empty-feed"}, time(12), time(15), markets=14),
    Incident(6, _TUESDAY, {"fault": "crossed-book"}, *ALL_DAY, markets=2),
    Incident(
        *(7, _TUESDAY, {"fault": "error-burst", "status": 503}, time(12), time(10)), day_after=True
    ),
    Incident(9, _MONDAY, {"fault": "duplicate-ticks"}, time(9), time(12)),
    Incident(10, _WEDNESDAY, {"fault": "wrong-type"}, time(12), time(15)),
    Incident(11, _THURSDAY, {"fault": "zero-coded"}, time(12), time(17)),
)
# What the person does on certain days, in place of what chance brings: week, weekday, time.
FIXED: dict[tuple[int, int, time], Deed] = {
    (1, _MONDAY, WORKING_TIMES[1]): "double",
    (3, _MONDAY, WORKING_TIMES[0]): "deposit",
    (5, _TUESDAY, WORKING_TIMES[0]): "halt",
    (5, _WEDNESDAY, WORKING_TIMES[0]): "resume",
    (9, _TUESDAY, WORKING_TIMES[2]): "double",
}
# What the person sets, and from which week on.
LATER_SETTINGS: tuple[int, dict[str, object]] = (8, {"deviation_points": 13.0})
CHANCES: tuple[tuple[Deed, float], ...] = (("buy", 0.10), ("sell", 0.08), ("close early", 0.06))


@dataclass(frozen=True)
class Day:
    """A day of the history, counted from the first one, which is a Sunday."""

    first: date
    number: int
    seed: int

    @property
    def day(self) -> date:
        """Return the New York day."""
        return self.first + timedelta(days=self.number)

    @property
    def week(self) -> int:
        """Return the week it is in, from 0."""
        return self.number // DAYS_A_WEEK

    @property
    def weekday(self) -> int:
        """Return the day of the week; Sunday is 0."""
        return self.number % DAYS_A_WEEK

    @property
    def morning(self) -> datetime:
        """Return when the day before is loaded."""
        return self.at(MORNING)

    @property
    def times(self) -> Sequence[time]:
        """Return when the market is looked at."""
        is_weekend = self.weekday in (_SUNDAY, DAYS_A_WEEK - 1)
        return WEEKEND_TIMES if is_weekend else WORKING_TIMES

    @property
    def settings(self) -> dict[str, object]:
        """Return what is set otherwise than at first."""
        week, changed = LATER_SETTINGS
        return changed if self.week >= week else {}

    def at(self, clock: time) -> datetime:
        """Return a time of this day as a moment."""
        return datetime.combine(self.day, clock, VENUE_ZONE).astimezone(UTC)

    def chance(self, of: object) -> Random:
        """Return the numbers that decide something on this day."""
        return Random(f"{self.seed}/{self.number}/{of}")  # noqa: S311  a story, no secret

    def faults(self, tracked: Sequence[str]) -> list[Rule]:
        """Return the rules that hold on this day; those on few markets on some of `tracked`."""
        return [
            rule
            for incident in INCIDENTS
            if (incident.week, incident.weekday) == (self.week, self.weekday)
            for rule in self._rules(incident, sorted(tracked))
        ]

    def deeds(self, clock: time) -> Iterator[Deed]:
        """Yield what the person does at a time of this day, after the bot."""
        fixed = FIXED.get((self.week, self.weekday, clock))
        if fixed is not None:
            yield fixed
        rng = self.chance(f"deeds {clock}")
        yield from (deed for deed, share in CHANCES if rng.random() < share)

    def _rules(self, incident: Incident, tracked: Sequence[str]) -> Iterator[Rule]:
        end = Day(self.first, self.number + incident.day_after, self.seed)
        span = {
            "from": self.at(incident.begins).isoformat(),
            "until": end.at(incident.ends).isoformat(),
        }
        if incident.markets is None:
            yield {**incident.fault, **span}
            return
        rng = self.chance(incident.fault["fault"])
        for ticker in rng.sample(tracked, min(incident.markets, len(tracked))):
            yield {**incident.fault, **span, "market": ticker}


def days_of(first: date, weeks: int, seed: int) -> list[Day]:
    """Return the days of a history."""
    return [Day(first, number, seed) for number in range(weeks * DAYS_A_WEEK)]
