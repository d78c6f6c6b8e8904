"""A look at the exchange: brief time-outs, how long an answer took, how far our clock is off.

For people who ask "does it work?"; nothing that trades goes through here, so no breaker stops it
and no call log is kept. Its calls are paid from the account's limits as all others.
"""

import httpx

from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.connection import Connection
from kalshi_assets.kalshi.rate_limit import RateLimits
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.kalshi.wire import Wire

LONGEST_SECONDS = 5.0


class Probe(KalshiClient):
    """A client that asks briefly, at most twice, and notes the course of its answers."""

    def __init__(
        self,
        base_url: str,
        *,
        auth: RequestSigner | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self._connection = Connection(
            base_url,
            auth=auth,
            retry=RetryPolicy(attempts=2, cap_seconds=0.5, deadline_seconds=2 * LONGEST_SECONDS),
            limits=limits,
            asks_for_tier=False,
            wire=Wire(httpx.Timeout(LONGEST_SECONDS, connect=3), LONGEST_SECONDS),
        )

    @property
    def round_trip_seconds(self) -> float | None:
        """From request to answer, of the newest call; None before any answer."""
        return self._connection.clock.round_trip_seconds
