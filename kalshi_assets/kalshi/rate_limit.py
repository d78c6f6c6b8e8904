"""Stays below the exchange's rate limits by waiting here first. Does not know what is sent.

The exchange keeps two token buckets per account, one for reads and one for writes; a call passes
if its cost is in the bucket. The defaults are those of the lowest tier (Basic: 200 and 100 tokens
a second, one second's worth held), so that no account is ever over its limit.
"""

import threading
import time
from collections.abc import Callable

BASIC_READ_PER_SECOND = 200
BASIC_WRITE_PER_SECOND = 100
# Account endpoint costs: everything we call costs 10, a cancel 2.
DEFAULT_COST = 10
CANCEL_COST = 2


class TokenBucket:
    """A bucket of tokens that refills continuously; may be shared by threads.

    Args:
        per_second: tokens added a second.
        capacity: tokens held at most, and at the start; a second's worth by default.
        monotonic: seconds of a clock that only goes forward.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        per_second: float,
        capacity: float | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._capacity = per_second if capacity is None else capacity
        self._tokens = self._capacity
        self._monotonic = monotonic
        self._sleep = sleep
        self._counted_at = monotonic()
        self._lock = threading.Lock()

    def take(self, cost: float) -> None:
        """Wait until `cost` tokens are there, in the order of the callers, and take them."""
        wait = self._reserve(cost)
        if wait > 0:
            self._sleep(wait)

    def _reserve(self, cost: float) -> float:
        with self._lock:
            now = self._monotonic()
            refill = (now - self._counted_at) * self._per_second
            self._tokens = min(self._capacity, self._tokens + refill) - cost
            self._counted_at = now
            return max(0.0, -self._tokens / self._per_second)


class RateLimits:
    """The two buckets of an account."""

    def __init__(self, read: TokenBucket | None = None, write: TokenBucket | None = None) -> None:
        self.read = TokenBucket(BASIC_READ_PER_SECOND) if read is None else read
        self.write = TokenBucket(BASIC_WRITE_PER_SECOND) if write is None else write
