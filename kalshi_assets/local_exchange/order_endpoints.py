"""The signed operations on orders: place, cancel, read; and the gone ones of the first version."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, Payload
from kalshi_assets.local_exchange.limits import DEFAULT_COST
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.orders import order_from_row
from kalshi_assets.local_exchange.portfolio_view import canceled_view, created_view, order_view
from kalshi_assets.local_exchange.records import page_of_records

_LOW_COST = 2  # of a cancel and of reading one order
_MAX_EVENTS = 10
_STATUSES = ("resting", "canceled", "executed")
_ORDERS = "/portfolio/events/orders"
_ONE_ORDER = "/portfolio/events/orders/{order_id}"
_GONE = (
    ("POST", "/portfolio/orders", 20),
    ("POST", "/portfolio/orders/batched", 20),
    ("DELETE", "/portfolio/orders/batched", 4),
    ("DELETE", "/portfolio/orders/{order_id}", 4),
    ("POST", "/portfolio/orders/{order_id}/amend", 20),
    ("POST", "/portfolio/orders/{order_id}/decrease", 20),
)

View = dict[str, Any]


class OrderEndpoints:
    """Answers to calls about orders."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def all(self) -> list[Endpoint]:
        """Return the operations."""
        place = _write("POST", _ORDERS, "CreateOrderV2", self.create, cost=DEFAULT_COST)
        read = Endpoint("GET", "/portfolio/orders/{order_id}", "GetOrder", self.order)
        cancel_all = _write("DELETE", _ORDERS, "CancelAllOrdersV2", self.cancel_all, cost=_LOW_COST)
        return [
            replace(place, status=201),
            replace(cancel_all, status=204),
            _write("DELETE", _ONE_ORDER, "CancelOrderV2", self.cancel, cost=_LOW_COST),
            *(
                _write(verb, path, "LegacyWrite", self.gone, cost=cost)
                for verb, path, cost in _GONE
            ),
            Endpoint("GET", "/portfolio/orders", "GetOrders", self.orders),
            replace(read, cost=_LOW_COST),
        ]

    def create(self, call: Call) -> View:
        """Place an order."""
        placed = self._exchange.place(call.account, decode_order(call.body), now_ms=call.now_ms)
        return created_view(placed, call.now_ms)

    def cancel(self, call: Call) -> View:
        """Cancel one order."""
        canceled = self._exchange.cancel(
            call.account,
            call.path["order_id"],
            ticker=call.query.text("market_ticker") or None,
            now_ms=call.now_ms,
        )
        return canceled_view(canceled, call.now_ms)

    def cancel_all(self, call: Call) -> None:
        """Cancel every resting order."""
        self._exchange.cancel_all(call.account, now_ms=call.now_ms)

    def gone(self, call: Call) -> View:
        """Refuse an order write of the first API version."""
        raise Refusal.nested(
            410,
            "deprecated_v1_order_endpoint",
            message="Please switch to the V2 endpoints",
            details="https://docs.kalshi.com/api-reference/orders/create-order-v2",
        )

    def orders(self, call: Call) -> View:
        """Answer with a page of orders, newest first."""
        rows, cursor = page_of_records(
            self._exchange.store,
            "orders",
            call.account,
            query=call.query,
            tickers=self._tickers(call),
            equals={"status": call.query.choice("status", _STATUSES)},
        )
        user_id = self._exchange.ledger.user_id(call.account)
        return {
            "orders": [order_view(order_from_row(row), user_id) for row in rows],
            "cursor": cursor,
        }

    def order(self, call: Call) -> View:
        """Answer with one order."""
        order = self._exchange.orders.find(call.account, call.path["order_id"])
        if order is None:
            raise Refusal.nested(404, "not_found")
        return {"order": order_view(order, self._exchange.ledger.user_id(call.account))}

    def _tickers(self, call: Call) -> list[str] | None:
        """Return the markets a query narrows to, None for all."""
        ticker, events = call.query.text("ticker"), call.query.names("event_ticker")
        if len(events) > _MAX_EVENTS:
            raise call.query.invalid("event_ticker", "max")
        if not ticker and not events:
            return None
        return [
            listing.ticker
            for listing in self._exchange.tape.listings.values()
            if ticker in ("", listing.ticker) and (not events or listing.event_ticker in events)
        ]


def _write(
    method: str, path: str, operation: str, answer: Callable[[Call], Payload], *, cost: int
) -> Endpoint:
    return Endpoint(method, path, operation, answer, is_order_write=True, budget="write", cost=cost)
