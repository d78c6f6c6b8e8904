"""The circuit breaker: after calls that failed in a row nothing is sent until one gets through.

    closed --(three failures in a row)--> open --(a pause)--> half open --(success)--> closed
                                           ^                      |
                                           +-----(a failure)------+

A failure is an attempt without an answer, or a call answered 5xx. Any other answer shows that the
exchange is there and ends the row; a 429 says neither. Half open, one read at a time probes, in
vain unless such an answer comes.
Cancels are always let through: our orders must go as soon as anything does, and a cancel that
succeeds closes the breaker. Orders never probe: their outcome would be unknown.

State and row of failures lie in a store that all processes share: a run of a job makes few calls,
and three runs that fail one after the other are three failures.
Where the store cannot be read no order is sent; reads go on, and what happens is logged.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from kalshi_assets.domain.calls import BreakerState, BreakerTransition
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import BreakerOpen, StorageError

Kind = Literal["read", "order", "cancel"]

FAILURES_IN_A_ROW = 3
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 120.0
# Longer than any probe takes: after it, the one who probed is taken to be dead.
PROBE_SECONDS = 60.0
# A process that only reads sees what others found at most this much later.
LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)


class BreakerStore(Protocol):
    """Keeps what one exchange's breaker knows. Every call may raise StorageError."""

    def newest(self) -> BreakerTransition | None:
        """Return the newest transition; None before the first."""
        ...

    def record(
        self, transition: BreakerTransition, *, after: BreakerTransition | None
    ) -> BreakerTransition | None:
        """Add a transition and return it with its number; None where `after` is not the newest."""
        ...

    def add_failure(self) -> int:
        """Count one more failed call, and return how many there were in a row."""
        ...

    def failures(self) -> int:
        """Return how many calls failed in a row."""
        ...

    def end_failures(self) -> None:
        """Note that a call got through."""
        ...


class OwnStore:
    """A store of this process alone."""

    def __init__(self) -> None:
        self.transitions: list[BreakerTransition] = []
        self._failures = 0
        self._lock = threading.Lock()

    def newest(self) -> BreakerTransition | None:
        """Return the newest transition."""
        return self.transitions[-1] if self.transitions else None

    def record(
        self, transition: BreakerTransition, *, after: BreakerTransition | None
    ) -> BreakerTransition | None:
        """Add a transition, unless another was quicker."""
        with self._lock:
            if self.newest() != after:
                return None
            kept = replace(transition, number=len(self.transitions) + 1)
            self.transitions.append(kept)
            return kept

    def add_failure(self) -> int:
        """Count one more failed call, and return how many there were in a row."""
        with self._lock:
            self._failures += 1
            return self._failures

    def failures(self) -> int:
        """Return how many calls failed in a row."""
        return self._failures

    def end_failures(self) -> None:
        """Note that a call got through."""
        self._failures = 0


