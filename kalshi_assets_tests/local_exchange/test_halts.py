"""Pauses of trading, of the exchange and of one market: what they refuse, cancel and hold back."""

import json

import pytest

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.course import CLOSE_CANCEL_MS
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Floor,
    ScriptedTape,
    error_of,
    listing,
    order_body,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor

TO_THURSDAY_3AM = 41.5 * 3600  # New York, from noon
CLOSE = 4 * 3600


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


def writes(venue, order_id):
    """Try every order write, the cancel last, and return status and code of each."""
    body = {"ticker": TICKER, "side": "bid", "price": "0.11", "count": "1"}
    answers = [
        venue.me.order("bid", "0.10", "1"),
        venue.me.change(order_id, "amend", **body),
        venue.me.change(order_id, "decrease", reduce_to="1"),
        venue.me.cancel(order_id),
    ]
    return [
        error_of(answer) if answer.status_code >= 400 else (answer.status_code, "")
        for answer in answers
    ]


def test_a_trading_pause_takes_cancels_only(venue):
    order_id = venue.me.rest("bid", "0.10", "2")
    venue.exchange.interventions.is_trading_paused = True
    paused = (409, "trading_is_paused")
    assert writes(venue, order_id) == [paused, paused, paused, (200, "")]


def test_an_exchange_pause_takes_nothing(venue):
    order_id = venue.me.rest("bid", "0.10", "2")
    venue.exchange.interventions.is_exchange_paused = True
    assert writes(venue, order_id) == [(409, "exchange_is_paused")] * 4
    answer = venue.me.call("DELETE", "/portfolio/events/orders")
    assert error_of(answer) == (409, "exchange_is_paused")
    venue.exchange.interventions.is_exchange_paused = False
    assert venue.me.cancel(order_id).status_code == 200


def test_a_retried_order_is_known_through_any_pause(venue):
    venue.me.rest("bid", "0.10", "2", client_order_id="a")
    venue.exchange.interventions.is_exchange_paused = True
    assert venue.me.order("bid", "0.10", "2", client_order_id="a").status_code == 409
    assert error_of(venue.me.order("bid", "0.10", "2", client_order_id="a"))[1] == (
        "order_already_exists"
    )


def test_an_inactive_market_takes_cancels_only(venue):
    order_id = venue.me.rest("bid", "0.10", "2")
    venue.exchange.interventions.paused_markets = {TICKER}
    inactive = (400, "MARKET_NOT_ACTIVE")
    assert writes(venue, order_id) == [inactive, inactive, inactive, (200, "")]


def test_a_market_that_comes_back_has_cancelled_all_its_orders(venue):
    kept = venue.me.rest("bid", "0.10", "2")
    venue.exchange.interventions.paused_markets = {TICKER, "KXOTHER"}
    venue.wait(1)
    assert venue.me.shown(kept)["status"] == "resting"
    venue.exchange.interventions.paused_markets = {"KXOTHER"}
    venue.wait(1)
    assert venue.me.shown(kept)["status"] == "canceled"
    assert venue.exchange.orders.by_id(kept).last_update_reason == "HaltCancel"
    assert venue.me.order("bid", "0.10", "2").status_code == 201


@pytest.mark.parametrize("switch", ["is_trading_paused", "is_exchange_paused"])
def test_orders_that_asked_for_it_are_cancelled_by_a_pause(venue, switch):
    stays = venue.me.rest("bid", "0.10", "2")
    goes = venue.me.rest("bid", "0.11", "2", cancel_order_on_pause=True)
    setattr(venue.exchange.interventions, switch, True)
    venue.wait(1)
    assert venue.me.shown(stays)["status"] == "resting"
    assert venue.me.shown(goes)["status"] == "canceled"


@pytest.mark.parametrize("switch", ["is_trading_paused", "is_exchange_paused"])
def test_nothing_trades_in_a_pause_and_what_crosses_trades_at_its_end(switch):
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "2")], at=10)
    tape.trade("ask", "0.30", "9", at=11)
    with quiet_floor(tape) as venue:
        order_id = venue.me.rest("bid", "0.40", "5")
        setattr(venue.exchange.interventions, switch, True)
        venue.wait(1)
        venue.wait(20)
        assert venue.me.shown(order_id)["fill_count_fp"] == "0.00"
        setattr(venue.exchange.interventions, switch, False)
        venue.wait(1)
        assert venue.me.shown(order_id)["fill_count_fp"] == "2.00"  # not the trade's nine
        assert venue.me.get("/portfolio/fills")["fills"][0]["ts"] == NOON_MS // 1000 + 22


