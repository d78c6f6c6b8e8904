"""Runs a session against an exchange side over a faulty line, and looks at it at every step."""

import json
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.domain.stream import BadPayload, BookUpdate, Gap, StreamEvent, TradePrint
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.kalshi.stream.session import Session
from kalshi_assets.kalshi.stream.subscription import Patience
from kalshi_assets_tests.kalshi.stream.exchange import START_MS, ServerSide, Sides

Server = TypeVar("Server", bound=ServerSide)

STEP_SECONDS = 0.1
PATIENCE = Patience(
    answer_seconds=1.0, snapshot_seconds=0.7, refusal_seconds=2.0, audit_seconds=2.5
)


class Line(Protocol):
    """What is between server side and session."""

    def carry(self, frames: list[bytes]) -> list[bytes]:
        """Return what comes out now."""

    def passes(self) -> bool:
        """Tell whether a command gets through."""

    def heal(self) -> None:
        """Have no more faults."""

    def cut(self) -> None:
        """Lose what is on its way."""


def sides_of(update: BookUpdate) -> Sides:
    """Return a book that was read out as the server side has it."""
    bids = {level.price: level.count for level in update.book.yes_bids}
    asks = {MICROS_PER_DOLLAR - level.price: level.count for level in update.book.no_bids}
    return bids, asks


@dataclass
class Run(Generic[Server]):
    """One session, one server side, one line; the clock is ours."""

    rng: random.Random
    server: Server
    line: Line
    wanted: set[str]
    session: Session = field(default_factory=lambda: Session(patience=PATIENCE))
    now: float = 1000.0
    ms: int = START_MS
    was_whole: set[str] = field(default_factory=set)
    open_gaps: dict[tuple[str, tuple[str, ...]], Gap] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    trades: list[TradePrint] = field(default_factory=list)
    trades_due: dict[str, datetime] = field(default_factory=dict)
    bad: list[BadPayload] = field(default_factory=list)
    latest: dict[str, Sides] = field(default_factory=dict)

    def start(self) -> None:
        self.session.want("orderbook_delta", self.wanted)
        self.session.want("trade", ())

    def step(self) -> None:
        """Send what is to be sent, let the server act, take in what the line carries."""
        self.now += STEP_SECONDS
        self.ms += 100
        frames: list[bytes] = []
        for command in self.session.commands(self.now):
            if self.line.passes():
                frames += self.server.receive(command)
        frames += self.server.advance()
        self.note(frames)
        for frame in self.line.carry(frames):
            self.session.receive(frame, self.ms)
        if self.session.broken:
            self.reconnect()
        self.read()

    def note(self, frames: list[bytes]) -> None:
        """Note what the server side has let go."""
        for frame in frames:
            if b'"type":"trade"' in frame:
                self.trades_due[json.loads(frame)["msg"]["trade_id"]] = instant(self.ms)

    def reconnect(self) -> None:
        self.line.cut()
        self.server.reconnect()
        self.session.closed("disconnected", heard_ms=self.ms)

    def want(self, tickers: set[str]) -> None:
        self.wanted = tickers
        self.was_whole &= tickers
        self.session.want("orderbook_delta", tickers)
        self.read()

    def read(self) -> None:
        """Read all events, and hold what the feed says against what it has said before."""
        while (event := self.session.event()) is not None:
            self._take(event)
        for ticker in self.wanted:
            is_whole = self.session.book(ticker) is not None
            is_open = ("orderbook_delta", (ticker,)) in self.open_gaps
            assert not (is_whole and is_open), f"{ticker} is read in an open gap"
            assert is_whole or is_open or ticker not in self.was_whole, f"{ticker}: no gap told"
            if is_whole:
                self.was_whole.add(ticker)

    def _take(self, event: StreamEvent) -> None:
        if isinstance(event, Gap):
            key = (event.channel, event.market_tickers)
            if event.to_at is None:
                assert key not in self.open_gaps
                self.open_gaps[key] = event
                return
            began = self.open_gaps.pop(key, event)
            assert (began.from_at, began.reason) == (event.from_at, event.reason)
            assert event.from_at <= event.to_at
            self.gaps.append(event)
        elif isinstance(event, TradePrint):
            self.trades.append(event)
        elif isinstance(event, BadPayload):
            self.bad.append(event)
        elif isinstance(event, BookUpdate):
            self.latest[event.book.market_ticker] = sides_of(event)

    def settle(self, most_steps: int = 600) -> None:
        """Run on over a healed line until nothing is in doubt, and past the next audit."""
        self.line.heal()
        for _ in range(40):
            self.step()
        for _ in range(most_steps):
            self.step()
            if not self.open_gaps and self._is_all_there():
                break

    def _is_all_there(self) -> bool:
        return all(self.session.book(ticker) is not None for ticker in self.wanted)
