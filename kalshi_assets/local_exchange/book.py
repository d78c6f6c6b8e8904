"""The book of a market: the tape's levels, less what was taken of them, and resting orders."""

from collections import defaultdict
from dataclasses import dataclass

from kalshi_assets.local_exchange.matching import Offer, opposite
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Level, Quote, Side, Tape


@dataclass(frozen=True, slots=True)
class Depth:
    """The displayed book, best price first on both sides."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Book:
    """Views of a market's book at a moment.

    Liquidity taken from a tape level is remembered with the level's version, which is the quote's
    where it has none of its own; once the tape has refreshed it, it is there again.
    """

    def __init__(self, store: Store, tape: Tape, orders: Orders) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders

    def tape_offers(self, ticker: str, side: Side, ms: int) -> list[Offer]:
        """Return what the tape still offers on one side, best price first."""
        if not self._tape.listings[ticker].shows_book_at(ms):
            return []
        quote = self._tape.quote_at(ticker, ms)
        taken = self._taken(ticker, side)
        offers = []
        for level in quote.bids if side == "bid" else quote.asks:
            left = level.count - taken.get((level.price, version_of(level, quote)), 0)
            if left > 0:
                offers.append(Offer(level.price, left, (quote.changed_ms, 0)))
        return offers

    def offers_to(self, ticker: str, taker_side: Side, ms: int) -> list[Offer]:
        """Return everything an incoming order could trade with."""
        if not self._tape.listings[ticker].shows_book_at(ms):
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
        quote = self._tape.quote_at(ticker, ms)
        levels = quote.bids if side == "bid" else quote.asks
        (version,) = {version_of(level, quote) for level in levels if level.price == price}
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

    def _taken(self, ticker: str, side: Side) -> dict[tuple[int, int], int]:
        """Return what was last taken, by price and the version it was taken from."""
        sql = "select price, version, count from consumed where ticker = ? and side = ?"
        rows = self._store.rows(sql, ticker, side)
        return {(row["price"], row["version"]): row["count"] for row in rows}


def version_of(level: Level, quote: Quote) -> int:
    """Return the version of a level: its own, or its quote's."""
    return quote.version if level.version is None else level.version


def _offer(order: Order) -> Offer:
    return Offer(
        order.price,
        order.remaining_count,
        (order.queued_ms, order.queue_no),
        order_id=order.order_id,
        account=order.account,
    )
