"""Every answer against the exchange's own OpenAPI document, where that is at hand."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are not among our requirements
import pytest
import yaml

from kalshi_assets.local_exchange.app import endpoints
from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange, open_exchange
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import (
    UNLIMITED,
    Caller,
    headers,
    private_key,
    public_pem,
)

DOCUMENTS = Path(__file__).parents[2].parent / "shared" / "kalshi"
CPI = "KXCPI-26OCT-T0.3"
CLOSES_SOON = "KXPAYROLLS-26SEP-T75000"
START = 1_791_901_800

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(
        not (DOCUMENTS / "openapi.yaml").exists(), reason=f"no API documents in {DOCUMENTS}"
    ),
]


FORMATS = jsonschema.FormatChecker([])


@FORMATS.checks("date-time", raises=ValueError)  # type: ignore[untyped-decorator]  # as above
def is_utc_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def with_null(schema: Any) -> Any:
    """Turn OpenAPI 3.0's `nullable` into what JSON Schema understands."""
    if isinstance(schema, list):
        return [with_null(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_null(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


@pytest.fixture(scope="module")
def document():
    return with_null(yaml.safe_load((DOCUMENTS / "openapi.yaml").read_text()))


@pytest.fixture(scope="module")
def traded():
    """An exchange on which something of everything has happened, settlement included."""
    keys = {"me": public_pem(private_key("me")), "you": public_pem(private_key("you"))}
    tape, clock = load_scenario("cpi-week"), ManualClock(START * 1000)
    exchange = Exchange(
        tape, Store(None), doorkeeper=Doorkeeper(keys), clock=clock, terms=UNLIMITED
    )
    with running_exchange(exchange) as handle:
        me = Caller(handle.url, "me")
        with me.http:
            body = {"ticker": CLOSES_SOON, "client_order_id": "early"}
            assert me.order("ask", "0.10", "3", **body).status_code == 201
            me.order("bid", "0.05", "3", ticker=CPI, expiration_time=START + 10**8)
            clock.advance(seconds=4 * 3600)
            me.order("bid", "0.99", "7", ticker=CPI, time_in_force="immediate_or_cancel")
            yield me


def check(document: Any, template: str, method: str, response: Any) -> None:
    answers = document["paths"][template][method.lower()]["responses"]
    assert str(response.status_code) in answers, (template, response.status_code, response.text)
    content = answers[str(response.status_code)].get("content")
    if content is None:
        return
    root = {**content["application/json"]["schema"], "components": document["components"]}
    validator = jsonschema.Draft202012Validator(root, format_checker=FORMATS)
    errors = [
        f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(response.json())
    ]
    assert not errors, (template, errors[:5])


QUERIES: dict[str, dict[str, Any]] = {
    "/markets/candlesticks": {
        "market_tickers": f"{CPI},{CLOSES_SOON}",
        "start_ts": START - 86_400,
        "end_ts": START,
        "period_interval": 60,
        "include_latest_before_start": "true",
    },
    "/series/{series_ticker}/markets/{ticker}/candlesticks": {
        "start_ts": START - 7_200,
        "end_ts": START,
        "period_interval": 1,
    },
    "/portfolio/positions": {"settlement_status": "all"},
}


def reads():
    exchange = open_exchange("cpi-week", keys={})
    found = [one.path for one in endpoints(exchange) if one.method == "GET"]
    exchange.close()
    return found


@pytest.mark.parametrize("template", reads())
def test_every_read_has_the_documented_shape(document, traded, template):
    order_id = traded.get("/portfolio/orders", status="resting")["orders"][0]["order_id"]
    path = template.format(series_ticker="KXCPI", ticker=CPI, order_id=order_id)
    response = traded.call("GET", path, **QUERIES.get(template, {}))
    assert response.status_code == 200
    check(document, template, "GET", response)


def test_a_settled_market_has_the_documented_shape(document, traded):
    response = traded.call("GET", f"/markets/{CLOSES_SOON}")
    assert response.json()["market"]["status"] == "finalized"
    check(document, "/markets/{ticker}", "GET", response)


def test_lists_are_not_empty(traded):
    assert traded.get("/portfolio/fills")["fills"]
    assert traded.get("/portfolio/settlements")["settlements"]
    assert traded.get("/portfolio/positions", settlement_status="all")["event_positions"]
    assert traded.get("/markets/trades")["trades"]


def test_order_writes_have_the_documented_shape(document, traded):
    orders = "/portfolio/events/orders"
    created = traded.order("bid", "0.02", "1", ticker=CPI, client_order_id="c1")
    check(document, orders, "POST", created)
    check(document, orders, "POST", traded.order("bid", "0.99", "1", ticker=CPI))
    path = f"{orders}/{created.json()['order_id']}"
    resized = {"ticker": CPI, "side": "bid", "price": "0.02", "count": "3"}
    for body in (resized, resized, resized | {"price": "0.99"}):
        amended = traded.call("POST", f"{path}/amend", json=body)
        assert amended.status_code == 200
        check(document, orders + "/{order_id}/amend", "POST", amended)
    created = traded.order("bid", "0.02", "2", ticker=CPI)
    path = f"{orders}/{created.json()['order_id']}"
    decreased = traded.call("POST", f"{path}/decrease", json={"reduce_by": "1"})
    assert decreased.status_code == 200
    check(document, orders + "/{order_id}/decrease", "POST", decreased)
    check(document, orders + "/{order_id}", "DELETE", traded.call("DELETE", path))
    check(document, orders, "DELETE", traded.call("DELETE", orders))


def test_an_undocumented_field_is_never_sent(document, traded):
    """The validator lets extra fields pass, a client with a strict model does not."""
    schemas = document["components"]["schemas"]
    market = traded.get(f"/markets/{CPI}")["market"]
    assert set(market) <= set(schemas["Market"]["properties"])
    order = traded.get("/portfolio/orders")["orders"][0]
    assert set(order) <= set(schemas["Order"]["properties"])
    fill = traded.get("/portfolio/fills")["fills"][0]
    assert set(fill) <= set(schemas["Fill"]["properties"])
    settlement = traded.get("/portfolio/settlements")["settlements"][0]
    assert set(settlement) <= set(schemas["Settlement"]["properties"])
    series = traded.get("/series/KXCPI")["series"]
    assert set(series) <= set(schemas["Series"]["properties"])


@pytest.mark.parametrize(
    ("name", "status"),
    [("auth__missing_signature_header", 401), ("auth__bad_signature", 401)],
)
def test_refusals_are_those_recorded(traded, name, status):
    recorded = json.loads((DOCUMENTS / "recorded" / f"{name}.json").read_text())
    signed = headers("me", "GET", f"{PREFIX}/elsewhere")
    if "missing" in name:
        del signed["KALSHI-ACCESS-SIGNATURE"]
    answer = traded.http.get(f"{traded.url}/portfolio/balance", headers=signed)
    assert (answer.status_code, answer.json()) == (status, recorded)


@pytest.mark.parametrize(
    "name",
    [
        "orders__duplicate_client_order_id",
        "orders__cancel_unknown_id",
        "orders__invalid_price_structure",
    ],
)
def test_order_refusals_are_those_recorded(traded, name):
    """`service` has left error bodies since the recording."""
    recorded = json.loads((DOCUMENTS / "recorded" / f"{name}.json").read_text())
    del recorded["error"]["service"]
    meta = json.loads((DOCUMENTS / "recorded" / f"{name}.meta.json").read_text())
    path = meta["path"].removeprefix(PREFIX)
    body = meta["request_body"] and {**meta["request_body"], "ticker": CPI}
    for _ in range(2):
        answer = traded.call(meta["method"], path, json=body)
    assert (answer.status_code, answer.json()) == (meta["status"], recorded)
