"""Calls that show every answer to questions about an account and to its orders, good or bad."""

from typing import Any

from kalshi_assets_tests.local_exchange.bench import order_body
from kalshi_assets_tests.local_exchange.contract_cases import (
    CPI,
    TOO_MANY,
    Case,
    Shape,
    bare,
    get,
    missing,
)

ORDERS = "/portfolio/events/orders"
ONE_ORDER = f"{ORDERS}/{{order_id}}"
AMEND = f"{ONE_ORDER}/amend"
DECREASE = f"{ONE_ORDER}/decrease"
AMENDED = {"ticker": CPI, "side": "bid", "price": "0.02", "count": "1"}
DECREASED = {"reduce_to": "0.5", "market_ticker": CPI}
NOBODYS = "00000000-0000-0000-0000-000000000000"


def order(status: int, shape: Shape = "", **changes: Any) -> Case:
    body = order_body("bid", "0.02", "1") | {"ticker": CPI} | changes
    return Case("POST", ORDERS, status, shape, body=body)


PORTFOLIO = [
    get("/portfolio/balance"),
    get("/portfolio/positions", query={"settlement_status": "all"}),
    bare("/portfolio/positions", settlement_status="wild"),
    get("/portfolio/fills"),
    bare("/portfolio/fills", **TOO_MANY),
    get("/portfolio/settlements"),
    bare("/portfolio/settlements", **TOO_MANY),
    get("/portfolio/orders"),
    bare("/portfolio/orders", status="wild"),
    get("/portfolio/orders/{order_id}"),
    missing("/portfolio/orders/{order_id}", order_id=NOBODYS),
    get("/portfolio/orders/queue_positions", query={"market_tickers": CPI}),
    get("/portfolio/orders/{order_id}/queue_position"),
    missing("/portfolio/orders/{order_id}/queue_position", order_id=NOBODYS),
    get("/account/limits"),
    get("/account/endpoint_costs"),
]
WRITES = [
    order(201, client_order_id="c1"),
    order(201, side="ask", time_in_force="immediate_or_cancel"),
    order(409, "nested", client_order_id="early"),
    order(400, "nested", price="0.0250"),
    order(400, "flat", count=1),
    Case("POST", AMEND, body=AMENDED),
    Case("POST", AMEND, 400, "nested", body=AMENDED | {"side": "ask"}),
    Case("POST", AMEND, 400, "flat", body=AMENDED | {"count": 1}),
    Case("POST", AMEND, 404, "nested", path={"order_id": NOBODYS}, body=AMENDED),
    Case("POST", DECREASE, body=DECREASED),
    Case("POST", DECREASE, 400, "flat", body={"market_ticker": CPI}),
    Case("POST", DECREASE, 404, "nested", path={"order_id": NOBODYS}, body=DECREASED),
    Case("DELETE", ONE_ORDER),
    Case("DELETE", ONE_ORDER, 404, "nested", path={"order_id": NOBODYS}),
    Case("DELETE", ORDERS, 204, "empty"),
]

ACCOUNT_CASES = [*PORTFOLIO, *WRITES]
