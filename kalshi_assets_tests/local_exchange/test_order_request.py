import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.tape import PriceRange
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    Floor,
    ScriptedTape,
    error_of,
    headers,
    listing,
    order_body,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


IOC = {"time_in_force": "immediate_or_cancel"}


@pytest.mark.parametrize(
    "changes",
    [
        {"reduce_only": True},
        {"post_only": True, **IOC},
        {"expiration_time": NOON_MS // 1000 + 60, **IOC},
        {"expiration_time": NOON_MS // 1000},
        {"expiration_time": NOON_MS // 1000 - 60},
        {"order_group_id": "g"},
        {"subaccount": 3},
        {"exchange_index": 4},
    ],
)
def test_orders_that_make_no_sense_are_invalid(venue, changes):
    assert error_of(venue.me.order("bid", "0.10", "1", **changes)) == (400, "invalid_order")


@pytest.mark.parametrize("at", ["0.515", "0.5150", "0", "1.00", "1.01", "0.51501", "-0.5", "x"])
def test_price_off_the_grid_is_refused(venue, at):
    assert error_of(venue.me.order("bid", at, "1")) == (400, "invalid_price")


def test_each_stretch_of_the_grid_has_its_own_step():
    ranges = (
        PriceRange(0, 1_000, 10),
        PriceRange(1_000, 9_000, 100),
        PriceRange(9_000, 10_000, 10),
    )
    with quiet_floor(ScriptedTape(listings={TICKER: listing(price_ranges=ranges)})) as venue:
        codes = [venue.me.order("bid", at, "1").status_code for at in ("0.055", "0.355", "0.36")]
    assert codes == [201, 400, 201]


@pytest.mark.parametrize("size", ["0", "0.00", "1.001", "-1", "many"])
def test_size_of_nothing_is_refused(venue, size):
    assert error_of(venue.me.order("bid", "0.10", size)) == (400, "invalid_order_size")


@pytest.mark.parametrize(
    ("field", "value", "kind", "go_type"),
    [
        ("count", 1, "number", "string"),
        ("price", 0.5, "number", "string"),
        ("ticker", ["x"], "array", "string"),
        ("post_only", "yes", "string", "bool"),
        ("expiration_time", "soon", "string", "int64"),
        ("expiration_time", True, "bool", "int64"),
    ],
)
def test_mistyped_fields_are_refused_flat(venue, field, value, kind, go_type):
    refused = venue.me.order("bid", "0.10", "1", **{field: value})
    assert refused.status_code == 400
    assert refused.json() == {
        "code": "bad_request",
        "message": "bad request",
        "details": f"json: cannot unmarshal {kind} into Go struct field "
        f"CreateOrderV2Request.{field} of type {go_type}",
    }


@pytest.mark.parametrize("field", ["ticker", "side", "price", "self_trade_prevention_type"])
def test_missing_fields_are_named(venue, field):
    body = order_body("bid", "0.10", "1") | {field: None}
    refused = venue.me.call("POST", "/portfolio/events/orders", json=body)
    assert refused.status_code == 400
    assert field in refused.json()["details"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"ticker": NaN}', b"\xff"])
def test_bodies_that_are_no_order_are_refused(venue, body):
    path = "/portfolio/events/orders"
    signed = headers("me", "POST", PREFIX + path)
    refused = venue.me.http.post(venue.url + path, content=body, headers=signed)
    assert refused.status_code == 400
    assert refused.json()["code"] == "bad_request"


fields_of_an_order = ["ticker", "side", "count", "price", "time_in_force", "expiration_time"]
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(changes=st.dictionaries(st.sampled_from([*fields_of_an_order, "client_order_id"]), junk))
def test_whatever_is_sent_is_an_order_or_refused(changes):
    body = json.dumps(order_body("bid", "0.10", "1") | changes).encode()
    with suppress(Refusal):
        assert decode_order(body).ticker


def test_half_a_character_and_endless_nesting_are_refused():
    half = json.dumps(order_body("bid", "0.10", "1") | {"client_order_id": "\ud800"})
    for body in (half.encode(), b"[" * 100_000):
        with pytest.raises(Refusal):
            decode_order(body)
