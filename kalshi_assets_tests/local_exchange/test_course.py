import json
from decimal import Decimal
from fractions import Fraction

import pytest

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.order_request import decode_order
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Floor,
    ScriptedTape,
    listing,
    order_body,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


def order_of(caller, order_id):
    return caller.get(f"/portfolio/orders/{order_id}")["order"]


def rest(caller, side, at, size, **changes):
    return caller.order(side, at, size, **changes).json()["order_id"]


def test_an_order_expires_by_the_venue_clock(venue):
    order_id = rest(venue.me, "bid", "0.10", "1", expiration_time=NOON_MS // 1000 + 180)
    venue.clock.advance(seconds=179.9)
    assert order_of(venue.me, order_id)["status"] == "resting"
    venue.clock.advance(seconds=0.1)
    order = order_of(venue.me, order_id)
    assert order["status"] == "canceled"
    assert order["last_update_time"] == order["expiration_time"]


def test_an_expired_order_is_not_filled_by_what_comes_later():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "9")], at=60)
    with quiet_floor(tape) as venue:
        order_id = rest(venue.me, "bid", "0.40", "1", expiration_time=NOON_MS // 1000 + 59)
        venue.wait(600)
        assert order_of(venue.me, order_id)["fill_count_fp"] == "0.00"


def test_an_order_that_expires_as_the_quote_arrives_is_not_filled():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "9")], at=60)
    with quiet_floor(tape) as venue:
        order_id = rest(venue.me, "bid", "0.40", "1", expiration_time=NOON_MS // 1000 + 60)
        venue.wait(60)
        assert order_of(venue.me, order_id)["fill_count_fp"] == "0.00"


def test_the_tape_fills_a_resting_order_at_its_own_price():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "2"), ("0.40", "1"), ("0.41", "9")], at=60)
    with quiet_floor(tape) as venue:
        order_id = rest(venue.me, "bid", "0.40", "5")
        venue.wait(61)
        order = order_of(venue.me, order_id)
        assert (order["fill_count_fp"], order["remaining_count_fp"]) == ("3.00", "2.00")
        (small, large) = venue.me.get("/portfolio/fills")["fills"]
        assert {small["yes_price_dollars"], large["yes_price_dollars"]} == {"0.4000"}
        assert not small["is_taker"]
        assert small["ts"] == NOON_MS // 1000 + 60
        assert venue.me.cash() == "4998.8000"


def test_liquidity_that_filled_a_resting_order_is_gone():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "9")], asks=[("0.35", "2"), ("0.41", "9")], at=60)
    with quiet_floor(tape) as venue:
        rest(venue.me, "bid", "0.40", "2")
        venue.wait(61)
        assert venue.you.order("bid", "0.40", "1").json()["fill_count"] == "0.00"


def test_resting_orders_are_served_best_price_first_then_eldest():
    tape = ScriptedTape()
    tape.quote(bids=[("0.60", "5")], asks=[("0.70", "2")], at=60)
    with quiet_floor(tape) as venue:
        high = rest(venue.me, "ask", "0.59", "2")
        low = rest(venue.you, "ask", "0.58", "2")
        late = rest(venue.you, "ask", "0.59", "2")
        venue.wait(60)
        filled = [
            order_of(venue.you, low)["fill_count_fp"],
            order_of(venue.me, high)["fill_count_fp"],
            order_of(venue.you, late)["fill_count_fp"],
        ]
        assert filled == ["2.00", "2.00", "1.00"]


def test_a_trade_through_the_price_fills_a_trade_at_it_does_not():
    tape = ScriptedTape()
    tape.trade("ask", "0.48", "2", at=10)
    tape.trade("ask", "0.46", "2", at=20)
    tape.trade("bid", "0.40", "9", at=30)
    with quiet_floor(tape) as venue:
        order_id = rest(venue.me, "bid", "0.48", "3")
        venue.wait(15)
        assert order_of(venue.me, order_id)["fill_count_fp"] == "0.00"
        venue.wait(30)
        assert order_of(venue.me, order_id)["fill_count_fp"] == "2.00"


def test_a_trade_through_the_price_fills_no_more_than_its_size():
    tape = ScriptedTape()
    tape.trade("ask", "0.46", "3", at=10)
    with quiet_floor(tape) as venue:
        first = rest(venue.me, "bid", "0.48", "2")
        second = rest(venue.you, "bid", "0.48", "2")
        third = rest(venue.me, "bid", "0.47", "2")
        venue.wait(15)
        assert order_of(venue.me, first)["fill_count_fp"] == "2.00"
        assert order_of(venue.you, second)["fill_count_fp"] == "1.00"
        assert order_of(venue.me, third)["fill_count_fp"] == "0.00"


