"""The operations on what has left the live ones: old markets, trades, orders, fills, positions."""

from typing import Any

from kalshi_assets.local_exchange.candle_endpoints import Window
from kalshi_assets.local_exchange.catalog import Catalog
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, public_reads
from kalshi_assets.local_exchange.history_view import TradeHistory, archived_candle_view
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.orders import order_from_row
from kalshi_assets.local_exchange.portfolio_view import (
    event_positions,
    fill_view,
    order_view,
    position_view,
)
from kalshi_assets.local_exchange.position import Position
from kalshi_assets.local_exchange.query import page_after, page_where
from kalshi_assets.local_exchange.records import Table, page_of_records
from kalshi_assets.local_exchange.store import Row
from kalshi_assets.local_exchange.tape import Listing
from kalshi_assets.local_exchange.tiers import Bound
from kalshi_assets.local_exchange.units import iso

_MARKETS = "/historical/markets"
_FILTERS = ("tickers", "event_ticker", "series_ticker")
_LAST_SUBACCOUNT = 63

View = dict[str, Any]


class HistoricalEndpoints:
    """Answers to calls for archived records; when they are archived `Tiers` tells."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._tiers = exchange.terms.tiers
        self._catalog = Catalog(exchange.tape, self._tiers)
        self._view = MarketView(exchange.tape, exchange.book, exchange.store)
        self._trades = TradeHistory(exchange.tape, exchange.store)

    def all(self) -> list[Endpoint]:
        """Return the operations."""
        candles = (f"{_MARKETS}/{{ticker}}/candlesticks", "GetMarketCandlesticksHistorical")
        return [
            *public_reads(
                ("/historical/cutoff", "GetHistoricalCutoff", self.cutoff),
                (_MARKETS, "GetHistoricalMarkets", self.markets),
                (f"{_MARKETS}/{{ticker}}", "GetHistoricalMarket", self.market),
                (*candles, self.candles),
                ("/historical/trades", "GetTradesHistorical", self.trades),
            ),
            Endpoint("GET", "/historical/fills", "GetFillsHistorical", self.fills),
            Endpoint("GET", "/historical/orders", "GetHistoricalOrders", self.orders),
            Endpoint("GET", "/historical/positions", "GetHistoricalPositions", self.positions),
        ]

    def cutoff(self, call: Call) -> View:
        """Answer where live records begin."""
        tiers, now_ms = self._tiers, call.now_ms
        return {
            "market_settled_ts": iso(now_ms - tiers.markets_ms),
            "trades_created_ts": iso(now_ms - tiers.trades_ms),
            "orders_updated_ts": iso(now_ms - tiers.orders_ms),
            "market_positions_last_updated_ts": iso(now_ms - tiers.positions_ms),
        }

    def markets(self, call: Call) -> View:
        """Answer with a page of archived markets; of combos there are none.

        Raises:
            Refusal: 400 if more than one filter is given: they exclude each other.
        """
        query = call.query
        query.choice("mve_filter", ("exclude",))
        given = [name for name in _FILTERS if query.text(name)]
        if len(given) > 1:
            raise query.invalid(given[1], "excluded_with")
        page, cursor = page_where(
            self._catalog.listings,
            lambda listing: self._is_wanted(listing, call),
            after=query.cursor_number(),
            limit=query.limit(),
        )
        return {"markets": [self._view.market(one, call.now_ms) for one in page], "cursor": cursor}

    def market(self, call: Call) -> View:
        """Answer with one archived market."""
        listing = self._catalog.archived_market(call.path["ticker"], call.now_ms)
        return {"market": self._view.market(listing, call.now_ms)}

    def candles(self, call: Call) -> View:
        """Answer with the candles of an archived market."""
        listing = self._catalog.archived_market(call.path["ticker"], call.now_ms)
        window = Window.read(call.query)
        window.check_size(1)
        candles = window.candles(self._exchange.tape, listing.ticker, call.now_ms)
        return {
            "ticker": listing.ticker,
            "candlesticks": [archived_candle_view(candle) for candle in candles],
        }

    def trades(self, call: Call) -> View:
        """Answer with a page of archived public trades."""
        self._check_ticker(call)
        return self._trades.page(call.query, (0, call.now_ms - self._tiers.trades_ms - 1))

    def fills(self, call: Call) -> View:
        """Answer with a page of archived fills, newest first."""
        self._check_ticker(call)
        rows, cursor = self._records("fills", call, self._tiers.archived_fills(call.now_ms))
        views = [fill_view(row, self._exchange.shards.of(row["ticker"])) for row in rows]
        return {"fills": views, "cursor": cursor}

    def orders(self, call: Call) -> View:
        """Answer with a page of archived orders, newest first."""
        rows, cursor = self._records("orders", call, self._tiers.archived_orders(call.now_ms))
        user_id = self._exchange.ledger.user_id(call.account)
        shards = self._exchange.shards
        views = [
            order_view(order_from_row(row), user_id, shard=shards.of(row["ticker"])) for row in rows
        ]
        return {"orders": views, "cursor": cursor}

    def positions(self, call: Call) -> View:
        """Answer with a page of archived positions."""
        ms = self._exchange.read_moment(call.now_ms)
        wanted = [
            position
            for position in self._exchange.ledger.positions(call.account, ms=ms)
            if _is_primary(call) and self._is_position_wanted(position, call)
        ]
        page, cursor = page_after(wanted, lambda position: position.ticker, call.query)
        return {
            "market_positions": [
                position_view(position, self._exchange.shards.of(position.ticker))
                for position in page
            ],
            "event_positions": event_positions(self._exchange, page),
            "cursor": cursor,
        }

    def _check_ticker(self, call: Call) -> None:
        """Refuse a ticker that no market has; the live operations find nothing for it instead."""
        if call.query.text("ticker") not in ("", *self._exchange.tape.listings):
            raise Refusal.nested(404, "not_found")

    def _records(self, table: Table, call: Call, tier: Bound) -> tuple[list[Row], str]:
        ticker = call.query.text("ticker")
        if not _is_primary(call):
            return [], ""
        return page_of_records(
            self._exchange.store,
            table,
            call.account,
            ms=self._exchange.read_moment(call.now_ms),
            query=call.query,
            tickers=[ticker] if ticker else None,
            equals={},
            tier=tier,
        )

    def _is_wanted(self, listing: Listing, call: Call) -> bool:
        query = call.query
        tickers = query.names("tickers")
        return (
            self._catalog.is_archived(listing, call.now_ms)
            and (not tickers or listing.ticker in tickers)
            and query.text("event_ticker") in ("", listing.event_ticker)
            and query.text("series_ticker") in ("", listing.series_ticker)
        )

    def _is_position_wanted(self, position: Position, call: Call) -> bool:
        query = call.query
        event = self._exchange.tape.listings[position.ticker].event_ticker
        return (
            self._tiers.is_position_archived(
                is_settled=bool(position.is_settled),
                updated_ms=position.updated_ms,
                now_ms=call.now_ms,
            )
            and query.text("ticker") in ("", position.ticker)
            and query.text("event_ticker") in ("", event)
        )


def _is_primary(call: Call) -> bool:
    """Tell whether a call is about the primary subaccount, the only one with records."""
    number = call.query.number("subaccount") or 0
    if not 0 <= number <= _LAST_SUBACCOUNT:
        raise call.query.invalid("subaccount", "lte" if number > 0 else "gte")
    return number == 0
