"""Amend and decrease: what they change, what they cost, and what they refuse."""

import pytest

from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    Floor,
    ScriptedTape,
    error_of,
    listing,
)
from kalshi_assets_tests.local_exchange.changing import amend
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


IOC = {"time_in_force": "immediate_or_cancel"}
MAKER = {"self_trade_prevention_type": "maker"}


def test_an_amend_that_crosses_is_filled_and_pays_a_takers_fee(venue):
    order_id = venue.me.rest("bid", "0.48", "2")
    answer = amend(venue.me, order_id, "0.52", "5").json()
    assert (answer["fill_count"], answer["remaining_count"]) == ("3.00", "2.00")
    assert answer["average_fill_price"] == "0.5200"
    assert answer["average_fee_paid"] == "0.0175"
    shown = venue.me.shown(order_id)
    assert (shown["status"], shown["initial_count_fp"]) == ("resting", "5.00")
    assert shown["taker_fees_dollars"] == "0.052500"
    assert venue.me.cash() == "4998.3875"


def test_the_size_of_an_amend_counts_what_is_filled(venue):
    order_id = venue.me.rest("bid", "0.52", "5")  # three are filled at once
    answer = amend(venue.me, order_id, "0.52", "4").json()
    assert (answer["fill_count"], answer["remaining_count"]) == ("0.00", "1.00")
    assert error_of(amend(venue.me, order_id, "0.52", "2.99")) == (400, "invalid_order_size")
    assert venue.me.shown(order_id)["remaining_count_fp"] == "1.00"
    answer = amend(venue.me, order_id, "0.52", "3").json()
    assert answer["remaining_count"] == "0.00"
    shown = venue.me.shown(order_id)
    assert (shown["status"], shown["fill_count_fp"]) == ("canceled", "3.00")


def test_an_amend_renames_and_neither_name_is_ever_free_again(venue):
    order_id = venue.me.rest("bid", "0.48", "2", client_order_id="old")
    venue.me.rest("bid", "0.10", "1", client_order_id="other")
    answer = amend(venue.me, order_id, "0.48", "2", updated_client_order_id="new").json()
    assert answer["client_order_id"] == "new"
    assert venue.me.shown(order_id)["client_order_id"] == "new"
    taken = amend(venue.me, order_id, "0.48", "2", updated_client_order_id="other")
    assert error_of(taken) == (409, "order_already_exists")
    back = amend(venue.me, order_id, "0.48", "2", updated_client_order_id="old")
    assert error_of(back) == (409, "order_already_exists")
    for name in ("old", "new"):
        assert venue.me.order("bid", "0.10", "1", client_order_id=name).status_code == 409


def test_a_refused_amend_changes_nothing_and_uses_no_name_up(venue):
    order_id = venue.me.rest("bid", "0.48", "2", client_order_id="a")
    before = venue.me.shown(order_id)
    dear = amend(venue.me, order_id, "0.49", "99999", updated_client_order_id="b")
    assert error_of(dear) == (400, "insufficient_balance")
    assert venue.me.shown(order_id) == before
    assert venue.me.order("bid", "0.10", "1", client_order_id="b").status_code == 201


def test_an_amended_order_is_not_paid_for_twice(venue):
    order_id = venue.me.rest("bid", "0.46", "10000")
    assert amend(venue.me, order_id, "0.48", "10000").status_code == 200
    assert error_of(amend(venue.me, order_id, "0.51", "10000")) == (400, "insufficient_balance")


@pytest.mark.parametrize(("at", "total"), [("0.40", "20000"), ("0.45", "12000")])
def test_an_amend_that_the_cash_does_not_cover_is_refused(venue, at, total):
    order_id = venue.me.rest("bid", "0.40", "12000")
    before = venue.me.shown(order_id)
    assert error_of(amend(venue.me, order_id, at, total)) == (400, "insufficient_balance")
    assert venue.me.shown(order_id) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ticker": "KXOTHER"}, "order_ticker_mismatch"),
        ({"side": "ask"}, "order_side_mismatch"),
        ({"client_order_id": "b"}, "order_id_and_client_order_id_mismatch"),
        ({"price": "0.485"}, "invalid_price"),
        ({"count": "0"}, "invalid_order_size"),
        ({"expiration_time": NOON_MS // 1000}, "invalid_order"),
        ({"expiration_time": -1}, "invalid_order"),
    ],
)
def test_an_amend_that_does_not_fit_its_order_is_refused(venue, changes, code):
    order_id = venue.me.rest("bid", "0.48", "2", client_order_id="a")
    body = {"ticker": TICKER, "side": "bid", "price": "0.48", "count": "2", "client_order_id": "a"}
    refused = venue.me.change(order_id, "amend", **(body | changes))
    assert error_of(refused) == (400, code)
    assert venue.me.change(order_id, "amend", **body).status_code == 200


