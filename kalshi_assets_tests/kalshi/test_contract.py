"""What the client sends, and what our fakes answer, against the exchange's OpenAPI document."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
import yaml

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.schemas import Payload
from kalshi_assets.kalshi.schemas_market import MarketPayload
from kalshi_assets.kalshi.schemas_prices import TradedPayload
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import TICKER, FakeExchange, answer, body_of, client_of
from kalshi_assets_tests.kalshi.shared_files import KALSHI, needs_recordings

pytestmark = needs_recordings

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
PREFIX = "/trade-api/v2"


@cache
def document() -> dict[str, Any]:
    # The C loader where there is one: the document has ten thousand lines.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (KALSHI / "openapi.yaml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    return loaded


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the operation of a request; a path without parameters wins over one with."""
    for template in sorted(document()["paths"], key=lambda t: (t.count("{"), t)):
        pattern = re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in document()["paths"][template]:
            return template, document()["paths"][template][method.lower()]
    raise AssertionError(f"the document has no {method} {path}")


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def nullable(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON schema: `nullable` is a type of its own there."""
    if isinstance(node, list):
        return [nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: nullable(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


@cache
def schemas() -> dict[str, Any]:
    return {"schemas": nullable(document()["components"]["schemas"])}


def check(value: object, schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator(nullable(schema) | {"components": schemas()}).validate(value)


def as_typed(text: str, schema: dict[str, Any]) -> object:
    return int(text) if resolved(schema).get("type") == "integer" else text


def check_request(request: httpx.Request) -> str:
    path = request.url.path
    assert path.startswith(PREFIX)
    template, operation = operation_of(request.method, path.removeprefix(PREFIX))
    declared = {p["name"]: p for p in map(resolved, operation.get("parameters", []))}
    for name, text in request.url.params.items():
        assert declared[name]["in"] == "query", name
        check(as_typed(text, declared[name]["schema"]), declared[name]["schema"])
    needed = {n for n, p in declared.items() if p.get("required") and p["in"] == "query"}
    assert needed <= set(request.url.params)
    if "requestBody" in operation:
        check(body_of(request), operation["requestBody"]["content"]["application/json"]["schema"])
    else:
        assert request.content == b""
    return f"{request.method} {template}"


def response_schema(method: str, path: str) -> dict[str, Any]:
    answers = operation_of(method, path)[1]["responses"]
    success = answers.get("200") or answers["201"]
    schema: dict[str, Any] = resolved(success)["content"]["application/json"]["schema"]
    return schema


ORDER = OrderRequest("c-1", TICKER, "no", 395_000, 1_050, NOW + timedelta(minutes=3))
CANDLES = {"markets": [{"market_ticker": TICKER, "candlesticks": [payloads.candle()]}]}
BOOK = {"orderbook_fp": {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": []}}
POSITIONS = {"market_positions": [payloads.position()], "event_positions": [], "cursor": ""}

CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "GET /exchange/status": (
        lambda c: c.exchange_status(),
        {"exchange_active": True, "trading_active": True},
    ),
    "GET /series/{series_ticker}": (
        lambda c: c.series("KXCPI"),
        {"series": payloads.series(exchange_index=0)},
    ),
    "GET /markets": (
        lambda c: c.markets(tickers=[TICKER], series_ticker="KXCPI", status="open"),
        {"markets": [payloads.market()], "cursor": ""},
    ),
    "GET /markets/candlesticks": (
        lambda c: c.candlesticks(
            [TICKER, "B"], start=NOW - timedelta(days=8), end=NOW, interval_minutes=60
        ),
        CANDLES,
    ),
    "GET /markets/{ticker}/orderbook": (lambda c: c.orderbook(TICKER), BOOK),
    "GET /portfolio/balance": (lambda c: c.balance(), payloads.BALANCE),
    "GET /portfolio/positions": (lambda c: c.positions(), POSITIONS),
    "POST /portfolio/events/orders": (lambda c: c.create_order(ORDER), payloads.CREATED),
    "DELETE /portfolio/events/orders/{order_id}": (
        lambda c: c.cancel_order("o-1", market_ticker=TICKER),
        payloads.CANCELLED,
    ),
    "GET /portfolio/orders": (
        lambda c: c.orders(status="resting", min_created_at=NOW, ticker=TICKER),
        {"orders": [payloads.order(exchange_index=0)], "cursor": ""},
    ),
    "GET /portfolio/settlements": (
        lambda c: c.settlements(min_settled_at=NOW),
        {"settlements": [payloads.settlement()], "cursor": ""},
    ),
    "GET /portfolio/fills": (
        lambda c: c.fills(min_filled_at=NOW, order_id="o-1"),
        {"fills": [payloads.fill()], "cursor": ""},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_as_the_document_has_it_and_so_are_our_fakes(name):
    call, body = CALLS[name]
    exchange = FakeExchange(answer(**body))
    call(client_of(exchange))
    assert [check_request(request) for request in exchange.requests] == [name]
    path = exchange.requests[0].url.path.removeprefix(PREFIX)
    check(body, response_schema(exchange.requests[0].method, path))


def test_every_call_of_the_client_is_checked_here():
    public = {n for n in vars(KalshiClient) if not n.startswith("_")} - {"close"}
    assert len(CALLS) == len(public)


def test_the_check_itself_can_fail():
    with pytest.raises(jsonschema.ValidationError):
        check(
            {"markets": [payloads.market(yes_bid_dollars=0.5)], "cursor": ""},
            response_schema("GET", "/markets"),
        )
    with pytest.raises(AssertionError, match="has no POST"):
        check_request(httpx.Request("POST", f"http://x{PREFIX}/portfolio/orders"))


@pytest.mark.parametrize(
    ("schema", "name"), [(MarketPayload, "Market"), (TradedPayload, "PriceDistribution")]
)
def test_known_fields_are_those_of_the_document(schema: type[Payload], name: str):
    in_document = set(document()["components"]["schemas"][name]["properties"])
    assert schema.documented | set(schema.model_fields) == in_document
