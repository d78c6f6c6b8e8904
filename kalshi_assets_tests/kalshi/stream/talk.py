"""A session and an exchange's lines in it, said one by one."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from kalshi_assets.domain.stream import (
    Channel,
    Gap,
    StreamEvent,
)
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets.kalshi.stream.subscription import Patience
from kalshi_assets_tests.kalshi.stream.exchange import frame

A, B = "KXT-26NOV-T1", "KXT-26NOV-T2"
MS = 1_786_400_000_000
PATIENCE = Patience(
    answer_seconds=5.0, snapshot_seconds=2.0, refusal_seconds=30.0, audit_seconds=60.0
)


class Talk:
    """A session, and the exchange's lines in it, said one by one."""

    def __init__(self, *tickers: str, channel: Channel = "orderbook_delta") -> None:
        self.session = Session(patience=PATIENCE)
        self.now, self.ms = 100.0, MS
        self.session.want(channel, tickers)
        self.sent: list[dict[str, Any]] = []
        self.send()

    def send(self, *, after: float = 0.0) -> list[dict[str, Any]]:
        """Let time pass and return what is sent then."""
        self.now += after
        self.sent = [json.loads(command) for command in self.session.commands(self.now)]
        return self.sent

    def hear(self, *frames: bytes) -> "Talk":
        for one in frames:
            self.ms += 1
            self.session.receive(one, self.ms)
        return self

    def told(self) -> list[StreamEvent]:
        events = []
        while (event := self.session.event()) is not None:
            events.append(event)
        return events

    def gaps(self) -> list[Gap]:
        return [event for event in self.told() if isinstance(event, Gap)]

    def bids(self, ticker: str) -> list[tuple[int, int]] | None:
        update = self.session.book(ticker)
        if update is None:
            return None
        return [(level.price, level.count) for level in update.book.yes_bids]


def ack(channel: str = "orderbook_delta", sid: int = 1) -> bytes:
    return frame(type="subscribed", id=1, msg={"channel": channel, "sid": sid})


def snapshot(seq: int, ticker: str = A, *, sid: int = 1, **sides: Any) -> bytes:
    levels = sides or {"yes_dollars_fp": [["0.4000", "5.00"]], "no_dollars_fp": [["0.6", "1.00"]]}
    msg = {"market_ticker": ticker, "market_id": "m", **levels}
    return frame(type="orderbook_snapshot", sid=sid, seq=seq, msg=msg)


def delta(seq: int, count: str = "1.00", *, ticker: str = A, sid: int = 1, **more: Any) -> bytes:
    msg = {"market_ticker": ticker, "price_dollars": "0.4000", "delta_fp": count, "side": "yes"}
    return frame(type="orderbook_delta", sid=sid, seq=seq, msg=msg | more)


def whole(*tickers: str) -> Talk:
    talk = Talk(*tickers).hear(ack())
    talk.hear(*(snapshot(number + 1, ticker) for number, ticker in enumerate(tickers)))
    talk.told()
    return talk


def spans(gaps: Iterable[Gap]) -> list[tuple[str, int | None, str]]:
    return [
        (
            ",".join(gap.market_tickers),
            None if gap.to_at is None else (gap.to_at - gap.from_at) // timedelta(milliseconds=1),
            gap.reason,
        )
        for gap in gaps
    ]
