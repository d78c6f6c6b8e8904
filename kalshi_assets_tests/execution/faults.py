"""Faults of the exchange, put in by its interceptor: lost answers, errors, altered payloads."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.kalshi import wire
from kalshi_assets.local_exchange.gate import Endpoint, Interceptor
from kalshi_assets_tests.stand import Proceed

Row = dict[str, Any]
CREATE, MARKETS = "CreateOrderV2", "GetMarkets"


@dataclass
class OnOperation:
    """Answers calls of one operation by `answer`, the first `times` of them; all others pass.

    Attributes:
        calls: how many calls of the operation came in, faulty or not.
    """

    operation: str
    answer: Callable[[Request, Proceed], Any]
    times: int = 1_000_000
    calls: int = field(default=0, init=False)

    async def __call__(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        if endpoint.operation != self.operation:
            return await proceed()
        self.calls += 1
        if self.calls > self.times:
            return await proceed()
        response: Response = await self.answer(request, proceed)
        return response


async def broken_off_after_execution(request: Request, proceed: Proceed) -> Response:
    """Carry the call out, and break off in the middle of the answer."""
    done = await proceed()
    return Response(
        done.body[:1], status_code=done.status_code, headers={"content-length": str(10_000)}
    )


async def error_after_execution(request: Request, proceed: Proceed) -> Response:
    """Carry the call out, and answer 500."""
    await proceed()
    return Response("{}", status_code=500)


async def nonsense_after_execution(request: Request, proceed: Proceed) -> Response:
    """Carry the call out, and answer a success that says nothing."""
    await proceed()
    return Response("{}", status_code=201)


async def silence_after_execution(request: Request, proceed: Proceed) -> Response:
    """Carry the call out, and answer nothing until the caller has gone."""
    done = await proceed()
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    return done


def answering(status: int, error: str = "") -> Callable[[Request, Proceed], Any]:
    """Return an answer in place of the exchange's: nothing is carried out."""
    body = json.dumps({"error": {"code": error, "message": error}})

    async def answer(request: Request, proceed: Proceed) -> Response:
        return Response(body, status_code=status, media_type="application/json")

    return answer


def altering(change: Callable[[Any], Any]) -> Callable[[Request, Proceed], Any]:
    """Return the exchange's own answer, its JSON changed by `change`."""

    async def answer(request: Request, proceed: Proceed) -> Response:
        done = await proceed()
        body = json.dumps(change(json.loads(bytes(done.body))))
        return Response(body, status_code=done.status_code, media_type="application/json")

    return answer


def altered_markets(change: Callable[[Row], list[Any]]) -> Interceptor:
    """Return a fault that serves, for each market, what `change` makes of its row."""

    def whole(document: Row) -> Row:
        rows = [altered for row in document["markets"] for altered in change(row)]
        return {**document, "markets": rows}

    return OnOperation(MARKETS, altering(whole))


def impatient(patch: pytest.MonkeyPatch) -> None:
    """Let the client wait for an answer only a moment."""
    patch.setattr(wire, "TIMEOUT", httpx.Timeout(connect=3, read=0.3, write=3, pool=3))
