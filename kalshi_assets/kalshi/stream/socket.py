"""Opens the WebSocket: signed handshake, proxies, and its failures as our errors.

Proxies: as for requests, the environment's count for real venues and never for a loopback address.
Redirects are not followed: the signature would go along to another host.
"""

import asyncio
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus

from kalshi_assets.errors import ConfigurationError, TransportError
from kalshi_assets.kalshi import failures
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.wire import is_loopback

STREAM_PATH = "/trade-api/ws/v2"
OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
LARGEST_FRAME_BYTES = 64 * 1024 * 1024
# Frames that may wait for us before the exchange is made to wait.
MOST_UNREAD_FRAMES = 1024


class Socket(ClientConnection):
    """A connection that knows when it was last heard of, be it by a frame or a heartbeat.

    Attributes:
        heard_at: by the event loop's clock, seconds.
    """

    heard_at: float = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the opening as a sign of life."""
        self.heard_at = self.loop.time()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Note that something came, whatever it is."""
        self.heard_at = self.loop.time()
        super().data_received(data)


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def require_stream_url(url: str) -> None:
    """Refuse an address that is not that of a stream.

    Raises:
        ConfigurationError: naming the address and the form it must have.
    """
    try:
        parts = urlsplit(url)
        is_usable = parts.port != 0
    except ValueError:
        is_usable = False
    if (
        not is_usable
        or parts.scheme not in ("ws", "wss")
        or not parts.hostname
        or parts.path.rstrip("/") != STREAM_PATH
        or parts.query
        or parts.username is not None
    ):
        shown = url.rsplit("@", 1)[-1]
        raise ConfigurationError(
            f"{shown} is no address of a stream: write ws(s)://<host>{STREAM_PATH}, "
            "without user and query"
        )


async def open_socket(url: str, signer: RequestSigner) -> Socket:
    """Return an open connection.

    Raises:
        ExchangeError: the exchange refused or was not reached, see `errors.py`.
        ConfigurationError: the proxy or certificate settings are wrong.
    """
    headers = signer.headers("GET", STREAM_PATH)
    try:
        opened = await _handshake(url, headers)
    except InvalidStatus as exc:
        raise failures.from_response("GET", STREAM_PATH, _answer(url, headers, exc=exc)) from exc
    except (InvalidProxy, ImportError, ValueError) as exc:
        raise ConfigurationError(f"the proxy or certificate settings are wrong: {exc}") from exc
    except (InvalidHandshake, OSError, EOFError) as exc:
        raise TransportError(
            f"GET {STREAM_PATH}: no connection ({type(exc).__name__}: {exc}); "
            "is the address right and the network up?"
        ) from exc
    if not isinstance(opened, Socket):
        raise TypeError(f"the connection is a {type(opened).__name__}")
    return opened


def _handshake(url: str, headers: dict[str, str]) -> connect:
    return _Connect(
        url,
        additional_headers=headers,
        user_agent_header="kalshi-assets",
        proxy=None if is_loopback(urlsplit(url).hostname or "") else True,
        compression=None,
        open_timeout=OPEN_SECONDS,
        close_timeout=CLOSE_SECONDS,
        # The exchange sends the heartbeats; `heard_at` is what watches them.
        ping_interval=None,
        max_size=LARGEST_FRAME_BYTES,
        max_queue=MOST_UNREAD_FRAMES,
        create_connection=Socket,
    )


def _answer(url: str, headers: dict[str, str], *, exc: InvalidStatus) -> httpx.Response:
    answer = exc.response
    # Only for its headers: the address is that of the handshake, in the words of HTTP.
    request = httpx.Request("GET", "http" + url.removeprefix("ws"), headers=headers)
    names = [(k, v) for k, v in answer.headers.raw_items() if k.lower() != "content-encoding"]
    return httpx.Response(
        answer.status_code, headers=names, content=bytes(answer.body or b""), request=request
    )
