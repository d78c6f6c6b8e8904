"""Real frames: of the demo environment in June 2026, and of gold markets in August 2026."""

import json
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.domain.stream import BookUpdate, Gap, StreamEvent, TradePrint
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets_tests.kalshi.shared_files import RECORDED, circumstances
from kalshi_assets_tests.kalshi.stream.harness import sides_of
from kalshi_assets_tests.kalshi.stream.recordings import FOLDER, files, lines

DEMO = "ws__orderbook_trade_yes"


def told_by(session: Session) -> list[StreamEvent]:
    events = []
    while (event := session.event()) is not None:
        events.append(event)
    return events


@pytest.mark.recordings
@pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recordings at {RECORDED}")
def test_the_demo_environments_frames_fold_to_its_book():
    asked = circumstances(DEMO)["subscribe_cmd"]["params"]
    (ticker,) = asked["market_tickers"]
    session = Session()
    session.want("orderbook_delta", [ticker])
    session.want("trade", [ticker])
    sent = [json.loads(command)["params"] for command in session.commands(0.0)]
    assert sent[0]["use_yes_price"] is asked["use_yes_price"] is True
    for line in (RECORDED / f"{DEMO}.jsonl").read_bytes().split(b"\n\n"):
        session.receive(line, 1_781_159_387_000)
    update = session.book(ticker)
    assert update is not None
    assert sides_of(update) == ({470_000: 300}, {520_000: 200})
    assert update.yes_ask is not None
    assert (update.yes_ask.price, update.yes_ask.count) == (520_000, 200)
    assert update.book.no_bids[-1].price == 480_000
    assert [type(event) for event in told_by(session)] == [BookUpdate]


class Folding:
    """The slow and plain way to fold one market's frames."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[int, int]] = {"yes": {}, "no": {}}
        self.is_known = False
        self.differed: list[int] = []

    def take(self, body: dict[str, Any], received_ms: int) -> None:
        msg = body["msg"]
        if body["type"] == "orderbook_snapshot":
            new = {
                side: {micros(p): centicontracts(n) for p, n in msg.get(f"{side}_dollars_fp", [])}
                for side in ("yes", "no")
            }
            if self.is_known and new != self.sides:
                self.differed.append(received_ms)
            self.sides, self.is_known = new, True
        elif body["type"] == "orderbook_delta":
            levels, price = self.sides[msg["side"]], micros(msg["price_dollars"])
            levels[price] = levels.get(price, 0) + centicontracts(msg["delta_fp"])
            if not levels[price]:
                del levels[price]


@pytest.mark.recordings
@pytest.mark.skipif(not files(), reason=f"no recordings at {FOLDER}")
@pytest.mark.parametrize("path", files(), ids=lambda path: f"{path.parent.name} {path.name}")
def test_a_real_markets_frames_fold_to_its_book_and_other_snapshots_are_gaps(path: Path):
    ticker, counted, plain = path.parent.name, {1: 0, 2: 0}, Folding()
    session = Session()
    session.want("orderbook_delta", [ticker])
    session.want("trade", [ticker])
    session.commands(0.0)
    for sid, channel in ((1, "orderbook_delta"), (2, "trade")):
        ack = {"type": "subscribed", "msg": {"channel": channel, "sid": sid}}
        session.receive(json.dumps(ack).encode(), 1)
    events, trades = [], 0
    for received_ms, frame in lines(path):
        body = json.loads(frame)
        # One market of many was recorded: its numbers are the whole subscription's.
        counted[body["sid"]] += 1
        body["seq"] = counted[body["sid"]]
        if plain.is_known or body["type"] != "orderbook_delta":
            plain.take(body, received_ms)
        trades += body["type"] == "trade"
        session.receive(json.dumps(body).encode(), received_ms)
        if counted[1] % 1000 == 0:
            events += told_by(session)
    events += told_by(session)
    book = session.book(ticker)
    assert book is not None
    assert sides_of(book) == (plain.sides["yes"], plain.sides["no"])
    gaps = [event for event in events if isinstance(event, Gap)]
    assert {gap.reason for gap in gaps} <= {"snapshot"}
    closed = [round(gap.to_at.timestamp() * 1000) for gap in gaps if gap.to_at is not None]
    assert closed == plain.differed
    assert sum(isinstance(event, TradePrint) for event in events) == trades
    assert session.counts == {}
