"""Reads with retries, writes sent once, pages one after the other. Does not know what rows mean."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import httpx

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.kalshi import failures
from kalshi_assets.kalshi.account_tier import COSTS, LIMITS, read_tier
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.breaker import Breaker, Kind
from kalshi_assets.kalshi.clock_offset import ClockOffset
from kalshi_assets.kalshi.passage import CallSink, IsAnswer, Outgoing, Passage
from kalshi_assets.kalshi.rate_limit import RateLimits
from kalshi_assets.kalshi.retry import DEFAULT_RETRY, Attempt, RetryPolicy
from kalshi_assets.kalshi.wire import Wire, http_client

MOST_PAGES = 1_000
# A write is sent once, and waits no longer than this for its tokens.
WRITE_WAIT_SECONDS = 60.0
# What a look at the account's limits may take from the call that wanted something else.
TIER_SECONDS = 5.0

# A list is sent as one parameter an item.
Params = Mapping[str, str | int | list[str] | None]

_log = logging.getLogger(__name__)


def is_success(response: httpx.Response) -> bool:
    """Tell whether the answer is what was asked for: a success, by its status and by its body."""
    return response.is_success and not failures.states_error(response.content)


class Connection:
    """One account's way to one exchange; may be shared by threads.

    Args:
        base_url: `http(s)://<host>/trade-api/v2`.
        auth: signs every request.
        transport: replaces the network, in tests.
        retry: when reads are tried again, and how long a call may take.
        limits: the account's token buckets; by default nobody else spends from them.
        breaker: refuses calls while the exchange does not answer; by default none does.
        calls: takes every call that was sent; by default nobody does.
        asks_for_tier: a signed one looks up what the account may spend where nobody did lately.
        now: wall clock.
        wire: how long to wait for an answer.

    Attributes:
        clock: how far this machine's clock is off the exchange's.
        retry: as given; its sleep and its clock are those of every wait.

    Raises:
        ConfigurationError: `base_url` or the proxy settings are wrong.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        limits: RateLimits | None = None,
        breaker: Breaker | None = None,
        calls: CallSink | None = None,
        asks_for_tier: bool = True,
        now: Callable[[], datetime] = wall_now,
        wire: Wire | None = None,
    ) -> None:
        wire = Wire() if wire is None else wire
        self._client = http_client(base_url, auth, transport, wire=wire)
        self._limits = RateLimits() if limits is None else limits
        self.retry = retry
        self._asks_for_tier = asks_for_tier and auth is not None
        self.clock = ClockOffset(now)
        self._passage = Passage(self._client, wire, self._limits, breaker, calls, self.clock)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self, path: str, params: Params | None = None, *, is_answer: IsAnswer = is_success
    ) -> Body:
        """Read, again if a failure may pass by itself.

        Args:
            path: the path behind `/trade-api/v2`.
            params: query parameters; those that are None are left out.
            is_answer: tells the answers to return from those to raise.

        Raises:
            ExchangeError: no usable answer, see `errors.py`.
        """
        if self._asks_for_tier and self._limits.is_tier_due():
            self._learn_tier()
        return self.retry.call(
            lambda attempt: self._read(path, params, attempt=attempt, is_answer=is_answer)
        )

    def pages(
        self, path: str, params: Params, *, cursor_is_optional: bool = False
    ) -> Iterator[Body]:
        """Read page after page until the cursor is empty.

        Raises:
            ExchangeError: no usable answer, see `errors.py`.
            PayloadError: a cursor is missing, is no text, or leads in a circle.
        """
        cursor, seen = "", set[str]()
        for _ in range(MOST_PAGES):
            page = self.get(path, {**params, "cursor": cursor or None})
            yield page
            cursor = next_cursor(page, is_optional=cursor_is_optional)
            if not cursor:
                return
            if cursor in seen:
                raise PayloadError(f"{page.source}: the cursor repeats", payload=page.content)
            seen.add(cursor)
        raise PayloadError(f"{page.source}: over {MOST_PAGES} pages", payload=page.content)

    def write_once(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Mapping[str, object] | None = None,
    ) -> Body:
        """Send a write exactly once, whatever happens. A DELETE cancels: no breaker stops it.

        Args:
            method: the HTTP method.
            path: the path behind `/trade-api/v2`.
            params: query parameters; those that are None are left out.
            json: the content.

        Raises:
            BreakerOpen, RateLimited: nothing was done.
            ExchangeError: after TransportError and ServerError the outcome is unknown.
            ValueError: more is sent at once than the account may ever send.
        """
        cost = self._limits.cost(method, path)
        kind: Kind = "cancel" if method == "DELETE" else "order"
        request = self._client.build_request(method, path, params=_given(params), json=json)
        call = Outgoing(request, path, kind, cost, is_success)
        return self._passage.send(call, Attempt(1, WRITE_WAIT_SECONDS))

    def _read(
        self, path: str, params: Params | None, *, attempt: Attempt, is_answer: IsAnswer
    ) -> Body:
        request = self._client.build_request("GET", path, params=_given(params))
        cost = self._limits.cost("GET", path)
        return self._passage.send(Outgoing(request, path, "read", cost, is_answer), attempt)

    def _learn_tier(self) -> None:
        """Ask what the account may spend; without an answer, what was known stays."""
        once = Attempt(1, TIER_SECONDS)
        try:
            limits, costs = (
                self._read(path, None, attempt=once, is_answer=is_success)
                for path in (LIMITS, COSTS)
            )
            self._limits.learn(read_tier(limits, costs))
        except (ExchangeError, PayloadError) as exc:
            _log.warning("the account's rate limits are as known before, at first Basic: %s", exc)


def _given(params: Params | None) -> dict[str, str | int | list[str]]:
    return {k: v for k, v in (params or {}).items() if v is not None}


def next_cursor(page: Body, *, is_optional: bool) -> str:
    """Return what leads to the next page, "" after the last one.

    Raises:
        PayloadError: the cursor is missing, where it may not be, or is no text.
    """
    document = page.whole.value
    if is_optional and isinstance(document, dict) and "cursor" not in document:
        return ""
    cursor = page.row("cursor").value
    if not isinstance(cursor, str):
        raise PayloadError(f"{page.source}: the cursor is no text", payload=page.content)
    return cursor
