import json

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
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


IOC = {"time_in_force": "immediate_or_cancel"}
FOK = {"time_in_force": "fill_or_kill"}


def only_order(caller, **query):
    (order,) = caller.get("/portfolio/orders", **query)["orders"]
    return order


def test_resting_order_shows_in_book_and_list(venue):
    created = venue.me.order("bid", "0.48", "2.5", client_order_id="a")
    assert created.status_code == 201
    assert created.json()["fill_count"] == "0.00"
    assert created.json()["remaining_count"] == "2.50"
    assert "average_fill_price" not in created.json()
    order = only_order(venue.me)
    assert (order["status"], order["yes_price_dollars"]) == ("resting", "0.4800")
    market = venue.me.get(f"/markets/{TICKER}")["market"]
    assert (market["yes_bid_dollars"], market["yes_bid_size_fp"]) == ("0.4800", "2.50")
    assert venue.me.cash() == "5000.0000"


def test_immediate_or_cancel_fills_what_is_there_at_the_offers_price(venue):
    answer = venue.me.order("bid", "0.99", "10", **IOC).json()
    assert (answer["fill_count"], answer["remaining_count"]) == ("3.00", "0.00")
    assert answer["average_fill_price"] == "0.5200"
    order = only_order(venue.me)
    assert (order["status"], order["remaining_count_fp"]) == ("canceled", "0.00")
    assert order["taker_fill_cost_dollars"] == "1.560000"


def test_recorded_taker_order_is_answered_alike(venue):
    answer = venue.me.order("bid", "0.99", "1.00", **IOC).json()
    assert answer["average_fee_paid"] == "0.0175"
    assert answer["average_fill_price"] == "0.5200"
    (fill,) = venue.me.get("/portfolio/fills")["fills"]
    assert (fill["fee_cost"], fill["is_taker"], fill["outcome_side"]) == ("0.017500", True, "yes")
    assert fill["trade_id"] == fill["fill_id"]


def test_the_same_displayed_size_fills_only_once(venue):
    assert venue.me.order("bid", "0.52", "3", **IOC).json()["fill_count"] == "3.00"
    assert venue.me.order("bid", "0.52", "3", **IOC).json()["fill_count"] == "0.00"


def test_what_several_orders_took_of_a_level_adds_up(venue):
    filled = [venue.me.order("bid", "0.52", "1", **IOC).json()["fill_count"] for _ in range(4)]
    assert filled == ["1.00", "1.00", "1.00", "0.00"]


def test_taken_liquidity_is_back_once_the_tape_refreshes():
    tape = ScriptedTape()
    tape.quote(bids=[("0.47", "3")], asks=[("0.52", "4")], at=20)
    with quiet_floor(tape) as venue:
        venue.me.order("bid", "0.52", "3", **IOC)
        assert venue.me.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"]["no_dollars"] == []
        venue.wait(20)
        assert venue.me.order("bid", "0.52", "9", **IOC).json()["fill_count"] == "4.00"


def test_fill_or_kill_is_all_or_nothing_and_burns_its_id(venue):
    killed = venue.me.order("bid", "0.52", "4", client_order_id="k", **FOK)
    assert error_of(killed) == (409, "fill_or_kill_insufficient_resting_volume")
    assert venue.me.cash() == "5000.0000"
    again = venue.me.order("bid", "0.52", "3", client_order_id="k", **FOK)
    assert error_of(again) == (409, "order_already_exists")
    assert venue.me.order("bid", "0.52", "3", **FOK).json()["fill_count"] == "3.00"


def test_fill_or_kill_that_meets_itself_is_immediate_or_cancel(venue):
    venue.me.order("ask", "0.52", "5")  # behind the tape's three contracts
    answer = venue.me.order("bid", "0.52", "6", **FOK)
    assert answer.status_code == 201
    assert answer.json()["fill_count"] == "3.00"


def test_post_only_that_crosses_is_refused_and_recorded(venue):
    refused = venue.me.order("bid", "0.52", "1", post_only=True, client_order_id="p")
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "code": "invalid_order",
        "message": "invalid order",
        "details": "post only cross",
    }
    assert only_order(venue.me)["status"] == "canceled"
    assert venue.me.order("bid", "0.51", "1", post_only=True).status_code == 201


def test_self_trade_stops_the_taker(venue):
    venue.me.order("ask", "0.50", "1")
    answer = venue.me.order("bid", "0.55", "2").json()
    assert (answer["fill_count"], answer["remaining_count"]) == ("0.00", "0.00")
    assert only_order(venue.me, status="resting")["book_side"] == "ask"


def test_self_trade_with_maker_prevention_cancels_the_resting_order(venue):
    venue.me.order("ask", "0.50", "1")
    answer = venue.me.order("bid", "0.55", "2", self_trade_prevention_type="maker").json()
    assert answer["fill_count"] == "2.00"
    assert not venue.me.get("/portfolio/orders", status="resting")["orders"]


def test_accounts_trade_with_each_other_at_the_resting_price(venue):
    venue.you.order("ask", "0.50", "2")
    answer = venue.me.order("bid", "0.51", "2").json()
    assert answer["average_fill_price"] == "0.5000"
    mine, yours = (c.get("/portfolio/fills")["fills"][0] for c in (venue.me, venue.you))
    assert mine["trade_id"] == yours["trade_id"]
    assert (mine["is_taker"], yours["is_taker"]) == (True, False)
    assert yours["fee_cost"] == "0.000000"
    assert venue.me.get("/markets/trades")["trades"][0]["trade_id"] == mine["trade_id"]


