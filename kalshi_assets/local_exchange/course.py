"""The course of time: what happens by itself between two looks at the venue clock.

Orders expire, markets close and settle, pauses begin, and the tape's quotes and trades run into
resting orders, all at their own moments and in their order. The moment reached is stored with every
change, so after a crash the same stretch is gone through again with the same outcome.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.matching import crosses, opposite
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Tape, TapeTrade
from kalshi_assets.local_exchange.trading import Trading

REACHED = "reached_ms"

_Kind = Literal["expiry", "close", "pause", "settle", "trade", "quote"]
_RANK: dict[_Kind, int] = {"expiry": 0, "close": 1, "pause": 2, "settle": 3, "trade": 4, "quote": 5}


@dataclass(frozen=True, slots=True)
class _Event:
    ms: int
    kind: _Kind
    subject: str
    trade: TapeTrade | None = None


class Course:
    """Brings the exchange's state up to a moment."""

    def __init__(
        self,
        store: Store,
        tape: Tape,
        *,
        orders: Orders,
        book: Book,
        ledger: Ledger,
        trading: Trading,
    ) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders
        self._book = book
        self._ledger = ledger
        self._trading = trading
        stored = store.get_meta(REACHED)
        self._reached_ms = tape.started_ms if stored is None else int(stored)

    def run_to(self, now_ms: int) -> None:
        """Let everything happen that is due up to a moment; durable on return."""
        events = sorted(self._due(now_ms), key=lambda e: (e.ms, _RANK[e.kind], e.subject))
        if events:
            with self._store.transaction():
                for event in events:
                    self._happen(event)
                self.mark(now_ms)
        self._reached_ms = max(now_ms, self._reached_ms)

    def mark(self, now_ms: int) -> None:
        """Store the moment reached, within the caller's transaction."""
        self._store.set_meta(REACHED, str(now_ms))

    def _due(self, now_ms: int) -> Iterator[_Event]:
        last = self._reached_ms
        for expires_ms, order_id in self._orders.expiries(now_ms):
            yield _Event(max(expires_ms, last), "expiry", order_id)
        for listing in self._tape.listings.values():
            if last < listing.close_ms <= now_ms:
                yield _Event(listing.close_ms, "close", listing.ticker)
            if last < listing.settled_ms <= now_ms:
                yield _Event(listing.settled_ms, "settle", listing.ticker)
        tickers = self._orders.resting_tickers()
        if tickers:
            for start in hours.pauses_between(last, now_ms):
                yield _Event(start, "pause", "")
        for ticker in tickers:
            for ms in self._tape.changes(ticker, last, now_ms):
                yield _Event(ms, "quote", ticker)
            for trade in self._tape.trades(ticker, last, now_ms):
                yield _Event(trade.created_ms, "trade", ticker, trade)

    def _happen(self, event: _Event) -> None:
        if event.kind == "expiry":
            self._expire(event.subject, event.ms)
        elif event.kind == "close":
            self._end_all(self._orders.resting(event.subject), "CloseCancel", event.ms)
        elif event.kind == "pause":
            halted = [order for order in self._orders.all_resting() if order.cancel_on_pause]
            self._end_all(halted, "HaltCancel", event.ms)
        elif event.kind == "settle":
            self._ledger.settle(self._tape.listings[event.subject])
        elif event.trade is not None:
            self._meet_trade(event.trade)
        else:
            self._meet_quote(event.subject, event.ms)

    def _end_all(self, orders: list[Order], reason: str, ms: int) -> None:
        for order in orders:
            self._trading.end(order, reason, now_ms=ms)

    def _expire(self, order_id: str, ms: int) -> None:
        order = self._orders.by_id(order_id)
        if order.status == "resting":
            self._trading.end(order, "ExpiryCancel", now_ms=ms)

    def _meet_quote(self, ticker: str, ms: int) -> None:
        """Fill resting orders that the tape's quote has reached, out of the quote's sizes."""
        if hours.pause_start(ms) is not None:
            return
        for order in _by_priority(self._orders.resting(ticker)):
            side = opposite(order.side)
            for offer in self._book.tape_offers(ticker, side, ms):
                if order.remaining_count and crosses(
                    order.side, limit=order.price, price=offer.price
                ):
                    count = min(order.remaining_count, offer.count)
                    self._book.take(ticker, side, offer.price, count=count, ms=ms)
                    self._trading.fill_resting(order, count=count, now_ms=ms)

    def _meet_trade(self, trade: TapeTrade) -> None:
        """Fill resting orders priced better than a trade, up to its size.

        At the trade's own price strangers may have stood before us in the queue: no fill there.
        """
        left = trade.count
        for order in _by_priority(self._orders.resting(trade.ticker)):
            is_through = order.side != trade.taker_side and order.price != trade.price
            if is_through and crosses(order.side, limit=order.price, price=trade.price):
                count = min(order.remaining_count, left)
                if count:
                    self._trading.fill_resting(order, count=count, now_ms=trade.created_ms)
                    left -= count


def _by_priority(orders: list[Order]) -> list[Order]:
    return sorted(
        orders, key=lambda order: (-order.price if order.side == "bid" else order.price, order.seq)
    )
