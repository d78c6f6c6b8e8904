"""Every answer against the exchange's own OpenAPI document, where that is at hand."""

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace

import pytest

from kalshi_assets.local_exchange.app import endpoints
from kalshi_assets.local_exchange.auth import Doorkeeper, Key
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange, open_exchange
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.limits import BucketSize, RateLimits
from kalshi_assets.local_exchange.query import Query
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tiers import Tiers
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.api_documents import loaded
from kalshi_assets_tests.kalshi.shared_files import needs_recordings
from kalshi_assets_tests.local_exchange.bench import UNLIMITED, Caller, private_key, public_pem
from kalshi_assets_tests.local_exchange.contract import Document
from kalshi_assets_tests.local_exchange.contract_account_cases import ACCOUNT_CASES
from kalshi_assets_tests.local_exchange.contract_cases import (
    BEYOND_THE_DOCUMENT,
    CLOSES_SOON,
    CPI,
    IMPOSSIBLE,
    PLACES,
    START,
    UNTOLD,
)
from kalshi_assets_tests.local_exchange.contract_market_cases import MARKET_CASES

pytestmark = needs_recordings

CASES = [*MARKET_CASES, *ACCOUNT_CASES]
REFUSALS = {400, 404, 409, 410}
NO_TOKENS = RateLimits(read=BucketSize(0, 0), write=BucketSize(0, 0))
SHORT_MEMORY = Tiers(
    orders_ms=HOUR_MS, trades_ms=HOUR_MS, markets_ms=HOUR_MS // 6, positions_ms=HOUR_MS // 6
)


@pytest.fixture(scope="module")
def document():
    return Document(loaded("openapi.yaml"))


@contextmanager
def traded(terms):
    """An exchange on which something of everything has happened, settlement included."""
    pem = {name: public_pem(private_key(name)) for name in ("me", "bare")}
    keys = {"me": Key(pem["me"]), "bare": Key(pem["bare"], scopes=frozenset())}
    tape, clock = load_scenario("cpi-week"), ManualClock(START * 1000)
    exchange = Exchange(tape, Store(None), doorkeeper=Doorkeeper(keys), clock=clock, terms=terms)
    with running_exchange(exchange) as handle:
        me = Caller(handle.url, "me")
        with me.http:
            body = {"ticker": CLOSES_SOON, "client_order_id": "early"}
            me.order("ask", "0.10", "3", **body)
            me.order("bid", "0.05", "3", ticker=CPI, expiration_time=START + 10**8)
            clock.advance(seconds=4 * 3600)
            me.order("bid", "0.99", "7", ticker=CPI, time_in_force="immediate_or_cancel")
            yield me, exchange


@pytest.fixture(scope="module")
def live():
    with traded(UNLIMITED) as (me, _):
        yield me


@pytest.fixture(scope="module")
def aged():
    with traded(replace(UNLIMITED, tiers=SHORT_MEMORY)) as (me, _):
        yield me


@pytest.fixture
def ask(live, aged):
    """Make a case's call; an order of its own rests for every case that names none."""

    def call(case):
        me = {"live": live, "aged": aged}[case.world]
        places = {**PLACES, **case.path}
        if "order_id" in case.template and "order_id" not in places:
            placed = me.order("bid", "0.01", "1", ticker=CPI)
            places["order_id"] = placed.json()["order_id"]
        path = case.template.format(**places)
        return me.call(case.method, path, json=case.body, **case.query)

    return call


def served():
    exchange = open_exchange("cpi-week", keys={})
    exchange.close()
    return [one for one in endpoints(exchange) if one.operation not in UNTOLD]


def called(caller, endpoint, **signing):
    path = endpoint.path.format(**PLACES, order_id="x")
    return caller.http.request(endpoint.method, caller.url + path, **signing)


def shape_of(response):
    if not response.content:
        return "empty"
    body = response.json()
    if isinstance(body.get("error"), dict):
        return "nested" if {"code", "message"} <= set(body["error"]) else "?"
    shapes = {frozenset({"msg"}): "bare", frozenset({"code", "message", "details"}): "flat"}
    return shapes.get(frozenset(body), "?")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_is_as_documented(document, ask, case):
    response = ask(case)
    assert response.status_code == case.status, response.text
    if case.status >= 300 or case.shape:
        assert shape_of(response) == case.shape
    known = document.statuses(case.method, case.template)
    is_beyond = (case.method, case.template, case.status) in BEYOND_THE_DOCUMENT
    assert (case.status in known) != is_beyond
    assert document.errors(case.method, case.template, response) == []
    if response.is_success:
        parameters = document.parameters(case.method, case.template)
        assert set(case.query) <= set(parameters)


