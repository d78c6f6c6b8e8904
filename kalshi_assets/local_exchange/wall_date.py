"""The Date header of every answer, by the exchange's own wall clock."""

from collections.abc import Callable
from email.utils import formatdate

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STARTS = ("http.response.start", "websocket.http.response.start")


class WallDate:
    """Middleware that dates answers; the server below must not date them itself.

    Args:
        app: what answers.
        now_ms: what the exchange takes for real time.
    """

    def __init__(self, app: ASGIApp, *, now_ms: Callable[[], int]) -> None:
        self._app = app
        self._now_ms = now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call."""

        async def send_dated(message: Message) -> None:
            if message["type"] in _STARTS:
                headers = MutableHeaders(scope=message)
                headers["date"] = formatdate(self._now_ms() / 1000, usegmt=True)
            await send(message)

        await self._app(scope, receive, send_dated)
