"""A session on the local exchange, and the account of every number the exchange has used up."""

import json
from dataclasses import dataclass, field

from kalshi_assets.domain.stream import Channel, Gap
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.kalshi.stream.sequence import SEQUENCED
from kalshi_assets.local_exchange.stream.subscription import Subscription
from kalshi_assets_tests.exchange_stream.floor import TradingFloor
from kalshi_assets_tests.kalshi.stream.harness import Run, sides_of

BOOKS = "orderbook_delta"
CHANNELS: tuple[Channel, ...] = (
    "trade",
    "ticker",
    "fill",
    "user_orders",
    "market_positions",
    "market_lifecycle_v2",
)


@dataclass
class Counted:
    """A numbered subscription: what was sent of it, and the highest number that came."""

    sent: Subscription
    noted: int = 0
    highest: int = 0


@dataclass
class Loss:
    """A number that did not come in its turn; `markets` are those it may have been about."""

    channel: str
    whose: tuple[int, int]
    number: int
    ms: int
    markets: set[str]


@dataclass
class Joined(Run[TradingFloor]):
    """A run that knows what was lost, and holds books against REST whenever nothing is under way.

    A number was lost if it never came, or came late: both make a gap.
    """

    counted: dict[tuple[int, int], Counted] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def start(self) -> None:
        super().start()
        for channel in CHANNELS:
            self.session.want(channel, ())

    def step(self) -> None:
        super().step()
        if self._is_up_to_date():
            for ticker in self.wanted:
                book = self.session.book(ticker)
                assert book is None or sides_of(book) == self.server.true_book(ticker), ticker

    def note(self, frames: list[bytes]) -> None:
        line = self.server.connections
        for sub in self.server.session.subscriptions:
            if sub.channel in SEQUENCED:
                self.counted.setdefault((line, sub.sid), Counted(sub))
        came: set[tuple[int, int, int]] = set()
        for frame in map(json.loads, frames):
            found = self.counted.get((line, frame.get("sid", 0)))
            if found is not None and "seq" in frame and frame["seq"] > found.highest:
                found.highest = frame["seq"]
                came.add((line, frame["sid"], frame["seq"]))
        for whose, one in self.counted.items():
            for number in range(one.noted + 1, one.sent.seq + 1):
                if (*whose, number) not in came:
                    markets = set(self.wanted)
                    self.losses.append(Loss(one.sent.channel, whose, number, self.ms, markets))
            one.noted = one.sent.seq

    def want(self, tickers: set[str]) -> None:
        for loss in self.losses:
            if loss.number > self.counted[loss.whose].highest:
                # Nobody knows of it yet, and of these markets nobody wants to know.
                loss.markets &= tickers
        super().want(tickers)

    def check_all_losses_are_in_gaps(self) -> None:
        for loss in self.losses:
            for ticker in loss.markets if loss.channel == BOOKS else [None]:
                assert self._is_in_gap(loss.channel, ticker, loss.ms), (loss, ticker)
        for bad in self.bad:
            ms = round(bad.received_at.timestamp() * 1000)
            assert bad.channel is not None, bad
            assert self._is_in_gap(bad.channel, None, ms), bad

    def _is_in_gap(self, channel: str, ticker: str | None, ms: int) -> bool:
        at = instant(ms)
        return any(
            gap.from_at <= at <= gap.to_at
            for gap in self.gaps
            if gap.channel == channel and gap.to_at is not None and _is_about(gap, ticker)
        )

    def _is_up_to_date(self) -> bool:
        line = self.server.connections
        return all(
            one.highest == one.sent.seq
            for (connection, _), one in self.counted.items()
            if connection == line and one.sent.channel == BOOKS
        )


def _is_about(gap: Gap, ticker: str | None) -> bool:
    return ticker is None or ticker in gap.market_tickers
