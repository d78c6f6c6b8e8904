"""The signed operations on orders: writes, reads, and the gone writes of the first version."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kalshi_assets.local_exchange.change_request import decode_amend, decode_decrease
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, Payload
from kalshi_assets.local_exchange.limits import DEFAULT_COST
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.orders import Order, order_from_row
from kalshi_assets.local_exchange.portfolio_view import (
    amended_view,
    canceled_view,
    created_view,
    decreased_view,
    order_view,
)
from kalshi_assets.local_exchange.records import page_of_records
from kalshi_assets.local_exchange.shards import billed_shards
from kalshi_assets.local_exchange.trading import Address
from kalshi_assets.local_exchange.units import count_text

_LOW_COST = 2  # of a cancel and of reading one order
_MAX_EVENTS = 10
_STATUSES = ("resting", "canceled", "executed")
_ORDERS = "/portfolio/events/orders"
_ONE_ORDER = "/portfolio/events/orders/{order_id}"
_READS = "/portfolio/orders"
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
        """Return the operations; fixed paths come before those with variables."""
        place = _write("POST", _ORDERS, "CreateOrderV2", self.create, cost=DEFAULT_COST)
        cancel_all = _write("DELETE", _ORDERS, "CancelAllOrdersV2", self.cancel_all, cost=_LOW_COST)
        cancel = _write("DELETE", _ONE_ORDER, "CancelOrderV2", self.cancel, cost=_LOW_COST)
        return [
            replace(place, status=201, billed=_billed_by_body),
            replace(cancel_all, status=204),
            replace(cancel, billed=_billed_by_query),
            *(
                replace(
                    _write("POST", f"{_ONE_ORDER}/{verb}", name, answer, cost=DEFAULT_COST),
                    billed=_billed_by_body,
                )
                for verb, name, answer in (
                    ("amend", "AmendOrderV2", self.amend),
                    ("decrease", "DecreaseOrderV2", self.decrease),
                )
            ),
            *(
                _write(verb, path, "LegacyWrite", self.gone, cost=cost)
                for verb, path, cost in _GONE
            ),
            *self._reads(),
        ]

    def _reads(self) -> list[Endpoint]:
        read = Endpoint("GET", f"{_READS}/{{order_id}}", "GetOrder", self.order)
        queue = f"{_READS}/{{order_id}}/queue_position"
        return [
            Endpoint("GET", _READS, "GetOrders", self.orders),
            Endpoint(
                "GET", f"{_READS}/queue_positions", "GetOrderQueuePositions", self.queue_positions
            ),
            Endpoint("GET", queue, "GetOrderQueuePosition", self.queue_position),
            replace(read, cost=_LOW_COST),
        ]

    def create(self, call: Call) -> View:
        """Place an order."""
        dealt = self._exchange.place(call.account, decode_order(call.body), now_ms=call.now_ms)
        return created_view(dealt, call.now_ms)

    def amend(self, call: Call) -> View:
        """Amend an order."""
        self._check_subaccount(call)
        amended = self._exchange.amend(
            call.account,
            call.path["order_id"],
            request=decode_amend(call.body),
            now_ms=call.now_ms,
        )
        return amended_view(amended, call.now_ms)

    def decrease(self, call: Call) -> View:
        """Decrease an order."""
        self._check_subaccount(call)
        order = self._exchange.decrease(
            call.account,
            call.path["order_id"],
            request=decode_decrease(call.body),
            now_ms=call.now_ms,
        )
        return decreased_view(order, call.now_ms)

    def cancel(self, call: Call) -> View:
        """Cancel one order."""
        self._check_subaccount(call)
        query = call.query
        canceled = self._exchange.cancel(
            call.account,
            call.path["order_id"],
            at=Address(query.number("exchange_index"), query.text("market_ticker")),
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
            ms=self._exchange.read_moment(call.now_ms),
            query=call.query,
            tickers=self._tickers(call),
            equals={"status": call.query.choice("status", _STATUSES)},
            tier=self._exchange.terms.tiers.live_orders(call.now_ms),
        )
        return {
            "orders": [self._view(order_from_row(row), call) for row in rows],
            "cursor": cursor,
        }

    def order(self, call: Call) -> View:
        """Answer with one order."""
        order = self._exchange.orders.find_as_of(
            self._exchange.read_moment(call.now_ms), call.account, order_id=call.path["order_id"]
        )
        tiers = self._exchange.terms.tiers
        if order is None or tiers.is_order_archived(
            is_resting=order.status == "resting", updated_ms=order.updated_ms, now_ms=call.now_ms
        ):
            raise Refusal.nested(404, "not_found")
        return {"order": self._view(order, call)}

    def queue_positions(self, call: Call) -> View:
        """Answer with the place in the queue of every resting order, as it truly is."""
        tickers = call.query.names("market_tickers")
        event = call.query.text("event_ticker")
        listings = self._exchange.tape.listings
        return {
            "queue_positions": [
                {
                    "order_id": order.order_id,
                    "market_ticker": order.ticker,
                    "queue_position_fp": self._contracts_ahead(order, call),
                }
                for order in self._exchange.orders.resting_of(call.account)
                if (not tickers or order.ticker in tickers)
                and event in ("", listings[order.ticker].event_ticker)
            ]
        }

    def queue_position(self, call: Call) -> View:
        """Answer with the place in the queue of one resting order."""
        order = self._exchange.orders.find(call.account, call.path["order_id"])
        if order is None or order.status != "resting":
            raise Refusal.nested(404, "not_found")
        return {"queue_position_fp": self._contracts_ahead(order, call)}

    def _contracts_ahead(self, order: Order, call: Call) -> str:
        return count_text(self._exchange.book.contracts_ahead(order, call.now_ms))

    def _view(self, order: Order, call: Call) -> View:
        user_id = self._exchange.ledger.user_id(call.account)
        return order_view(order, user_id, shard=self._exchange.shards.of(order.ticker))

    def _check_subaccount(self, call: Call) -> None:
        """Refuse what is meant for a subaccount: it has no orders."""
        if call.query.number("subaccount"):
            raise Refusal.nested(404, "not_found")

    def _tickers(self, call: Call) -> list[str] | None:
        """Return the markets a query narrows to, None for all."""
        query = call.query
        ticker, events = query.text("ticker"), query.names("event_ticker")
        if len(events) > _MAX_EVENTS:
            raise query.invalid("event_ticker", "max")
        shard = query.number("exchange_index")
        if not ticker and not events and shard is None:
            return None
        return [
            listing.ticker
            for listing in self._exchange.tape.listings.values()
            if ticker in ("", listing.ticker)
            and (not events or listing.event_ticker in events)
            and shard in (None, self._exchange.shards.of(listing.ticker))
        ]


def _write(
    method: str, path: str, operation: str, answer: Callable[[Call], Payload], *, cost: int
) -> Endpoint:
    return Endpoint(method, path, operation, answer, is_order_write=True, budget="write", cost=cost)


def _billed_by_query(query: Mapping[str, str], body: bytes) -> tuple[int, ...]:
    index = query.get("exchange_index", "")
    is_number = index.removeprefix("-").isdecimal()
    return billed_shards(int(index) if is_number else None, query.get("market_ticker", ""))


def _billed_by_body(query: Mapping[str, str], body: bytes) -> tuple[int, ...]:
    """Read the route out of a body that nobody has checked yet."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return billed_shards(None, "")
    if not isinstance(fields, dict):
        return billed_shards(None, "")
    index, ticker = fields.get("exchange_index"), fields.get("ticker", fields.get("market_ticker"))
    return billed_shards(index if isinstance(index, int) else None, str(ticker or ""))
