"""Real frames through the feed into Postgres: trades, books and gaps as the recording has them."""

import json
from datetime import datetime, timedelta
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.price import centicontracts, micros
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
            sure_until=self.feeding.sure_until,
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
# The exchange alone can do some 100 times on a core of its own.
SPEED = 25
# The feed is there before the record begins: so much of the wall's time its start may take.
LEAD_SECONDS = 10
# What the exchange sends at a moment is here at most so much of the wall's time later.
LATE = timedelta(seconds=15 * SPEED)
# Why a book is told anew where both cores are busy: the exchange, like Kalshi, drops what a slow
# client leaves unread, or it sends nothing for long.
TOO_SLOW = {"sequence", "silent"}
Levels = dict[tuple[str, int], int]


class Course:
    """Frames folded one by one: the book, and every book on the way.

    Attributes:
        seen: all of them, each as one number.
        settled: those in between two moments of the exchange, and after a snapshot.
        told_anew: when a snapshot came that differed from the book folded.
    """

    def __init__(self, *, is_yes_priced: bool) -> None:
        self.levels: Levels = {}
        self.seen: set[int] = set()
        self.settled: set[int] = set()
        self.told_anew: list[int] = []
        self._is_yes_priced = is_yes_priced
        self._ms: int | None = None
        self._mark = 0

    def take(self, body: dict[str, Any], received_ms: int) -> None:
        told, is_known = body.get("msg", {}), self._ms is not None
        if body["type"] == "orderbook_snapshot":
            pairs = {side: told.get(f"{side}_dollars_fp", []) for side in ("yes", "no")}
            levels = {
                (side, self._price(side, price)): centicontracts(count)
                for side, rows in pairs.items()
                for price, count in rows
            }
            if is_known and levels != self.levels:
                self.told_anew.append(received_ms)
            self.settled.add(self._mark)
            self.levels, self._mark, self._ms = levels, mark_of(levels), received_ms
        elif body["type"] == "orderbook_delta" and is_known:
            if told["ts_ms"] != self._ms:
                self.settled.add(self._mark)
                self._ms = told["ts_ms"]
            place = told["side"], self._price(told["side"], told["price_dollars"])
            before = self.levels.pop(place, 0)
            after = before + centicontracts(told["delta_fp"])
            self._mark ^= mark_of({place: before}) ^ mark_of({place: after})
            if after:
                self.levels[place] = after
        self.seen.add(self._mark)

    def _price(self, side: str, text: str) -> int:
        is_turned = side == "no" and not self._is_yes_priced
        return 1_000_000 - micros(text) if is_turned else micros(text)


def mark_of(levels: Levels) -> int:
    """Return a number for a book that a change of a level changes by that level alone."""
    return reduce(xor, (hash((*place, count)) for place, count in levels.items() if count), 0)


def recorded(ticker: str) -> list[tuple[int, dict[str, Any]]]:
    paths = [path for path in files() if path.parent.name == ticker]
    return [(ms, json.loads(frame)) for path in paths for ms, frame in lines(path)]


@pytest.mark.recordings
@pytest.mark.skipif(not MARKETS, reason=f"no recordings at {FOLDER}")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("ticker", MARKETS)
def test_a_recorded_market_is_replayed_through_exchange_and_feed(
    ticker: str, make_database: DatabaseMaker, tmp_path: Path
):
    """Its trades, its books on the way and in the end, and its re-snapshots as gaps."""
    frames, plain = recorded(ticker), Course(is_yes_priced=False)
    for received_ms, body in frames:
        plain.take(body, received_ms)
    first_ms, last_ms = frames[0][0], frames[-1][0]
    words = ["--recording", str(FOLDER.parent), "--at", iso(begin_of(first_ms))]
    words += ["--speed", str(SPEED)]
    with feeding(make_database(), tmp_path, *words, tickers=[ticker]) as bench:
        with bench.database.transaction() as connection:  # one that was there before is gone
            claim_feed(connection, "gone", now=instant(first_ms), wall=wall_now())
        books: set[int] = set()
        with bench.feed("--record", "frames"):

            def is_over() -> bool:
                books.update(now := kept_books(bench))
                return bench.clock.now() > instant(last_ms) and now == {mark_of(plain.levels)}

            bench.wait(is_over)
            check_trades(bench, frames)
            assert bench.kept_book(ticker) == bench.client.orderbook(ticker)
        wire = Course(is_yes_priced=True)
        for path in sorted((tmp_path / "frames").iterdir()):
            for received_ms, raw in lines(path):
                wire.take(json.loads(raw), received_ms)
        assert wire.settled <= plain.seen | {0}, "no book that the recording did not pass through"
        assert len(wire.settled) > 1000
        assert books <= wire.seen, "no book is kept as sure that was not told"
        assert len(books) > 4
        assert wire.levels == plain.levels
        check_gaps(bench, plain.told_anew, wire.told_anew)


def begin_of(first_ms: int) -> int:
    """Return where the exchange begins: before the market's record, but in the folder's."""
    earliest = min(next(lines(path))[0] for path in files())
    return max(earliest + 1000, first_ms - 1000 * LEAD_SECONDS * SPEED)


def check_trades(bench: FeedBench, frames: list[tuple[int, dict[str, Any]]]) -> None:
    told = [body["msg"] for _, body in frames if body["type"] == "trade"]
    expected = sorted(
        (
            instant(one["ts_ms"]),
            one["trade_id"],
            micros(one["yes_price_dollars"]),
            centicontracts(one["count_fp"]),
            one["taker_side"],
        )
        for one in told
    )
    query = "SELECT traded_at, trade_id, yes_price, count, taker_side FROM kalshi.trades"
    bench.wait(lambda: len(bench.rows(query)) >= len(expected))
    assert sorted(map(tuple, bench.rows(query))) == expected


def check_gaps(bench: FeedBench, recorded_ms: list[int], told_ms: list[int]) -> None:
    """Every re-snapshot is a gap that ends with it; others only where the machine is busy."""
    rows = bench.rows(
        "SELECT * FROM kalshi.gaps WHERE channel = 'orderbook_delta' AND to_at IS NOT NULL"
        " AND reason <> 'stopped' ORDER BY to_at"
    )
    told = {instant(ms) for ms in told_ms}
    assert told == {row.to_at for row in rows if row.reason == "snapshot" or row.to_at in told}
    assert {row.reason for row in rows} <= {"snapshot", *TOO_SLOW}
    assert all(row.from_at <= row.to_at for row in rows)
    for there in recorded_ms:
        # A snapshot is dated by when it was received, up to a second after the exchange took it.
        late = [moment - instant(there) for moment in told]
        assert any(timedelta(seconds=-1) <= by <= LATE for by in late)


def kept_books(bench: FeedBench) -> set[int]:
    """Return the book that is kept as sure, as one number."""
    query = "SELECT yes_bids, no_bids FROM kalshi.live_books WHERE is_sure"
    return {
        mark_of({("yes", p): n for p, n in yes} | {("no", 1_000_000 - p): n for p, n in no})
        for yes, no in bench.rows(query)
    }
