"""The course of time: what happens by itself between two looks at the venue clock.

Orders expire, markets close and settle, pauses begin and end, and the tape's quotes and trades run
into resting orders, all at their own moments and in their order. The moment reached is stored with
every change, so after a crash the same stretch is gone through again with the same outcome.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.dealing import Dealing
from kalshi_assets.local_exchange.halts import Halts, Switches
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.matching import crosses, opposite
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Tape, TapeTrade
from kalshi_assets.local_exchange.units import HOUR_MS

REACHED = "reached_ms"
CLOSE_CANCEL_MS = 1_000
"""How long after a market's close its resting orders are cancelled."""

_PAUSE_MS = (hours.PAUSE_CLOSES.hour - hours.PAUSE_OPENS.hour) * HOUR_MS
_Kind = Literal["expiry", "close", "pause", "settle", "resume", "trade", "quote"]
_RANK: dict[_Kind, int] = {
    "expiry": 0,
    "close": 1,
    "pause": 2,
    "settle": 3,
    "resume": 4,
    "trade": 5,
    "quote": 6,
}


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
        halts: Halts,
        dealing: Dealing,
    ) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders
        self._book = book
        self._ledger = ledger
        self._halts = halts
        self._dealing = dealing
        stored = store.get_meta(REACHED)
        self._reached_ms = tape.started_ms if stored is None else int(stored)

    def run_to(self, now_ms: int) -> None:
        """Let everything happen that is due up to a moment; durable on return."""
        events, switches = self._due(now_ms), self._halts.wanted()
        is_switched = switches != self._halts.in_effect
        if events or is_switched:
            with self._store.transaction():
                for event in events:
                    self._happen(event)
                self._reached_ms = max(now_ms, self._reached_ms)
                if is_switched:
                    self._switch(switches, now_ms)
                self.mark(now_ms)
        self._reached_ms = max(now_ms, self._reached_ms)

    def mark(self, now_ms: int) -> None:
        """Store the moment reached, within the caller's transaction."""
        self._store.set_meta(REACHED, str(now_ms))

    def _due(self, now_ms: int) -> list[_Event]:
        """Return what is due, in its order; while the exchange is paused, all of it waits."""
        if self._halts.in_effect.exchange:
            return []
        tickers = self._orders.resting_tickers()
        events = [*self._deadlines(tickers, now_ms)]
        if tickers:
            events += [*self._pauses(tickers, now_ms), *self._tape_events(tickers, now_ms)]
        return sorted(events, key=lambda e: (e.ms, _RANK[e.kind], e.subject))

    def _deadlines(self, tickers: Sequence[str], now_ms: int) -> Iterator[_Event]:
        """Yield what is done as soon as its moment has come, or at once if it is overdue."""
        last = self._reached_ms
        for expires_ms, order_id in self._orders.expiries(now_ms):
            yield _Event(max(expires_ms, last), "expiry", order_id)
        for ticker in tickers:
            cancel_ms = self._tape.listings[ticker].close_ms + CLOSE_CANCEL_MS
            if cancel_ms <= now_ms:
                yield _Event(max(cancel_ms, last), "close", ticker)
        for ticker in self._ledger.unsettled_tickers():
            listing = self._tape.listings[ticker]
            if listing.settled_ms <= now_ms and listing.result is not None:
                yield _Event(max(listing.settled_ms, last), "settle", ticker)

    def _pauses(self, tickers: Sequence[str], now_ms: int) -> Iterator[_Event]:
        last = self._reached_ms
        for start in hours.pauses_between(last - _PAUSE_MS, now_ms):
            if last < start:
                yield _Event(start, "pause", "")
            if last < start + _PAUSE_MS <= now_ms:
                for ticker in tickers:
                    yield _Event(start + _PAUSE_MS, "resume", ticker)

    def _tape_events(self, tickers: Sequence[str], now_ms: int) -> Iterator[_Event]:
        last = self._reached_ms
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
            self._end_for_pause(event.ms)
        elif event.kind == "settle":
            self._ledger.settle(self._tape.listings[event.subject], now_ms=event.ms)
        elif event.trade is not None:
            self._meet_trade(event.trade)
        else:
            self._meet_quote(event.subject, event.ms)

    def _switch(self, switches: Switches, now_ms: int) -> None:
        """Put pauses by hand on and off, and go on with what had to wait."""
        before = self._halts.in_effect
        self._halts.switch(switches)
        if switches.is_trading_off and not before.is_trading_off:
            self._end_for_pause(now_ms)
        for ticker in sorted(set(before.markets) - set(switches.markets)):
            self._end_all(self._orders.resting(ticker), "HaltCancel", now_ms)
        for event in self._due(now_ms):
            self._happen(event)
        for ticker in self._orders.resting_tickers():
            self._meet_quote(ticker, now_ms)

    def _end_for_pause(self, ms: int) -> None:
        halted = [order for order in self._orders.all_resting() if order.cancel_on_pause]
        self._end_all(halted, "HaltCancel", ms)

    def _end_all(self, orders: list[Order], reason: str, ms: int) -> None:
        for order in orders:
            self._dealing.end(order, reason, now_ms=ms)

    def _expire(self, order_id: str, ms: int) -> None:
        order = self._orders.by_id(order_id)
        if order.status == "resting":
            self._dealing.end(order, "ExpiryCancel", now_ms=ms)

    def _is_trading(self, ticker: str, ms: int) -> bool:
        is_active = self._tape.listings[ticker].status_at(ms) == "active"
        return is_active and self._halts.is_matching(ticker, ms)

    def _meet_quote(self, ticker: str, ms: int) -> None:
        """Fill resting orders that the tape's quote has reached, out of the quote's sizes."""
        if not self._is_trading(ticker, ms):
            return
        for order in _by_priority(self._orders.resting(ticker)):
            side = opposite(order.side)
            for offer in self._book.tape_offers(ticker, side, ms):
                if order.remaining_count and crosses(
                    order.side, limit=order.price, price=offer.price
                ):
                    count = min(order.remaining_count, offer.count)
                    self._book.take(ticker, side, offer.price, count=count, ms=ms)
                    self._dealing.fill_resting(order, count=count, now_ms=ms)

    def _meet_trade(self, trade: TapeTrade) -> None:
        """Fill resting orders priced better than a trade, up to its size.

        At the trade's own price strangers may have stood before us in the queue: no fill there.
        """
        if not self._is_trading(trade.ticker, trade.created_ms):
            return
        left = trade.count
        for order in _by_priority(self._orders.resting(trade.ticker)):
            is_through = order.side != trade.taker_side and order.price != trade.price
            if is_through and crosses(order.side, limit=order.price, price=trade.price):
                count = min(order.remaining_count, left)
                if count:
                    self._dealing.fill_resting(order, count=count, now_ms=trade.created_ms)
                    left -= count


def _by_priority(orders: list[Order]) -> list[Order]:
    return sorted(
        orders,
        key=lambda order: (-order.price if order.side == "bid" else order.price, order.queue_no),
    )
