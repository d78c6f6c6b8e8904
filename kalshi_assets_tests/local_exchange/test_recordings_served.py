"""Made-up recordings through the real server: gaps, zeros and open results on the wire."""

import pytest

from kalshi_assets.kalshi.schemas_market import MarketPayload
from kalshi_assets.local_exchange.units import DAY_MS
from kalshi_assets_tests.local_exchange.bench import error_of
from kalshi_assets_tests.local_exchange.recorded_folders import (
    APRIL,
    DAYS,
    LONG_MARKET,
    MARCH,
    RAIN,
    at,
    load,
    record,
    replaying,
    write_long,
    write_wide,
)

NOW = {"time_in_force": "immediate_or_cancel"}


@pytest.fixture
def venue(tmp_path):
    with replaying(load(write_wide(tmp_path), start="13:10")) as (me, clock):
        yield Venue(me, clock)


class Venue:
    def __init__(self, me, clock):
        self.me, self.clock = me, clock

    def go_to(self, when):
        self.clock.advance(seconds=(at(when) - self.clock.now_ms()) / 1000)

    def market(self, ticker=MARCH):
        payload = self.me.get(f"/markets/{ticker}")["market"]
        MarketPayload.model_validate(payload)
        return payload


def test_a_market_is_served_as_recorded(venue):
    market = venue.market()
    assert (market["status"], market["result"]) == ("active", "")
    assert (market["yes_bid_dollars"], market["yes_ask_dollars"]) == ("0.4300", "0.4500")
    assert (market["last_price_dollars"], market["volume_fp"]) == ("0.4400", "1020.00")
    assert market["updated_time"] == "2026-03-10T13:10:00Z"
    assert market["strike_type"] == "custom"
    assert "floor_strike" not in market


def test_a_contract_that_is_not_front_yet_is_initialized(venue):
    market = venue.market(APRIL)
    assert (market["status"], market["volume_fp"]) == ("initialized", "0.00")
    assert (market["yes_bid_size_fp"], market["yes_ask_size_fp"]) == ("0.00", "0.00")
    assert market["updated_time"] == "2026-03-01T10:00:00.123Z"
    refused = venue.me.order("bid", "0.30", "1", ticker=APRIL)
    assert error_of(refused) == (400, "MARKET_NOT_ACTIVE")


def test_zeros_are_shown_as_they_stand_and_cannot_be_traded(venue):
    venue.go_to("14:30")
    market = venue.market()
    prices = ["yes_bid", "yes_ask", "no_bid", "no_ask", "last_price"]
    assert {market[f"{name}_dollars"] for name in prices} == {"0.0000"}
    assert {market[f"{name}_size_fp"] for name in ("yes_bid", "yes_ask")} == {"0.00"}
    assert market["volume_fp"] == "2520.50"
    book = venue.me.get(f"/markets/{MARCH}/orderbook")["orderbook_fp"]
    assert book == {"yes_dollars": [], "no_dollars": []}
    order = venue.me.order("bid", "0.99", "1", ticker=MARCH, **NOW)
    assert order.json()["fill_count"] == "0.00"


