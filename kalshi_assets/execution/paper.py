"""The paper venue: the real exchange's quotes, orders matched here against its live book.

Nothing is ever sent to the exchange but reads. Every call that tells of the account first lets the
venue's time pass: orders expire, markets close and settle, resting orders meet the present book.

Each call is one transaction under one lock, its reads of the exchange included: two processes never
match against looks at the book that cross, and a crash leaves a whole step or none. The rules that
keep a paper fill from being rosier than reality stand in `paper_matching` and `paper_account`; what
they cannot cure is the book's age, as answers without a key may be cached for 15 seconds.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from typing import Protocol

from kalshi_assets.domain.account import (
    Balance,
    CancelAck,
    Fill,
    OrderAck,
    OrderRequest,
    Position,
    Settlement,
    VenueOrder,
)
from kalshi_assets.domain.clock import Clock
from kalshi_assets.domain.market import ExchangeStatus, Market, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.errors import (
    DuplicateOrder,
    NotFound,
    PayloadError,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.execution.paper_books import PaperBooks
from kalshi_assets.execution.paper_matching import require_plain
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.storage import paper as rows
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.paper import PaperOrder


class MarketData(Protocol):
    """What paper reads of the real exchange."""

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange runs and trades."""

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return markets with their quotes of now."""

    def orderbook(self, ticker: str) -> OrderBook:
        """Return the bids of both sides of a market."""


class PaperVenue:
    """A venue whose orders and money are on paper.

    Args:
        exchange: the real one; it is only read.
        database: where the paper books are kept.
        clock: the venue's time.
        starting_cash: micros. Cash is this and what all fills and settlements brought, so another
            amount later is a deposit or a withdrawal.
    """

    def __init__(
        self, exchange: MarketData, database: Database, *, clock: Clock, starting_cash: int
    ) -> None:
        self._exchange = exchange
        self._database = database
        self._clock = clock
        self._starting_cash = starting_cash

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the real exchange runs and trades."""
        return self._exchange.exchange_status()

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return the real exchange's markets with their quotes of now."""
        return self._exchange.markets(tickers=tickers)

    def balance(self) -> Balance:
        """Return the cash; resting orders do not lessen it."""
        with self._up_to_now() as books:
            return Balance(books.account().cash_micros, books.now)

    def positions(self) -> list[Position]:
        """Return the open positions."""
        with self._up_to_now() as books:
            return books.account().positions()

    def orders(self, *, min_created_at: datetime | None = None) -> list[VenueOrder]:
        """Return the orders of any status, newest first."""
        with self._up_to_now() as books:
            found = rows.all_orders(books.connection, min_created_at=min_created_at)
            return [_as_listed(order) for order in found]

    def fills(self, *, min_filled_at: datetime | None = None) -> list[Fill]:
        """Return the fills, oldest first."""
        with self._up_to_now() as books:
            return rows.all_fills(books.connection, min_filled_at=min_filled_at)

    def settlements(self, *, min_settled_at: datetime | None = None) -> list[Settlement]:
        """Return the settlements, oldest first."""
        with self._up_to_now() as books:
            return rows.all_settlements(books.connection, min_settled_at=min_settled_at)

    def create_order(self, request: OrderRequest) -> OrderAck:
        """Match an order against the book of now; the rest of it rests until it expires.

        Raises:
            DuplicateOrder: an order of this client order id was accepted before.
            Rejected: the venue refuses it, does not do what it asks for, or could not read the
                market; nothing was stored.
            NotFound: the exchange has no such market; nothing was stored.
        """
        require_plain(request)
        with self._locked() as books:
            if rows.has_client_id(books.connection, request.client_order_id):
                raise DuplicateOrder(
                    f"paper order {request.client_order_id} exists: look it up in the list",
                    status=409,
                    code="order_already_exists",
                )
            books.expire()
            market, book = self._tradable(request.market_ticker, books.now)
            order = books.place(request, market, book)
            return OrderAck(order.order_id, order.fill_count, order.remaining_count, books.now)

    def cancel_order(self, order_id: str, *, market_ticker: str) -> CancelAck:
        """Take a resting order off.

        Raises:
            NotFound: unknown, filled, expired or cancelled already; the list tells which.
        """
        with self._locked() as books:
            books.expire()
            order = rows.order_by_id(books.connection, order_id)
            if order is not None and order.market_ticker == market_ticker and order.remaining_count:
                books.end(order, "UserCancel")
                return CancelAck(order_id, order.remaining_count, books.now)
        raise NotFound(
            f"no resting paper order {order_id} in {market_ticker}: look it up in the list",
            status=404,
            code="not_found",
        )

    @contextmanager
    def _locked(self) -> Iterator[PaperBooks]:
        """Yield the books, for this transaction alone."""
        with self._database.transaction() as connection:
            rows.lock_account(connection)
            yield PaperBooks(connection, starting_cash=self._starting_cash, now=self._clock.now())

    @contextmanager
    def _up_to_now(self) -> Iterator[PaperBooks]:
        """Yield the books, for this transaction alone, with everything done that is due."""
        with self._locked() as books:
            books.expire()
            resting, held = books.resting(), books.account().positions()
            tickers = {o.market_ticker for o in resting} | {p.market_ticker for p in held}
            markets = self._markets_of(tickers)
            self._rematch(books, resting, markets)
            for position in books.account().positions():
                if position.market_ticker in markets:
                    books.settle(position, markets[position.market_ticker])
            yield books

    def _markets_of(self, tickers: set[str]) -> dict[str, Market]:
        batch = self._exchange.markets(tickers=sorted(tickers)) if tickers else MarketBatch()
        return {s.market.ticker: s.market for s in batch.snapshots}

    def _rematch(
        self, books: PaperBooks, resting: Sequence[PaperOrder], markets: dict[str, Market]
    ) -> None:
        """Let resting orders meet the present book; a market that is not open ends its orders."""
        is_trading = bool(resting) and _trades(self._exchange.exchange_status())
        by_ticker = sorted(resting, key=lambda order: order.market_ticker)
        for ticker, orders in groupby(by_ticker, key=lambda order: order.market_ticker):
            market = markets.get(ticker)
            if market is None:  # its row could not be read: nothing is assumed
                continue
            if not _is_open(market, books.now):
                for order in orders:
                    books.end(order, "CloseCancel")
            elif is_trading:
                books.rematch(list(orders), self._exchange.orderbook(ticker))

    def _tradable(self, ticker: str, now: datetime) -> tuple[Market, OrderBook]:
        """Return a market that takes orders now, and its book."""
        try:
            status = self.exchange_status()
            market = self._markets_of({ticker}).get(ticker)
            book = self._exchange.orderbook(ticker)
        except (TransportError, ServerError, PayloadError) as exc:
            why = f"paper venue: {ticker} could not be read, nothing was ordered: {exc}"
            raise Rejected(why, code="market_data_unavailable") from exc
        if market is None:
            raise NotFound(f"{ticker} is not listed", status=404, code="market_not_found")
        if not _trades(status):
            raise Rejected("the exchange pauses", status=409, code="trading_is_paused")
        if not _is_open(market, now):
            state = f"{ticker} is {market.status} and closes at {market.close_at}"
            raise Rejected(state, status=400, code="MARKET_NOT_ACTIVE")
        return market, book


def _trades(status: ExchangeStatus) -> bool:
    return status.is_exchange_active and status.is_trading_active


def _is_open(market: Market, now: datetime) -> bool:
    """Tell whether a market takes orders; the status may be older than its closing time."""
    return market.status == "active" and now < market.close_at


def _as_listed(order: PaperOrder) -> VenueOrder:
    is_yes = order.side == "yes"
    return VenueOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        market_ticker=order.market_ticker,
        side=order.side,
        status=order.status,
        yes_price=order.limit_price if is_yes else MICROS_PER_DOLLAR - order.limit_price,
        initial_count=order.initial_count,
        fill_count=order.fill_count,
        remaining_count=order.remaining_count,
        fees_micros=order.fees_micros,
        created_at=order.created_at,
        expires_at=order.expires_at,
    )
