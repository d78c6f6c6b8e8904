"""The Kalshi client: one method a call, values of `domain/` in and out. Synchronous.

Reads are tried again after failures that may pass by themselves; writes are sent exactly once.
The calls stand in groups by topic, `calls_*.py`; this is the one door to them.
"""

from types import TracebackType
from typing import Self

import httpx

from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.kalshi.calls_history import HistoryCalls
from kalshi_assets.kalshi.calls_orders import OrderCalls
from kalshi_assets.kalshi.calls_pages import PageCalls
from kalshi_assets.kalshi.connection import Connection
from kalshi_assets.kalshi.passage import CallSink
from kalshi_assets.kalshi.rate_limit import RateLimits
from kalshi_assets.kalshi.retry import DEFAULT_RETRY, RetryPolicy
from kalshi_assets.kalshi.wire import Wire


class KalshiClient(HistoryCalls, PageCalls, OrderCalls):
    """A client for one exchange and, with `auth`, one account; may be shared by threads.

    Every call raises an `ExchangeError` where no usable answer came, and a `PayloadError` with the
    bytes where an answer could not be read. Calls for many rows of market data set malformed rows
    apart in their batch; whether these are so many that the payloads must have changed, the batch
    tells too.

    Args:
        base_url: `http(s)://<host>/trade-api/v2`.
        auth: signs every request; without it only public calls work.
        transport: replaces the network, in tests.
        retry: when reads are tried again, and how long a call may take.
        limits: the token buckets to wait at; by default nobody else spends from them.
        breaker: refuses calls while the exchange does not answer; by default none does.
        calls: takes every call that was sent; by default nobody does.
        wire: how long to wait for an answer.

    Raises:
        ConfigurationError: `base_url` or the proxy settings are wrong.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: RequestSigner | None = None,
        transport: httpx.BaseTransport | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        limits: RateLimits | None = None,
        breaker: Breaker | None = None,
        calls: CallSink | None = None,
        wire: Wire | None = None,
    ) -> None:
        self._connection = Connection(
            base_url,
            auth=auth,
            transport=transport,
            retry=retry,
            limits=limits,
            breaker=breaker,
            calls=calls,
            wire=wire,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def clock_offset_seconds(self) -> float | None:
        """By how much our wall clock is ahead of the exchange's; None where no answer had a Date.

        Whatever the time on the way explains is left out.
        """
        return self._connection.clock.seconds

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
