"""Order entry: place and cancel. Runs inside a transaction that the caller opened.

The checks stand in the order in which a retried order must meet them: a client order id that is
known answers `order_already_exists` whatever else has changed since.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.dealing import Dealing, Dealt
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.funds import Funds
from kalshi_assets.local_exchange.halts import Halts
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.matching import Plan
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.shards import Shards
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing, Tape


@dataclass(frozen=True, slots=True)
class Canceled:
    """A cancelled order and how many contracts of it were still open."""

    order: Order
    reduced_by: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a call about an existing order is sent.

    Attributes:
        exchange_index: a shard; None and -1 are routed by the market.
        ticker: the market, empty if the call names none.
    """

    exchange_index: int | None = None
    ticker: str = ""


class Trading:
    """Accepts, refuses and cancels orders."""

    def __init__(
        self,
        store: Store,
        tape: Tape,
        *,
        orders: Orders,
        ledger: Ledger,
        funds: Funds,
        halts: Halts,
        shards: Shards,
        dealing: Dealing,
    ) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders
        self._ledger = ledger
        self._funds = funds
        self._halts = halts
        self._shards = shards
        self._dealing = dealing

    def place(self, account: str, request: OrderRequest, *, now_ms: int) -> Dealt:
        """Take an order in.

        Raises:
            Refusal: with the exchange's status and code. A post-only order that crosses and a
                fill-or-kill that cannot fill leave a cancelled record behind, which keeps the id.
        """
        self._check(account, request, now_ms)
        order = Order.from_request(request, account=account, now_ms=now_ms)
        count = self._countable(order, reduce_only=request.reduce_only)
        planned = self._dealing.plan(order, count, now_ms=now_ms)
        if not self._funds.is_enough_for(order, count):
            raise Refusal.nested(400, "insufficient_balance")
        if request.post_only and planned.is_crossing:
            self._dealing.end(order, "PostOnlyCrossCancel", now_ms=now_ms)
            raise Refusal.nested(400, "invalid_order", details="post only cross")
        if request.time_in_force == "fill_or_kill" and planned.left and not planned.has_met_itself:
            self._dealing.end(order, "FillOrKillCancel", now_ms=now_ms)
            raise Refusal.nested(409, "fill_or_kill_insufficient_resting_volume")
        why = "ReduceOnlyCancel" if count < order.initial_count else "ImmediateOrCancel"
        return self.deal(order, planned, why_ended=why, now_ms=now_ms)

    def deal(self, order: Order, planned: Plan, *, why_ended: str, now_ms: int) -> Dealt:
        """Carry a plan out, unless fees, counted to the last fill, make it too dear.

        Raises:
            Refusal: 400; then nothing has happened.
        """
        with self._store.savepoint():
            dealt = self._dealing.execute(order, planned, why_ended=why_ended, now_ms=now_ms)
            if not self._funds.are_sound(order.account, order.ticker):
                raise Refusal.nested(400, "insufficient_balance")
        return dealt

    def find(self, account: str, order_id: str, *, at: Address) -> tuple[Order, Listing]:
        """Return a resting order and its market.

        Raises:
            Refusal: 404, the same for unknown, executed and cancelled orders, and for those that
                are not where the call was sent.
        """
        shard = self._shards.route(at.exchange_index, at.ticker)
        order = self._orders.find(account, order_id)
        if (
            order is None
            or order.status != "resting"
            or at.ticker not in ("", order.ticker)
            or self._shards.of(order.ticker) != shard
        ):
            raise Refusal.nested(404, "not_found")
        return order, self._tape.listings[order.ticker]

    def cancel(self, account: str, order_id: str, *, at: Address, now_ms: int) -> Canceled:
        """Cancel a resting order.

        Raises:
            Refusal: 404 (see `find`), and what `Halts.check_cancel` refuses.
        """
        order, listing = self.find(account, order_id, at=at)
        self._halts.check_cancel(listing, now_ms)
        left = self._dealing.end(order, "UserCancel", now_ms=now_ms)
        return Canceled(order, reduced_by=left)

    def cancel_all(self, account: str, *, now_ms: int) -> None:
        """Cancel everything an account has resting, but for what can no longer be cancelled.

        Raises:
            Refusal: 409 while the exchange is paused.
        """
        self._halts.check_exchange()
        for order in self._orders.resting_of(account):
            if self._tape.listings[order.ticker].status_at(now_ms) == "active":
                self._dealing.end(order, "UserCancel", now_ms=now_ms)

    def _check(self, account: str, request: OrderRequest, now_ms: int) -> None:
        if self._orders.has_client_id(account, request.client_order_id):
            raise Refusal.nested(409, "order_already_exists")
        listing = self._tape.listings.get(request.ticker)
        shard = self._shards.route(request.exchange_index, request.ticker)
        if listing is None or self._shards.of(request.ticker) != shard:
            raise Refusal.nested(404, "market_not_found")
        self._halts.check_entry(listing, now_ms)
        check_terms(listing, request.price, expires_ms=request.expires_ms, now_ms=now_ms)

    def _countable(self, order: Order, *, reduce_only: bool) -> int:
        if not reduce_only:
            return order.initial_count
        held = self._ledger.position(order.account, order.ticker).closable(order.side)
        return min(held, order.initial_count)


def check_terms(listing: Listing, price: int, *, expires_ms: int | None, now_ms: int) -> None:
    """Refuse a price off the market's grid, and an expiry that is not in the future.

    Raises:
        Refusal: 400.
    """
    if not listing.is_on_grid(price):
        raise Refusal.nested(400, "invalid_price")
    if expires_ms is not None and expires_ms <= now_ms:
        raise Refusal.nested(400, "invalid_order", details="expiration time is not in the future")
