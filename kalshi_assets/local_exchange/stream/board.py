"""What happens to books, tickers and trades, whoever causes it.

Every moment at which the tape changes is walked through in its order, so a book folded from deltas
passes through the same states whatever the length of a beat, and ends where REST stands.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from kalshi_assets.local_exchange.bulletin import Event, OrderChanged, Traded
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.stream.books import Books, causes_of
from kalshi_assets.local_exchange.stream.happenings import Dated
from kalshi_assets.local_exchange.stream.tickers import Tickers


@dataclass(frozen=True, slots=True)
class Watched:
    """The markets somebody is subscribed to, by what they want of them."""

    books: frozenset[str] = frozenset()
    tickers: frozenset[str] = frozenset()
    trades: frozenset[str] = frozenset()


class Board:
    """Finds out what changed since it was last asked."""

    def __init__(self, exchange: Exchange) -> None:
        self.markets = MarketView(exchange.tape, exchange.book, exchange.store)
        self.books = Books(exchange)
        self.tickers = Tickers(exchange, self.markets)
        self._tape = exchange.tape
        self._interventions = exchange.interventions
        self._watched = Watched()
        self._paused: Set[str] = frozenset(exchange.interventions.paused_markets)

    def watch(self, watched: Watched, now_ms: int) -> None:
        """Follow these markets from a moment on, and no others."""
        self._watched = watched
        self.books.watch(watched.books, now_ms)
        self.tickers.watch(watched.tickers, now_ms)

    def shard(self, ticker: str) -> int:
        """Return the shard (`exchange_index`) a market trades on, as REST shows it."""
        listing = self._tape.listings[ticker]
        return int(self.markets.market(listing, listing.created_ms)["exchange_index"])

    def run_to(self, now_ms: int, *, after_ms: int, events: Sequence[Event]) -> Iterator[Dated]:
        """Yield what moved in (after, now], each market in its order.

        Args:
            now_ms: the moment the exchange has reached.
            after_ms: the moment of the last look.
            events: what the bulletin told since then.
        """
        causes, orders = causes_of(events), _orders_by_market(events)
        toggled = frozenset(self._interventions.paused_markets) ^ self._paused
        self._paused ^= toggled
        watched = self._watched
        for ticker in sorted(watched.books | watched.tickers | watched.trades):
            changed = orders.get(ticker, [])
            own = {order.updated_ms for order in changed}
            turns = own | ({now_ms} if ticker in toggled else set())
            moments = sorted(self._turns(ticker, after_ms, now_ms) | turns)
            if ticker in watched.books:
                yield from self.books.move(ticker, moments, changed=changed, causes=causes)
            if ticker not in watched.tickers | watched.trades:
                continue
            trades = self._tape.trades(ticker, after_ms, now_ms)
            if ticker in watched.tickers:
                sizes = {trade.created_ms: trade.count for trade in trades}
                sizes |= _own_sizes(events, ticker)
                yield from self.tickers.move(ticker, moments, sizes=sizes)
            if ticker in watched.trades:
                yield from (Dated(trade.created_ms, Traded(trade)) for trade in trades)

    def _turns(self, ticker: str, after_ms: int, until_ms: int) -> set[int]:
        """Return when the tape's quote changes, or shows or vanishes with the market."""
        listing = self._tape.listings[ticker]
        life = {listing.open_ms, listing.close_ms, listing.emptied_ms or listing.close_ms}
        due = {ms for ms in life if after_ms < ms <= until_ms}
        return due.union(self._tape.changes(ticker, after_ms, until_ms))


def _orders_by_market(events: Sequence[Event]) -> dict[str, list[Order]]:
    orders: dict[str, list[Order]] = {}
    for event in events:
        if isinstance(event, OrderChanged):
            orders.setdefault(event.order.ticker, []).append(event.order)
    return orders


def _own_sizes(events: Sequence[Event], ticker: str) -> dict[int, int]:
    trades = [event.trade for event in events if isinstance(event, Traded)]
    return {trade.created_ms: trade.count for trade in trades if trade.ticker == ticker}
