"""The way in: every call is counted, authenticated, charged, answered, and its refusals rendered.

Order writes are answered inside one transaction together with their entry in the request log, and
the transaction is on disk before the answer goes out.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.auth import KEY_HEADER, Scope
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.limits import DEFAULT_COST, Budget
from kalshi_assets.local_exchange.query import Query

if TYPE_CHECKING:
    from kalshi_assets.local_exchange.exchange import Exchange

PREFIX = "/trade-api/v2"
ANONYMOUS = ""

_LOG = logging.getLogger(__name__)

Payload = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call, let in.

    Attributes:
        account: whose key it is signed with; empty on unsigned calls for market data.
        now_ms: the venue's moment.
        path: the values of the path's variables.
        query: the query parameters.
        body: the request's body.
    """

    account: str
    now_ms: int
    path: dict[str, str]
    query: Query
    body: bytes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation.

    Attributes:
        answer: returns the payload, None for an empty answer.
        is_public: market data, served unsigned too.
        scope: what a key must allow; by default `read` for a GET, `write::trade` for the rest.
        is_order_write: runs in a transaction and is logged word for word.
        cost: tokens it takes from its budget.
        billed: whose shards' Write buckets a call takes them from, by its query and body.
    """

    method: str
    path: str
    operation: str
    answer: Callable[[Call], Payload]
    status: int = 200
    is_public: bool = False
    scope: Scope | None = None
    is_order_write: bool = False
    budget: Budget = "read"
    cost: int = DEFAULT_COST
    billed: Callable[[Mapping[str, str], bytes], Sequence[int]] = lambda query, body: (0,)


class Interceptor(Protocol):
    """Where faults go: it may answer in place of the exchange, alter or lose the answer, or wait.

    Awaiting `proceed` carries the call out and returns the exchange's own answer.
    """

    async def __call__(
        self, request: Request, endpoint: Endpoint, proceed: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Answer a call."""
        ...


def public_reads(*operations: tuple[str, str, Callable[[Call], Payload]]) -> list[Endpoint]:
    """Return the endpoints of public operations given as path, name and answer."""
    return [
        Endpoint("GET", path, name, answer, is_public=True) for path, name, answer in operations
    ]


class Gate:
    """Turns an endpoint into a request handler."""

    def __init__(self, exchange: "Exchange", interceptor: Interceptor | None = None) -> None:
        self._exchange = exchange
        self._interceptor = interceptor

    def handler(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return the handler of an endpoint."""

        async def handle(request: Request) -> Response:
            body = await request.body()

            async def proceed() -> Response:
                return self._carry_out(endpoint, request, body)

            self._exchange.request_log.count(endpoint.method, PREFIX + endpoint.path)
            if self._interceptor is None:
                return await proceed()
            return await self._interceptor(request, endpoint, proceed)

        return handle

    def _carry_out(self, endpoint: Endpoint, request: Request, body: bytes) -> Response:
        now_ms = self._exchange.moment()
        if not endpoint.is_order_write:
            return self._respond(endpoint, request, body, now_ms=now_ms)
        with self._exchange.store.transaction():
            response = self._respond(endpoint, request, body, now_ms=now_ms)
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self._exchange.request_log.record_write(
                (request.headers.get(KEY_HEADER, ""), endpoint.method, target),
                body,
                venue_ms=now_ms,
                status=response.status_code,
                response=bytes(response.body),
            )
        return response

    def _respond(
        self, endpoint: Endpoint, request: Request, body: bytes, *, now_ms: int
    ) -> Response:
        try:
            account = self._admit(endpoint, request)
            shards = endpoint.billed(request.query_params, body)
            self._exchange.limiter.spend(
                account, endpoint.budget, cost=endpoint.cost, shards=shards
            )
            query = Query(endpoint.operation, request.query_params)
            payload = endpoint.answer(Call(account, now_ms, request.path_params, query, body))
        except Refusal as refusal:
            _LOG.debug("%s %s: %s", endpoint.method, request.url.path, refusal)
            return json_response(refusal.body, refusal.status)
        return json_response(payload, endpoint.status)

    def _admit(self, endpoint: Endpoint, request: Request) -> str:
        doorkeeper = self._exchange.doorkeeper
        if endpoint.is_public and not doorkeeper.is_signed(request.headers):
            return ANONYMOUS
        raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
        path = raw_path.split(b"?", 1)[0].decode("ascii", errors="replace")
        return doorkeeper.admit(
            request.headers, method=endpoint.method, path=path, scope=_scope_of(endpoint)
        )


def _scope_of(endpoint: Endpoint) -> Scope | None:
    """Return what a key must allow; market data any key may read."""
    if endpoint.is_public or endpoint.scope is not None:
        return endpoint.scope
    return "read" if endpoint.method == "GET" else "write::trade"


def json_response(payload: Payload, status: int) -> Response:
    """Render a payload; None gives an empty body."""
    if payload is None:
        return Response(status_code=status)
    text = json.dumps(payload, separators=(",", ":"))
    return Response(text, status_code=status, media_type="application/json")
