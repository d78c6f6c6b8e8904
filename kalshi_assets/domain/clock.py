"""The venue's clock: the only place that reads the time.

Venue time drives partitions, calendars, expiry, freshness and ids. Wall time drives signatures,
Dagster and network time-outs, nothing else.
"""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

UTC_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def wall_now() -> datetime:
    """Return the wall clock as aware UTC."""
    return datetime.now(UTC)


def wall_ms() -> int:
    """Return milliseconds since the epoch by the wall clock, as signatures carry them."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class VenueClock:
    """Venue time = `venue_at` + (wall time - `wall_at`) times `speed`.

    Without anchors it is the wall clock, as for the venues paper, demo and live.
    """

    venue_at: datetime | None = None
    wall_at: datetime | None = None
    speed: float = 1.0

    def now(self) -> datetime:
        """Return the venue's present moment as aware UTC."""
        return self.at(wall_now())

    def at(self, wall: datetime) -> datetime:
        """Return the venue's moment at a moment of the wall clock."""
        if self.venue_at is None or self.wall_at is None:
            return wall
        return self.venue_at + timedelta(seconds=(wall - self.wall_at).total_seconds() * self.speed)

    def __str__(self) -> str:
        if self.venue_at is None or self.wall_at is None:
            return "wall"
        return f"{_iso(self.venue_at)}@{_iso(self.wall_at)}*{self.speed!r}"

    @classmethod
    def parse(cls, text: str) -> "VenueClock":
        """Return the clock that `str()` wrote: "wall" or "<venue time>@<wall time>*<speed>".

        Raises:
            ValueError: the text has another form.
        """
        if text == "wall":
            return cls()
        try:
            anchors, speed = text.rsplit("*", 1)
            venue, wall = anchors.split("@", 1)
            return cls(parse_instant(venue), parse_instant(wall), _speed(speed))
        except ValueError as exc:
            raise ValueError(
                f'{text!r} is no venue clock: write "wall" or "<venue time>@<wall time>*<speed>"'
            ) from exc


@dataclass(frozen=True)
class FixedClock:
    """A clock that stands still: rehearsals of one moment, and tests."""

    moment: datetime

    def now(self) -> datetime:
        """Return the fixed moment."""
        return self.moment


Clock = VenueClock | FixedClock


def parse_instant(text: str) -> datetime:
    """Return an RFC 3339 moment as aware UTC.

    Raises:
        ValueError: not such a moment, or without a zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def _speed(text: str) -> float:
    speed = float(text)
    if not 0 <= speed < math.inf:
        raise ValueError(f"speed {text} is not a number from 0 on")
    return speed


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(UTC_FORMAT)
