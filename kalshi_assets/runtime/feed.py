"""The feed service: one process that writes what the exchange's stream tells.

Polls go on beside it, one request a slot: they confirm quiet markets, and are the way while the
stream is away. Trades missed in a gap, or while no feed ran, are read over REST.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.feeding import TRADES, Feeding
from kalshi_assets.domain.stream import Channel
from kalshi_assets.errors import ConfigurationError, DatabaseUnavailable, ExchangeError
from kalshi_assets.execution.opening import open_client
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets.kalshi.stream.recording import FrameRecorder
from kalshi_assets.runtime.feed_reading import Reading
from kalshi_assets.runtime.feed_reports import Reports
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import FEED_LOCK, Database
from kalshi_assets.storage.feeds import claim_feed
from kalshi_assets.storage.markets import tracked_markets

# What waits is written at most this much later, plus the writing itself: 250 ms together.
STEP_SECONDS = 0.1
BEAT_SECONDS = 1.0
FOLLOW_SECONDS = 15.0
RETRY_SECONDS = 2.0
# A feed that was killed leaves its lock for a moment.
LOCK_SECONDS = 10.0
CHANNELS: tuple[Channel, ...] = ("ticker", TRADES, "orderbook_delta", "market_lifecycle_v2")
_logger = logging.getLogger(__name__)


def serve(settings: Settings, *, record: Path | None) -> None:
    """Serve until interrupted.

    Raises:
        ConfigurationError: no database or no key is given, or another feed writes to the database.
        KalshiAssetsError: the feed cannot go on; what it had not written is read at the next start.
    """
    if settings.database_url is None:
        raise ConfigurationError(
            "KALSHI_DATABASE_URL is not set: with KALSHI_FEED=stream, `demo` and `up` start the "
            "feed; beside a bare `dagster dev`, first eval $(kalshi-assets db env)"
        )
    if settings.api_key_id is None or settings.private_key_path is None:
        raise ConfigurationError(
            "the stream needs a key, one that may only read is enough: set KALSHI_API_KEY_ID and "
            "KALSHI_PRIVATE_KEY_PATH"
        )
    logging.basicConfig(format="%(asctime)s %(message)s")
    signer = RequestSigner(settings.api_key_id, settings.private_key_path)
    database = Database(settings.database_url.get_secret_value())
    with (
        only_feed(database),
        open_client(settings, database) as client,
        nullcontext() if record is None else FrameRecorder(record) as recorder,
    ):
        service = Service(settings, database, client)
        clock = service.clock
        stream = KalshiStream(
            settings.stream_url,
            signer,
            wall_ms=lambda: round(clock.now().timestamp() * 1000),
            on_frame=None if recorder is None else recorder.write,
        )
        asyncio.run(service.run(stream))


@contextmanager
def only_feed(database: Database) -> Iterator[None]:
    """Be the one feed of a database while the block runs.

    Raises:
        ConfigurationError: another one writes to it.
    """
    deadline = monotonic() + LOCK_SECONDS
    while True:
        with database.advisory_lock(FEED_LOCK) as is_ours:
            if is_ours:
                yield
                return
        if monotonic() > deadline:
            raise ConfigurationError(f"another feed writes to {database.name}: stop that one first")
        sleep(STEP_SECONDS)


class Service:
    """One feed at work: what the stream tells is written, what it did not tell is asked for."""

    def __init__(self, settings: Settings, database: Database, client: KalshiClient) -> None:
        self.clock = VenueClock.parse(settings.venue_clock)
        self._database = database
        self._owner = uuid4().hex
        with database.transaction() as connection:
            now, wall = self.clock.now(), wall_now()
            claimed = claim_feed(connection, self._owner, now=now, wall=wall)
        self._feeding = Feeding(claimed.trades_sure_until)
        self._writing = Writing(database, self._owner)
        self._reading = Reading(client, self.clock)
        self._reports = Reports(self.clock)
        self._tracked: frozenset[str] = frozenset()
        self._write_at = self._follow_at = self._ask_at = 0.0

    async def run(self, stream: KalshiStream) -> None:
        """Serve on a stream until cancelled, or until the stream or the database fails for good."""
        async with stream:
            reader = asyncio.create_task(self._read(stream))
            asking: asyncio.Task[None] | None = None
            try:
                while not reader.done():
                    await self._follow(stream)
                    await self._write(stream)
                    if (asking is None or asking.done()) and monotonic() >= self._ask_at:
                        asking = asyncio.create_task(self._ask(stream))
                    await asyncio.sleep(STEP_SECONDS)
                reader.result()
            finally:
                reader.cancel()
                if asking is not None:
                    with suppress(asyncio.CancelledError):
                        await asking

    async def _read(self, stream: KalshiStream) -> None:
        async for event in stream:
            self._feeding.take(event)

    async def _follow(self, stream: KalshiStream) -> None:
        """Subscribe to what is tracked now."""
        if monotonic() < self._follow_at:
            return
        self._follow_at = monotonic() + FOLLOW_SECONDS
        tracked = await asyncio.to_thread(self._look_up_tracked)
        if tracked == self._tracked or not tracked:
            self._follow_at = min(self._follow_at, monotonic() + (FOLLOW_SECONDS if tracked else 1))
            return
        # A market that is new has traded before: its trades are read from here on.
        if self._tracked:
            self._feeding.miss(self.clock.now())
        self._tracked = tracked
        self._feeding.series = frozenset(ticker.split("-", 1)[0] for ticker in tracked)
        self._feeding.to_ask.update(tracked)
        for channel in CHANNELS:
            stream.want(channel, tracked)

    def _look_up_tracked(self) -> frozenset[str]:
        with self._database.transaction() as connection:
            return frozenset(tracked_markets(connection))

    async def _write(self, stream: KalshiStream) -> None:
        """Write what waits, and give a sign of life; without the database, try again."""
        if not self._feeding.batch and monotonic() < self._write_at:
            return
        now, feeding = self.clock.now(), self._feeding
        batch, sure_until = feeding.hand_out(), feeding.sure_until(now)
        is_streaming = TRADES in stream.live_channels
        try:
            await asyncio.to_thread(
                self._writing.write,
                batch,
                now=now,
                is_streaming=is_streaming,
                sure_until=sure_until,
                newest_at=feeding.newest_at,
            )
        except DatabaseUnavailable as exc:
            _logger.warning("%s; trying again", exc)
            feeding.put_back(batch)
            await asyncio.sleep(RETRY_SECONDS)
            return
        self._write_at = monotonic() + BEAT_SECONDS
        self._reports.count(batch)
        await asyncio.to_thread(self._reports.send_where_due)

    async def _ask(self, stream: KalshiStream) -> None:
        """Ask over REST for what the stream does not tell."""
        feeding = self._feeding
        since = feeding.begin_catch_up() if TRADES in stream.live_channels else None
        try:
            if feeding.to_ask:
                wanted = sorted(feeding.to_ask & self._tracked)
                feeding.to_ask &= self._tracked
                if wanted:
                    feeding.know(await asyncio.to_thread(self._reading.states, wanted))
            if since is not None:
                tickers = sorted(self._tracked)
                found = await asyncio.to_thread(self._reading.trades, tickers, since=since)
                feeding.caught_up(found, at=self.clock.now())
        except (ExchangeError, DatabaseUnavailable) as exc:
            _logger.warning("%s; asking again", exc)
            feeding.not_caught_up()
            self._ask_at = monotonic() + RETRY_SECONDS