@pytest.mark.parametrize("endpoint", served(), ids=lambda one: f"{one.method} {one.path}")
def test_an_operation_shows_every_refusal_it_can_make(document, endpoint):
    cases = [c for c in CASES if (c.method, c.template) == (endpoint.method, endpoint.path)]
    assert any(case.status < 300 for case in cases), "no case shows the operation at work"
    documented = document.statuses(endpoint.method, endpoint.path) & REFUSALS
    shown = {case.status for case in cases}
    impossible = {s for m, p, s in IMPOSSIBLE if (m, p) == (endpoint.method, endpoint.path)}
    assert documented - impossible <= shown
    assert not impossible & shown


def test_operations_are_named_as_documented(document):
    for one in served():
        if not one.is_order_write:
            assert one.operation == document.operation(one.method, one.path)["operationId"]


def test_parameters_are_the_documented_ones(document, ask, monkeypatch):
    read = defaultdict(set)
    text, repeated = Query.text, Query.repeated

    def spied(method):
        def spy(query, name):
            read[query._operation].add(name)
            return method(query, name)

        return spy

    monkeypatch.setattr(Query, "text", spied(text))
    monkeypatch.setattr(Query, "repeated", spied(repeated))
    for case in CASES:
        if case.method == "GET":
            ask(case)
    for one in served():
        documented = set(document.parameters(one.method, one.path))
        assert read[one.operation] <= documented, one.operation
        if not one.path.startswith("/portfolio"):
            assert read[one.operation] == documented, one.operation


def test_signed_operations_refuse_the_unsigned(live):
    for one in served():
        response = called(live, one)
        assert (response.status_code == 401) != one.is_public, one
        if not one.is_public:
            code = response.json()["error"]["code"]
            assert code == "signature_is_missing_from_headers"


def test_signed_operations_refuse_a_key_without_scopes(live):
    bare = Caller(live.url, "bare")
    with bare.http:
        for one in served():
            path = one.path.format(**PLACES, order_id="x")
            response = bare.call(one.method, path)
            assert (response.status_code == 403) != one.is_public, one
            if not one.is_public:
                assert shape_of(response) == "nested"


def test_every_operation_is_charged():
    with traded(replace(UNLIMITED, rate_limits=NO_TOKENS)) as (me, _):
        for one in served():
            response = me.call(one.method, one.path.format(**PLACES, order_id="x"))
            assert response.status_code == 429, one
            assert response.json() == {"error": "too many requests"}


def test_the_paused_exchange_tells_so_with_503(document):
    with traded(UNLIMITED) as (me, exchange):
        exchange.interventions.is_exchange_paused = True
        response = me.call("GET", "/exchange/status")
        assert response.status_code == 503
        assert document.errors("GET", "/exchange/status", response) == []
        assert response.json()["exchange_active"] is False


def test_lists_are_not_empty(live, aged):
    assert live.get("/portfolio/fills")["fills"]
    assert live.get("/portfolio/settlements")["settlements"]
    assert live.get("/portfolio/positions", settlement_status="all")["event_positions"]
    assert live.get("/markets/trades")["trades"]
    for name in ("markets", "trades", "fills", "orders"):
        assert aged.get(f"/historical/{name}")[name], name
    assert aged.get("/historical/positions")["market_positions"]


def test_operations_out_of_the_document_are_gone(document, live):
    exchange = open_exchange("cpi-week", keys={})
    exchange.close()
    for one in endpoints(exchange):
        if one.operation in UNTOLD:
            assert not document.has(one.method, one.path)
            response = live.call(one.method, one.path.format(order_id="x"))
            assert response.status_code == 410


def test_an_unknown_path_is_not_found(live):
    response = live.http.get(f"{live.url.removesuffix(PREFIX)}{PREFIX}/nothing")
    assert (response.status_code, shape_of(response)) == (404, "nested")