class Breaker:
    """The breaker of one exchange; may be shared by threads.

    Args:
        host: of the exchange.
        store: where the state lies; by default nobody else sees it.
        now: wall clock.
        monotonic: seconds of a clock that only goes forward.
        random: a number in [0, 1).
    """

    def __init__(
        self,
        host: str,
        store: BreakerStore | None = None,
        *,
        now: Callable[[], datetime] = wall_now,
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._host = host
        self._store = OwnStore() if store is None else store
        self._now, self._monotonic, self._random = now, monotonic, random
        self._lock = threading.RLock()
        self._known: BreakerTransition | None = None
        self._looked_at: float | None = None
        self._failures = 0

    def admit(self, kind: Kind) -> bool:
        """Let a call through, and tell whether it is a probe.

        Raises:
            BreakerOpen: it is not to be sent.
        """
        with self._lock:
            known = self._look(is_order=kind == "order")
            if kind == "cancel":
                return _state(known) != "closed"
            while known is not None and known.to_state != "closed":
                if kind == "order" or not self._is_over(known):
                    raise _refusal(known)
                if self._move(known, "half_open", "a call probes"):
                    return True
                self._look_again()
                known = self._known
            return False

    def succeeded(self, *, is_probe: bool) -> None:
        """Note that the exchange answered."""
        with self._lock:
            self._end_failures()
            while is_probe and self._known is not None and self._known.to_state != "closed":
                if self._move(self._known, "closed", "a call got through"):
                    return
                self._look_again()

    def failed(self, reason: str, *, is_probe: bool) -> None:
        """Note that no answer came, or a 5xx."""
        with self._lock:
            self._add_failure()
            state = _state(self._known)
            if state == "closed" and self._failures >= FAILURES_IN_A_ROW:
                what = f"{self._failures} failures in a row"
            elif state == "half_open" and is_probe:
                what = "the probe failed"
            else:
                return
            if not self._move(self._known, "open", f"{what}: {reason}"):
                self._look_again()

    def _look(self, *, is_order: bool) -> BreakerTransition | None:
        """Return the newest transition known. An order needs one that was just read."""
        is_recent = (
            self._looked_at is not None and self._monotonic() - self._looked_at < LOOK_SECONDS
        )
        if is_order or not is_recent:
            failure = self._look_again()
            if failure is not None and is_order:
                raise BreakerOpen(
                    f"no order is sent: whether the breaker of {self._host} is open cannot be "
                    f"read: {failure}"
                ) from failure
        return self._known

    def _look_again(self) -> StorageError | None:
        self._looked_at = self._monotonic()
        try:
            newest = self._store.newest()
            self._failures = self._store.failures()
        except StorageError as exc:
            _log.error("the breaker's state cannot be read, reads go on: %s", exc)
            return exc
        self._known = newest
        return None

    def _add_failure(self) -> None:
        self._failures += 1  # what counts where the store cannot be written
        try:
            self._failures = self._store.add_failure()
        except StorageError as exc:
            _log.error("a failure is counted by this process alone: %s", exc)

    def _end_failures(self) -> None:
        if not self._failures:
            return
        self._failures = 0
        try:
            self._store.end_failures()
        except StorageError as exc:
            _log.error("that a call got through is known to this process alone: %s", exc)

    def _move(self, known: BreakerTransition | None, to: BreakerState, reason: str) -> bool:
        """Change the state, unless another process was quicker. A broken store is logged."""
        transition = self._transition(known, to, reason)
        try:
            kept = self._store.record(transition, after=known)
        except StorageError as exc:
            _log.error("a transition of the breaker is not kept (%s): %s", transition, exc)
            kept = transition
        if kept is None:
            return False
        self._known = kept
        level = logging.INFO if to != "open" else logging.WARNING
        _log.log(level, "breaker of %s %s: %s", self._host, to.replace("_", " "), reason)
        return True

    def _transition(
        self, known: BreakerTransition | None, to: BreakerState, reason: str
    ) -> BreakerTransition:
        openings = 0 if known is None or known.to_state == "closed" else known.openings
        at = self._now()
        if to == "open":
            openings += 1
        seconds = {"open": self._pause(openings), "half_open": PROBE_SECONDS}
        return BreakerTransition(
            at=at,
            host=self._host,
            from_state=_state(known),
            to_state=to,
            reason=reason,
            openings=openings,
            until=at + timedelta(seconds=seconds[to]) if to in seconds else None,
        )

    def _pause(self, openings: int) -> float:
        """Return a pause that doubles with every opening, between half and whole at random."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (openings - 1))
        return longest * (1 + self._random()) / 2

    def _is_over(self, known: BreakerTransition) -> bool:
        """Tell whether the pause has passed; a clock that was set back does not prolong it."""
        now, longest = self._now(), timedelta(seconds=LONGEST_PAUSE_SECONDS)
        return known.until is None or not now < known.until <= now + longest


def _state(known: BreakerTransition | None) -> BreakerState:
    return "closed" if known is None else known.to_state


def _refusal(known: BreakerTransition) -> BreakerOpen:
    until = "" if known.until is None else f" until {known.until:%H:%M:%S} UTC"
    return BreakerOpen(
        f"not sent: the breaker of {known.host} is {known.to_state.replace('_', ' ')}{until} "
        f"({known.reason}); then a read probes, and its success closes it"
    )
