"""The live feed: a session on a WebSocket that is opened again whenever it fails.

    async with KalshiStream(url, signer) as stream:
        stream.want("orderbook_delta", ["KXCPI-26NOV-T0.3"])
        async for event in stream:
            ...

Books, tickers and positions are conflated: a slow reader misses changes, never the newest state.
Trades, fills, orders and lifecycle news wait in bounded queues; past the bound the oldest go, and
a `Gap` with the reason `overflow` says which span to read over REST (see `outbox`).
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

from websockets.exceptions import ConnectionClosed

from kalshi_assets.domain import clock
from kalshi_assets.domain.stream import BookUpdate, Channel, GapReason, StreamEvent
from kalshi_assets.errors import StreamClosed
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.retry import WORTH_ANOTHER_TRY, RetryPolicy
from kalshi_assets.kalshi.stream.outbox import DEFAULT_BOUND
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets.kalshi.stream.socket import Socket, open_socket, require_stream_url
from kalshi_assets.kalshi.stream.subscription import Patience

OnFrame = Callable[[int, bytes], None]

# Past so many failures the pause has long reached its cap; a power of two would overflow in time.
MOST_COUNTED_FAILURES = 30
# A reader that never waits lets frames in after so many events.
EVENTS_A_TURN = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamPolicy:
    """How a feed holds on.

    Attributes:
        silence_seconds: without a frame or heartbeat for so long, the connection is given up.
            The exchange sends a heartbeat every 10 s, fewer while it is busy.
        look_seconds: between two looks at the clock.
        patience: how long to wait for answers.
        retry: the pauses before connecting again; its attempts do not count, there is no end.
        bound: how many events of a channel may wait to be read.
    """

    silence_seconds: float = 30.0
    look_seconds: float = 0.25
    patience: Patience = field(default_factory=Patience)
    retry: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(base_seconds=0.5, cap_seconds=30.0)
    )
    bound: int = DEFAULT_BOUND


DEFAULT_POLICY = StreamPolicy()


class KalshiStream:
    """One connection's feed, for one reader. Connects when entered, closes when left.

    Args:
        url: `wss://<host>/trade-api/ws/v2`.
        signer: the key; all of the stream needs one, public channels too.
        policy: how it holds on.
        wall_ms: the clock that receipts and gaps are dated by, milliseconds since the epoch.
        on_frame: is handed the time and bytes of each frame before it is read, for a recording;
            what it raises ends the feed.

    Raises:
        ConfigurationError: the address is not that of a stream.
    """

    def __init__(
        self,
        url: str,
        signer: RequestSigner,
        *,
        policy: StreamPolicy = DEFAULT_POLICY,
        wall_ms: Callable[[], int] = clock.wall_ms,
        on_frame: OnFrame | None = None,
    ) -> None:
        require_stream_url(url)
        self._url = url
        self._signer = signer
        self._policy = policy
        self._wall_ms = wall_ms
        self._on_frame = on_frame
        self._session = Session(patience=policy.patience, bound=policy.bound)
        self._reason: GapReason = "disconnected"
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._turn = 0

    def want(self, channel: Channel, tickers: Iterable[str] = ()) -> None:
        """Subscribe to a channel for these markets, or for all of them if none is named.

        May be called again at any time: the markets named last count. `market_lifecycle_v2` always
        tells of all markets.

        Raises:
            ValueError: books of all markets; the exchange wants them named.
        """
        self._session.want(channel, tickers)

    def drop(self, channel: Channel) -> None:
        """Unsubscribe from a channel."""
        self._session.drop(channel)

    def book(self, ticker: str) -> BookUpdate | None:
        """Return a market's book as it is now, or None while it is in doubt."""
        return self._session.book(ticker)

    @property
    def live_channels(self) -> frozenset[Channel]:
        """The channels that the exchange has confirmed on the present connection."""
        return self._session.live_channels

    @property
    def counts(self) -> Counter[str]:
        """What was not as it should be, see `Session.counts`."""
        return self._session.counts

    async def __aenter__(self) -> "KalshiStream":
        self._task = asyncio.create_task(self._run(), name="kalshi stream")
        self._task.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self

    async def __anext__(self) -> StreamEvent:
        """Return the next event, in the end once more what waits when the feed has failed.

        Raises:
            NotAuthorized: key, signature or clock is wrong; it is not tried again.
            ExchangeError: the exchange refused the connection for another reason of ours.
            StreamClosed: the stream has not been entered.
        """
        if self._task is None:
            raise StreamClosed("the stream is not open: read it inside `async with`")
        self._turn += 1
        if self._turn % EVENTS_A_TURN == 0:
            await asyncio.sleep(0)
        while (event := self._session.event()) is None:
            if self._task.done():
                if not self._task.cancelled():
                    self._task.result()
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return event

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Told here too: one who only looks at books reads no events.
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("the stream has ended: %s", failure)
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            failures = min(failures + 1, MOST_COUNTED_FAILURES)
            try:
                socket = await open_socket(self._url, self._signer)
            except WORTH_ANOTHER_TRY as exc:
                _log.warning("the stream is not reached: %s", exc)
            else:
                if await self._converse(socket):
                    failures = 1
            await asyncio.sleep(self._policy.retry.pause_seconds(failures))

    async def _converse(self, socket: Socket) -> bool:
        """Feed the session until the connection ends; tell whether anything came of it."""
        self._reason = "disconnected"
        watch = asyncio.create_task(self._watch(socket), name="kalshi stream watch")
        has_heard = False
        try:
            while True:
                if self._session.is_restless:
                    await self._send(socket)
                self._take(await socket.recv(decode=False))
                has_heard = True
        except ConnectionClosed as exc:
            _log.warning("the stream's connection ended (%s): %s", self._reason, exc)
            return has_heard
        finally:
            silent_ms = (socket.loop.time() - socket.heard_at) * 1000
            self._session.closed(self._reason, heard_ms=self._wall_ms() - int(silent_ms))
            self._wake.set()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            await socket.close()

    def _take(self, frame: bytes) -> None:
        received_ms = self._wall_ms()
        if self._on_frame is not None:
            self._on_frame(received_ms, frame)
        self._session.receive(frame, received_ms)
        self._wake.set()

    async def _watch(self, socket: Socket) -> None:
        """Send what falls due, and give the connection up when nothing comes any more."""
        while True:
            await asyncio.sleep(self._policy.look_seconds)
            if socket.loop.time() - socket.heard_at > self._policy.silence_seconds:
                self._give_up(socket, "silent")
                return
            with contextlib.suppress(ConnectionClosed):
                await self._send(socket)

    async def _send(self, socket: Socket) -> None:
        if self._session.broken:
            _log.warning("the stream's connection is given up: %s", self._session.broken)
            self._give_up(socket, "channel_error")
            return
        for command in self._session.commands(socket.loop.time()):
            await socket.send(command, text=True)

    def _give_up(self, socket: Socket, reason: GapReason) -> None:
        self._reason = reason
        socket.transport.abort()
