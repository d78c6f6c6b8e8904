from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import open_exchange
from kalshi_assets.local_exchange.market_filter import MarketFilter
from kalshi_assets.local_exchange.query import Query, page_where
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Caller,
    listing,
    private_key,
    public_pem,
)

CPI = "KXCPI-26OCT-T0.3"
FED = "KXFED-26OCT-T3.75"
NOON = NOON_MS // 1000


@pytest.fixture(scope="module")
def week():
    keys = {"me": public_pem(private_key("me"))}
    exchange = open_exchange("cpi-week", keys=keys, terms=UNLIMITED)
    with running_exchange(exchange) as handle:
        caller = Caller(handle.url, "me")
        with caller.http:
            yield caller, exchange


def filter_of(**given):
    return MarketFilter(Query("GetMarkets", QueryParams(given)))


def passes(shown="active", **given):
    return filter_of(**given).holds(listing(), shown, lambda: NOON_MS)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"min_created_ts": 1, "max_close_ts": 2}, "MaxCloseTs"),
        ({"min_close_ts": 1, "min_settled_ts": 2}, "MinSettledTs"),
        ({"max_created_ts": 1, "min_updated_ts": 2, "mve_filter": "exclude"}, "MinUpdatedTs"),
        ({"min_created_ts": 1, "status": "closed"}, "MinCreatedTs"),
        ({"min_created_ts": 1, "status": "paused"}, "MinCreatedTs"),
        ({"max_close_ts": 1, "status": "open"}, "MaxCloseTs"),
        ({"min_settled_ts": 1, "status": "closed"}, "MinSettledTs"),
        ({"min_updated_ts": 1, "status": "open"}, "MinUpdatedTs"),
        ({"min_updated_ts": 1, "tickers": TICKER}, "MinUpdatedTs"),
        ({"max_updated_ts": 1, "event_ticker": "KXTEST-26OCT"}, "MaxUpdatedTs"),
        ({"min_updated_ts": 1, "mve_filter": "only"}, "MinUpdatedTs"),
        ({"min_updated_ts": 1, "series_ticker": "KXTEST"}, "MinUpdatedTs"),
    ],
)
def test_filters_that_exclude_each_other_are_refused_by_name(given, field):
    with pytest.raises(Refusal) as refused:
        filter_of(**given)
    assert refused.value.status == 400
    assert f"GetMarketsParams.{field}' " in refused.value.body["msg"]
    assert "'excluded_with' tag" in refused.value.body["msg"]


@pytest.mark.parametrize(
    "given",
    [
        {"min_created_ts": 1, "max_created_ts": NOON, "status": "open"},
        {"min_close_ts": 1, "max_close_ts": NOON + 10**6, "series_ticker": "KXTEST"},
        {"min_settled_ts": 1, "max_settled_ts": NOON + 10**6, "event_ticker": "KXTEST-26OCT"},
        {"min_updated_ts": NOON - 1, "max_updated_ts": NOON},
        {"min_updated_ts": 1, "mve_filter": "exclude", "series_ticker": "KXTEST"},
        {"status": "open", "tickers": f"KXNO,{TICKER}", "mve_filter": "exclude"},
    ],
)
def test_filters_that_go_together_pass_what_all_of_them_hold_for(given):
    assert passes(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"min_updated_ts": NOON},
        {"max_updated_ts": NOON - 1},
        {"min_close_ts": NOON + 4 * 3600},
        {"max_close_ts": NOON + 4 * 3600},
        {"min_created_ts": NOON - 48 * 3600},
        {"max_settled_ts": NOON},
        {"mve_filter": "only"},
    ],
)
def test_bounds_are_exclusive_but_the_latest_update(given):
    assert not passes(**given)


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("unopened", "initialized"),
        ("open", "active"),
        ("paused", "inactive"),
        ("closed", "closed"),
        ("closed", "determined"),
        ("settled", "finalized"),
    ],
)
def test_every_status_is_found_by_one_filter(status, shown):
    held = {
        name
        for name in ("unopened", "open", "paused", "closed", "settled")
        if passes(shown, status=name)
    }
    assert held == {status}