def test_an_expiry_of_zero_is_taken_away_and_none_given_stays(venue):
    order_id = venue.me.rest("bid", "0.48", "2", expiration_time=NOON_MS // 1000 + 60)
    amend(venue.me, order_id, "0.49", "2")
    assert venue.me.shown(order_id)["expiration_time"] == "2026-10-13T13:31:00Z"
    amend(venue.me, order_id, "0.49", "2", expiration_time=0)
    assert "expiration_time" not in venue.me.shown(order_id)
    venue.wait(3600)
    assert venue.me.shown(order_id)["status"] == "resting"


def test_an_amend_into_the_own_order_stops_there(venue):
    venue.me.rest("ask", "0.51", "1")
    order_id = venue.me.rest("bid", "0.48", "2")
    answer = amend(venue.me, order_id, "0.52", "2").json()
    assert (answer["fill_count"], answer["remaining_count"]) == ("0.00", "0.00")
    assert venue.me.shown(order_id)["status"] == "canceled"


def test_an_amend_with_maker_prevention_makes_the_own_order_give_way(venue):
    other = venue.me.rest("ask", "0.51", "1")
    order_id = venue.me.rest("bid", "0.48", "2", **MAKER)
    assert amend(venue.me, order_id, "0.52", "2").json()["fill_count"] == "2.00"
    assert venue.me.shown(other)["status"] == "canceled"


def test_a_post_only_order_may_not_be_amended_across(venue):
    order_id = venue.me.rest("bid", "0.48", "2", post_only=True)
    assert error_of(amend(venue.me, order_id, "0.52", "2")) == (400, "invalid_order")
    assert venue.me.shown(order_id)["yes_price_dollars"] == "0.4800"


def test_decrease_takes_exactly_one_size(venue):
    order_id = venue.me.rest("bid", "0.48", "2")
    for body in ({}, {"reduce_by": "1", "reduce_to": "1"}):
        refused = venue.me.change(order_id, "decrease", **body)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    mistyped = venue.me.change(order_id, "decrease", reduce_by=1)
    assert "DecreaseOrderV2Request.reduce_by of type string" in mistyped.json()["details"]
    for body in ({"reduce_by": "0"}, {"reduce_to": "2.01"}, {"reduce_by": "x"}):
        refused = venue.me.change(order_id, "decrease", **body)
        assert error_of(refused) == (400, "invalid_order_size")


@pytest.mark.parametrize("body", [{"reduce_to": "0"}, {"reduce_by": "2"}, {"reduce_by": "9"}])
def test_a_decrease_to_nothing_cancels(venue, body):
    order_id = venue.me.rest("bid", "0.48", "2")
    assert venue.me.change(order_id, "decrease", **body).json()["remaining_count"] == "0.00"
    assert venue.me.shown(order_id)["status"] == "canceled"
    assert error_of(venue.me.change(order_id, "decrease", reduce_to="0")) == (404, "not_found")


def test_changes_of_what_does_not_rest_are_not_found(venue):
    dead = venue.me.order("bid", "0.52", "1").json()["order_id"]
    others = venue.you.rest("bid", "0.10", "1")
    for order_id in (dead, others, "00000000-0000-0000-0000-000000000000"):
        assert error_of(amend(venue.me, order_id, "0.48", "2")) == (404, "not_found")
        assert error_of(venue.me.change(order_id, "decrease", reduce_by="1")) == (404, "not_found")
        path = f"/portfolio/orders/{order_id}/queue_position"
        assert venue.me.call("GET", path).status_code == 404


def test_rounding_fees_add_up_over_a_resting_orders_life_and_come_back():
    tape = ScriptedTape()
    for at in (-1, 10, 20, 30):
        tape.quote(bids=[("0.47", "3")], asks=[("0.52", "1")], at=at)
    with quiet_floor(tape) as venue:
        order_id = venue.me.rest("bid", "0.10", "9")
        fees = []
        for _ in range(4):
            fees.append(amend(venue.me, order_id, "0.52", "9").json()["average_fee_paid"])
            amend(venue.me, order_id, "0.10", "9")
            venue.wait(10)
    # each pays 0.017472 and 0.000028 of rounding; the fourth makes it more than 0.0001
    assert fees == ["0.0175", "0.0175", "0.0175", "0.0174"]


def test_a_paused_market_may_not_be_changed_but_cancelled():
    end = NOON_MS + 90 * HOUR_MS
    one = listing(close_ms=end, determined_ms=end + HOUR_MS, settled_ms=end + 2 * HOUR_MS)
    with quiet_floor(ScriptedTape(listings={TICKER: one})) as venue:
        order_id = venue.me.rest("bid", "0.10", "2")
        venue.wait(42 * 3600)  # Thursday 03:30 in New York
        assert error_of(amend(venue.me, order_id, "0.11", "2")) == (409, "trading_is_paused")
        refused = venue.me.change(order_id, "decrease", reduce_by="1")
        assert error_of(refused) == (409, "trading_is_paused")
        assert venue.me.cancel(order_id).status_code == 200
