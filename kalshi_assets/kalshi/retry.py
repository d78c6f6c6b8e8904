"""When a read is tried again, and after how long. Writes never come here."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kalshi_assets.errors import ExchangeError, RateLimited, ServerError, TransportError

T = TypeVar("T")

WORTH_ANOTHER_TRY = (TransportError, ServerError, RateLimited)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetryPolicy:
    """Capped exponential back-off with full jitter.

    Attributes:
        attempts: how often a read is sent at most, the first time included.
        base_seconds: the longest first pause; it doubles with every attempt.
        cap_seconds: no pause is longer.
        sleep: waits the given seconds.
        random: a number in [0, 1).
    """

    attempts: int = 4
    base_seconds: float = 0.25
    cap_seconds: float = 4.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    random: Callable[[], float] = field(default=random.random, repr=False)

    def pause_seconds(self, attempt: int) -> float:
        """Return the pause after failed attempt number `attempt`, counted from 1."""
        longest = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        return self.random() * longest

    def call(self, read: Callable[[], T]) -> T:
        """Return what `read` returns, tried again after failures that may pass by themselves."""
        for attempt in range(1, self.attempts):
            try:
                return read()
            except WORTH_ANOTHER_TRY as exc:
                self._wait(attempt, exc)
        return read()

    def _wait(self, attempt: int, failure: ExchangeError) -> None:
        pause = self.pause_seconds(attempt)
        _log.warning("attempt %d of %d: %s; next in %.2f s", attempt, self.attempts, failure, pause)
        self.sleep(pause)


DEFAULT_RETRY = RetryPolicy()
