"""What is over moves from the live operations to the historical ones, each record in its time."""

from dataclasses import replace
from datetime import datetime

import pytest

from kalshi_assets.local_exchange.tiers import Tiers
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    ScriptedTape,
    floor,
    headers,
    listing,
)

OPEN_FOR_LONG = "KXTEST-26OCT-T2"
EVENT = "KXTEST-26OCT"
TIERS = Tiers(orders_ms=HOUR_MS, trades_ms=2 * HOUR_MS, markets_ms=HOUR_MS, positions_ms=HOUR_MS)
HOUR = 3600


@pytest.fixture
def venue():
    """One market settles six hours from now, another stays open for days."""
    later = NOON_MS + 9 * DAY_MS
    times = {"close_ms": later, "determined_ms": later, "settled_ms": later}
    listings = {TICKER: listing(), OPEN_FOR_LONG: listing(OPEN_FOR_LONG, **times)}
    tape = ScriptedTape(listings)
    for minute in (10, 50, 90):
        tape.trade("bid", "0.52", "1", at=60 * minute)
    with floor(tape, terms=replace(UNLIMITED, tiers=TIERS)) as running:
        yield running


def ids(answer, name, key):
    return [record[key] for record in answer[name]]


def both(venue, path, name, key, **query):
    live = ids(venue.me.get(f"/portfolio/{path}", **query), name, key)
    return live, ids(venue.me.get(f"/historical/{path}"), name, key)


def test_the_cutoffs_move_with_the_venue_clock(venue):
    before = venue.me.get("/historical/cutoff")
    venue.wait(HOUR)
    after = venue.me.get("/historical/cutoff")
    assert set(before) == set(after)
    for name, moment in before.items():
        moved = datetime.fromisoformat(after[name]) - datetime.fromisoformat(moment)
        assert moved.total_seconds() == HOUR


def test_by_default_orders_stay_two_weeks_and_the_rest_three_months():
    with floor() as venue:
        cutoff = venue.me.get("/historical/cutoff")
    ages = {
        name: (NOON_MS / 1000 - datetime.fromisoformat(moment).timestamp()) / 86_400
        for name, moment in cutoff.items()
    }
    assert ages.pop("orders_updated_ts") == 14
    assert len(ages) == 3
    assert all(90 <= days <= 92 for days in ages.values())


def test_an_executed_order_moves_when_it_is_older_than_the_cutoff(venue):
    placed = venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel").json()
    order_id = placed["order_id"]
    venue.wait(HOUR)
    assert both(venue, "orders", "orders", "order_id") == ([order_id], [])
    assert venue.me.call("GET", f"/portfolio/orders/{order_id}").status_code == 200
    venue.wait(0.001)
    assert both(venue, "orders", "orders", "order_id") == ([], [order_id])
    assert venue.me.call("GET", f"/portfolio/orders/{order_id}").status_code == 404
    venue.wait(HOUR - 0.001)
    assert both(venue, "fills", "fills", "order_id") == ([order_id], []), "in one tier, not in two"
    venue.wait(0.001)
    assert both(venue, "fills", "fills", "order_id") == ([], [order_id])


def test_a_resting_order_stays_live_until_long_after_its_cancel(venue):
    placed = venue.me.order("bid", "0.01", "1", ticker=OPEN_FOR_LONG).json()
    venue.wait(5 * HOUR)
    assert both(venue, "orders", "orders", "order_id") == ([placed["order_id"]], [])
    one = venue.me.get(f"/portfolio/orders/{placed['order_id']}")["order"]
    assert one["status"] == "resting"
    venue.me.call("DELETE", f"/portfolio/events/orders/{placed['order_id']}")
    venue.wait(HOUR / 2)
    assert both(venue, "orders", "orders", "order_id") == ([placed["order_id"]], [])
    venue.wait(HOUR)
    assert both(venue, "orders", "orders", "order_id") == ([], [placed["order_id"]])


def test_a_position_is_archived_only_once_it_is_settled(venue):
    for ticker in (TICKER, OPEN_FOR_LONG):
        venue.me.order("bid", "0.52", "1", ticker=ticker)
    venue.wait(6 * HOUR)
    everything = {"settlement_status": "all"}
    held = both(venue, "positions", "market_positions", "ticker", **everything)
    assert held == ([TICKER, OPEN_FOR_LONG], [])
    venue.wait(2 * HOUR)
    held = both(venue, "positions", "market_positions", "ticker", **everything)
    assert held == ([OPEN_FOR_LONG], [TICKER])
    assert venue.me.get("/historical/positions", ticker="KXNO")["market_positions"] == []
    assert venue.me.get("/historical/positions", subaccount=1)["market_positions"] == []


