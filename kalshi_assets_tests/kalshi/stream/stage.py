"""Puts a real stream before a real server on loopback and plays scenarios on it."""

import asyncio
from collections.abc import Awaitable, Callable

from kalshi_assets.domain.stream import BookUpdate, Gap, StreamEvent
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.kalshi.stream.client import KalshiStream, StreamPolicy
from kalshi_assets.kalshi.stream.subscription import Patience
from kalshi_assets_tests.kalshi.stream.harness import sides_of
from kalshi_assets_tests.kalshi.stream.server import TICKERS, StreamServer, until

POLICY = StreamPolicy(
    silence_seconds=30.0,
    look_seconds=0.01,
    patience=Patience(answer_seconds=0.5, snapshot_seconds=0.2),
    retry=RetryPolicy(base_seconds=0.01, cap_seconds=0.05),
)
FIRST = TICKERS[0]

Scenario = Callable[[StreamServer, KalshiStream, "Reader"], Awaitable[None]]


class Reader:
    """Reads a stream in the background, as fast as it comes."""

    def __init__(self, stream: KalshiStream) -> None:
        self.stream = stream
        self.events: list[StreamEvent] = []
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.stream:
            self.events.append(event)

    def books(self, ticker: str) -> list[BookUpdate]:
        books = [event for event in self.events if isinstance(event, BookUpdate)]
        return [update for update in books if update.book.market_ticker == ticker]

    def gaps(self) -> list[Gap]:
        return [event for event in self.events if isinstance(event, Gap)]


def play(signer: RequestSigner, scenario: Scenario, policy: StreamPolicy = POLICY) -> None:
    """Run a scenario against a server and a stream that wants two books and all trades."""

    async def run() -> None:
        async with StreamServer().running() as server, asyncio.timeout(20):
            stream = KalshiStream(server.url, signer, policy=policy)
            stream.want("orderbook_delta", TICKERS)
            stream.want("trade")
            async with stream:
                reader = Reader(stream)
                await scenario(server, stream, reader)
            await reader.task

    asyncio.run(run())


def all_whole(stream: KalshiStream) -> bool:
    return all(stream.book(ticker) is not None for ticker in TICKERS)


async def same_books(server: StreamServer, stream: KalshiStream) -> None:
    def is_same() -> bool:
        books = [stream.book(ticker) for ticker in TICKERS]
        true = [server.exchange.true_book(ticker) for ticker in TICKERS]
        return [sides_of(book) for book in books if book is not None] == true

    await until(is_same)
