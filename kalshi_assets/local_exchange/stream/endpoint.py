"""The socket: the signed upgrade, the heartbeat, and a client that reads too slowly.

Everything said on it is a `Session`'s; here it only waits for the socket. A dropped connection
goes without a closing frame, as one lost on the way would.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.gate import PREFIX, json_response
from kalshi_assets.local_exchange.stream.hub import Hub
from kalshi_assets.local_exchange.stream.session import Session

STREAM_PATH = "/trade-api/ws/v2"
HEARTBEAT_SECONDS = 10.0
_HEARTBEAT = b"heartbeat"


class HeartbeatProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket with the exchange's own Ping; an answer is hoped for, not enforced."""

    def send_keepalive_ping(self) -> None:
        """Send a Ping with the body `heartbeat` and set the time for the next."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_ping(_HEARTBEAT)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.schedule_ping()


def stream_url(url: str) -> str:
    """Return where the WebSocket of an exchange is, from its API's base."""
    return url.replace("http", "ws", 1).removesuffix(PREFIX) + STREAM_PATH


def stream_endpoint(hub: Hub, doorkeeper: Doorkeeper) -> Callable[[WebSocket], Awaitable[None]]:
    """Return the handler of the WebSocket's route.

    Args:
        hub: the connections.
        doorkeeper: the registered keys; an upgrade without a good signature is answered 401.
    """

    async def handle(websocket: WebSocket) -> None:
        try:
            account = doorkeeper.admit(
                websocket.headers, method="GET", path=STREAM_PATH, scope="read"
            )
        except Refusal as refusal:
            await websocket.send_denial_response(json_response(refusal.body, refusal.status))
            return
        await websocket.accept()
        outgoing, closed = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            (closed if session.is_closed else outgoing).set()

        session = hub.open(account, lambda: loop.call_soon_threadsafe(wake))
        try:
            await _first_to_end(
                _read(websocket, session), _write(websocket, session, outgoing), closed.wait()
            )
        finally:
            hub.close(session)

    return handle


async def _read(websocket: WebSocket, session: Session) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        session.receive(message.get("text") or "")


async def _write(websocket: WebSocket, session: Session, outgoing: asyncio.Event) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            outgoing.clear()
            while (text := session.pop()) is not None:
                await websocket.send_text(text)
            await outgoing.wait()


async def _first_to_end(*parts: Awaitable[object]) -> None:
    """Run all until one ends, then stop the others."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    for task in ended:
        task.result()
