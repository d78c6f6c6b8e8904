"""The public operations on markets: lists, books and trades."""

from typing import Any

from kalshi_assets.local_exchange.catalog import Catalog
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, public_reads
from kalshi_assets.local_exchange.history_view import TradeHistory
from kalshi_assets.local_exchange.market_filter import MarketFilter
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.query import page_where
from kalshi_assets.local_exchange.tape import Listing

MAX_BOOKS = 100
MAX_DEPTH = 100
_MAX_TICKER = 200

View = dict[str, Any]


class MarketEndpoints:
    """Answers to calls for markets."""

    def __init__(self, exchange: Exchange) -> None:
        self._tiers = exchange.terms.tiers
        self._catalog = Catalog(exchange.tape, self._tiers)
        self._view = MarketView(
            exchange.tape, exchange.book, exchange.store, interventions=exchange.interventions
        )
        self._trades = TradeHistory(exchange.tape, exchange.store)

    def all(self) -> list[Endpoint]:
        """Return the operations; fixed paths come before those with variables."""
        return public_reads(
            ("/markets", "GetMarkets", self.markets),
            ("/markets/orderbooks", "GetMarketOrderbooks", self.orderbooks),
            ("/markets/trades", "GetTrades", self.trades),
            ("/markets/{ticker}", "GetMarket", self.market),
            ("/markets/{ticker}/orderbook", "GetMarketOrderbook", self.orderbook),
        )

    def markets(self, call: Call) -> View:
        """Answer with a page of markets."""
        wanted, now_ms = MarketFilter(call.query), call.now_ms

        def is_wanted(listing: Listing) -> bool:
            return not self._tiers.is_archived(listing, now_ms) and wanted.holds(
                listing,
                self._view.status(listing, now_ms),
                lambda: self._view.updated_ms(listing, now_ms),
            )

        page, cursor = page_where(
            self._catalog.listings,
            is_wanted,
            after=call.query.cursor_number(),
            limit=call.query.limit(),
        )
        return {"markets": [self._view.market(one, now_ms) for one in page], "cursor": cursor}

    def market(self, call: Call) -> View:
        """Answer with one market."""
        listing = self._catalog.market(call.path["ticker"], call.now_ms)
        return {"market": self._view.market(listing, call.now_ms)}

    def orderbook(self, call: Call) -> View:
        """Answer with a market's book, down to a depth; 0 or less is all of it."""
        depth = call.query.number("depth") or 0
        if depth > MAX_DEPTH:
            raise call.query.invalid("depth", "lte")
        listing = self._catalog.market(call.path["ticker"], call.now_ms)
        return self._view.orderbook(listing.ticker, call.now_ms, depth)

    def orderbooks(self, call: Call) -> View:
        """Answer with the whole books of several markets; unknown ones are left out."""
        tickers = call.query.repeated("tickers")
        if not tickers:
            raise call.query.invalid("tickers", "required")
        if len(tickers) > MAX_BOOKS or any(len(ticker) > _MAX_TICKER for ticker in tickers):
            raise call.query.invalid("tickers", "max")
        return {
            "orderbooks": [
                {"ticker": one.ticker, **self._view.orderbook(one.ticker, call.now_ms, 0)}
                for one in self._catalog.known(tickers, call.now_ms)
            ]
        }

    def trades(self, call: Call) -> View:
        """Answer with a page of live public trades."""
        first_ms = call.now_ms - self._tiers.trades_ms
        return self._trades.page(call.query, (first_ms, call.now_ms))
