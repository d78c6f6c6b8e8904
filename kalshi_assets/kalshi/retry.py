"""When a read is tried again, and after how long. Writes never come here."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kalshi_assets.errors import (
    BreakerOpen,
    ExchangeError,
    RateLimited,
    ServerError,
    TransportError,
)

T = TypeVar("T")

WORTH_ANOTHER_TRY = (TransportError, ServerError, RateLimited)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """One try of a call: its number, counted from 1, and the seconds left for the whole call."""

    number: int
    left_seconds: float


@dataclass(frozen=True)
class RetryPolicy:
    """Capped exponential back-off with full jitter, within a deadline for the whole call.

    Attributes:
        attempts: how often a read is sent at most, the first time included.
        base_seconds: the longest first pause; it doubles with every attempt.
        cap_seconds: no pause is longer.
        deadline_seconds: for all attempts, pauses and waits for rate limits together.
        sleep: waits the given seconds.
        random: a number in [0, 1).
        monotonic: seconds of a clock that only goes forward.
    """

    attempts: int = 4
    base_seconds: float = 0.25
    cap_seconds: float = 4.0
    deadline_seconds: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    random: Callable[[], float] = field(default=random.random, repr=False)
    monotonic: Callable[[], float] = field(default=time.monotonic, repr=False)

    def pause_seconds(self, attempt: int) -> float:
        """Return the pause after failed attempt number `attempt`, counted from 1."""
        longest = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        return self.random() * longest

    def call(self, read: Callable[[Attempt], T]) -> T:
        """Return what `read` returns, tried again after failures that may pass by themselves.

        A pause that would end after the deadline is not begun: the last failure is raised. So it is
        where the breaker opens between two attempts.
        """
        deadline = self.monotonic() + self.deadline_seconds
        failure: ExchangeError | None = None
        for number in range(1, self.attempts + 1):
            left = deadline - self.monotonic()
            if failure is not None:
                pause = self.pause_seconds(number - 1)
                if pause >= left:
                    break
                self._wait(pause, number - 1, failure)
                left = deadline - self.monotonic()
            try:
                return read(Attempt(number, left))
            except WORTH_ANOTHER_TRY as exc:
                failure = exc
            except BreakerOpen as exc:
                raise failure or exc from None
        assert failure is not None  # noqa: S101  attempts is 1 or more
        raise failure

    def _wait(self, pause: float, attempt: int, failure: ExchangeError) -> None:
        _log.warning("attempt %d of %d: %s; next in %.2f s", attempt, self.attempts, failure, pause)
        self.sleep(pause)


DEFAULT_RETRY = RetryPolicy()
