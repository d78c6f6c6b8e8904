"""The real client on the real exchange, over a socket: what a trader sees, line faults, replay."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kalshi_assets.domain.stream import (
    CHANNELS,
    BookUpdate,
    FillNotice,
    LifecycleNotice,
    OrderNotice,
    PositionNotice,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.stream.client import KalshiStream, OnFrame
from kalshi_assets.local_exchange.stream import stream_url
from kalshi_assets_tests.kalshi.stream.harness import sides_of
from kalshi_assets_tests.kalshi.stream.server import until
from kalshi_assets_tests.kalshi.stream.stage import POLICY, Reader
from kalshi_assets_tests.kalshi.test_auth import write_key
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    Caller,
    Floor,
    ScriptedTape,
    count,
    floor,
    listing,
    private_key,
)

OTHER = "KXTEST-26OCT-T2"
TICKERS = [TICKER, OTHER]

Book = dict[str, dict[str, str]]
Event = TypeVar("Event")


@dataclass
class Scene:
    """An exchange, a stream that wants everything of it, and what has come."""

    venue: Floor
    stream: KalshiStream
    reader: Reader
    frames: list[dict[str, Any]]

    def rest_book(self, ticker: str = TICKER) -> Book:
        return rest_book(self.venue.me, ticker)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.reader.events if isinstance(event, kind)]

    async def comes(self, kind: type[Event], number: int = 1) -> list[Event]:
        await until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)

    async def same_books(self) -> None:
        await until(lambda: all(self._is_same(ticker) for ticker in TICKERS))

    def trade(self, number: int) -> None:
        """Rest, take and cancel in both markets, with time in between."""
        for n in range(number):
            for ticker in TICKERS:
                order = self.venue.you.rest("bid", f"0.{30 + n % 15}", f"{n + 1}", ticker=ticker)
                self.venue.me.order("ask", f"0.{44 - n % 10}", "2", ticker=ticker)
                if n % 3 == 0:
                    self.venue.you.cancel(order)
            self.venue.wait(0.05)

    def local(self, method: str, path: str, body: object = None) -> None:
        url = f"{self.venue.local_url}/{path}"
        self.venue.me.http.request(method, url, json=body).raise_for_status()

    def _is_same(self, ticker: str) -> bool:
        book = self.stream.book(ticker)
        return book is not None and as_rest(book) == self.rest_book(ticker)


def rest_book(caller: Caller, ticker: str) -> Book:
    found = caller.get(f"/markets/{ticker}/orderbook")["orderbook_fp"]
    return {side: dict(rows) for side, rows in found.items()}


def as_rest(book: BookUpdate) -> Book:
    bids, asks = sides_of(book)
    nos = {1_000_000 - at: size for at, size in asks.items()}
    return {
        f"{side}_dollars": {f"{at / 1_000_000:.4f}": f"{n / 100:.2f}" for at, n in levels.items()}
        for side, levels in (("yes", bids), ("no", nos))
    }


Scenario = Callable[[Scene], Awaitable[None]]


def play(folder: Path, scenario: Scenario, record: OnFrame = lambda ms, frame: None) -> None:
    """Run a scenario with a stream that is subscribed to everything and has seen both books."""
    signer = RequestSigner("me", write_key(folder, private_key("me")))
    frames: list[dict[str, Any]] = []

    def on_frame(received_ms: int, frame: bytes) -> None:
        frames.append(json.loads(frame))
        record(received_ms, frame)

    async def run(venue: Floor) -> None:
        stream = KalshiStream(
            stream_url(venue.url),
            signer,
            policy=POLICY,
            wall_ms=venue.clock.now_ms,
            on_frame=on_frame,
        )
        for channel in CHANNELS:
            stream.want(channel, TICKERS)
        async with asyncio.timeout(20), stream:
            scene = Scene(venue, stream, Reader(stream), frames)
            await until(lambda: sum(f["type"] == "subscribed" for f in frames) == len(CHANNELS))
            await scene.same_books()
            await scenario(scene)
        await scene.reader.task

    tape = ScriptedTape(listings={ticker: listing(ticker) for ticker in TICKERS})
    with floor(tape) as venue:
        asyncio.run(run(venue))


def test_an_order_placed_over_rest_shows_on_every_channel(tmp_path):
    async def scenario(scene: Scene) -> None:
        me = scene.venue.me
        order_id = me.rest("bid", "0.53", "5", client_order_id="mine")
        (order,) = await scene.comes(OrderNotice)
        shown = me.shown(order_id)
        assert (order.order_id, order.client_order_id) == (order_id, "mine")
        assert (order.status, order.side) == ("resting", "yes")
        assert order.fill_count == count(shown["fill_count_fp"]) == 300
        assert order.remaining_count == count(shown["remaining_count_fp"]) == 200
        assert order.reason == "Trade"
        (fill,) = await scene.comes(FillNotice)
        (listed,) = me.get("/portfolio/fills")["fills"]
        assert (fill.fill_id, fill.order_id) == (listed["fill_id"], order_id)
        assert fill.fee_micros == order.fees_micros == micros(listed["fee_cost"]) > 0
        assert (fill.count, fill.yes_price, fill.position_after) == (300, 520_000, 300)
        (position,) = await scene.comes(PositionNotice)
        (held,) = me.get("/portfolio/positions")["market_positions"]
        assert position.position == count(held["position_fp"]) == 300
        assert position.cost_micros == 3 * 520_000
        (trade,) = await scene.comes(TradePrint)
        assert (trade.trade_id, trade.taker_side) == (listed["trade_id"], "yes")
        tickers = await scene.comes(TickerUpdate)
        assert (tickers[-1].last_price, tickers[-1].yes_bid) == (520_000, 530_000)
        await scene.same_books()
        assert scene.reader.gaps() == []
        assert not scene.stream.counts

    play(tmp_path, scenario)


def micros(dollars: str) -> int:
    return round(float(dollars) * 1_000_000)


def test_a_pause_of_a_market_shows_on_the_lifecycle_channel(tmp_path):
    async def scenario(scene: Scene) -> None:
        scene.venue.me.rest("bid", "0.41", "5")
        await scene.comes(OrderNotice)
        scene.local("POST", "faults", {"fault": "paused-market", "market": TICKER})
        (paused,) = await scene.comes(LifecycleNotice)
        assert (paused.market_ticker, paused.event) == (TICKER, "deactivated")
        scene.local("DELETE", "faults")
        _, active = await scene.comes(LifecycleNotice, 2)
        assert active.event == "activated"
        _, order = await scene.comes(OrderNotice, 2)
        assert order.status == "canceled", "an activation cancels what rests"
        await scene.same_books()
        assert scene.reader.gaps() == []

    play(tmp_path, scenario)
