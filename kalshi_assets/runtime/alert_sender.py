"""Sends alerts: each channel by itself, so that one that hangs or is dead delays no other.

At least once: an alert is sent again where the process ended between sending and recording. A
channel that fails rests, longer with every failure in a row; then it is tried with the alert it was
tried with least.
"""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kalshi_assets.runtime.alert_channels import Channel
from kalshi_assets.runtime.background import in_background
from kalshi_assets.storage.alerts import Alert, Delivery, Waiting, save_delivery, undelivered
from kalshi_assets.storage.engine import Database


@dataclass(frozen=True)
class Pace:
    """How long a try may take, and how long a channel rests after failures in a row."""

    timeout: timedelta = timedelta(seconds=30)
    first_rest: timedelta = timedelta(seconds=5)
    longest_rest: timedelta = timedelta(minutes=15)

    def rest(self, failures: int) -> timedelta:
        """Return the rest after so many failures, 0 after none."""
        doubled = self.first_rest * 2 ** min(failures - 1, 20)
        return min(doubled, self.longest_rest) if failures else timedelta(0)


@dataclass(frozen=True)
class Try:
    """A try under way."""

    waiting: Waiting
    began_at: datetime
    outcome: "Future[str | None]"


@dataclass
class Line:
    """What is under way on one channel. A try that takes too long is given up, not waited for."""

    channel: Channel
    pace: Pace
    under_way: Try | None = None
    failures: int = 0
    rests_until: datetime | None = None

    def is_free(self, now: datetime) -> bool:
        """Tell whether it can be tried."""
        return self.under_way is None and (self.rests_until is None or now >= self.rests_until)

    def begin(self, waiting: Waiting, *, source: str, now: datetime) -> None:
        """Begin to send an alert."""
        title, body = message(waiting.alert, source)
        outcome = in_background(lambda: self.channel.send(title, body))
        self.under_way = Try(waiting, now, outcome)

    def ended(self, now: datetime) -> Delivery | None:
        """Return the try that has ended or was given up; None where there is none."""
        tried = self.under_way
        if tried is None:
            return None
        if not tried.outcome.done():
            if now - tried.began_at < self.pace.timeout:
                return None
            problem: str | None = f"no answer within {self.pace.timeout.total_seconds():g} s"
        else:
            problem = tried.outcome.result()
        self.under_way = None
        self.failures = 0 if problem is None else self.failures + 1
        self.rests_until = now + self.pace.rest(self.failures)
        return Delivery(
            alert_id=tried.waiting.alert.alert_id,
            channel=self.channel.name,
            attempt=tried.waiting.attempts + 1,
            at=now,
            is_ok=problem is None,
            detail=problem or "",
        )


@dataclass
class Sender:
    """Sends what is kept; `source` says whose alerts these are. No step waits for a channel."""

    database: Database
    channels: Sequence[Channel]
    kinds: Collection[str]
    source: str
    pace: Pace = field(default_factory=Pace)
    _lines: Mapping[str, Line] = field(init=False)
    _unsaved: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = {c.name: Line(c, self.pace) for c in self.channels}

    def step(self, now: datetime) -> None:
        """Record the tries that have ended, and begin new ones.

        Raises:
            StorageError: the database gives no answer.
        """
        ended = [line.ended(now) for line in self._lines.values()]
        self._unsaved += [delivery for delivery in ended if delivery is not None]
        free = [name for name, line in self._lines.items() if line.is_free(now)]
        with self.database.transaction() as connection:
            for delivery in self._unsaved:
                save_delivery(connection, delivery)
            waiting = undelivered(connection, channels=free, kinds=self.kinds) if free else []
        self._unsaved.clear()
        for one in waiting:
            line = self._lines[one.channel]
            if line.is_free(now):
                line.begin(one, source=self.source, now=now)


def message(alert: Alert, source: str) -> tuple[str, str]:
    """Return title and body of the message that tells of an alert."""
    title = f"{source}: {alert.kind.replace('_', ' ')}"
    body = (
        f"What happened: {alert.what}\n"
        f"Why: {alert.why}\n"
        f"What was done: {alert.done}\n"
        f"What to do: {alert.todo}\n"
        f"When: {alert.raised_at:%Y-%m-%d %H:%M:%S} UTC, venue time"
    )
    return title, body
