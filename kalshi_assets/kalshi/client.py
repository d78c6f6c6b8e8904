"""The Kalshi client: one method a call, values of `domain/` in and out. Synchronous.

Reads are tried again after failures that may pass by themselves; writes are sent exactly once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from kalshi_assets.domain.account import (
    Balance,
    Fill,
    OrderAck,
    OrderRequest,
    Position,
    Settlement,
    VenueOrder,
)
from kalshi_assets.domain.market import ExchangeStatus, OrderBook, Series
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.answers import read_all, read_cancelled, read_created, states_status
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.batches import CandleBatch, MarketBatch, candle_batch, market_batch
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.connection import Connection, Params
from kalshi_assets.kalshi.rate_limit import CANCEL_COST, RateLimits
from kalshi_assets.kalshi.retry import DEFAULT_RETRY, RetryPolicy
from kalshi_assets.kalshi.schemas import read_payload
from kalshi_assets.kalshi.schemas_account import (
    BalancePayload,
    FillPayload,
    OrderPayload,
    PositionPayload,
    SettlementPayload,
)
from kalshi_assets.kalshi.schemas_market import ExchangeStatusPayload, SeriesPayload
from kalshi_assets.kalshi.schemas_prices import BookSidesPayload

_LARGEST_PAGE = {"limit": requests.LARGEST_PAGE}


class KalshiClient:
    """A client for one exchange and, with `auth`, one account; may be shared by threads.

    Every call raises an `ExchangeError` where no usable answer came, and a `PayloadError` with the
    bytes where an answer could not be read.

    Args:
        base_url: `http(s)://<host>/trade-api/v2`.
        auth: signs every request; without it only public calls work.
        transport: replaces the network, in tests.
        retry: when reads are tried again.
        limits: the token buckets to wait at; share one object among clients of one account.

    Raises:
        ConfigurationError: `base_url` or the proxy settings are wrong.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: RequestSigner | None = None,
        transport: httpx.BaseTransport | None = None,
        retry: RetryPolicy = DEFAULT_RETRY,
        limits: RateLimits | None = None,
    ) -> None:
        self._connection = Connection(
            base_url, auth=auth, transport=transport, retry=retry, limits=limits
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange runs and trades, also when it says so with a 5xx."""
        body = self._connection.get("/exchange/status", is_answer=states_status)
        return read_payload(ExchangeStatusPayload, body.whole).to_domain()

    def series(self, ticker: str) -> Series:
        """Return a series with its fee terms."""
        body = self._connection.get(f"/series/{requests.segment(ticker)}")
        return read_payload(SeriesPayload, body.row("series")).to_domain()

    def markets(
        self,
        *,
        tickers: Sequence[str] | None = None,
        series_ticker: str | None = None,
        status: str | None = None,
    ) -> MarketBatch:
        """Return the markets asked for, all pages; no tickers in a given list means no markets.

        Args:
            tickers: only these, in calls of 100.
            series_ticker: only those of this series.
            status: the filter's words: unopened, open, paused, closed or settled.
        """
        params = {"series_ticker": series_ticker, "status": status, **_LARGEST_PAGE}
        return market_batch(
            row
            for asked in requests.ticker_lists(tickers)
            for row in self._rows("/markets", {**params, "tickers": asked}, "markets")
        )

    def candlesticks(
        self, tickers: Sequence[str], *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        """Return the candles that end from `start` to `end`, both inclusive.

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

    def orderbook(self, ticker: str) -> OrderBook:
        """Return the bids of both sides of a market, best last."""
        body = self._connection.get(f"/markets/{requests.segment(ticker)}/orderbook")
        return read_payload(BookSidesPayload, body.row("orderbook_fp")).to_domain(ticker)

    def balance(self) -> Balance:
        """Return the account's cash over all shards."""
        body = self._connection.get(f"{requests.PORTFOLIO}/balance")
        return read_payload(BalancePayload, body.whole).to_domain()

    def positions(self) -> list[Position]:
        """Return the account's unsettled positions, all pages."""
        rows = self._rows(
            f"{requests.PORTFOLIO}/positions",
            _LARGEST_PAGE,
            "market_positions",
            cursor_is_optional=True,
        )
        return read_all(
            PositionPayload, rows, PositionPayload.to_domain, key=lambda p: p.market_ticker
        )

    def create_order(self, request: OrderRequest) -> OrderAck:
        """Send a limit order, exactly once.

        Raises:
            ValueError: the order cannot be put in the exchange's terms; nothing was sent.
            DuplicateOrder: the client order id exists there already: look the order up.
            TransportError: no answer, or a success that cannot be read: the outcome is unknown.
            ServerError: the outcome is unknown.
        """
        body = self._connection.write_once(
            "POST", requests.ORDER_WRITES, json=requests.order_body(request)
        )
        return read_created(body, request.client_order_id).to_domain()

    def cancel_order(self, order_id: str, *, market_ticker: str) -> int:
        """Cancel an order, sent exactly once, and return the centicontracts it took off the book.

        Args:
            order_id: the exchange's id of the order.
            market_ticker: its market; the exchange finds the order's shard by it.

        Raises:
            NotFound: unknown, filled or cancelled already; which of these is not told.
            TransportError: no answer, or a success that cannot be read: the outcome is unknown.
            ServerError: the outcome is unknown.
        """
        body = self._connection.write_once(
            "DELETE",
            f"{requests.ORDER_WRITES}/{requests.segment(order_id)}",
            params={"market_ticker": market_ticker},
            cost=CANCEL_COST,
        )
        return read_cancelled(body, order_id).reduced_by

    def orders(
        self,
        *,
        status: str | None = None,
        min_created_at: datetime | None = None,
        ticker: str | None = None,
    ) -> list[VenueOrder]:
        """Return the account's orders, newest first, all pages.

        Args:
            status: resting, canceled or executed; all by default.
            min_created_at: leave out older ones; rounded down, so a few older ones may come.
            ticker: only those of this market.
        """
        params = {"status": status, "min_ts": requests.after(min_created_at), "ticker": ticker}
        rows = self._rows(requests.ORDER_LIST, {**params, **_LARGEST_PAGE}, "orders")
        return read_all(OrderPayload, rows, OrderPayload.to_domain, key=lambda o: o.order_id)

    def fills(
        self, *, min_filled_at: datetime | None = None, order_id: str | None = None
    ) -> list[Fill]:
        """Return the account's fills, all pages.

        Args:
            min_filled_at: leave out older ones; rounded down, so a few older ones may come.
            order_id: only those of this order.
        """
        params = {"min_ts": requests.after(min_filled_at), "order_id": order_id}
        rows = self._rows(f"{requests.PORTFOLIO}/fills", {**params, **_LARGEST_PAGE}, "fills")
        return read_all(FillPayload, rows, FillPayload.to_domain, key=lambda f: f.fill_id)

    def settlements(self, *, min_settled_at: datetime | None = None) -> list[Settlement]:
        """Return the account's settlements, all pages.

        Args:
            min_settled_at: leave out older ones; rounded down, so a few older ones may come.
        """
        params = {"min_ts": requests.after(min_settled_at), **_LARGEST_PAGE}
        path = f"{requests.PORTFOLIO}/settlements"
        rows = self._rows(path, params, "settlements", cursor_is_optional=True)
        return read_all(
            SettlementPayload,
            rows,
            SettlementPayload.to_domain,
            key=lambda s: (s.market_ticker, s.settled_at),
        )

    def _rows(
        self, path: str, params: Params, name: str, *, cursor_is_optional: bool = False
    ) -> Iterator[Row]:
        for page in self._connection.pages(path, params, cursor_is_optional=cursor_is_optional):
            yield from page.rows(name)