def test_zero_candles_are_shown_as_they_stand(venue):
    venue.go_to("15:00")
    query = {"start_ts": at("13:30") // 1000, "end_ts": at("15:00") // 1000, "period_interval": 60}
    path = f"/series/KXRAIN/markets/{MARCH}/candlesticks"
    falling, zero = venue.me.get(path, **query)["candlesticks"]
    assert (falling["price"]["mean_dollars"], falling["volume_fp"]) == ("0.3500", "1800.50")
    assert (zero["volume_fp"], zero["open_interest_fp"]) == ("0.00", "1300.00")
    for name in ("yes_bid", "yes_ask"):
        assert set(zero[name].values()) == {"0.0000"}
    price = zero["price"]
    assert price.pop("previous_dollars") == "0.3200"
    assert set(price.values()) == {"0.0000"}


def test_a_position_keeps_its_value_through_zeros(venue):
    assert venue.me.order("bid", "0.45", "10", ticker=MARCH, **NOW).json()["fill_count"] == "10.00"
    venue.go_to("14:30")
    assert venue.market()["last_price_dollars"] == "0.0000"
    assert venue.me.get("/portfolio/balance")["portfolio_value"] == 320


def test_a_day_after_zeros_the_previous_prices_are_zero(tmp_path):
    late = record(MARCH, close_time="2026-03-12T00:00:00Z")
    with replaying(load(write_wide(tmp_path, records=[late, record(APRIL)]))) as (me, clock):
        clock.advance(seconds=(at("14:30") + DAY_MS - at("13:00")) / 1000)
        market = Venue(me, clock).market()
    names = ("yes_bid", "yes_ask", "price")
    assert {market[f"previous_{name}_dollars"] for name in names} == {"0.0000"}


def test_in_a_gap_quotes_are_old_but_can_be_traded(venue):
    venue.go_to("22:00")
    market = venue.market(APRIL)
    assert (market["status"], market["updated_time"]) == ("active", "2026-03-10T20:00:00Z")
    order = venue.me.order("bid", "0.23", "10", ticker=APRIL, **NOW)
    assert order.json()["fill_count"] == "10.00"
    assert venue.market(APRIL)["yes_ask_size_fp"] == "8.00"
    venue.go_to("23:00")
    assert venue.market(APRIL)["yes_ask_size_fp"] == "8.00"


def test_a_resting_order_meets_the_walk(venue):
    assert venue.me.order("bid", "0.35", "10", ticker=MARCH).json()["fill_count"] == "0.00"
    venue.go_to("13:50")
    (fill,) = venue.me.get("/portfolio/fills")["fills"]
    assert (fill["count_fp"], fill["yes_price_dollars"], fill["is_taker"]) == (
        *("10.00", "0.3500"),
        False,
    )


def test_public_trades_are_the_walks_and_page_over_gaps(venue):
    venue.go_to("20:00")
    seen, cursor = [], ""
    while True:
        answer = venue.me.get("/markets/trades", limit=200, cursor=cursor)
        seen += answer["trades"]
        cursor = answer["cursor"]
        if not cursor:
            break
    assert len({trade["trade_id"] for trade in seen}) == len(seen) == 180 * 3 + 5
    assert round(sum(float(trade["count_fp"]) for trade in seen), 2) == 2_885.5


def test_a_known_result_settles_the_market(venue):
    venue.me.order("bid", "0.45", "10", ticker=MARCH, **NOW)
    venue.go_to("18:04")
    assert venue.market()["status"] == "closed"
    venue.go_to("18:05")
    assert (venue.market()["status"], venue.market()["result"]) == ("finalized", "yes")
    (settlement,) = venue.me.get("/portfolio/settlements")["settlements"]
    assert settlement["market_result"] == "yes"


def test_a_dated_settlement_and_its_value_are_served(tmp_path):
    told = {"settlement_ts": "2026-03-10T19:30:00Z", "expiration_value": "12 mm"}
    records = [record(MARCH, **told), record(APRIL, settlement_ts="", expiration_value="")]
    with replaying(load(write_wide(tmp_path, records=records), start="19:29:59")) as (me, clock):
        assert Venue(me, clock).market()["status"] == "closed"
        clock.advance(seconds=1)
        market = Venue(me, clock).market()
    assert (market["status"], market["settlement_ts"]) == ("finalized", told["settlement_ts"])
    assert (market["expiration_value"], market["settlement_value_dollars"]) == ("12 mm", "1.0000")


def test_a_comment_without_a_result_leaves_the_market_closed(tmp_path):
    comment = LONG_MARKET.replace("result=yes, ", "")
    tape = load(write_long(tmp_path, *DAYS, comments=[comment]), start="2026-03-12T04:00")
    with replaying(tape) as (me, _):
        assert me.get(f"/markets/{RAIN}")["market"]["status"] == "closed"


def test_an_unknown_result_leaves_the_market_closed_and_the_position_open(venue):
    venue.go_to("19:30")
    venue.me.order("bid", "0.23", "10", ticker=APRIL, **NOW)
    venue.go_to("2026-05-01T00:00")
    market = venue.market(APRIL)
    assert (market["status"], market["result"]) == ("closed", "")
    assert "settlement_ts" not in market
    assert venue.me.get("/portfolio/settlements")["settlements"] == []
    (position,) = venue.me.get("/portfolio/positions")["market_positions"]
    assert (position["ticker"], position["position_fp"]) == (APRIL, "10.00")


def test_a_missing_side_is_served_as_an_empty_one(tmp_path):
    tape = load(write_long(tmp_path, *DAYS, comments=[LONG_MARKET]), start="2026-03-11T06:00")
    with replaying(tape) as (me, _):
        market = me.get(f"/markets/{RAIN}")["market"]
        book = me.get(f"/markets/{RAIN}/orderbook")["orderbook_fp"]
    assert (market["yes_bid_dollars"], market["yes_bid_size_fp"]) == ("0.0000", "0.00")
    assert (market["yes_ask_dollars"], market["floor_strike"]) == ("1.0000", 0.5)
    assert book == {"yes_dollars": [], "no_dollars": []}
