"""Answers that go wrong below HTTP: a connection that is silent, reset, or closed half way."""

import asyncio
import socket
import struct
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

TRANSPORT = "transport"
"""Where the server puts a connection's transport into a request's state."""
_DRIPS = 10
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def keep_silent(request: Request, *, seconds: float) -> Response:
    """Answer nothing until the caller has gone, for some seconds at most; then close."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _gone(request.receive)
    return await _abort(request)


async def reset(request: Request) -> Response:
    """Reset the connection."""
    connection: socket.socket = _transport(request.scope).get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return await _abort(request)


class Dripping(Response):
    """An answer whose body takes some seconds to come, piece by piece."""

    def __init__(self, response: Response, *, seconds: float) -> None:
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))
        self._pause = seconds / _DRIPS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body."""
        await _begin(self, send)
        body = bytes(self.body)
        length = max(-(-len(body) // _DRIPS), 1)
        for start in range(0, len(body), length):
            await asyncio.sleep(self._pause)
            await _send_piece(send, body[start : start + length])
        await send({"type": "http.response.body", "body": b""})


class Truncated(Response):
    """An answer that announces its whole length and ends, with the connection, half way."""

    def __init__(self, response: Response) -> None:
        super().__init__(bytes(response.body), response.status_code, dict(response.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first half of the body."""
        await _begin(self, send)
        await _send_piece(send, bytes(self.body)[: len(self.body) // 2])
        _transport(scope).close()
        await _gone(receive)


def with_body(response: Response, body: bytes) -> Response:
    """Give an answer another body; it stays as slow or as short as it is."""
    response.body = body
    response.headers["content-length"] = str(len(body))
    return response


async def _begin(response: Response, send: Send) -> None:
    start = {"type": "http.response.start", "status": response.status_code}
    await send(start | {"headers": response.raw_headers})


async def _send_piece(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _abort(request: Request) -> Response:
    _transport(request.scope).abort()
    await _gone(request.receive)  # what is returned then reaches nobody
    return Response(status_code=503)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["state"][TRANSPORT]
    return transport
