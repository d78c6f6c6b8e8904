"""The feed from a quote's receipt to its commit, against a bare COPY and commit of the same rows.

The service is the real one, its beat and its idempotent writing included, on a real server; the
exchange is a stand-in in its process that hands it quotes at an even pace.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any, cast

from bench.ingest import bare, copy, empty
from bench.report import Figure
from kalshi_assets.domain.feed_batch import Batch
from kalshi_assets.domain.stream import Channel, StatedQuote, TickerUpdate
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets.runtime.feed_service import CHANNELS, Service
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database, prepare

MARKETS, A_SECOND, SECONDS, BURST = 500, 2_000, 20, 20
TICKERS = [f"KXBENCH-26DEC-T{number}" for number in range(MARKETS)]
# What the first second costs (ids, partitions, the states of the markets) comes once.
WARM_UP = A_SECOND
PLACES = (("p50", 0.5), ("p95", 0.95), ("max", 1.0))

Quote = tuple[str, datetime]


def run(server_url: str) -> list[Figure]:
    """Feed quotes as busy markets do, and say how long after their receipt they are committed."""
    url = create_database(server_url, "bench_feed")
    database = Database(url)
    prepare(database, identity="bench", now=datetime.now(UTC))
    quotes = Quotes()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(env={}, _env_file=None, home=Path(folder), database_url=url)
        service = TimedService(settings, database)
        asyncio.run(service.run(cast(KalshiStream, quotes)))
    written = service.timed
    late = sorted(written.kept[quote] - at for quote, at in [*quotes.sent.items()][WARM_UP:])
    compared = sorted(bare_commits(database, written.batches))
    database.dispose()
    rows = sum(map(len, written.batches))
    print(f"  {rows:,} quotes in {len(written.batches)} batches, {A_SECOND:,} a second")
    return [figure(name, at(late, share), baseline=at(compared, share)) for name, share in PLACES]


def figure(name: str, ours: float, *, baseline: float) -> Figure:
    """Return a result whose ratio is far below one: most of ours is waiting for the next batch."""
    late, bare = (f"{1000 * value:.1f} ms" for value in (ours, baseline))
    return Figure(f"feed: received to committed, {name}", late, bare, f"{baseline / ours:.3f}x")


def bare_commits(database: Database, batches: list[list[StatedQuote]]) -> Iterator[float]:
    """Yield how long the same rows take that nobody compares, a transaction a batch."""
    empty(database)
    for batch in batches:
        rows = [bare(quote) for quote, _ in batch]
        began = perf_counter()
        with database.transaction() as connection:
            copy(connection, rows)
        yield perf_counter() - began


def at(ordered: list[float], share: float) -> float:
    """Return the value below which a share of the others lies."""
    return ordered[min(round(share * len(ordered)), len(ordered) - 1)]


class Quotes:
    """A stream that tells each market's quote in turn, in small bursts."""

    def __init__(self) -> None:
        self.live_channels: frozenset[Channel] = frozenset()
        self.sent: dict[Quote, float] = {}
        self._began = 0.0

    def want(self, channel: Channel, tickers: object) -> None:
        """Begin to tell."""
        self.live_channels = frozenset(CHANNELS)

    async def __aenter__(self) -> "Quotes":
        return self

    async def __aexit__(self, *error: object) -> None:
        pass

    def __aiter__(self) -> "Quotes":
        return self

    async def __anext__(self) -> TickerUpdate:
        number = len(self.sent)
        if number >= A_SECOND * SECONDS:
            raise StopAsyncIteration
        while not self.live_channels:
            await asyncio.sleep(0.01)
        if number % BURST == 0:
            self._began = self._began or perf_counter()
            await asyncio.sleep(max(0.0, self._began + number / A_SECOND - perf_counter()))
        now = datetime.now(UTC)
        quote = TICKERS[number % MARKETS], now
        self.sent[quote] = perf_counter()
        return TickerUpdate(
            quote[0],
            last_price=410_000,
            yes_bid=400_000 + number % 7 * 1_000,
            yes_bid_size=100,
            yes_ask=420_000,
            yes_ask_size=100,
            volume=number,
            open_interest=number,
            quoted_at=now,
            received_at=now,
        )


class Rest:
    """A client whose exchange has every market open, and no trades."""

    def markets(self, *, tickers: list[str]) -> object:
        """Return these markets, open."""
        life = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
        told = (
            SimpleNamespace(ticker=one, status="active", open_at=life[0], close_at=life[1])
            for one in tickers
        )
        return SimpleNamespace(snapshots=[SimpleNamespace(market=market) for market in told])

    def trade_history(self, **stretch: object) -> object:
        """Return no trades."""
        return SimpleNamespace(rows=[])


class TimedWriting(Writing):
    """Keeps the batches, and when each quote was committed."""

    def __init__(self, database: Database, owner: str) -> None:
        super().__init__(database, owner)
        self.batches: list[list[StatedQuote]] = []
        self.kept: dict[Quote, float] = {}

    def write(self, batch: Batch, **values: Any) -> None:
        """Write, and note when that was done."""
        super().write(batch, **values)
        kept_at = perf_counter()
        if batch.ticks:
            self.batches.append([*batch.ticks])
        self.kept |= {(one.market_ticker, one.quoted_at): kept_at for one, _ in batch.ticks}


class TimedService(Service):
    """The service on a stand-in of the exchange."""

    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__(settings, database, cast(KalshiClient, Rest()))
        self._writing = self.timed = TimedWriting(database, self._owner)

    def _look_up_tracked(self) -> frozenset[str]:
        return frozenset(TICKERS)
