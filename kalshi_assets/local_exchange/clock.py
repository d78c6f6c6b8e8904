"""The venue clock: scenario time that runs while the process runs, and survives its death.

The clock never shows a moment past its *lease*, a moment already on disk. After a crash it resumes
at the lease, so no client ever sees it step back; it may skip up to a lease's length. A clean stop
writes the exact moment instead.
"""

import time
from collections.abc import Callable
from typing import Protocol

from kalshi_assets.local_exchange.units import iso

LEASE_SECONDS = 2.0


class Clock(Protocol):
    """Venue time."""

    @property
    def speed(self) -> float:
        """Venue seconds a wall second."""
        ...

    def now_ms(self) -> int:
        """Return the venue's moment."""
        ...

    def checkpoint(self) -> None:
        """Write the lease anew if it is half used; call it at least once a second."""
        ...

    def stop(self) -> None:
        """Write the exact moment: the next start goes on from here."""
        ...

    def steer(self, to_ms: int | None, *, speed: float) -> None:
        """Go to a later moment at once, or none, and run on from there at this speed.

        Raises:
            ValueError: the moment is past, or the speed not positive.
        """
        ...


class LeasedClock:
    """A running venue clock.

    Args:
        start_ms: the moment it starts at.
        speed: venue seconds a wall second.
        write_lease: puts a moment on disk, durably, before it returns.
        monotonic: seconds of real time.
    """

    def __init__(
        self,
        start_ms: int,
        *,
        speed: float,
        write_lease: Callable[[int], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_speed(speed)
        self.speed = speed
        self._start_ms = start_ms
        self._write_lease = write_lease
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._lease_ms = start_ms
        self.checkpoint()

    def now_ms(self) -> int:
        """Return the venue's moment, never past the lease on disk."""
        now = self._running_ms()
        if now > self._lease_ms:
            self._extend(now)
        return now

    def checkpoint(self) -> None:
        """Write the lease anew if it is half used."""
        now = self._running_ms()
        if self._lease_ms - now < self._lease_length_ms() / 2:
            self._extend(now)

    def stop(self) -> None:
        """Write the exact moment."""
        self._write_lease(self._running_ms())

    def steer(self, to_ms: int | None, *, speed: float) -> None:
        """Go to a later moment at once, or none, and run on from there at this speed."""
        _check_speed(speed)
        self._start_ms = _later(to_ms, self.now_ms())
        self._began_at, self.speed = self._monotonic(), speed

    def _running_ms(self) -> int:
        elapsed = self._monotonic() - self._began_at
        return self._start_ms + int(elapsed * 1000 * self.speed)

    def _lease_length_ms(self) -> int:
        return int(LEASE_SECONDS * 1000 * self.speed) + 1

    def _extend(self, now: int) -> None:
        lease = now + self._lease_length_ms()
        self._write_lease(lease)
        self._lease_ms = lease


class ManualClock:
    """A clock that moves when told to; for tests and for stepping through a scenario."""

    def __init__(self, start_ms: int) -> None:
        self.speed = 1.0
        self._now_ms = start_ms

    def now_ms(self) -> int:
        """Return the venue's moment."""
        return self._now_ms

    def advance(self, *, seconds: float) -> None:
        """Move on."""
        self._now_ms += int(seconds * 1000)

    def steer(self, to_ms: int | None, *, speed: float) -> None:
        """Go to a later moment; it stands still there at any speed."""
        _check_speed(speed)
        self._now_ms, self.speed = _later(to_ms, self._now_ms), speed

    def checkpoint(self) -> None:
        """Do nothing: the moment is the test's."""

    def stop(self) -> None:
        """Do nothing: the moment is the test's."""


def _check_speed(speed: float) -> None:
    if not speed > 0:
        raise ValueError(f"speed {speed} is not positive")


def _later(to_ms: int | None, now_ms: int) -> int:
    """Return the moment to go to: `now_ms` where none is named."""
    if to_ms is not None and to_ms < now_ms:
        raise ValueError(f"the venue's clock stands at {iso(now_ms)}: it never goes back")
    return now_ms if to_ms is None else to_ms
