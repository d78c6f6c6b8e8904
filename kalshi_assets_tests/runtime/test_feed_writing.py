"""A feed's batch and its mark are written together or not at all, and what fails comes again."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import text

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.feed_batch import Batch, row_of_print
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.market import Trade
from kalshi_assets.domain.stream import Channel, StreamEvent, TickerUpdate, TradePrint
from kalshi_assets.errors import DatabaseUnavailable, StorageError, TransportError
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.stream.client import KalshiStream
from kalshi_assets.runtime import feed_service, feed_writing
from kalshi_assets.runtime.feed_service import CHANNELS, Service
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.feeds import claim_feed, current_feed
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.tidings import tell
from kalshi_assets_tests.stand import DatabaseMaker

T0 = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
MARKET = "KXCPI-26OCT-T0.3"
ROWS = 40
PATIENCE_SECONDS = 30.0

Until = Callable[[], bool]


@pytest.fixture
def database(make_database: DatabaseMaker) -> Iterator[Database]:
    made = Database(make_database())
    prepare(made, identity="tests", now=T0)
    yield made
    made.dispose()


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def quote(seconds: float) -> TickerUpdate:
    sizes = {"yes_bid_size": 100, "yes_ask_size": 100, "volume": 5, "open_interest": 7}
    at = after(seconds)
    return TickerUpdate(
        MARKET, 410_000, yes_bid=400_000, yes_ask=420_000, quoted_at=at, received_at=at, **sizes
    )


def trade(seconds: float) -> TradePrint:
    at = after(seconds)
    return TradePrint(f"trade {seconds}", MARKET, 400_000, 100, "yes", None, at, at)


def count(database: Database, table: str) -> int:
    with database.transaction() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM kalshi.{table}")) or 0)  # noqa: S608  ours


def test_a_batch_that_is_refused_leaves_the_mark_where_it_was(database: Database) -> None:
    """Else trades that were never committed would count as kept."""
    with database.transaction() as connection:
        claim_feed(connection, "me", now=T0, wall=wall_now())
    wrong = row_of_print(trade(1)) | {"yes_price": None}
    batch = Batch(ticks=[(quote(1), "active")], trades=[wrong])
    with pytest.raises(StorageError):
        Writing(database, "me").write(
            batch, now=after(2), is_streaming=True, sure_until=after(1), newest_at=None
        )
    with database.transaction() as connection:
        row = current_feed(connection)
    assert row is not None
    assert (row.trades_sure_until, row.is_streaming) == (T0, False)
    assert (count(database, "live_ticks"), count(database, "trades")) == (0, 0)


def test_what_was_learnt_on_a_connection_that_was_lost_is_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a market and the partition of a day went with it; no rollback was heard of."""
    with database.transaction() as connection:
        claim_feed(connection, "me", now=T0, wall=wall_now())
    writing, is_cut = Writing(database, "me"), iter([True])

    def cut_once(connection: Connection, channel: str) -> None:
        if next(is_cut, False):
            own = connection.scalar(text("SELECT pg_backend_pid()"))
            with database.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": own})
        tell(connection, channel)

    monkeypatch.setattr(feed_writing, "tell", cut_once)
    batch = Batch(ticks=[(quote(1), "active")])
    told: dict[str, Any] = {"now": after(2), "is_streaming": True, "newest_at": None}
    with pytest.raises(StorageError):
        writing.write(batch, **told, sure_until=after(1))
    batch.ticks.append((quote(500), "active"))
    writing.write(batch, **told, sure_until=after(1))
    with database.transaction() as connection:
        kept = connection.execute(text("SELECT market_ticker, observed_at FROM kalshi.raw_ticks"))
        assert sorted(map(tuple, kept)) == [(MARKET, after(1)), (MARKET, after(500))]


class Stream:
    """Tells events once trades of before were asked for, and then nothing more until it is over."""

    def __init__(self, events: list[StreamEvent], rest: "Rest") -> None:
        self._rest = rest
        self.live_channels: frozenset[Channel] = frozenset()
        self.is_over = asyncio.Event()
        self._events = events

    def want(self, channel: Channel, tickers: object) -> None:
        self.live_channels = frozenset(CHANNELS)

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(self, *error: object) -> None:
        self.is_over.set()

    def __aiter__(self) -> "Stream":
        return self

    async def __anext__(self) -> StreamEvent:
        while not (self.live_channels and self._rest.was_asked) and not self.is_over.is_set():
            await asyncio.sleep(0)
        if self._events:
            event = self._events.pop(0)
            self._rest.listed += [event] if isinstance(event, TradePrint) else []
            return event
        await self.is_over.wait()
        raise StopAsyncIteration


