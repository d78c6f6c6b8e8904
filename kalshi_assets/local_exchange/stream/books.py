"""The displayed books as subscribers know them, and their way from one moment to the next.

The exchange shows a book with the orders that rest now. Where a beat was long, an order that ended
in it is put back for the moments before, so each level moves at its own moment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kalshi_assets.local_exchange.bulletin import Event, Filled, OrderChanged
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.matching import opposite
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.stream.happenings import (
    BookTold,
    Cause,
    Dated,
    LevelMoved,
    Levels,
)
from kalshi_assets.local_exchange.tape import Side

Place = tuple[Side, int]
Stakes = dict[str, tuple[Place, int]]
"""What orders add to their levels, by order id; one that has ended adds nothing."""


class Books:
    """Follows the books of some markets."""

    def __init__(self, exchange: Exchange) -> None:
        self._book = exchange.book
        self._orders = exchange.orders
        self._tape = exchange.tape
        self._shown: dict[str, Levels] = {}
        self._stakes: dict[str, Stakes] = {}

    def watch(self, tickers: frozenset[str], now_ms: int) -> None:
        """Follow these markets from a moment on, and no others."""
        for ticker in self._shown.keys() - tickers:
            del self._shown[ticker], self._stakes[ticker]
        for ticker in tickers - self._shown.keys():
            self._shown[ticker] = self.levels(ticker, now_ms)
            resting = self._orders.resting(ticker)
            self._stakes[ticker] = {order.order_id: _stake(order) for order in resting}

    def levels(self, ticker: str, ms: int) -> Levels:
        """Return the displayed book, as REST shows it."""
        depth = self._book.depth(ticker, ms)
        bids: Levels = {("bid", level.price): level.count for level in depth.bids}
        return bids | {("ask", level.price): level.count for level in depth.asks}

    def move(
        self, ticker: str, moments: Iterable[int], *, changed: Sequence[Order], causes: "Causes"
    ) -> Iterator[Dated]:
        """Yield the moves of a watched book, what shrinks first: it is at no time crossed.

        Where the tape has the whole book told anew, that is what is yielded for the moment.

        Args:
            ticker: the market.
            moments: when the book may have moved; among them those of the orders.
            changed: the market's orders that changed, as they stood, in that order.
            causes: which order moved which level.
        """
        stakes, own = self._stakes[ticker], {order.updated_ms for order in changed}
        now = stakes | {order.order_id: _stake(order) for order in changed}
        for ms in moments:
            stakes |= {o.order_id: _stake(o) for o in changed if o.updated_ms <= ms}
            before, after = self._shown[ticker], self._levels_then(ticker, ms, stakes, now=now)
            self._shown[ticker] = after
            if self._is_told_anew(ticker, ms):
                yield Dated(ms, BookTold(ticker, after))
                continue
            moves = [(after.get(p, 0) - before.get(p, 0), p) for p in before.keys() | after.keys()]
            for delta, (side, price) in sorted(moves):
                if delta:
                    cause = causes.get((ticker, side, price)) if ms in own else None
                    yield Dated(ms, LevelMoved(ticker, side, price, delta, ms, cause))
        self._stakes[ticker] = {name: stake for name, stake in stakes.items() if stake[1]}

    def _is_told_anew(self, ticker: str, ms: int) -> bool:
        quote = self._tape.quote_at(ticker, ms)
        return quote.is_told_anew and quote.changed_ms == ms

    def _levels_then(self, ticker: str, ms: int, stakes: Stakes, *, now: Stakes) -> Levels:
        levels = self.levels(ticker, ms)
        if not self._tape.listings[ticker].shows_book_at(ms):
            return levels
        for order_id, (place, count) in now.items():
            if stakes.get(order_id) != (place, count):
                levels[place] = levels.get(place, 0) - count
                if order_id in stakes:
                    place, count = stakes[order_id]
                    levels[place] = levels.get(place, 0) + count
        return {place: count for place, count in levels.items() if count > 0}


Causes = Mapping[tuple[str, Side, int], Cause]


def causes_of(events: Sequence[Event]) -> Causes:
    """Tell which order moved which level: the taker's, or the one placed, changed or cancelled.

    A resting order that is filled did not move its level: who came to it did.
    """
    fills = [event for event in events if isinstance(event, Filled)]
    made = {fill.order_id for fill in fills if not fill.is_taker}
    causes: dict[tuple[str, Side, int], Cause] = {}
    for event in events:
        if isinstance(event, OrderChanged) and event.order.order_id not in made:
            order = event.order
            cause = Cause(order.account, order.client_order_id)
            causes[order.ticker, order.side, order.price] = cause
    for fill in fills:
        if fill.is_taker:
            place = fill.ticker, opposite(fill.side), fill.price
            causes[place] = Cause(fill.account, fill.client_order_id)
    return causes


def _stake(order: Order) -> tuple[Place, int]:
    return (order.side, order.price), order.remaining_count
