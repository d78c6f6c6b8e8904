"""The book of a market: the tape's levels, less what was taken of them, and resting orders."""

from collections import defaultdict
from dataclasses import dataclass

from kalshi_assets.local_exchange.matching import Offer, opposite
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Level, Side, Tape


@dataclass(frozen=True, slots=True)
class Depth:
    """The displayed book, best price first on both sides."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Book:
    """Views of a market's book at a moment.

    Liquidity taken from a tape level is remembered with the quote's version; once the tape has
    refreshed its quote, it is there again.
    """

    def __init__(self, store: Store, tape: Tape, orders: Orders) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders

    def tape_offers(self, ticker: str, side: Side, ms: int) -> list[Offer]:
        """Return what the tape still offers on one side, best price first."""
        if self._tape.listings[ticker].status_at(ms) != "active":
            return []
        quote = self._tape.quote_at(ticker, ms)
        taken = self._taken(ticker, side, quote.version)
        levels = quote.bids if side == "bid" else quote.asks
        return [
            Offer(level.price, level.count - taken.get(level.price, 0), (quote.changed_ms, 0))
            for level in levels
            if level.count > taken.get(level.price, 0)
        ]

    def offers_to(self, ticker: str, taker_side: Side, ms: int) -> list[Offer]:
        """Return everything an incoming order could trade with."""
        if self._tape.listings[ticker].status_at(ms) != "active":
            return []
        side = opposite(taker_side)
        own = [_offer(order) for order in self._orders.resting(ticker) if order.side == side]
        return self.tape_offers(ticker, side, ms) + own

    def contracts_ahead(self, order: Order, ms: int) -> int:
        """Return how many contracts must trade before a resting order does."""
        mine = _offer(order)
        better = -1 if order.side == "bid" else 1
        return sum(
            offer.count
            for offer in self.offers_to(order.ticker, opposite(order.side), ms)
            if (better * offer.price, offer.queued_at) < (better * mine.price, mine.queued_at)
        )

    def take(self, ticker: str, side: Side, price: int, *, count: int, ms: int) -> None:
        """Take contracts out of a tape level."""
        version = self._tape.quote_at(ticker, ms).version
        self._store.run(
            "insert into consumed values (?, ?, ?, ?, ?) on conflict (ticker, side, price) "
            "do update set version = excluded.version, count = excluded.count"
            " + case when version = excluded.version then count else 0 end",
            ticker,
            side,
            price,
            version,
            count,
        )

    def depth(self, ticker: str, ms: int) -> Depth:
        """Return the displayed book."""
        return Depth(
            bids=tuple(sorted(self._side(ticker, "bid", ms), key=lambda level: -level.price)),
            asks=tuple(sorted(self._side(ticker, "ask", ms), key=lambda level: level.price)),
        )

    def _side(self, ticker: str, side: Side, ms: int) -> list[Level]:
        counts: dict[int, int] = defaultdict(int)
        for offer in self.offers_to(ticker, opposite(side), ms):
            counts[offer.price] += offer.count
        return [Level(price, count) for price, count in counts.items()]

    def _taken(self, ticker: str, side: Side, version: int) -> dict[int, int]:
        sql = "select price, count from consumed where ticker = ? and side = ? and version = ?"
        return {r["price"]: r["count"] for r in self._store.rows(sql, ticker, side, version)}


def _offer(order: Order) -> Offer:
    return Offer(
        order.price,
        order.remaining_count,
        (order.queued_ms, order.queue_no),
        order_id=order.order_id,
        account=order.account,
    )
