"""Order writes. Each is sent exactly once, whatever happens.

What may have been done or not raises `UnknownOutcome`; what certainly never left, `NotSent`; what
the exchange refused, the error of its answer. After the last two there is nothing to look up.
"""

from kalshi_assets.domain.account import (
    AmendAck,
    CancelAck,
    DecreaseAck,
    OrderAck,
    OrderAmendment,
    OrderRequest,
)
from kalshi_assets.kalshi import requests
from kalshi_assets.kalshi.answers import outcome_known, read_outcome
from kalshi_assets.kalshi.calls import Calls
from kalshi_assets.kalshi.order_bodies import amend_body, decrease_body, order_body
from kalshi_assets.kalshi.requests import ORDER_WRITES
from kalshi_assets.kalshi.schemas_orders import (
    AmendedOrderPayload,
    CancelledOrderPayload,
    CreatedOrderPayload,
    DecreasedOrderPayload,
)


class OrderCalls(Calls):
    """Create, amend, decrease and cancel orders.

    Reads show a write some time after its answer: see `ExchangeCalls.await_reads`.
    """

    def create_order(self, request: OrderRequest) -> OrderAck:
        """Send a limit order, exactly once.

        Raises:
            ValueError: the order cannot be put in the exchange's terms; nothing was sent.
            DuplicateOrder: the client order id exists there already: look the order up.
            UnknownOutcome: it may be there or not.
            NotSent: it is not there.
        """
        client_id = request.client_order_id
        json = order_body(request)
        with outcome_known(f"POST {ORDER_WRITES}", client_order_id=client_id):
            body = self._connection.write_once("POST", ORDER_WRITES, json=json)
            return read_outcome(CreatedOrderPayload, body, client_order_id=client_id).to_domain()

    def amend_order(self, amendment: OrderAmendment) -> AmendAck:
        """Change price, count or expiry of a resting order, sent exactly once.

        Raises:
            ValueError: it cannot be put in the exchange's terms; nothing was sent.
            NotFound: there is no such resting order.
            UnknownOutcome: it may have been changed or not.
            NotSent: it was not changed.
        """
        order_id = amendment.order_id
        path, json = f"{_path_of(order_id)}/amend", amend_body(amendment)
        known_as = amendment.new_client_order_id or amendment.client_order_id
        with outcome_known(f"POST {path}", order_id=order_id, client_order_id=known_as):
            body = self._connection.write_once("POST", path, json=json)
            return read_outcome(
                AmendedOrderPayload, body, order_id=order_id, client_order_id=known_as
            ).to_domain()

    def decrease_order(
        self,
        order_id: str,
        *,
        market_ticker: str,
        reduce_by: int | None = None,
        reduce_to: int | None = None,
    ) -> DecreaseAck:
        """Make a resting order smaller, sent exactly once; it keeps its place in the queue.

        Args:
            order_id: the exchange's id of the order.
            market_ticker: its market; the exchange finds the order's shard by it.
            reduce_by: centicontracts to take off the book; or
            reduce_to: centicontracts that shall still rest.

        Raises:
            ValueError: not exactly one of both is given, or it is not above 0; nothing was sent.
            NotFound: there is no such resting order.
            UnknownOutcome: it may have been done or not.
            NotSent: it was not done.
        """
        path = f"{_path_of(order_id)}/decrease"
        json = decrease_body(market_ticker, reduce_by=reduce_by, reduce_to=reduce_to)
        with outcome_known(f"POST {path}", order_id=order_id):
            body = self._connection.write_once("POST", path, json=json)
            return read_outcome(DecreasedOrderPayload, body, order_id=order_id).to_domain()

    def cancel_order(self, order_id: str, *, market_ticker: str) -> CancelAck:
        """Cancel an order, sent exactly once; what was filled before stays filled.

        Args:
            order_id: the exchange's id of the order.
            market_ticker: its market; the exchange finds the order's shard by it.

        Raises:
            NotFound: unknown, filled or cancelled already; which of these is not told.
            UnknownOutcome: it may have been done or not.
            NotSent: it was not done.
        """
        path, params = _path_of(order_id), {"market_ticker": market_ticker}
        with outcome_known(f"DELETE {path}", order_id=order_id):
            body = self._connection.write_once("DELETE", path, params=params)
            return read_outcome(CancelledOrderPayload, body, order_id=order_id).to_domain()

    def cancel_all_orders(self) -> None:
        """Cancel all resting orders of the account on all shards, sent exactly once.

        Orders placed within the next minute may be cancelled too. The answer holds no moment to
        wait for: read the list until nothing rests.

        Raises:
            UnknownOutcome: it may have been done or not.
            NotSent: it was not done.
        """
        with outcome_known(f"DELETE {ORDER_WRITES}"):
            self._connection.write_once("DELETE", ORDER_WRITES)


def _path_of(order_id: str) -> str:
    return f"{ORDER_WRITES}/{requests.segment(order_id)}"
