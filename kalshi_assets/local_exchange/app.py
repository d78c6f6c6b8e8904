"""The Starlette application: routes, the beat that lets time run, and the pages under /local.

What is under `/local` is ours, not the exchange's: unsigned and unlimited.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from kalshi_assets.local_exchange.account_endpoints import AccountEndpoints
from kalshi_assets.local_exchange.candle_endpoints import CandleEndpoints
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.event_endpoints import EventEndpoints
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.exchange_endpoints import ExchangeEndpoints
from kalshi_assets.local_exchange.faults import Controls, fault_routes, in_turn, open_controls
from kalshi_assets.local_exchange.gate import PREFIX, Endpoint, Gate, Interceptor, json_response
from kalshi_assets.local_exchange.historical_endpoints import HistoricalEndpoints
from kalshi_assets.local_exchange.market_endpoints import MarketEndpoints
from kalshi_assets.local_exchange.order_endpoints import OrderEndpoints
from kalshi_assets.local_exchange.steering import local_routes
from kalshi_assets.local_exchange.stream import STREAM_PATH, Hub, stream_endpoint
from kalshi_assets.local_exchange.wall_date import WallDate

BEAT_SECONDS = 0.1

_LOG = logging.getLogger(__name__)


def create_app(
    exchange: Exchange,
    *,
    interceptor: Interceptor | None = None,
    hub: Hub | None = None,
    fault_file: Path | None = None,
) -> Starlette:
    """Build the application around an exchange.

    Args:
        exchange: what it serves; closing it is the caller's, after the application has stopped.
        interceptor: meets a call before the faults that are set by file or control address.
        hub: its WebSocket connections; None makes one.
        fault_file: rules that are set from the beginning, see `faults`.

    Raises:
        LocalExchangeError: if a fault cannot hold.
    """
    hub = hub or Hub(exchange)
    operations = endpoints(exchange)
    controls = open_controls(
        exchange, operations, fault_file=fault_file, disconnect_all=hub.disconnect_all
    )
    gate = Gate(exchange, in_turn(interceptor, controls))
    stream = WebSocketRoute(STREAM_PATH, stream_endpoint(hub, exchange.doorkeeper))
    return Starlette(
        routes=[
            stream,
            *_routes(gate, operations, hub),
            *local_routes(exchange, hub),
            *fault_routes(controls),
        ],
        middleware=[Middleware(WallDate, now_ms=exchange.doorkeeper.now_ms)],
        exception_handlers={HTTPException: _unknown_path, 500: _failed},
        lifespan=_beating(exchange, controls, hub),
    )


def endpoints(exchange: Exchange) -> list[Endpoint]:
    """Return every operation served."""
    return [
        *ExchangeEndpoints(exchange).all(),
        *EventEndpoints(exchange).all(),
        *CandleEndpoints(exchange).all(),
        *MarketEndpoints(exchange).all(),
        *HistoricalEndpoints(exchange).all(),
        *OrderEndpoints(exchange).all(),
        *AccountEndpoints(exchange).all(),
    ]


def _routes(gate: Gate, operations: list[Endpoint], hub: Hub) -> list[BaseRoute]:
    return [
        Route(PREFIX + endpoint.path, _told(gate, endpoint, hub), methods=[endpoint.method])
        for endpoint in operations
    ]


def _told(gate: Gate, endpoint: Endpoint, hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    """Return an operation's handler; what a write changes is told at once, and by itself."""
    handle = gate.handler(endpoint)
    if not endpoint.is_order_write:
        return handle

    async def handle_and_tell(request: Request) -> Response:
        hub.advance()
        response = await handle(request)
        hub.advance()
        return response

    return handle_and_tell


def _beating(
    exchange: Exchange, controls: Controls, hub: Hub
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async def beat() -> None:
            while True:
                controls.apply()
                exchange.tick()
                hub.advance()
                await asyncio.sleep(BEAT_SECONDS)

        task = asyncio.create_task(beat())
        task.add_done_callback(_report_end)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return lifespan


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()) is not None:
        _LOG.critical("venue time moves only while somebody calls: %s", exc, exc_info=exc)


async def _unknown_path(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "bad_request")
    return json_response(Refusal.nested(status, code).body, status)


async def _failed(request: Request, exc: Exception) -> Response:
    return json_response(Refusal.nested(500, "internal_server_error").body, 500)
