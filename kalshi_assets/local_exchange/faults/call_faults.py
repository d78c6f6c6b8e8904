"""The faults of calls: what each makes of one, before or after the exchange carries it out."""

import asyncio
import json
from collections.abc import Callable
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.faults import wire
from kalshi_assets.local_exchange.faults.rules import CallRule, Proceed, Seconds
from kalshi_assets.local_exchange.gate import Endpoint, json_response

When = Literal["before", "after"]
Rewrite = Callable[[list[tuple[str, object]]], dict[str, object]]

_CODES = {
    500: "internal_server_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
}
_PAGE = b"<html><body><h1>We will be back soon.</h1></body></html>"


class ErrorBurst(CallRule, frozen=True, kw_only=True):
    """The answer is an error, before the call is carried out, or in place of its answer."""

    status: Literal[429, 500, 502, 503, 504] = 503
    when: When = "before"

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Answer with the error."""
        if self.when == "after":
            await proceed()
        if self.status == 429:
            return json_response(Refusal.rate_limited().body, self.status)
        return json_response(Refusal.nested(self.status, _CODES[self.status]).body, self.status)


class TimeOut(CallRule, frozen=True, kw_only=True):
    """Nothing is answered; the call is swallowed, or carried out and its answer lost.

    Attributes:
        seconds: when the connection is closed, if the caller has not given up before.
    """

    when: When = "before"
    seconds: Seconds = 60.0

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Keep silent."""
        if self.when == "after":
            await proceed()
        return await wire.keep_silent(request, seconds=self.seconds)


class ConnectionReset(CallRule, frozen=True, kw_only=True):
    """The connection is reset before the call is carried out, or before its answer."""

    when: When = "before"

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Reset the connection."""
        if self.when == "after":
            await proceed()
        return await wire.reset(request)


class SlowAnswer(CallRule, frozen=True, kw_only=True):
    """The call is carried out at once; its answer takes a while."""

    seconds: Seconds

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Wait with the answer."""
        response = await proceed()
        await asyncio.sleep(self.seconds)
        return response


class DrippingBody(CallRule, frozen=True, kw_only=True):
    """The answer's body comes in pieces, over some seconds."""

    seconds: Seconds

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Let the body drip."""
        return wire.Dripping(await proceed(), seconds=self.seconds)


class TruncatedBody(CallRule, frozen=True, kw_only=True):
    """The connection closes in the middle of the body."""

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Cut the body off."""
        return wire.Truncated(await proceed())


class NotJson(CallRule, frozen=True, kw_only=True):
    """The answer's status is right, its body an HTML page."""

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Answer with a page."""
        response = wire.with_body(await proceed(), _PAGE)
        response.headers["content-type"] = "text/html"
        return response


class ErrorBody(CallRule, frozen=True, kw_only=True):
    """The call is carried out and answered with the status of success and the body of an error."""

    code: str = "internal_server_error"

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Answer with the error's body."""
        await proceed()
        return json_response(Refusal.nested(500, self.code).body, endpoint.status)


class RenamedField(CallRule, frozen=True, kw_only=True):
    """A field has another name, wherever in the answer it stands.

    Attributes:
        to: the other name; by default the field's with `_v2` behind it.
    """

    field: str
    to: str | None = None

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Rename the field."""
        name = self.to or f"{self.field}_v2"

        def rename(pairs: list[tuple[str, object]]) -> dict[str, object]:
            return {name if key == self.field else key: value for key, value in pairs}

        return _rewritten(await proceed(), rename)


class MistypedField(CallRule, frozen=True, kw_only=True):
    """A field has another type, wherever it stands: a text is a number, anything else a text."""

    field: str

    async def strike(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Mistype the field."""

        def mistype(pairs: list[tuple[str, object]]) -> dict[str, object]:
            return {key: _mistyped(v) if key == self.field else v for key, v in pairs}

        return _rewritten(await proceed(), mistype)


def _rewritten(response: Response, rewrite: Rewrite) -> Response:
    body = bytes(response.body)
    if not body:
        return response
    document = json.loads(body, object_pairs_hook=rewrite)
    return wire.with_body(response, json.dumps(document, separators=(",", ":")).encode())


def _mistyped(value: object) -> object:
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        return float(value)
    except ValueError:
        return len(value)