class Rest:
    """Lists the trades told, and says that the market is open; for so many calls it is away."""

    def __init__(self, *, away: int = 0) -> None:
        self.listed, self.away, self.was_asked = list[TradePrint](), away, away > 0

    def markets(self, *, tickers: list[str]) -> object:
        if self.away:
            self.away -= 1
            raise TransportError("no answer")
        market = SimpleNamespace(
            ticker=MARKET, status="active", open_at=after(-9e6), close_at=after(9e8)
        )
        return SimpleNamespace(snapshots=[SimpleNamespace(market=market)])

    def trade_history(self, *, start: datetime, end: datetime, ticker: str) -> object:
        self.was_asked = True
        found = [
            Trade(
                t.trade_id,
                t.market_ticker,
                t.count,
                t.yes_price,
                t.taker_side,
                is_block_trade=False,
                created_at=t.traded_at,
            )
            for t in self.listed
            if start <= t.traded_at < end
        ]
        return SimpleNamespace(rows=found)


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that is soon full and soon tries again."""
    feeding = partial(Feeding, most_rows=ROWS, most_waiting=ROWS)
    monkeypatch.setattr(feed_service, "Feeding", feeding)
    monkeypatch.setattr(feed_service, "STEP_SECONDS", 0.001)
    monkeypatch.setattr(feed_service, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(Service, "_look_up_tracked", lambda service: frozenset({MARKET}))


def serve(
    database: Database, folder: Path, rest: Rest, events: Sequence[StreamEvent], until: Until
) -> None:
    """Run the service on these events until the database is as it should be."""
    anchored = str(VenueClock(T0, wall_now()))
    settings = load_settings(
        env={}, _env_file=None, home=folder, database_url=database.url, venue_clock=anchored
    )
    service = Service(settings, database, cast(KalshiClient, rest))

    async def run() -> None:
        stream = Stream([*events], rest)
        task = asyncio.create_task(service.run(cast(KalshiStream, stream)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not until() and not task.done():
                await asyncio.sleep(0.01)
        stream.is_over.set()
        await task

    asyncio.run(run())


@pytest.mark.usefixtures("bounded")
def test_an_outage_of_the_database_costs_quotes_that_a_gap_names_and_no_trade(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trades = [trade(-50 + number / 10) for number in range(300)]
    quotes = [quote(-50 + number / 10) for number in range(300)]
    failures, write, held = iter(range(30)), Writing.write, list[int]()

    def unreliable(writing: Writing, batch: Batch, **values: Any) -> None:
        held.append(max(len(batch.ticks), len(batch.trades)))
        if next(failures, None) is not None:
            raise DatabaseUnavailable("it does not answer")
        write(writing, batch, **values)

    monkeypatch.setattr(Writing, "write", unreliable)
    events = [event for pair in zip(quotes, trades, strict=True) for event in pair]
    serve(database, tmp_path, Rest(), events, lambda: count(database, "trades") == len(trades))
    assert max(held) <= ROWS
    kept = count(database, "live_ticks")
    assert 0 < kept < len(quotes)
    lost = lost_quotes(database, quotes)
    with database.transaction() as connection:
        gaps = connection.execute(text("SELECT * FROM kalshi.gaps")).all()
    spans = [(g.from_at, g.to_at) for g in gaps if (g.channel, g.reason) == ("ticker", "overflow")]
    assert lost
    assert all(any(a <= at <= b for a, b in spans) for at in lost), "what is lost is in a gap"


@pytest.mark.usefixtures("bounded")
def test_an_outage_of_rest_costs_quotes_that_a_gap_names(
    database: Database, tmp_path: Path
) -> None:
    quotes = [quote(-50 + number / 10) for number in range(300)]
    serve(
        database,
        tmp_path,
        Rest(away=20),
        [*quotes],
        lambda: not lost_quotes(database, quotes[-ROWS:]),
    )
    lost = lost_quotes(database, quotes)
    assert len(lost) == len(quotes) - ROWS
    with database.transaction() as connection:
        gaps = connection.execute(text("SELECT * FROM kalshi.gaps")).all()
    assert [(g.channel, g.market_tickers, g.reason) for g in gaps] == [
        ("ticker", [MARKET], "overflow")
    ]
    assert (gaps[0].from_at, gaps[0].to_at) == (min(lost), max(lost))


def lost_quotes(database: Database, quotes: list[TickerUpdate]) -> list[datetime]:
    with database.transaction() as connection:
        kept = set(connection.scalars(text("SELECT observed_at FROM kalshi.live_ticks")))
    return [quote.quoted_at for quote in quotes if quote.quoted_at not in kept]
