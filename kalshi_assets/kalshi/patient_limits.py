"""The account's buckets for a caller that has time: it takes only what nobody else has asked for.

It sends nothing until its bucket is full. So whoever else calls, of this process or another, finds
all of a burst in it but one call, and never stands in line behind a long read.
"""

from math import inf

from kalshi_assets.errors import RateLimited
from kalshi_assets.kalshi.rate_limit import LONGEST_WAIT_SECONDS, Budget, RateLimits


class PatientLimits(RateLimits):
    """Buckets that are drawn from only while they are full."""

    def take(self, budget: Budget, cost: float, *, within_seconds: float = inf) -> None:
        """Wait until the bucket is full, then take a call's tokens.

        Raises:
            RateLimited: others kept it busy all the time; nothing was taken.
        """
        longest, waited = min(within_seconds, LONGEST_WAIT_SECONDS), 0.0
        while True:
            with self._book.opened() as account:
                wait = account.full_at[budget] - account.now
                if wait <= 0:
                    account.full_at[budget] = (
                        account.now + cost / account.tier.size(budget).per_second
                    )
                    return
            if waited + wait > longest:
                raise RateLimited(
                    f"not sent: others have used the account's {budget} limit for {waited:.0f} s, "
                    "and go first; try again when less is called"
                )
            self._sleep(wait)
            waited += wait