def test_settlement_pays_a_dollar_a_winning_contract(venue):
    venue.me.order("bid", "0.52", "3", time_in_force="immediate_or_cancel")
    venue.you.order("ask", "0.47", "3", time_in_force="immediate_or_cancel")
    before = venue.me.cash()
    venue.wait(5.5 * 3600)
    market = venue.me.get(f"/markets/{TICKER}")["market"]
    assert (market["status"], market["result"], venue.me.cash()) == ("determined", "yes", before)
    venue.wait(3600)
    assert venue.me.get(f"/markets/{TICKER}")["market"]["status"] == "finalized"
    assert float(venue.me.cash()) == float(before) + 3
    (won,) = venue.me.get("/portfolio/settlements")["settlements"]
    (lost,) = venue.you.get("/portfolio/settlements")["settlements"]
    assert (won["revenue"], won["yes_count_fp"], won["value"]) == (300, "3.00", 100)
    assert (lost["revenue"], lost["no_count_fp"]) == (0, "3.00")
    assert venue.me.get("/portfolio/positions")["market_positions"] == []
    (settled,) = venue.me.get("/portfolio/positions", settlement_status="settled")[
        "market_positions"
    ]
    assert settled["realized_pnl_dollars"] == "1.440000"
    assert settled["position_fp"] == "0.00"


def test_a_closed_market_shows_no_orders(venue):
    venue.wait(4 * 3600)
    market = venue.me.get(f"/markets/{TICKER}")["market"]
    assert (market["yes_bid_dollars"], market["yes_bid_size_fp"]) == ("0.0000", "0.00")
    assert (market["yes_ask_dollars"], market["yes_ask_size_fp"]) == ("1.0000", "0.00")
    listed = venue.me.get("/markets", status="closed")["markets"]
    assert [m["ticker"] for m in listed] == [TICKER]
    assert venue.me.get("/markets", status="open")["markets"] == []


def opened(folder, tape, second):
    keys = Doorkeeper({"me": public_pem(private_key("me"))})
    clock = ManualClock(NOON_MS + second * 1000)
    return Exchange(tape, Store(folder), doorkeeper=keys, clock=clock, terms=UNLIMITED)


def test_after_a_crash_an_order_does_not_meet_what_passed_before_it_came(tmp_path):
    tape = ScriptedTape()
    tape.trade("ask", "0.40", "9", at=10)
    first = opened(tmp_path, tape, 20)
    now_ms = first.moment()
    with first.store.transaction():
        request = decode_order(json.dumps(order_body("bid", "0.45", "1")).encode())
        first.place("me", request, now_ms=now_ms)
    first.store.close()
    second = opened(tmp_path, tape, 21)
    second.moment()
    (order,) = second.orders.resting(TICKER)
    assert order.fill_count == 0
    second.close()


def test_what_is_answered_is_on_disk(tmp_path):
    store = Store(tmp_path)
    assert store.number("pragma synchronous") == 2  # full: every commit reaches the disk
    store.close()


@pytest.mark.parametrize(
    ("payout", "yes_pays", "no_pays"), [(0, "0.0000", "3.0000"), (6_250, "1.8750", "1.1250")]
)
def test_a_scalar_result_pays_yes_its_value_and_no_the_rest(payout, yes_pays, no_pays):
    one = listing(result="scalar", settlement_price=payout)
    with quiet_floor(ScriptedTape(listings={TICKER: one})) as venue:
        venue.me.order("bid", "0.52", "3", time_in_force="immediate_or_cancel")
        venue.you.order("ask", "0.47", "3", time_in_force="immediate_or_cancel")
        before = [Decimal(caller.cash()) for caller in (venue.me, venue.you)]
        venue.wait(6 * 3600)
        after = [Decimal(caller.cash()) for caller in (venue.me, venue.you)]
        paid = [new - old for new, old in zip(after, before, strict=True)]
        assert paid == [Decimal(yes_pays), Decimal(no_pays)]
        (mine,) = venue.me.get("/portfolio/settlements")["settlements"]
        assert (mine["market_result"], mine["value"]) == ("scalar", payout // 100)
        assert mine["revenue"] == int(Decimal(yes_pays) * 100)
        market = venue.me.get(f"/markets/{TICKER}")["market"]
        assert (market["result"], market["settlement_value_dollars"]) == (
            "scalar",
            f"{payout / 10_000:.4f}",
        )


def test_a_scalar_result_needs_its_price_and_no_other_has_one():
    with pytest.raises(ValueError, match="scalar"):
        listing(result="scalar")
    with pytest.raises(ValueError, match="settlement price"):
        listing(result="yes", settlement_price=1)


def test_a_market_whose_result_nobody_knows_pays_nobody():
    with quiet_floor(ScriptedTape(listings={TICKER: listing(result=None)})) as venue:
        venue.me.order("bid", "0.52", "3", time_in_force="immediate_or_cancel")
        cash = venue.me.cash()
        venue.wait(48 * 3600)
        assert venue.me.cash() == cash
        assert venue.me.get("/portfolio/positions")["market_positions"][0]["position_fp"] == "3.00"


def test_an_events_fees_go_before_its_series_and_a_waiver_before_both():
    waived_until = NOON_MS + 60_000
    doubled = FeeTerms("quadratic", Fraction(2))
    one = listing(event_fees=doubled, fee_waiver_until_ms=waived_until)
    with quiet_floor(ScriptedTape(listings={TICKER: one})) as venue:
        fees = []
        for wait in (59.999, 0.001):
            venue.wait(wait)
            answer = venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel")
            fees.append(answer.json()["average_fee_paid"])
        assert fees == ["0.0000", "0.0350"]
