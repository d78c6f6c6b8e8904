"""An exchange, its hub and clients in one process: no sockets, the time in the test's hands."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.stream import Hub, Session, StreamTerms
from kalshi_assets.local_exchange.tape import Tape
from kalshi_assets.local_exchange.trading import Address
from kalshi_assets.local_exchange.units import ONE_DOLLAR
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    UNLIMITED,
    ScriptedTape,
    count,
    listing,
    order_body,
    price,
    private_key,
    public_pem,
)

OTHER = "KXTEST-26OCT-T2"
Frame = dict[str, Any]


@dataclass
class Stand:
    """An exchange whose clock stands still until the test moves it."""

    tape: Any
    terms: StreamTerms = field(default_factory=StreamTerms)
    account_terms: Terms = UNLIMITED

    def __post_init__(self) -> None:
        self.clock = ManualClock(self.tape.started_ms)
        keys = {name: public_pem(private_key(name)) for name in ("me", "you")}
        tape: Tape = self.tape
        self.exchange = Exchange(
            tape,
            Store(None),
            doorkeeper=Doorkeeper(keys),
            clock=self.clock,
            terms=self.account_terms,
        )
        self.hub = Hub(self.exchange, self.terms)
        self.markets = MarketView(tape, self.exchange.book, self.exchange.store)

    def client(self, account: str = "me") -> "Client":
        return Client(self.hub.open(account))

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.hub.advance()

    def place(self, account: str, side: str, at: str, size: str, **changes: Any) -> Order | None:
        """Place an order as the gate does; None if it is refused."""
        text = json.dumps(order_body(side, at, size) | changes).encode()
        self.hub.advance()
        now_ms = self.exchange.moment()
        order = None
        with self.exchange.store.transaction(), suppress(Refusal):
            order = self.exchange.place(account, decode_order(text), now_ms=now_ms).order
        self.hub.advance()
        return order

    def cancel(self, order: Order) -> None:
        self.hub.advance()
        now_ms = self.exchange.moment()
        with self.exchange.store.transaction():
            self.exchange.cancel(order.account, order.order_id, at=Address(), now_ms=now_ms)
        self.hub.advance()

    def rest_book(self, ticker: str = TICKER) -> Mapping[str, Any]:
        book = self.markets.orderbook(ticker, self.exchange.moment(), 0)["orderbook_fp"]
        return {name: dict(rows) for name, rows in book.items()}


class Client:
    """A session, its frames in the order they came, and the books folded from them."""

    def __init__(self, session: Session, *, use_yes_price: bool = True) -> None:
        self.session = session
        self.use_yes_price = use_yes_price
        self.seen: list[Frame] = []
        self._ids = 0

    def send(self, cmd: str, **params: Any) -> list[Frame]:
        """Send a command; return what comes, up to now."""
        self._ids += 1
        return self.say({"id": self._ids, "cmd": cmd, "params": params})

    def say(self, frame: Any) -> list[Frame]:
        self.session.receive(frame if isinstance(frame, str) else json.dumps(frame))
        return self.take()

    def subscribe(self, *channels: str, **params: Any) -> list[Frame]:
        return self.send("subscribe", channels=list(channels), **params)

    def books(self, *tickers: str, **params: Any) -> list[Frame]:
        named = list(tickers) or [TICKER]
        flags = {"use_yes_price": self.use_yes_price} | params
        return self.subscribe("orderbook_delta", market_tickers=named, **flags)

    def take(self) -> list[Frame]:
        frames = [json.loads(text) for text in self.session.take()]
        self.seen.extend(frames)
        return frames

    def of(self, kind: str) -> list[Frame]:
        """Return everything seen of a type."""
        self.take()
        return [frame for frame in self.seen if frame["type"] == kind]

    def book(self, ticker: str = TICKER) -> Mapping[str, Any]:
        """Fold the frames seen into a book in REST's shape; a level below zero fails the test."""
        self.take()
        sides: dict[str, dict[int, int]] = {"yes": {}, "no": {}}
        for frame in self.seen:
            body = frame.get("msg", {})
            if frame["type"] == "orderbook_snapshot" and body["market_ticker"] == ticker:
                sides = {name: _levels(body.get(f"{name}_dollars_fp", [])) for name in sides}
            elif frame["type"] == "orderbook_delta" and body["market_ticker"] == ticker:
                levels, at = sides[body["side"]], price(body["price_dollars"])
                levels[at] = levels.get(at, 0) + signed(body["delta_fp"])
                assert levels[at] >= 0, f"{at} of {ticker} fell to {levels[at]}"
                if not levels[at]:
                    del levels[at]
        return {f"{name}_dollars": self._as_rest(name, levels) for name, levels in sides.items()}

    def _as_rest(self, side: str, levels: Mapping[int, int]) -> Mapping[str, str]:
        is_flipped = side == "no" and self.use_yes_price
        return {
            f"{(ONE_DOLLAR - p if is_flipped else p) / ONE_DOLLAR:.4f}": f"{c / 100:.2f}"
            for p, c in levels.items()
        }


def stand(*tickers: str, terms: StreamTerms | None = None, **changes: Any) -> Stand:
    """A stand with a scripted tape: the market quoted 0.47 / 0.52, and more if named."""
    listings = {name: listing(name, **changes) for name in (TICKER, *tickers)}
    return Stand(ScriptedTape(listings=listings), terms or StreamTerms())


def both_scales(floor: Stand, account: str = "me") -> tuple[Client, Client]:
    """Two clients that follow the book, one in YES prices and one in NO prices."""
    yes, no = floor.client(account), floor.client(account)
    no.use_yes_price = False
    yes.books()
    no.books()
    return yes, no


def bodies(client: Client, kind: str) -> list[Frame]:
    """Return the `msg` of everything a client has seen of a type."""
    return [frame["msg"] for frame in client.of(kind)]


def signed(text: str) -> int:
    return -count(text[1:]) if text.startswith("-") else count(text)


def code_of(frames: Sequence[Frame]) -> int:
    """Return the code of the only frame, an error."""
    (frame,) = frames
    assert frame["type"] == "error", frame
    return int(frame["msg"]["code"])


def _levels(rows: Sequence[Sequence[str]]) -> dict[int, int]:
    return {price(p): count(c) for p, c in rows}
