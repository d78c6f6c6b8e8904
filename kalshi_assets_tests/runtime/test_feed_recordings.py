"""Real frames through the feed into Postgres: trades, books and gaps as the recording has them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.market import BookLevel, OrderBook
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets.local_exchange.units import iso
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.feeds import claim_feed
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.kalshi.stream.recordings import FOLDER, files, lines
from kalshi_assets_tests.kalshi.stream.test_recordings import Folding
from kalshi_assets_tests.runtime.feed_bench import FeedBench, feeding
from kalshi_assets_tests.stand import DatabaseMaker

EVERY = 500


class Writer:
    """The feed's middle: a session's events, taken in and written."""

    def __init__(self, database: Database, session: Session, now: datetime) -> None:
        with database.transaction() as connection:
            claim_feed(connection, "a test", now=now, wall=wall_now())
        self.feeding, self.session = Feeding(now), session
        self.writing = Writing(database, "a test")

    def write(self, now: datetime) -> None:
        while (event := self.session.event()) is not None:
            self.feeding.take(event)
        self.writing.write(
            self.feeding.hand_out(),
            now=now,
            is_streaming=True,
            sure_until=self.feeding.sure_until(now),
            newest_at=self.feeding.newest_at,
        )


def session_of(ticker: str) -> Session:
    session = Session()
    session.want("orderbook_delta", [ticker])
    session.want("trade", [ticker])
    session.commands(0.0)
    for sid, channel in ((1, "orderbook_delta"), (2, "trade")):
        ack = {"type": "subscribed", "msg": {"channel": channel, "sid": sid}}
        session.receive(json.dumps(ack).encode(), 1)
    return session


@pytest.mark.recordings
@pytest.mark.skipif(not files(), reason=f"no recordings at {FOLDER}")
@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name} {path.name}")
def test_a_real_markets_frames_are_kept_as_they_fold(path: Path, make_database: DatabaseMaker):
    ticker, counted, plain = path.parent.name, {1: 0, 2: 0}, Folding()
    database, session, told = Database(make_database()), session_of(ticker), {}
    first = instant(next(lines(path))[0])
    prepare(database, identity="a test", now=first)
    writer = Writer(database, session, first)
    for received_ms, frame in lines(path):
        body: dict[str, Any] = json.loads(frame)
        # One market of many was recorded: its numbers are the whole subscription's.
        counted[body["sid"]] += 1
        body["seq"] = counted[body["sid"]]
        if plain.is_known or body["type"] != "orderbook_delta":
            plain.take(body, received_ms)
        if body["type"] == "trade":
            told[body["msg"]["trade_id"]] = body["msg"]["count_fp"]
        session.receive(json.dumps(body).encode(), received_ms)
        if sum(counted.values()) % EVERY == 0:
            writer.write(instant(received_ms))
    writer.write(instant(received_ms))
    with database.transaction() as connection:
        kept = connection.execute(text("SELECT trade_id, count FROM kalshi.trades")).all()
        (book,) = connection.execute(text("SELECT * FROM kalshi.live_books")).all()
        gaps = connection.execute(text("SELECT * FROM kalshi.gaps ORDER BY to_at")).all()
    assert dict(map(tuple, kept)) == {
        name: round(float(count) * 100) for name, count in told.items()
    }
    assert book.is_sure
    assert dict(book.yes_bids) == plain.sides["yes"]
    assert {1_000_000 - price: count for price, count in book.no_bids} == plain.sides["no"]
    assert [row.to_at for row in gaps] == [instant(ms) for ms in plain.differed]
    assert {row.reason for row in gaps} <= {"snapshot"}
    database.dispose()


MARKETS = sorted({path.parent.name for path in files()})
SPEED = 60


@pytest.mark.recordings
@pytest.mark.skipif(not MARKETS, reason=f"no recordings at {FOLDER}")
@pytest.mark.parametrize("ticker", MARKETS)
def test_a_recorded_market_is_replayed_through_exchange_and_feed(
    ticker: str, make_database: DatabaseMaker, tmp_path: Path
):
    """What the recording holds is in the database in the end, and its last book."""
    frames = [one for path in files() if path.parent.name == ticker for one in lines(path)]
    trades = [body["msg"] for _, raw in frames if (body := json.loads(raw))["type"] == "trade"]
    begin, end = frames[0][0] + 60_000, max(told["ts_ms"] for told in trades)
    words = ["--recording", str(FOLDER.parent), "--at", iso(begin), "--speed", str(SPEED)]
    with feeding(make_database(), tmp_path, *words) as bench, bench.feed("--record", "frames"):
        assert bench.tickers == [ticker]
        bench.wait(lambda: bench.row() is not None)
        row = bench.row()
        assert row is not None
        bench.wait_until_sure(instant(end) + timedelta(seconds=1))
        since = [told for told in trades if instant(told["ts_ms"]) >= row.started_at]
        stretch = row.started_at, instant(end + 1)
        bench.wait(lambda: len(bench.kept_trades(*stretch)) >= len(since))
        kept = bench.kept_trades(*stretch)
        assert {one.trade_id for one in kept} == {told["trade_id"] for told in since}
        assert len(kept) == len(since) > 100
        bench.wait(lambda: kept_book(bench) == bench.client.orderbook(ticker))
    assert list((tmp_path / "frames").iterdir())


def kept_book(bench: FeedBench) -> OrderBook | None:
    rows = bench.rows("SELECT market_ticker, yes_bids, no_bids FROM kalshi.live_books")
    for ticker, *sides in rows:
        yes, no = (tuple(BookLevel(*level) for level in side) for side in sides)
        return OrderBook(ticker, yes, no)
    return None
