"""An exchange without a socket: the same application, called in this thread, much sooner."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from kalshi_assets.local_exchange.app import create_app
from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets_tests.local_exchange.bench import (
    UNLIMITED,
    Caller,
    Floor,
    ScriptedTape,
    clock_of,
    exchange_on,
)


@contextmanager
def quiet_floor(tape: ScriptedTape | None = None, *, terms: Terms = UNLIMITED) -> Iterator[Floor]:
    """Yield an exchange and two callers of it."""
    tape = tape or ScriptedTape()
    exchange = exchange_on(tape, terms)
    base = "http://127.0.0.1:1"
    with asyncio.Runner() as runner:
        transport = InProcess(runner, httpx.ASGITransport(create_app(exchange)))
        me, you = (Caller(base + PREFIX, name, transport=transport) for name in ("me", "you"))
        yield Floor(tape, clock_of(exchange), me, you, base + PREFIX, f"{base}/local", exchange)
    exchange.close()


class InProcess(httpx.BaseTransport):
    """Hands requests to an application in this thread."""

    def __init__(self, runner: asyncio.Runner, asgi: httpx.ASGITransport) -> None:
        self._runner, self._asgi = runner, asgi

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answer() -> httpx.Response:
            response = await self._asgi.handle_async_request(request)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return self._runner.run(answer())