def test_the_update_filter_agrees_with_what_is_shown(week):
    caller, _ = week
    markets = caller.get("/markets")["markets"]
    moments = sorted(datetime.fromisoformat(market["updated_time"]) for market in markets)
    middle = int(moments[2].timestamp())
    later = caller.get("/markets", min_updated_ts=middle, mve_filter="exclude")["markets"]
    assert 0 < len(later) < 5
    assert all(datetime.fromisoformat(m["updated_time"]).timestamp() > middle for m in later)


def test_a_paused_market_is_inactive_until_it_is_let_go(week):
    caller, exchange = week
    exchange.interventions.paused_markets.add(CPI)
    try:
        assert caller.get(f"/markets/{CPI}")["market"]["status"] == "inactive"
        paused = caller.get("/markets", status="paused")["markets"]
        assert [market["ticker"] for market in paused] == [CPI]
        assert CPI not in str(caller.get("/markets", status="open"))
        nested = caller.get("/events/KXCPI-26OCT")["markets"]
        assert [market["status"] for market in nested] == ["inactive"]
    finally:
        exchange.interventions.paused_markets.clear()
    assert caller.get(f"/markets/{CPI}")["market"]["status"] == "active"


def test_a_pause_of_trading_shows_in_the_status(week):
    caller, exchange = week
    exchange.interventions.is_trading_paused = True
    try:
        status = caller.get("/exchange/status")
    finally:
        exchange.interventions.is_trading_paused = False
    assert (status["exchange_active"], status["trading_active"]) == (True, False)
    assert status["exchange_index_statuses"]
    assert not any(one["trading_active"] for one in status["exchange_index_statuses"])
    assert caller.get("/exchange/status")["trading_active"] is True


def test_several_books_are_those_of_the_single_markets(week):
    caller, _ = week
    answer = caller.get("/markets/orderbooks", tickers=[FED, "KXNO", CPI])
    assert [book["ticker"] for book in answer["orderbooks"]] == [FED, CPI]
    assert all(len(book["orderbook_fp"]["yes_dollars"]) > 3 for book in answer["orderbooks"])
    one = caller.get(f"/markets/{FED}/orderbook")["orderbook_fp"]
    assert answer["orderbooks"][0]["orderbook_fp"] == one


@pytest.mark.parametrize(("depth", "count"), [(0, 6), (-1, 6), (2, 2), (100, 6)])
def test_the_book_is_cut_to_the_depth_asked_for(week, depth, count):
    caller, _ = week
    book = caller.get(f"/markets/{CPI}/orderbook", depth=depth)["orderbook_fp"]
    whole = caller.get(f"/markets/{CPI}/orderbook")["orderbook_fp"]
    assert [len(side) for side in book.values()] == [count, count]
    assert {side: levels[-1] for side, levels in book.items()} == {
        side: levels[-1] for side, levels in whole.items()
    }
    assert caller.call("GET", f"/markets/{CPI}/orderbook", depth=101).status_code == 400


@given(
    items=st.lists(st.integers(0, 9), max_size=30),
    limit=st.integers(1, 5),
    dropped=st.integers(0, 9),
)
def test_pages_show_what_stays_wanted_once_even_when_the_rest_changes(items, limit, dropped):
    numbered = list(enumerate(items))
    seen, after, is_dropped = [], 0, False
    while True:
        wanted = [n for n, item in numbered if not (is_dropped and item == dropped)]
        page, cursor = page_where(numbered, _is_among(wanted), after=after, limit=limit)
        assert len(page) <= limit
        seen += page
        if not cursor:
            break
        after = Query("GetMarkets", QueryParams(cursor=cursor)).cursor_number()
        is_dropped = not is_dropped
    assert len(set(seen)) == len(seen)
    assert [item for item in numbered if item[1] != dropped] == [
        item for item in seen if item[1] != dropped
    ]


def _is_among(places):
    return lambda item: item[0] in places
