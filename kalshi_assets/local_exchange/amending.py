"""Changes of resting orders: amend and decrease. Runs inside a transaction the caller opened.

A new price or more contracts cost the order its place in the queue, and it may trade on the way to
its new one; fewer contracts at the same price, or another expiry alone, keep the place.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.change_request import AmendRequest, DecreaseRequest
from kalshi_assets.local_exchange.dealing import Dealing, Dealt
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.funds import Funds
from kalshi_assets.local_exchange.halts import Halts
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.shards import Shards
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.trading import Address, Trading, check_terms


@dataclass(frozen=True, slots=True)
class Amended:
    """What became of an amended order, and how many contracts rested before."""

    dealt: Dealt
    rested: int


class Amending:
    """Accepts and refuses changes of resting orders."""

    def __init__(
        self,
        store: Store,
        trading: Trading,
        *,
        orders: Orders,
        funds: Funds,
        halts: Halts,
        shards: Shards,
        dealing: Dealing,
    ) -> None:
        self._store = store
        self._trading = trading
        self._orders = orders
        self._funds = funds
        self._halts = halts
        self._shards = shards
        self._dealing = dealing

    def amend(self, account: str, order_id: str, *, request: AmendRequest, now_ms: int) -> Amended:
        """Give an order another price, size, expiry or client order id.

        As many contracts as are filled already leave nothing to rest: the order is cancelled.

        Raises:
            Refusal: with the exchange's status and code; the order is then as it was.
        """
        shard = self._shards.route(request.exchange_index, request.ticker)
        order, listing = self._trading.find(account, order_id, at=Address(shard))
        _check_identity(order, request)
        self._halts.check_entry(listing, now_ms)
        expires_ms = None if request.keeps_expiry else request.expires_ms
        check_terms(listing, request.price, expires_ms=expires_ms, now_ms=now_ms)
        if request.total < order.fill_count:
            raise Refusal.nested(400, "invalid_order_size")
        rested = order.remaining_count
        with self._store.savepoint():
            self._rename(order, request.updated_client_order_id)
            return Amended(self._apply(order, request, now_ms), rested)

    def decrease(
        self, account: str, order_id: str, *, request: DecreaseRequest, now_ms: int
    ) -> Order:
        """Take contracts away from an order; with none left it is cancelled.

        Refused while its market does not trade, as an amend is.

        Raises:
            Refusal: with the exchange's status and code.
        """
        address = Address(request.exchange_index, request.market_ticker)
        order, listing = self._trading.find(account, order_id, at=address)
        self._halts.check_entry(listing, now_ms)
        left = request.reduce_to
        if left is None:
            left = max(order.remaining_count - (request.reduce_by or 0), 0)
        if left > order.remaining_count:
            raise Refusal.nested(400, "invalid_order_size")
        if left == 0:
            self._dealing.end(order, "Decrease", now_ms=now_ms)
            return order
        order.remaining_count = left
        order.reason, order.updated_ms = "Decrease", now_ms
        self._orders.save(order)
        return order

    def _apply(self, order: Order, request: AmendRequest, now_ms: int) -> Dealt:
        remaining = request.total - order.fill_count
        keeps_place = request.price == order.price and remaining <= order.remaining_count
        order.price, order.initial_count = request.price, request.total
        order.remaining_count = remaining
        if not request.keeps_expiry:
            order.expires_ms = request.expires_ms
        order.reason, order.updated_ms = "Amend", now_ms
        if remaining == 0:
            self._dealing.end(order, "Amend", now_ms=now_ms)
        elif keeps_place:
            self._orders.save(order)
        else:
            return self._enter_anew(order, now_ms)
        return Dealt(order)

    def _enter_anew(self, order: Order, now_ms: int) -> Dealt:
        """Send a changed order through the book to the end of its new queue."""
        if not self._funds.is_enough_for(order, order.remaining_count):
            raise Refusal.nested(400, "insufficient_balance")
        planned = self._dealing.plan(order, order.remaining_count, now_ms=now_ms)
        if order.post_only and planned.is_crossing:
            raise Refusal.nested(400, "invalid_order", details="post only cross")
        order.leave_queue(now_ms)
        return self._trading.deal(order, planned, why_ended="Amend", now_ms=now_ms)

    def _rename(self, order: Order, client_order_id: str) -> None:
        if client_order_id in ("", order.client_order_id):
            return
        if self._orders.has_client_id(order.account, client_order_id):
            raise Refusal.nested(409, "order_already_exists")
        self._orders.claim_client_id(order.account, client_order_id)
        order.client_order_id = client_order_id


def _check_identity(order: Order, request: AmendRequest) -> None:
    if request.client_order_id not in ("", order.client_order_id):
        raise Refusal.nested(400, "order_id_and_client_order_id_mismatch")
    if request.ticker != order.ticker:
        raise Refusal.nested(400, "order_ticker_mismatch")
    if request.side != order.side:
        raise Refusal.nested(400, "order_side_mismatch")
