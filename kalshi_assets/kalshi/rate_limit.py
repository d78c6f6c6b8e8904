"""Stays below the exchange's rate limits by waiting here first. Does not know what is sent.

The exchange keeps two token buckets per account, one for reads and one for writes; a call passes
if its cost is in the bucket. Ours mirror them. A bucket is one number: the moment at which it will
be full again. A call moves that moment on by cost / rate, and so has its own place in time; it is
reserved at once and waited for outside of any lock: first come, first served, and nobody is late.

A call does not arrive when it is sent. Where ways take between d and d + J seconds, what arrives
within any t seconds was sent within t + J, at most burst + rate x (t + J). That is never over the
exchange's capacity + rate x t as long as burst <= capacity - rate x J. The margin of J = 0.5 s
costs a part of the burst after a rest, and nothing of the lasting rate.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Literal, Protocol

from kalshi_assets.errors import RateLimited

Budget = Literal["read", "write"]

JITTER_SECONDS = 0.5
# Nobody stands in line for longer, whatever was allowed.
LONGEST_WAIT_SECONDS = 600.0
# A known tier is looked up again after an hour, an unknown one after a minute.
KNOWN_FOR_SECONDS, UNKNOWN_FOR_SECONDS = 3_600.0, 60.0

# Account endpoint costs: everything we call costs 10, a cancel 2.
DEFAULT_COST = 10
CANCEL_COST = 2


@dataclass(frozen=True)
class BucketSize:
    """Tokens refilled a second, and how many the exchange's bucket holds."""

    per_second: float
    capacity: float

    @property
    def burst(self) -> float:
        """Tokens that may be spent at once after a rest."""
        return max(0.0, self.capacity - JITTER_SECONDS * self.per_second)


@dataclass(frozen=True)
class Tier:
    """What an account may spend, and what calls cost.

    Attributes:
        costs: by "METHOD /path" where it is not `default_cost`; `:name` stands for any one segment
            of the path, `*name` for all the rest.
    """

    read: BucketSize
    write: BucketSize
    default_cost: int = DEFAULT_COST
    costs: Mapping[str, int] = field(default_factory=dict)

    def size(self, budget: Budget) -> BucketSize:
        """Return the size of a bucket."""
        return self.read if budget == "read" else self.write

    def cost(self, method: str, path: str) -> int:
        """Return the tokens of a call; `path` is the one behind `/trade-api/v2`."""
        exact = self.costs.get(f"{method} {path}")
        if exact is not None:
            return exact
        for pattern, cost in self.costs.items():
            if _fits(pattern, f"{method} {path}"):
                return cost
        return self.default_cost


# The lowest tier, as held by documents and observation at its least: no account is ever over it.
BASIC = Tier(
    read=BucketSize(200, 200),
    write=BucketSize(100, 100),
    costs={
        "DELETE /portfolio/events/orders": CANCEL_COST,
        "DELETE /portfolio/events/orders/:order_id": CANCEL_COST,
    },
)


@dataclass
class Account:
    """The state of an account's buckets. Moments are of one machine's monotonic clock.

    Attributes:
        now: the moment at which it was opened.
        full_at: when each bucket is full again.
        asked_at: when the tier was last looked up; a lasting one was at infinity.
        is_known: the tier is what the exchange states, or is not to be looked up.
    """

    now: float
    tier: Tier
    full_at: dict[Budget, float]
    asked_at: float
    is_known: bool

    @classmethod
    def unknown(cls, now: float) -> "Account":
        """Return one of which nothing is known: it could have spent everything just now."""
        empty: dict[Budget, float] = {
            "read": now + BASIC.read.burst / BASIC.read.per_second,
            "write": now + BASIC.write.burst / BASIC.write.per_second,
        }
        return cls(now, BASIC, empty, asked_at=-inf, is_known=False)


class Book(Protocol):
    """Where an account's state lies: in this process, or in a file for all processes."""

    def opened(self) -> AbstractContextManager[Account]:
        """Yield the state to nobody else meanwhile; changes are kept on leaving."""
        ...


class OwnBook:
    """State of one process alone, full buckets at first; its tier is never looked up."""

    def __init__(
        self, tier: Tier = BASIC, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._lock = threading.Lock()
        self._monotonic = monotonic
        now = monotonic()
        self._account = Account(now, tier, {"read": now, "write": now}, inf, is_known=True)

    @contextmanager
    def opened(self) -> Iterator[Account]:
        """Yield the state to one thread at a time."""
        with self._lock:
            self._account.now = self._monotonic()
            yield self._account


class RateLimits:
    """The two buckets of an account; may be shared by threads.

    Args:
        book: where their state lies; by default nobody else spends from them.
        sleep: waits the given seconds.
    """

    def __init__(
        self, book: Book | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._book = OwnBook() if book is None else book
        self._sleep = sleep

    def cost(self, method: str, path: str) -> int:
        """Return what a call costs; `path` is the one behind `/trade-api/v2`."""
        with self._book.opened() as account:
            return account.tier.cost(method, path)

    def take(self, budget: Budget, cost: float, *, within_seconds: float = inf) -> None:
        """Wait until it is this call's turn, in the order of the callers, and take its tokens.

        Raises:
            RateLimited: its turn does not come in time; nothing was taken.
            ValueError: the bucket is too small for it at any time.
        """
        with self._book.opened() as account:
            size = account.tier.size(budget)
            if cost > size.capacity:
                raise ValueError(
                    f"a call of {cost:g} tokens never fits the {budget} bucket of "
                    f"{size.capacity:g}: send less at once"
                )
            full_at = max(account.full_at[budget], account.now) + cost / size.per_second
            wait = full_at - size.burst / size.per_second - account.now
            longest = min(within_seconds, LONGEST_WAIT_SECONDS)
            if wait > longest:
                raise RateLimited(
                    f"not sent: {wait:.1f} s of {budget} calls stand in line before it, only "
                    f"{longest:.1f} s are left for it; call less often"
                )
            account.full_at[budget] = full_at
        if wait > 0:
            self._sleep(wait)

    def refused(self, budget: Budget, cost: float) -> None:
        """Empty a bucket: the exchange answered 429, so it holds less than ours says."""
        with self._book.opened() as account:
            size = account.tier.size(budget)
            account.full_at[budget] = max(
                account.full_at[budget] + cost / size.per_second,
                account.now + size.burst / size.per_second,
            )

    def is_tier_due(self) -> bool:
        """Tell one caller, of all that share the book, to look the tier up now."""
        with self._book.opened() as account:
            lasts = KNOWN_FOR_SECONDS if account.is_known else UNKNOWN_FOR_SECONDS
            if account.now - account.asked_at < lasts:
                return False
            account.asked_at = account.now
            return True

    def learn(self, tier: Tier) -> None:
        """Work with this tier from now on."""
        with self._book.opened() as account:
            account.tier, account.is_known = tier, True


def _fits(pattern: str, call: str) -> bool:
    wanted, given = pattern.split("/"), call.split("/")
    for at, segment in enumerate(wanted):
        if segment.startswith("*"):
            return True
        if at >= len(given) or not (segment == given[at] or segment.startswith(":")):
            return False
    return len(wanted) == len(given)
