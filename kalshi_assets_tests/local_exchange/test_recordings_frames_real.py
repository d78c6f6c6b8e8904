"""Real frames beside the project: what they say, read in another way, comes out of the tape."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.local_exchange.recordings import RecordedTape, load_recording
from kalshi_assets.local_exchange.tape import Quote
from kalshi_assets.local_exchange.units import iso
from kalshi_assets_tests.local_exchange.frame_folders import sides
from kalshi_assets_tests.local_exchange.recorded_folders import at, replaying

FOLDER = Path(__file__).parents[2].parent / "shared" / "market-data" / "kxgold15m-websocket"
MIDNIGHT, MENDED = "KXGOLD15M-26AUG102000-00", "KXGOLD15M-26AUG102030-30"
LAST = "KXGOLD15M-26AUG110800-00"
START = at("2026-08-11T11:47:00")
FRAMES = 216_240
Book = dict[str, dict[int, int]]

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings in {FOLDER}"),
]


@pytest.fixture(scope="module")
def gold() -> RecordedTape:
    return load_recording(FOLDER, name="gold", started_ms=START)


def events(ticker: str) -> Iterator[dict[str, Any]]:
    for file in sorted((FOLDER / "events" / ticker).iterdir()):
        with gzip.open(file) as lines:
            yield from (json.loads(one)["event"] for one in lines)


def ten_thousandths(text: str) -> int:
    return round(float(text) * 10_000)


def folded(ticker: str, until_ms: int) -> Book:
    """The book by plain folding; right between two snapshots that carry no time of their own."""
    book: Book = {"yes": {}, "no": {}}
    for event in events(ticker):
        told = event["msg"]
        if event["type"] == "orderbook_snapshot":
            following = {side: told.get(f"{side}_dollars_fp", []) for side in book}
            book = {
                side: {ten_thousandths(price): round(float(count) * 100) for price, count in pairs}
                for side, pairs in following.items()
            }
        elif event["type"] == "orderbook_delta":
            if told["ts_ms"] > until_ms:
                break
            side, price = book[told["side"]], ten_thousandths(told["price_dollars"])
            side[price] = side.get(price, 0) + round(float(told["delta_fp"]) * 100)
    return {side: {p: c for p, c in counts.items() if c} for side, counts in book.items()}


def shown(quote: Quote) -> Book:
    bids, asks = sides(quote)
    return {"yes": bids, "no": {10_000 - price: count for price, count in asks.items()}}


def test_every_market_of_the_folder_is_replayed(gold: RecordedTape) -> None:
    assert len(gold.listings) == 5
    trades = {ticker: len(gold.trades(ticker, 0, 2**60)) for ticker in gold.listings}
    assert trades == {
        "KXGOLD15M-26AUG050000-00": 1033,
        "KXGOLD15M-26AUG051300-00": 1208,
        MIDNIGHT: 1293,
        MENDED: 819,
        LAST: 996,
    }
    assert {one.result for one in gold.listings.values()} <= {"yes", "no"}
    assert gold.listings[LAST].floor_strike == 4385.92
    assert gold.series["KXGOLD15M"].category == "Commodities"


@pytest.mark.parametrize("ticker", [MIDNIGHT, MENDED, LAST])
def test_the_book_of_any_moment_is_that_of_plain_folding(gold: RecordedTape, ticker: str) -> None:
    changes = gold.changes(ticker, 0, gold.listings[ticker].close_ms - 1000)
    for moment in changes[100 :: len(changes) // 4]:
        assert shown(gold.quote_at(ticker, moment)) == folded(ticker, moment)


def test_a_market_goes_on_over_midnight(gold: RecordedTape) -> None:
    midnight = at("2026-08-11T00:00:00")
    assert gold.changes(MIDNIGHT, midnight - 60_000, midnight - 1)
    assert gold.changes(MIDNIGHT, midnight - 1, midnight + 60_000)


def test_a_snapshot_mends_a_book_that_had_gone_wrong(gold: RecordedTape) -> None:
    told = [one["msg"] for one in events(MENDED) if one["type"] == "orderbook_snapshot"][1]
    mended = {ten_thousandths(p): round(float(c) * 100) for p, c in told["yes_dollars_fp"]}
    changes = gold.changes(MENDED, 0, 2**60)
    books = ((ms, sides(gold.quote_at(MENDED, ms))[0]) for ms in changes)
    at_ms = next(ms for ms, bids in books if bids == mended)
    before = sides(gold.quote_at(MENDED, at_ms - 1))[0]
    assert sum(before.get(price) != count for price, count in mended.items()) > 10


def test_candles_hold_every_trade_and_every_touch(gold: RecordedTape) -> None:
    close_ms = gold.listings[LAST].close_ms
    minutes = gold.candles(LAST, 1, 0, close_ms)
    trades = gold.trades(LAST, 0, close_ms)
    assert sum(one.volume for one in minutes) == sum(one.count for one in trades)
    (hour,) = gold.candles(LAST, 60, 0, close_ms)
    assert hour.price is not None
    assert (hour.price.low, hour.price.high) == (
        min(one.price for one in trades),
        max(one.price for one in trades),
    )
    assert iso(minutes[0].end_ms) == "2026-08-11T11:46:00Z"
    assert (minutes[-1].bid.close, minutes[-1].ask.close) == (9900, 10_000)


def test_one_trades_against_it_and_is_paid(gold: RecordedTape) -> None:
    ioc = {"ticker": LAST, "time_in_force": "immediate_or_cancel"}
    with replaying(gold) as (me, clock):
        best = me.get(f"/markets/{LAST}/orderbook", depth=1)["orderbook_fp"]["no_dollars"][-1]
        limit = f"{1 - float(best[0]):.4f}"
        assert me.order("bid", limit, "1", **ioc).json()["fill_count"] == "1.00"
        before = float(me.cash())
        clock.advance(seconds=14 * 60)
        market = me.get(f"/markets/{LAST}")["market"]
        assert (market["status"], market["result"]) == ("finalized", "yes")
        assert float(me.cash()) == pytest.approx(before + 1)
