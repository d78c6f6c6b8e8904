"""A WebSocket server on loopback that speaks for a simulated exchange; it may misbehave."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from kalshi_assets_tests.kalshi.stream.exchange import SimulatedExchange, frame

TICKERS = ["KXT-26NOV-T1", "KXT-26NOV-T2"]


class StreamServer:
    """One exchange behind any number of connections, one at a time.

    Attributes:
        refusals: statuses and bodies with which the next handshakes are refused.
        handshakes: headers of all of them.
    """

    def __init__(self) -> None:
        self.exchange = SimulatedExchange(random.Random(7), list(TICKERS))  # noqa: S311 - seeded
        self.refusals: list[Response] = []
        self.handshakes: list[Headers] = []
        self.paths: list[str] = []
        self.connection: ServerConnection | None = None
        self.connections = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}/trade-api/ws/v2"

    async def tell(self, *frames: bytes) -> None:
        """Send frames on the present connection."""
        assert self.connection is not None
        for sent in frames:
            await self.connection.send(sent, text=True)

    async def act(self, times: int = 1) -> None:
        """Let the exchange do something."""
        for _ in range(times):
            await self.tell(*self.exchange.advance())

    async def heartbeat(self) -> None:
        assert self.connection is not None
        await self.connection.ping(b"heartbeat")

    async def hang_up(self) -> None:
        assert self.connection is not None
        self.connection.transport.abort()
        await self.connection.wait_closed()

    def refuse(self, status: HTTPStatus, body: bytes = b"", **headers: str) -> None:
        names = Headers({"Content-Length": str(len(body)), **headers})
        self.refusals.append(Response(status.value, status.phrase, names, body))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["StreamServer"]:
        options: dict[str, Any] = {"ping_interval": None, "close_timeout": 0.2}
        async with serve(
            self._converse, "127.0.0.1", 0, process_request=self._judge, **options
        ) as server:
            self._server = server
            yield self

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request.headers)
        self.paths.append(request.path)
        return self.refusals.pop(0) if self.refusals else None

    async def _converse(self, connection: ServerConnection) -> None:
        self.exchange.reconnect()
        self.connection = connection
        self.connections += 1
        with contextlib.suppress(ConnectionClosed):
            async for command in connection:
                assert isinstance(command, str)
                await self.tell(*self.exchange.receive(command.encode()))


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until something is so; sockets need real time, but little."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def fill(trade_id: str, ticker: str, ms: int) -> bytes:
    msg = {
        "trade_id": trade_id,
        "order_id": "o1",
        "market_ticker": ticker,
        "exchange_index": 0,
        "is_taker": True,
        "outcome_side": "no",
        "book_side": "ask",
        "yes_price_dollars": "0.4000",
        "count_fp": "2.50",
        "fee_cost": "0.017500",
        "post_position_fp": "-2.50",
        "ts_ms": ms,
    }
    return frame(type="fill", sid=1, msg=msg)
