"""Order entry: place and cancel. Runs inside a transaction that the caller opened.

The checks stand in the order in which a retried order must meet them: a client order id that is
known answers `order_already_exists` whatever else has changed since.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.matching import Match, Plan, opposite, plan
from kalshi_assets.local_exchange.order_request import OrderRequest, new_id
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing, Tape


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order on arrival; notional is price * count over its fills."""

    order: Order
    notional_micros: int
    fees_micros: int


@dataclass(frozen=True, slots=True)
class Canceled:
    """A cancelled order and how many contracts of it were still open."""

    order: Order
    reduced_by: int


class Trading:
    """Accepts, refuses, matches and cancels orders."""

    def __init__(
        self, store: Store, tape: Tape, *, orders: Orders, book: Book, ledger: Ledger
    ) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders
        self._book = book
        self._ledger = ledger

    def place(self, account: str, request: OrderRequest, *, now_ms: int) -> Placed:
        """Take an order in.

        Raises:
            Refusal: with the exchange's status and code. A post-only order that crosses and a
                fill-or-kill that cannot fill leave a cancelled record behind, which keeps the id.
        """
        self._check(account, request, now_ms)
        order = Order.from_request(request, account=account, now_ms=now_ms)
        count = self._countable(order, reduce_only=request.reduce_only)
        planned = self._plan(order, count, now_ms)
        self._check_funds(order, count)
        if request.post_only and (planned.matches or planned.has_met_itself or planned.cancelled):
            self.end(order, "PostOnlyCrossCancel", now_ms=now_ms)
            raise Refusal.nested(400, "invalid_order", details="post only cross")
        if request.time_in_force == "fill_or_kill" and planned.left and not planned.has_met_itself:
            self.end(order, "FillOrKillCancel", now_ms=now_ms)
            raise Refusal.nested(409, "fill_or_kill_insufficient_resting_volume")
        with self._store.savepoint():
            placed = self._execute(order, planned, is_capped_to=count, now_ms=now_ms)
            self._check_solvent(account)
        return placed

    def cancel(self, account: str, order_id: str, *, ticker: str | None, now_ms: int) -> Canceled:
        """Cancel a resting order.

        Raises:
            Refusal: 404, the same for unknown, executed and cancelled orders.
        """
        order = self._orders.find(account, order_id)
        if order is None or order.status != "resting" or ticker not in (None, order.ticker):
            raise Refusal.nested(404, "not_found")
        return Canceled(order, reduced_by=self.end(order, "UserCancel", now_ms=now_ms))

    def cancel_all(self, account: str, *, now_ms: int) -> None:
        """Cancel everything an account has resting."""
        for order in self._orders.resting_of(account):
            self.end(order, "UserCancel", now_ms=now_ms)

    def end(self, order: Order, reason: str, *, now_ms: int) -> int:
        """Cancel an order for a reason; return how many contracts were still open."""
        left = order.close("canceled", reason=reason, now_ms=now_ms)
        self._orders.save(order)
        return left

    def fill_resting(self, order: Order, *, count: int, now_ms: int) -> None:
        """Fill a resting order against the tape, at the order's own price."""
        trade_id = new_id()
        taker = opposite(order.side)
        self._ledger.note_trade(
            trade_id, order.ticker, price=order.price, count=count, taker=taker, now_ms=now_ms
        )
        self._fill_maker(order, count, trade_id=trade_id, now_ms=now_ms)

    def _check(self, account: str, request: OrderRequest, now_ms: int) -> None:
        if self._orders.has_client_id(account, request.client_order_id):
            raise Refusal.nested(409, "order_already_exists")
        listing = self._tape.listings.get(request.ticker)
        if listing is None:
            raise Refusal.nested(404, "market_not_found")
        _check_open(listing, now_ms)
        if not listing.is_on_grid(request.price):
            raise Refusal.nested(400, "invalid_price")
        if request.expires_ms is not None and request.expires_ms <= now_ms:
            raise Refusal.nested(
                400, "invalid_order", details="expiration time is not in the future"
            )

    def _countable(self, order: Order, *, reduce_only: bool) -> int:
        if not reduce_only:
            return order.initial_count
        held = self._ledger.position(order.account, order.ticker).closable(order.side)
        return min(held, order.initial_count)

    def _plan(self, order: Order, count: int, now_ms: int) -> Plan:
        return plan(
            order.side,
            limit=order.price,
            count=count,
            offers=self._book.offers_to(order.ticker, order.side, now_ms),
            account=order.account,
            self_trade=order.self_trade_prevention,
        )

    def _check_funds(self, order: Order, count: int) -> None:
        cost = self._ledger.opening_cost_micros(order, count)
        free = self._ledger.cash_micros(order.account)
        free -= self._ledger.reserved_micros(order.account)
        if cost > free:
            raise Refusal.nested(400, "insufficient_balance")

    def _check_solvent(self, account: str) -> None:
        """Refuse what fees, counted to the last fill, make too dear."""
        if self._ledger.cash_micros(account) < self._ledger.reserved_micros(account):
            raise Refusal.nested(400, "insufficient_balance")

    def _execute(self, order: Order, planned: Plan, *, is_capped_to: int, now_ms: int) -> Placed:
        for order_id in planned.cancelled:
            self.end(self._orders.by_id(order_id), "SelfTradeCancel", now_ms=now_ms)
        self._orders.save(order)
        notional = fees = 0
        for match in planned.matches:
            fees += self._fill(order, match, now_ms)
            notional += match.offer.price * match.count
        if order.remaining_count == 0:
            order.status = "executed"
        elif order.time_in_force != "good_till_canceled" or planned.has_met_itself:
            order.close("canceled", reason=_why_ended(planned, is_capped_to), now_ms=now_ms)
        self._orders.save(order)
        return Placed(order, notional, fees)

    def _fill(self, order: Order, match: Match, now_ms: int) -> int:
        offer, trade_id = match.offer, new_id()
        self._ledger.note_trade(
            trade_id,
            order.ticker,
            price=offer.price,
            count=match.count,
            taker=order.side,
            now_ms=now_ms,
        )
        if offer.order_id is None:
            side = opposite(order.side)
            self._book.take(order.ticker, side, offer.price, count=match.count, ms=now_ms)
        else:
            maker = self._orders.by_id(offer.order_id)
            self._fill_maker(maker, match.count, trade_id=trade_id, now_ms=now_ms)
        return self._ledger.book_fill(
            order,
            price=offer.price,
            count=match.count,
            is_taker=True,
            trade_id=trade_id,
            now_ms=now_ms,
        )

    def _fill_maker(self, maker: Order, count: int, *, trade_id: str, now_ms: int) -> None:
        self._ledger.book_fill(
            maker, price=maker.price, count=count, is_taker=False, trade_id=trade_id, now_ms=now_ms
        )
        if maker.remaining_count == 0:
            maker.status = "executed"
        self._orders.save(maker)


def _why_ended(planned: Plan, count: int) -> str:
    if planned.has_met_itself:
        return "SelfTradeCancel"
    return "ReduceOnlyCancel" if count == 0 else "ImmediateOrCancel"


def _check_open(listing: Listing, now_ms: int) -> None:
    if hours.pause_start(now_ms) is not None:
        raise Refusal.nested(409, "trading_is_paused")
    if listing.status_at(now_ms) != "active":
        raise Refusal.nested(400, "MARKET_NOT_ACTIVE")