def test_the_elder_order_at_a_price_is_filled_first(venue):
    venue.me.order("ask", "0.50", "1", client_order_id="old")
    venue.wait(1)
    venue.you.order("ask", "0.50", "1")
    taker = venue.you.order("bid", "0.50", "1", self_trade_prevention_type="maker").json()
    assert taker["fill_count"] == "1.00"
    executed = only_order(venue.me, status="executed")
    assert executed["client_order_id"] == "old"


def test_reduce_only_is_capped_at_the_position(venue):
    venue.me.order("bid", "0.52", "2", **IOC)
    answer = venue.me.order("ask", "0.47", "3", reduce_only=True, **IOC).json()
    assert answer["fill_count"] == "2.00"
    assert venue.me.get("/portfolio/positions")["market_positions"][0]["position_fp"] == "0.00"
    nothing = venue.me.order("ask", "0.47", "3", reduce_only=True, **IOC)
    assert nothing.status_code == 201
    assert nothing.json()["fill_count"] == nothing.json()["remaining_count"] == "0.00"


def test_a_client_order_id_is_never_freed(venue):
    venue.me.order("bid", "0.10", "1", client_order_id="once")
    assert error_of(venue.me.order("bid", "0.10", "1", client_order_id="once")) == (
        409,
        "order_already_exists",
    )
    venue.me.call("DELETE", "/portfolio/events/orders")
    assert error_of(venue.me.order("ask", "0.90", "2", client_order_id="once"))[0] == 409
    assert venue.you.order("bid", "0.10", "1", client_order_id="once").status_code == 201


def test_a_refused_order_does_not_use_its_id_up(venue):
    venue.me.order("bid", "0.105", "1", client_order_id="x")
    assert venue.me.order("bid", "0.10", "1", client_order_id="x").status_code == 201


def test_unknown_market_is_not_found(venue):
    assert error_of(venue.me.order("bid", "0.10", "1", ticker="KXNO")) == (404, "market_not_found")


def test_a_closed_market_takes_no_orders(venue):
    venue.me.order("bid", "0.10", "1")
    venue.wait(4 * 3600 + 1)
    assert error_of(venue.me.order("bid", "0.10", "1")) == (400, "MARKET_NOT_ACTIVE")
    assert only_order(venue.me)["status"] == "canceled"


def test_the_weekly_pause_refuses_orders_but_not_cancels():
    end = NOON_MS + 90 * HOUR_MS
    one = listing(close_ms=end, determined_ms=end + HOUR_MS, settled_ms=end + 2 * HOUR_MS)
    with quiet_floor(ScriptedTape(listings={TICKER: one})) as venue:
        order_id = venue.me.order("bid", "0.10", "1").json()["order_id"]
        venue.me.order("bid", "0.11", "1", cancel_order_on_pause=True)
        venue.wait(42 * 3600)  # Thursday 03:30 in New York
        assert error_of(venue.me.order("bid", "0.10", "1")) == (409, "trading_is_paused")
        assert not venue.me.get("/exchange/status")["trading_active"]
        assert only_order(venue.me, status="resting")["order_id"] == order_id
        path = f"/portfolio/events/orders/{order_id}"
        assert venue.me.call("DELETE", path).status_code == 200


def test_cancel_tells_what_was_left(venue):
    order_id = venue.me.order("bid", "0.52", "5", client_order_id="c").json()["order_id"]
    path = f"/portfolio/events/orders/{order_id}"
    answer = venue.me.call("DELETE", path, market_ticker=TICKER).json()
    assert answer["reduced_by"] == "2.00"
    assert only_order(venue.me)["status"] == "canceled"


def test_cancel_of_anything_not_resting_is_the_same_404(venue):
    dead = venue.me.order("bid", "0.52", "1").json()["order_id"]
    others = venue.you.order("bid", "0.10", "1").json()["order_id"]
    bodies = {
        venue.me.call("DELETE", f"/portfolio/events/orders/{order_id}").text
        for order_id in (dead, others, "00000000-0000-0000-0000-000000000000")
    }
    assert bodies == {'{"error":{"code":"not_found","message":"not found"}}'}


def test_cancel_all_ends_only_the_own_orders(venue):
    for at in ("0.10", "0.11"):
        venue.me.order("bid", at, "1")
    venue.you.order("bid", "0.12", "1")
    answer = venue.me.call("DELETE", "/portfolio/events/orders")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not venue.me.get("/portfolio/orders", status="resting")["orders"]
    assert venue.you.get("/portfolio/orders", status="resting")["orders"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/portfolio/orders"),
        ("DELETE", "/portfolio/orders/x"),
        ("POST", "/portfolio/orders/batched"),
        ("POST", "/portfolio/orders/x/amend"),
    ],
)
def test_first_version_writes_are_gone(venue, method, path):
    answer = venue.me.call(method, path)
    assert error_of(answer) == (410, "deprecated_v1_order_endpoint")
    assert answer.json()["error"]["message"] == "Please switch to the V2 endpoints"


def test_every_order_write_is_on_record_refused_or_not(venue):
    venue.me.order("bid", "0.10", "1", client_order_id="logged")
    venue.me.order("bid", "0.10", "1", client_order_id="logged")
    venue.me.http.post(f"{venue.url}/portfolio/events/orders", json={})
    log = venue.me.http.get(f"{venue.local_url}/requests").json()
    assert [write["status"] for write in log["order_writes"]] == [201, 409, 401]
    assert json.loads(log["order_writes"][0]["body"])["client_order_id"] == "logged"
    assert log["counts"]["POST /trade-api/v2/portfolio/events/orders"] == 3
