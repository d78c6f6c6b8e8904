"""The paper venue: the real exchange's quotes, orders matched here against its live book.

Nothing is ever sent to the exchange but reads. An order takes what the book shows at its limit; the
rest of it rests behind what is shown there, and fills only as public trades print through. Every
call about the account first lets the venue's time pass up to now (`paper_time`).

Each call is one transaction under one lock, its reads of the exchange included: two processes never
match against looks that cross, and a crash leaves a whole step or none. Where a read fails, nothing
is assumed and nothing changes. The rules that keep a paper fill from being rosier than reality
stand in `paper_matching`, `paper_queue` and `paper_account`. What they cannot cure: the book's age,
as answers without a key may be cached for 15 seconds; and fees that differ from the series' terms,
for the time of a waiver or by an override of the event, are charged by the series.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from kalshi_assets.domain.account import (
    AmendAck,
    Balance,
    CancelAck,
    DecreaseAck,
    Fill,
    OrderAck,
    OrderAmendment,
    OrderRequest,
    Position,
    Settlement,
    VenueOrder,
)
from kalshi_assets.domain.clock import Clock
from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.errors import DuplicateOrder
from kalshi_assets.execution.paper_answers import as_amended, as_listed, no_such_order
from kalshi_assets.execution.paper_books import PaperBooks
from kalshi_assets.execution.paper_look import (
    Look,
    MarketData,
    look_at,
    nothing_done_unread,
    tradable,
)
from kalshi_assets.execution.paper_terms import require_kept
from kalshi_assets.execution.paper_time import catch_up
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.storage import paper as rows
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.paper import PaperOrder


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
            return [as_listed(order) for order in found]

    def fills(self, *, min_filled_at: datetime | None = None) -> list[Fill]:
        """Return the fills, oldest first."""
        with self._up_to_now() as books:
            return rows.all_fills(books.connection, min_filled_at=min_filled_at)

    def settlements(self, *, min_settled_at: datetime | None = None) -> list[Settlement]:
        """Return the settlements, oldest first."""
        with self._up_to_now() as books:
            return rows.all_settlements(books.connection, min_settled_at=min_settled_at)

    def create_order(self, request: OrderRequest) -> OrderAck:
        """Match an order against the book of now; the rest of it rests until it expires, or ends.

        Raises:
            DuplicateOrder: an order of this client order id was accepted before.
            Rejected: the venue refuses it, does not do what it asks for, or could not read the
                exchange; nothing was stored.
            NotFound: the exchange has no such market; nothing was stored.
        """
        require_kept(request)
        ticker = request.market_ticker
        with self._locked() as connection:
            if rows.has_client_id(connection, request.client_order_id):
                raise DuplicateOrder(
                    f"paper order {request.client_order_id} exists: look it up in the list",
                    status=409,
                    code="order_already_exists",
                )
            with nothing_done_unread(ticker):
                books, look = self._caught_up(connection, entered=ticker)
                market = tradable(self._exchange, look, ticker)
            order = books.place(request, market, look.books[ticker])
            return OrderAck(order.order_id, order.fill_count, order.remaining_count, books.now)

    def amend_order(self, amendment: OrderAmendment) -> AmendAck:
        """Change price, count or expiry of a resting order.

        Another expiry or a smaller count keeps its place in the queue. A new price or a larger
        count costs it, and may fill on the way to its new one.

        Raises:
            NotFound: there is no such resting order.
            Rejected: the venue refuses it, does not do what it asks for, or could not read the
                exchange; the order is as it was.
        """
        ticker = amendment.market_ticker
        with self._locked() as connection:
            with nothing_done_unread(ticker):
                books, look = self._caught_up(connection, entered=ticker)
                market = tradable(self._exchange, look, ticker)
            before = _resting(books, amendment.order_id, ticker)
            if before is not None:
                after = books.amend(before, amendment, market, look.books[ticker])
                return as_amended(before, after, books.now)
        raise no_such_order(amendment.order_id, ticker)

    def decrease_order(
        self,
        order_id: str,
        *,
        market_ticker: str,
        reduce_by: int | None = None,
        reduce_to: int | None = None,
    ) -> DecreaseAck:
        """Make a resting order smaller; it keeps its place in the queue, with none left it ends.

        Raises:
            ValueError: not exactly one of both is given, or it is not above 0.
            NotFound: there is no such resting order.
            Rejected: it would grow, or the exchange could not be read; the order is as it was.
        """
        given = [count for count in (reduce_by, reduce_to) if count is not None]
        if len(given) != 1 or given[0] <= 0:
            raise ValueError("give either reduce_by or reduce_to, above 0, and not both")
        with self._locked() as connection:
            with nothing_done_unread(market_ticker):
                books, look = self._caught_up(connection, entered=market_ticker)
                tradable(self._exchange, look, market_ticker)
            order = _resting(books, order_id, market_ticker)
            if order is not None:
                left = max(order.remaining_count - given[0], 0) if reduce_to is None else reduce_to
                return DecreaseAck(order_id, books.decrease(order, left), books.now)
        raise no_such_order(order_id, market_ticker)

    def cancel_order(self, order_id: str, *, market_ticker: str) -> CancelAck:
        """Take a resting order off; what trades before had filled of it stays filled.

        Raises:
            NotFound: unknown, filled, expired or cancelled already; the list tells which.
            Rejected: the exchange could not be read; the order is as it was.
        """
        with self._locked() as connection:
            with nothing_done_unread(market_ticker):
                books, _ = self._caught_up(connection)
            order = _resting(books, order_id, market_ticker)
            if order is not None:
                books.end(order, "UserCancel")
                return CancelAck(order_id, order.remaining_count, books.now)
        raise no_such_order(order_id, market_ticker)

    def await_reads(self, acknowledged_at: datetime, *, within_seconds: float) -> bool:
        """Tell that reads are as far as a write: here they always are."""
        return True

    @contextmanager
    def _locked(self) -> Iterator[Connection]:
        """Yield a transaction that has the account for itself."""
        with self._database.transaction() as connection:
            rows.lock_account(connection)
            yield connection

    @contextmanager
    def _up_to_now(self) -> Iterator[PaperBooks]:
        """Yield the books, for this transaction alone, with everything done that is due."""
        with self._locked() as connection:
            books, _ = self._caught_up(connection)
            yield books

    def _caught_up(
        self, connection: Connection, *, entered: str | None = None
    ) -> tuple[PaperBooks, Look]:
        """Look at the exchange, and return the books as of then."""
        cash, now = self._starting_cash, self._clock.now()
        before = PaperBooks(connection, starting_cash=cash, now=now)
        held = {position.market_ticker for position in before.account().positions()}
        resting = before.resting()
        look = look_at(self._exchange, self._clock, resting=resting, held=held, entered=entered)
        books = PaperBooks(connection, starting_cash=cash, now=look.at)
        catch_up(books, look)
        return books, look


def _resting(books: PaperBooks, order_id: str, market_ticker: str) -> PaperOrder | None:
    order = rows.order_by_id(books.connection, order_id)
    is_here = order is not None and order.market_ticker == market_ticker and order.remaining_count
    return order if is_here else None
