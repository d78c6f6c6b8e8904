"""One feed at work, on a stream, a database and a client that are handed to it.

Polls go on beside it, one request a slot: they confirm quiet markets, and are the way while the
stream is away. Trades missed in a gap, or while no feed ran, are read over REST.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from time import monotonic
from uuid import uuid4

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.feeding import TRADES, Feeding
from kalshi_assets.domain.stream import Channel
from kalshi_assets.errors import DatabaseUnavailable, ExchangeError
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets.runtime.feed_reading import Reading
from kalshi_assets.runtime.feed_reports import Reports
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.settings import Settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.feeds import claim_feed, current_feed
from kalshi_assets.storage.gaps import end_open_gaps, note_gaps
from kalshi_assets.storage.markets import tracked_markets

# What waits is written this often; how late that makes it, `bench feed` measures.
STEP_SECONDS = 0.1
BEAT_SECONDS = 1.0
FOLLOW_SECONDS = 15.0
RETRY_SECONDS = 2.0
# Trades read over REST that may wait to be written before the next market's are asked for.
MOST_READ = 10_000
CHANNELS: tuple[Channel, ...] = ("ticker", TRADES, "orderbook_delta", "market_lifecycle_v2")
_logger = logging.getLogger(__name__)


class Service:
    """One feed at work: what the stream tells is written, what it did not tell is asked for."""

    def __init__(self, settings: Settings, database: Database, client: KalshiClient) -> None:
        self.clock = VenueClock.parse(settings.venue_clock)
        self._database = database
        self._owner = uuid4().hex
        self._feeding = self._claim()
        self._writing = Writing(database, self._owner)
        self._reading = Reading(client, self.clock)
        self._reports = Reports(self.clock)
        self._tracked: frozenset[str] = frozenset()
        self._write_at = self._follow_at = self._ask_at = 0.0

    def _claim(self) -> Feeding:
        """Take the place of the last feed. Since its last sign of life nothing is known."""
        now, wall = self.clock.now(), wall_now()
        with self._database.transaction() as connection:
            before = current_feed(connection)
            claimed = claim_feed(connection, self._owner, now=now, wall=wall)
            end_open_gaps(connection, at=now)
            feeding = Feeding(claimed.trades_sure_until)
            if before is not None:
                feeding.stopped(min(self.clock.at(before.beat_wall_at), now))
            note_gaps(connection, feeding.hand_out().gaps.values(), noted_at=now)
        return feeding

    async def run(self, stream: KalshiStream) -> None:
        """Serve on a stream until cancelled, or until the stream or the database fails for good.

        What has come by then is written in the end.
        """
        try:
            async with stream:
                await self._serve(stream)
        finally:
            with suppress(ExchangeError):  # it was raised before, if it was
                await self._read(stream)
            await self._write(stream)

    async def _serve(self, stream: KalshiStream) -> None:
        reader = asyncio.create_task(self._read(stream))
        asking: asyncio.Task[None] | None = None
        try:
            while not reader.done():
                began = monotonic()
                await self._follow(stream)
                self._feeding.resumed(stream.live_channels, at=self.clock.now())
                await self._write(stream)
                if (asking is None or asking.done()) and monotonic() >= self._ask_at:
                    asking = asyncio.create_task(self._ask(stream))
                await asyncio.sleep(max(0.0, began + STEP_SECONDS - monotonic()))
            reader.result()
        finally:
            for task in (reader, asking):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError, ExchangeError):
                        await task

    async def _read(self, stream: KalshiStream) -> None:
        async for event in stream:
            self._feeding.take(event)

    async def _follow(self, stream: KalshiStream) -> None:
        """Subscribe to what is tracked now."""
        if monotonic() < self._follow_at:
            return
        try:
            tracked = await asyncio.to_thread(self._look_up_tracked)
        except DatabaseUnavailable as exc:
            _logger.warning("%s; the markets stay as they are", exc)
            tracked = self._tracked
        self._follow_at = monotonic() + (FOLLOW_SECONDS if tracked else BEAT_SECONDS)
        if tracked == self._tracked or not tracked:
            return
        self._tracked = tracked
        self._feeding.track(tracked, now=self.clock.now())
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
        batch, sure_until = feeding.hand_out(), feeding.sure_until
        writing = partial(
            self._writing.write,
            batch,
            now=now,
            is_streaming=TRADES in stream.live_channels,
            sure_until=sure_until,
            newest_at=feeding.newest_at,
        )
        try:
            await _to_the_end(writing)
        except asyncio.CancelledError:
            feeding.put_back(batch)  # written once more, at worst: that changes nothing
            raise
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
            await self._ask_states()
            if since is not None:
                await self._catch_up(since)
        except (ExchangeError, DatabaseUnavailable) as exc:
            _logger.warning("%s; asking again", exc)
            feeding.not_caught_up()
            self._ask_at = monotonic() + RETRY_SECONDS

    async def _ask_states(self) -> None:
        feeding = self._feeding
        if wanted := sorted(feeding.to_ask):
            feeding.know(await asyncio.to_thread(self._reading.states, wanted))
            if feeding.to_ask.intersection(wanted):
                self._ask_at = monotonic() + RETRY_SECONDS

    async def _catch_up(self, since: datetime) -> None:
        """Read missed trades market by market, no faster than they can be written."""
        feeding = self._feeding
        for ticker in sorted(self._tracked):
            found = await asyncio.to_thread(self._reading.trades, ticker, since=since)
            feeding.add_read(found, at=self.clock.now())
            while len(feeding.batch.read) > MOST_READ:
                await asyncio.sleep(STEP_SECONDS)
        feeding.caught_up()


async def _to_the_end(work: Callable[[], None]) -> None:
    """Do work in a thread; who is cancelled meanwhile still waits for how it ends."""
    under_way = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(under_way)
    except asyncio.CancelledError:
        await asyncio.wait([under_way])
        raise
