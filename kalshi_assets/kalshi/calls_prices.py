"""Calls for prices: order books, trades and candlesticks, live and of the historical tier."""

from collections.abc import Sequence
from datetime import datetime

from kalshi_assets.domain.market import OrderBook, Trade
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.batches import (
    Batch,
    CandleBatch,
    candle_batch,
    one_markets_candles,
    read_batch,
)
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_prices import (
    BookSidesPayload,
    CandlePayload,
    HistoricalCandlePayload,
    MarketBookPayload,
    TradePayload,
)


class PriceCalls(Calls):
    """Order books, trades and candlesticks."""

    def orderbook(self, ticker: str, *, depth: int = 0) -> OrderBook:
        """Return the bids of both sides of a market, best last.

        Args:
            ticker: the market.
            depth: levels of each side, 1 to 100; 0 is all.
        """
        params = {"depth": depth or None}
        body = self._connection.get(f"/markets/{requests.segment(ticker)}/orderbook", params)
        return read_payload(BookSidesPayload, body.row("orderbook_fp")).to_domain(ticker)

    def orderbooks(self, tickers: Sequence[str]) -> Batch[OrderBook]:
        """Return the order books of these markets, in calls of 100."""
        rows = (
            row
            for call in requests.in_calls(tickers)
            for row in self._connection.get("/markets/orderbooks", {"tickers": call}).rows(
                "orderbooks"
            )
        )
        return read_batch(
            MarketBookPayload, rows, MarketBookPayload.to_domain, key=lambda b: b.market_ticker
        )

    def trades(
        self,
        *,
        ticker: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        is_block_trade: bool | None = None,
    ) -> Batch[Trade]:
        """Return public trades of the live tier, all pages; `trade_history` has both tiers.

        Args:
            ticker: only those of this market.
            start: leave out earlier ones; rounded down, so a few earlier ones may come.
            end: leave out later ones; rounded up, so a few later ones may come.
            is_block_trade: only those matched beside the book, or only those in it.
        """
        return self._trades(
            "/markets/trades", ticker, start=start, end=end, is_block=is_block_trade
        )

    def historical_trades(
        self,
        *,
        ticker: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        is_block_trade: bool | None = None,
    ) -> Batch[Trade]:
        """Return public trades of the historical tier, all pages; arguments as of `trades`."""
        path = f"{requests.HISTORICAL}/trades"
        return self._trades(path, ticker, start=start, end=end, is_block=is_block_trade)

    def candlesticks(
        self, tickers: Sequence[str], *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        """Return the live candles that end from `start` to `end`, both inclusive.

        Args:
            tickers: the markets; calls are cut to 100 of them and 10,000 candles.
            start: the first moment, aware.
            end: the last moment, aware.
            interval_minutes: 1, 60 or 1440.
        """
        calls = requests.candle_calls(tickers, start, end, interval_minutes=interval_minutes)
        return candle_batch(
            (
                row
                for params in calls
                for row in self._connection.get("/markets/candlesticks", params).rows("markets")
            ),
            interval_minutes,
        )

    def market_candlesticks(
        self,
        ticker: str,
        *,
        series_ticker: str,
        start: datetime,
        end: datetime,
        interval_minutes: int,
    ) -> CandleBatch:
        """Return the live candles of one market; arguments as of `candlesticks`."""
        path = (
            f"/series/{requests.segment(series_ticker)}"
            f"/markets/{requests.segment(ticker)}/candlesticks"
        )
        spans = requests.candle_spans(start, end, interval_minutes=interval_minutes)
        rows = (row for s in spans for row in self._connection.get(path, s).rows("candlesticks"))
        return one_markets_candles(
            rows, ticker, interval_minutes=interval_minutes, schema=CandlePayload
        )

    def historical_candlesticks(
        self, ticker: str, *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        """Return the candles of a market of the historical tier; arguments as of `candlesticks`.

        Raises:
            NotFound: the market is live, or there is none.
        """
        path = f"{requests.HISTORICAL}/markets/{requests.segment(ticker)}/candlesticks"
        spans = requests.candle_spans(start, end, interval_minutes=interval_minutes)
        rows = (row for s in spans for row in self._connection.get(path, s).rows("candlesticks"))
        return one_markets_candles(
            rows, ticker, interval_minutes=interval_minutes, schema=HistoricalCandlePayload
        )

    def _trades(
        self,
        path: str,
        ticker: str | None,
        *,
        start: datetime | None,
        end: datetime | None,
        is_block: bool | None,
    ) -> Batch[Trade]:
        params = {
            "ticker": ticker,
            "min_ts": requests.after(start),
            "max_ts": requests.before(end),
            "is_block_trade": requests.word(is_block),
            "limit": requests.LARGEST_PAGE,
        }
        rows = self._rows(path, params, "trades")
        return read_batch(TradePayload, rows, TradePayload.to_domain, key=lambda t: t.trade_id)
