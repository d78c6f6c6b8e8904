"""Token buckets of a tier: one Read budget an account, and one Write budget a shard."""

import time
from collections.abc import Callable, Sequence
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


# Reads above Advanced fill within a second, writes above Basic within three.
TIERS = {
    "basic": RateLimits(),
    "advanced": RateLimits("advanced", BucketSize(300, 900), BucketSize(300, 900)),
    "premier": RateLimits("premier", BucketSize(1_200, 1_200), BucketSize(1_200, 3_600)),
    "prime": RateLimits("prime", BucketSize(4_800, 4_800), BucketSize(4_800, 14_400)),
}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(slots=True)
class RateLimiter:
    """Charges requests to their account's buckets.

    Attributes:
        limits: the tier in force.
        monotonic: seconds of real time.
    """

    limits: RateLimits
    monotonic: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, Budget, int], _Bucket] = field(default_factory=dict)

    def spend(
        self, account: str, budget: Budget, *, cost: int, shards: Sequence[int] = (0,)
    ) -> None:
        """Take tokens from a bucket, or from those of several shards.

        Args:
            account: whose.
            budget: Read or Write.
            cost: tokens to take.
            shards: whose Write buckets a write is billed to; 0 is the one that belongs to none.

        Raises:
            Refusal: 429 if a bucket holds fewer; they then keep what they have.
        """
        if not self.limits.is_enforced:
            return
        buckets = [self._filled(account, budget, shard) for shard in shards]
        if any(bucket.tokens < cost for bucket in buckets):
            raise Refusal.rate_limited()
        for bucket in buckets:
            bucket.tokens -= cost

    def _filled(self, account: str, budget: Budget, shard: int) -> _Bucket:
        size = self.limits.read if budget == "read" else self.limits.write
        now = self.monotonic()
        bucket = self._buckets.setdefault((account, budget, shard), _Bucket(size.capacity, now))
        refill = (now - bucket.filled_at) * size.refill_rate
        bucket.tokens = min(bucket.tokens + refill, size.capacity)
        bucket.filled_at = now
        return bucket