def test_a_settled_market_leaves_with_its_candles_and_book(venue):
    candles = {"start_ts": NOON_MS // 1000, "end_ts": NOON_MS // 1000 + 60, "period_interval": 1}
    live = [f"/markets/{TICKER}", f"/markets/{TICKER}/orderbook"]
    live.append(f"/series/KXTEST/markets/{TICKER}/candlesticks")
    archived = [f"/historical/markets/{TICKER}", f"/historical/markets/{TICKER}/candlesticks"]

    def statuses(paths):
        return {venue.me.call("GET", path, **candles).status_code for path in paths}

    venue.wait(7 * HOUR)
    assert (statuses(live), statuses(archived)) == ({200}, {404})
    then = venue.me.get(f"/markets/{TICKER}")
    venue.wait(0.001)
    assert (statuses(live), statuses(archived)) == ({404}, {200})
    assert venue.me.get(f"/historical/markets/{TICKER}") == then
    books = venue.me.get("/markets/orderbooks", tickers=[TICKER, OPEN_FOR_LONG])
    assert ids(books, "orderbooks", "ticker") == [OPEN_FOR_LONG]
    batch = venue.me.get("/markets/candlesticks", market_tickers=TICKER, **candles)
    assert batch == {"markets": []}
    assert ids(venue.me.get("/markets"), "markets", "ticker") == [OPEN_FOR_LONG]
    found = [
        ids(venue.me.get("/historical/markets", **query), "markets", "ticker")
        for query in ({}, {"tickers": TICKER}, {"event_ticker": EVENT}, {"series_ticker": "KXNO"})
    ]
    assert found == [[TICKER]] * 3 + [[]]
    assert ids(venue.me.get(f"/events/{EVENT}"), "markets", "ticker") == [OPEN_FOR_LONG]


@pytest.mark.parametrize("minutes", [0, 60, 129, 130, 131, 190, 300])
def test_every_public_trade_is_in_one_tier_only(venue, minutes):
    venue.wait(60 * minutes)
    live = ids(venue.me.get("/markets/trades"), "trades", "trade_id")
    old = ids(venue.me.get("/historical/trades"), "trades", "trade_id")
    happened = [f"trade-{n}" for n, at in enumerate((10, 50, 90)) if at <= minutes]
    assert sorted(live + old) == happened
    assert len(old) == sum(at < minutes - 120 for at in (10, 50, 90))


def test_old_trades_are_paged_without_gap_or_repeat(venue):
    venue.wait(5 * HOUR)
    seen, cursor = [], ""
    for _ in range(3):
        answer = venue.me.get("/historical/trades", limit=1, cursor=cursor)
        seen += ids(answer, "trades", "trade_id")
        cursor = answer["cursor"]
    assert (seen, cursor) == (["trade-2", "trade-1", "trade-0"], "")


def test_account_history_is_signed_and_market_history_is_not(venue):
    for path, status in (("/historical/trades", 200), ("/historical/fills", 401)):
        assert venue.me.http.get(venue.url + path).status_code == status
    signed = headers("you", "GET", "/trade-api/v2/historical/orders")
    venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel")
    venue.wait(2 * HOUR)
    answer = venue.me.http.get(f"{venue.url}/historical/orders", headers=signed)
    assert answer.json() == {"orders": [], "cursor": ""}


def test_no_position_is_missed_where_one_is_archived_between_two_pages(venue):
    for ticker in (TICKER, OPEN_FOR_LONG):
        venue.me.order("bid", "0.52", "1", ticker=ticker, time_in_force="immediate_or_cancel")
    paged = {"limit": 1, "settlement_status": "all"}
    first = venue.me.get("/portfolio/positions", **paged)
    assert ids(first, "market_positions", "ticker") == [TICKER]
    at_once = venue.me.get("/portfolio/positions", **paged, cursor=first["cursor"])
    assert ids(at_once, "market_positions", "ticker") == [OPEN_FOR_LONG]
    venue.wait(8 * HOUR)
    second = venue.me.get("/portfolio/positions", **paged, cursor=first["cursor"])
    assert ids(second, "market_positions", "ticker") == [OPEN_FOR_LONG]
    assert second["cursor"] == ""
    old = venue.me.get("/historical/positions", limit=1)
    assert (ids(old, "market_positions", "ticker"), old["cursor"]) == ([TICKER], "")