def test_while_the_exchange_is_paused_no_order_expires_and_no_market_settles(venue):
    order_id = venue.me.rest("bid", "0.10", "2", expiration_time=NOON_MS // 1000 + 10)
    venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel")
    cash = venue.me.cash()
    venue.exchange.interventions.is_exchange_paused = True
    venue.wait(1)
    venue.wait(7 * 3600)
    assert venue.me.shown(order_id)["status"] == "resting"
    assert venue.me.cash() == cash
    venue.exchange.interventions.is_exchange_paused = False
    venue.wait(1)
    assert venue.me.shown(order_id)["status"] == "canceled"
    assert float(venue.me.cash()) == float(cash) + 1


def long_market():
    end = NOON_MS + 90 * HOUR_MS
    return listing(close_ms=end, determined_ms=end + HOUR_MS, settled_ms=end + 2 * HOUR_MS)


def test_the_weekly_pause_holds_back_what_crosses_until_it_ends():
    tape = ScriptedTape(listings={TICKER: long_market()})
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "2")], at=TO_THURSDAY_3AM + 60)
    tape.trade("ask", "0.30", "9", at=TO_THURSDAY_3AM + 120)
    with quiet_floor(tape) as venue:
        order_id = venue.me.rest("bid", "0.40", "5")
        venue.wait(TO_THURSDAY_3AM + 7199)
        assert venue.me.shown(order_id)["fill_count_fp"] == "0.00"
        venue.wait(1)
        assert venue.me.shown(order_id)["fill_count_fp"] == "2.00"


def test_the_weekly_pause_cancels_at_its_start_what_asked_for_it():
    with quiet_floor(ScriptedTape(listings={TICKER: long_market()})) as venue:
        order_id = venue.me.rest("bid", "0.10", "5", cancel_order_on_pause=True)
        venue.wait(TO_THURSDAY_3AM - 1)
        assert venue.me.shown(order_id)["status"] == "resting"
        venue.wait(3600)
        assert venue.me.shown(order_id)["last_update_time"] == "2026-10-15T07:00:00Z"


def test_after_the_close_nothing_is_taken_and_orders_end_shortly_after(venue):
    order_id = venue.me.rest("bid", "0.10", "2")
    venue.wait(CLOSE)
    assert writes(venue, order_id) == [(400, "MARKET_NOT_ACTIVE")] * 4
    assert venue.me.call("DELETE", "/portfolio/events/orders").status_code == 204
    assert venue.me.shown(order_id)["status"] == "resting"
    book = venue.me.get(f"/markets/{TICKER}/orderbook")["orderbook_fp"]
    assert book == {"yes_dollars": [], "no_dollars": []}
    venue.wait(CLOSE_CANCEL_MS / 1000)
    assert venue.me.shown(order_id)["status"] == "canceled"
    assert venue.exchange.orders.by_id(order_id).last_update_reason == "CloseCancel"
    assert error_of(venue.me.cancel(order_id)) == (404, "not_found")


def opened(folder, second, tape=None):
    keys = Doorkeeper({"me": public_pem(private_key("me"))})
    clock = ManualClock(NOON_MS + second * 1000)
    store = Store(folder)
    return Exchange(tape or ScriptedTape(), store, doorkeeper=keys, clock=clock, terms=UNLIMITED)


@pytest.mark.parametrize(
    ("switch", "survives"), [("paused_markets", False), ("is_trading_paused", True)]
)
def test_what_was_paused_at_a_crash_comes_back_as_after_any_pause(tmp_path, switch, survives):
    first = opened(tmp_path, 0)
    request = decode_order(json.dumps(order_body("bid", "0.10", "1")).encode())
    with first.store.transaction():
        first.place("me", request, now_ms=first.moment())
    setattr(first.interventions, switch, {TICKER} if switch == "paused_markets" else True)
    first.moment()
    first.store.close()
    again = opened(tmp_path, 5)
    again.moment()
    assert bool(again.orders.resting(TICKER)) is survives
    assert again.place("me", request, now_ms=again.moment()).order.status == "resting"
    again.store.close()


def test_what_passed_in_a_pause_before_a_crash_is_not_traded_after_it(tmp_path):
    tape = ScriptedTape()
    tape.trade("ask", "0.05", "9", at=3)
    first = opened(tmp_path, 0, tape)
    request = decode_order(json.dumps(order_body("bid", "0.10", "1")).encode())
    with first.store.transaction():
        first.place("me", request, now_ms=first.moment())
    first.interventions.is_trading_paused = True
    first.moment()
    first.store.close()
    again = opened(tmp_path, 5, tape)
    again.moment()
    (order,) = again.orders.resting(TICKER)
    assert order.fill_count == 0
    again.store.close()
