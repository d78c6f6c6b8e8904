"""The local exchange as the harness sees one: markets that trade, on lines it may break."""

import random
from contextlib import suppress
from dataclasses import dataclass, field

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.interventions import Interventions, LineFaults
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.stream import Session, StreamTerms
from kalshi_assets.local_exchange.tape import Level, Quote, Side, TapeTrade
from kalshi_assets_tests.kalshi.stream.exchange import Sides
from kalshi_assets_tests.local_exchange.bench import count, price
from kalshi_assets_tests.local_exchange.stream.bench import Stand, stand

MICROS_OF_TICK = 100
ONE_DOLLAR_MICROS = 1_000_000
LONGEST_BEAT_MS = 200


@dataclass
class TradingFloor:
    """A `ServerSide`: an exchange on which two accounts and the tape are busy in all markets.

    Attributes:
        session: the present connection, of account `me`.
    """

    rng: random.Random
    tickers: list[str]
    terms: StreamTerms
    resting: list[Order] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self.stand: Stand = stand(*self.tickers, terms=self.terms)
        self.session: Session = self.stand.hub.open("me")

    @property
    def switches(self) -> Interventions:
        """Where the line is broken, and markets are paused."""
        return self.stand.exchange.interventions

    def receive(self, command: bytes) -> list[bytes]:
        self.session.receive(command.decode())
        return self._sent()

    def reconnect(self) -> None:
        self.stand.hub.close(self.session)
        self.session = self.stand.hub.open("me")
        self.connections += 1

    def advance(self) -> list[bytes]:
        if self.rng.random() < 0.5:
            self._write(self.rng.choice(self.tickers))
        if self.rng.random() < 0.02:
            self.switches.paused_markets ^= {self.rng.choice(self.tickers)}
        self.beat(self.rng.sample(self.tickers, self.rng.choice([0, 0, 1, 1, 2])))
        return self._sent()

    def beat(self, moving: list[str]) -> None:
        """Let time pass, in which the tape moves in some markets."""
        now_ms, beat_ms = self.stand.clock.now_ms(), self.rng.randint(2, LONGEST_BEAT_MS)
        for ticker in moving:
            self._requote(ticker, now_ms + self.rng.randint(1, beat_ms))
            if self.rng.random() < 0.5:
                self._print(ticker, now_ms + self.rng.randint(1, beat_ms))
        self.stand.wait(beat_ms / 1000)

    def speak(self) -> None:
        """Have something said on every numbered channel: what was lost before shows by it."""
        self.switches.paused_markets ^= {self.tickers[0]}
        for ticker in self.tickers:
            self._print(ticker, self.stand.clock.now_ms() + 1)
            self._requote(ticker, self.stand.clock.now_ms() + 1)
        self.stand.clock.advance(seconds=0.1)

    def true_book(self, ticker: str) -> Sides:
        book = self.stand.rest_book(ticker)
        bids = {price(p) * MICROS_OF_TICK: count(c) for p, c in book["yes_dollars"].items()}
        asks = {
            ONE_DOLLAR_MICROS - price(p) * MICROS_OF_TICK: count(c)
            for p, c in book["no_dollars"].items()
        }
        return bids, asks

    def trade_ids(self) -> set[str]:
        """Return the ids of all trades there were."""
        own = self.stand.exchange.store.rows("select trade_id from trades")
        return {row["trade_id"] for row in own} | {one.trade_id for one in self.stand.tape.told}

    def _sent(self) -> list[bytes]:
        return [text.encode() for text in self.session.take()]

    def _write(self, ticker: str) -> None:
        if self.resting and self.rng.random() < 0.45:
            self._cancel(self.resting.pop(self.rng.randrange(len(self.resting))))
            return
        side = self.rng.choice(["bid", "ask"])
        cents = self.rng.randint(38, 53) if side == "bid" else self.rng.randint(47, 62)
        account = self.rng.choice(["me", "you"])
        size = f"{self.rng.randint(1, 900) / 100:.2f}"
        order = self.stand.place(account, side, f"0.{cents}", size, ticker=ticker)
        if order is not None and order.remaining_count:
            self.resting.append(order)

    def _cancel(self, order: Order) -> None:
        # It may be filled by now, or cancelled with its market.
        with suppress(Refusal):
            self.stand.cancel(order)

    def _requote(self, ticker: str, ms: int) -> None:
        bid = self.rng.randint(40, 49)
        ask = self.rng.randint(bid + 1, 60)
        bids, asks = self._levels(bid, -1), self._levels(ask, 1)
        self.stand.tape.script[ticker].append(Quote(bids, asks, ms, ms, ms))

    def _levels(self, best: int, step: int) -> tuple[Level, ...]:
        depth = self.rng.randint(0, 4)
        return tuple(
            Level((best + step * n) * 100, self.rng.randint(1, 2000)) for n in range(depth)
        )

    def _print(self, ticker: str, ms: int) -> None:
        told = self.stand.tape.told
        sides: list[Side] = ["bid", "ask"]
        side = self.rng.choice(sides)
        size = self.rng.randint(1, 500)
        told.append(TapeTrade(f"tape-{len(told)}", ticker, 5000, size, side, ms))


@dataclass
class ExchangesLine:
    """The line is sound here: the exchange itself breaks what it sends."""

    floor: TradingFloor

    def carry(self, frames: list[bytes]) -> list[bytes]:
        return frames

    def passes(self) -> bool:
        return True

    def heal(self) -> None:
        self.floor.switches.line = LineFaults()

    def cut(self) -> None:
        pass
