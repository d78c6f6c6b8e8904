"""The way of one call to the wire and back, past all that stands between.

The breaker admits it, it waits for its tokens, it is signed and sent, and what came of it is told
to the breaker, the limits, the estimate of the clock and the call log.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.errors import ExchangeError, RateLimited, ServerError, TransportError
from kalshi_assets.kalshi import failures
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.breaker import Breaker, Kind
from kalshi_assets.kalshi.clock_offset import ClockOffset
from kalshi_assets.kalshi.rate_limit import Budget, RateLimits
from kalshi_assets.kalshi.retry import Attempt
from kalshi_assets.kalshi.wire import Wire

IsAnswer = Callable[[httpx.Response], bool]


class CallSink(Protocol):
    """Takes every call that was sent; neither waits nor raises."""

    def note(self, call: ApiCall) -> None:
        """Take a call."""
        ...


@dataclass(frozen=True)
class Outgoing:
    """A request, what it is charged, and which answers are wanted."""

    request: httpx.Request
    path: str
    kind: Kind
    cost: int
    is_answer: IsAnswer

    @property
    def budget(self) -> Budget:
        """Return which bucket pays."""
        return "read" if self.kind == "read" else "write"


@dataclass(frozen=True)
class Passage:
    """What all calls of a connection pass."""

    client: httpx.Client
    wire: Wire
    limits: RateLimits
    breaker: Breaker | None
    calls: CallSink | None
    clock: ClockOffset

    def send(self, call: Outgoing, attempt: Attempt) -> Body:
        """Send a call once and return the answer. A read gets no longer than the attempt has left.

        Raises:
            BreakerOpen, RateLimited: nothing was done.
            ExchangeError: no usable answer came.
        """
        deadline = self.wire.monotonic() + attempt.left_seconds
        is_probe = self.breaker.admit(call.kind) if self.breaker is not None else False
        self.limits.take(call.budget, call.cost, within_seconds=attempt.left_seconds)
        wire = self.wire
        if call.kind == "read":
            wire = wire.within(deadline - wire.monotonic())
        asked_at, started = self.clock.now(), wire.monotonic()
        status, failure = None, None
        try:
            response = self._answer(call, wire, asked_at)
            status = response.status_code
            return Body(response.content, _source(call))
        except ExchangeError as exc:
            status, failure = exc.status, exc
            raise
        finally:
            self._tell(call, status, failure, is_first=attempt.number == 1, is_probe=is_probe)
            self._log(call, status, failure, attempt=attempt, asked_at=asked_at, started=started)

    def _answer(self, call: Outgoing, wire: Wire, asked_at: datetime) -> httpx.Response:
        """Return the answer that was wanted.

        Raises:
            ExchangeError: another one came, or none.
        """
        method = call.request.method
        call.request.extensions["timeout"] = wire.timeout.as_dict()
        try:
            response = self.client.send(call.request, stream=True)
            try:
                self.clock.note(asked_at, response.headers)
                whole = wire.whole(response, _source(call))
            finally:
                response.close()
        except httpx.HTTPError as exc:
            raise failures.from_httpx(method, call.path, exc) from exc
        if not call.is_answer(whole):
            raise failures.from_response(method, call.path, whole)
        return whole

    def _tell(
        self,
        call: Outgoing,
        status: int | None,
        failure: ExchangeError | None,
        *,
        is_first: bool,
        is_probe: bool,
    ) -> None:
        """Tell limits and breaker. A 429, and a 5xx that was wanted, only end a probe in vain.

        A 5xx counts once a call, however often that is tried: an endpoint in trouble is no outage.
        """
        if isinstance(failure, RateLimited):
            self.limits.refused(call.budget, call.cost)
        if self.breaker is None:
            return
        is_failure = isinstance(failure, TransportError)
        is_failure |= is_first and isinstance(failure, ServerError)
        is_there = status is not None and status != 429 and status // 100 in (2, 4)
        if is_failure or (is_probe and not is_there):
            self.breaker.failed(str(failure or status), is_probe=is_probe)
        elif is_there:
            self.breaker.succeeded(is_probe=is_probe)

    def _log(
        self,
        call: Outgoing,
        status: int | None,
        failure: ExchangeError | None,
        *,
        attempt: Attempt,
        asked_at: datetime,
        started: float,
    ) -> None:
        if self.calls is None:
            return
        self.calls.note(
            ApiCall(
                at=asked_at,
                host=call.request.url.netloc.decode("ascii"),
                method=call.request.method,
                path=call.path,
                status=status,
                error="" if failure is None else type(failure).__name__,
                cost=call.cost,
                latency_ms=round((self.wire.monotonic() - started) * 1000),
                attempt=attempt.number,
            )
        )


def _source(call: Outgoing) -> str:
    return f"{call.request.method} {call.path}"
