"""Token buckets of the Basic tier: one Read and one Write budget an account."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from kalshi_assets.local_exchange.errors import Refusal

Budget = Literal["read", "write"]
DEFAULT_COST = 10


@dataclass(frozen=True, slots=True)
class BucketSize:
    """Tokens refilled a second, and how many the bucket holds."""

    refill_rate: int
    capacity: int


@dataclass(frozen=True, slots=True)
class RateLimits:
    """A tier's two budgets; `is_enforced` false counts nothing and refuses nobody."""

    tier: str = "basic"
    read: BucketSize = BucketSize(200, 600)
    write: BucketSize = BucketSize(100, 100)
    is_enforced: bool = True


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(slots=True)
class RateLimiter:
    """Charges requests to their account's bucket.

    Attributes:
        limits: the tier in force.
        monotonic: seconds of real time.
    """

    limits: RateLimits
    monotonic: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, Budget], _Bucket] = field(default_factory=dict)

    def spend(self, account: str, budget: Budget, *, cost: int) -> None:
        """Take tokens from a bucket.

        Raises:
            Refusal: 429 if the bucket holds fewer; it then keeps what it has.
        """
        if not self.limits.is_enforced:
            return
        size = self.limits.read if budget == "read" else self.limits.write
        now = self.monotonic()
        bucket = self._buckets.setdefault((account, budget), _Bucket(size.capacity, now))
        refill = (now - bucket.filled_at) * size.refill_rate
        bucket.tokens = min(bucket.tokens + refill, size.capacity)
        bucket.filled_at = now
        if bucket.tokens < cost:
            raise Refusal.rate_limited()
        bucket.tokens -= cost
