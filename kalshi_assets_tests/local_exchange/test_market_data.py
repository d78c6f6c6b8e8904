import httpx
import pytest

from kalshi_assets.local_exchange.exchange import open_exchange
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    UNLIMITED,
    Caller,
    ScriptedTape,
    floor,
    private_key,
    public_pem,
)

CPI = "KXCPI-26OCT-T0.3"
START = 1_791_901_800  # 2026-10-13 14:30 UTC


@pytest.fixture(scope="module")
def week():
    keys = {"me": public_pem(private_key("me"))}
    exchange = open_exchange("cpi-week", keys=keys, terms=UNLIMITED)
    with running_exchange(exchange) as handle:
        caller = Caller(handle.url, "me")
        with caller.http:
            yield caller


def tickers(answer):
    return [market["ticker"] for market in answer["markets"]]


def candles(caller, **query):
    given = {
        "market_tickers": CPI,
        "period_interval": 60,
        "start_ts": START - 86_400,
        "end_ts": START,
    }
    return caller.call("GET", "/markets/candlesticks", **(given | query))


def test_markets_come_page_by_page_without_gap_or_repeat(week):
    seen, cursor = [], ""
    for _ in range(3):
        answer = week.get("/markets", limit=2, cursor=cursor)
        seen += tickers(answer)
        cursor = answer["cursor"]
    assert cursor == ""
    assert seen == tickers(week.get("/markets"))
    assert len(seen) == 5


@pytest.mark.parametrize("cursor", ["garbage", "YXQ6", "*", "YXQ6LTU", "a"])
def test_an_unreadable_cursor_is_the_first_page(week, cursor):
    answer = week.get("/markets", limit=2, cursor=cursor)
    assert tickers(answer) == tickers(week.get("/markets", limit=2))


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"limit": 1001}, "Limit", "lte"),
        ({"limit": -1}, "Limit", "gte"),
        ({"limit": "many"}, "Limit", "int64"),
        ({"status": "wild"}, "Status", "oneof"),
    ],
)
def test_a_bad_query_is_refused_bare(week, query, field, rule):
    refused = week.call("GET", "/markets", **query)
    assert refused.status_code == 400
    assert refused.json() == {
        "msg": f"Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.{field}' "
        f"Error:Field validation for '{field}' failed on the '{rule}' tag"
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"series_ticker": "KXCPI"}, 1),
        ({"event_ticker": "KXFED-26OCT"}, 1),
        ({"tickers": f"{CPI},KXFED-26OCT-T3.75,KXNO"}, 2),
        ({"status": "open", "mve_filter": "exclude"}, 5),
        ({"mve_filter": "only"}, 0),
        ({"status": "settled"}, 0),
        ({"max_close_ts": START + 4 * 3600}, 1),
        ({"min_close_ts": START + 4 * 3600}, 4),
    ],
)
def test_markets_are_filtered(week, query, count):
    assert len(week.get("/markets", **query)["markets"]) == count


def test_unknown_things_are_not_found(week):
    for path in ("/markets/KXNO", "/series/KXNO", "/markets/KXNO/orderbook", "/nothing"):
        answer = week.call("GET", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    path = f"/series/KXFED/markets/{CPI}/candlesticks"
    query = {"start_ts": START - 60, "end_ts": START, "period_interval": 1}
    assert week.call("GET", path, **query).status_code == 404


def test_the_book_is_bids_only_best_last(week):
    book = week.get(f"/markets/{CPI}/orderbook")["orderbook_fp"]
    assert book["yes_dollars"][-1][0] == "0.6800"
    assert book["no_dollars"][-1][0] == "0.3100"
    assert book["yes_dollars"] == sorted(book["yes_dollars"])
    shallow = week.get(f"/markets/{CPI}/orderbook", depth=1)["orderbook_fp"]
    assert [len(shallow["yes_dollars"]), len(shallow["no_dollars"])] == [1, 1]


def test_trades_are_paged_newest_first_without_gap_or_repeat(week):
    window = {"ticker": CPI, "min_ts": START - 3600, "max_ts": START - 60}
    whole = week.get("/markets/trades", limit=1000, **window)
    assert whole["cursor"] == ""
    paged, cursor = [], ""
    while True:
        answer = week.get("/markets/trades", limit=37, cursor=cursor, **window)
        paged += answer["trades"]
        cursor = answer["cursor"]
        if not cursor:
            break
    assert paged == whole["trades"]
    assert len({trade["trade_id"] for trade in paged}) == len(paged) > 37
    times = [trade["created_time"] for trade in paged]
    assert times == sorted(times, reverse=True)


def test_candles_end_within_the_window_and_never_in_the_future(week):
    (market,) = candles(week, start_ts=START - 7200, end_ts=START + 7200).json()["markets"]
    ends = [candle["end_period_ts"] for candle in market["candlesticks"]]
    assert ends == [START - 5400, START - 1800]


def test_candles_of_one_market_are_those_of_the_batch(week):
    query = {"start_ts": START - 86_400, "end_ts": START, "period_interval": 60}
    single = week.get(f"/series/KXCPI/markets/{CPI}/candlesticks", **query)
    assert single["ticker"] == CPI
    assert candles(week).json()["markets"][0]["candlesticks"] == single["candlesticks"]


@pytest.mark.parametrize(
    "query",
    [
        {"period_interval": 5},
        {"period_interval": ""},
        {"start_ts": ""},
        {"market_tickers": ""},
        {"market_tickers": ",".join(["X"] * 101)},
        {"end_ts": START - 2 * 86_400},
        {"period_interval": 1, "start_ts": START - 8 * 86_400},
    ],
)
def test_candles_asked_wrongly_are_refused(week, query):
    assert candles(week, **query).status_code == 400


@pytest.mark.parametrize(("interval", "end"), [(60, START + 1800), (1, START + 60)])
def test_the_latest_candle_before_the_start_leads_on_request(week, interval, end):
    query = {"start_ts": START, "end_ts": START + 59, "period_interval": interval}
    led = candles(week, include_latest_before_start="true", **query)
    lead = led.json()["markets"][0]["candlesticks"][0]
    assert lead["end_period_ts"] == end
    assert lead["price"]["close_dollars"] is None
    assert lead["price"]["previous_dollars"] is not None
    assert lead["volume_fp"] == "0.00"


def test_the_candles_of_an_event_are_those_of_its_markets_cut_where_an_answer_is_full(week):
    path = "/series/KXCPI/events/KXCPI-26OCT/candlesticks"
    hours = {"start_ts": START - 86_400, "end_ts": START, "period_interval": 60}
    answer = week.get(path, **hours)
    assert answer["market_tickers"] == [CPI]
    assert answer["adjusted_end_ts"] == START
    assert answer["market_candlesticks"] == [candles(week).json()["markets"][0]["candlesticks"]]
    first = START - 11_000 * 60
    whole = week.get(path, start_ts=first, end_ts=START, period_interval=1)
    assert whole["adjusted_end_ts"] == first + 10_000 * 60
    ends = [candle["end_period_ts"] for candle in whole["market_candlesticks"][0]]
    assert ends[-1] == whole["adjusted_end_ts"]


def test_own_trades_move_volume_and_last_price(venue):
    venue.me.order("bid", "0.52", "2", time_in_force="immediate_or_cancel")
    market = venue.me.get(f"/markets/{TICKER}")["market"]
    assert (market["volume_fp"], market["volume_24h_fp"]) == ("2.00", "2.00")
    assert market["last_price_dollars"] == "0.5200"
    assert (market["yes_ask_dollars"], market["yes_ask_size_fp"]) == ("0.5200", "1.00")


def test_a_later_trade_of_the_tape_is_the_last_price_again():
    tape = ScriptedTape()
    tape.trade("ask", "0.47", "1", at=5)
    with floor(tape) as venue:
        venue.me.order("bid", "0.52", "2", time_in_force="immediate_or_cancel")
        venue.wait(5)
        market = venue.me.get(f"/markets/{TICKER}")["market"]
        assert (market["last_price_dollars"], market["volume_fp"]) == ("0.4700", "3.00")


def test_an_order_that_joins_a_level_adds_to_its_size(venue):
    venue.me.order("bid", "0.47", "2")
    assert venue.me.get(f"/markets/{TICKER}")["market"]["yes_bid_size_fp"] == "5.00"


def test_orders_and_fills_are_paged_newest_first(venue):
    ids = [venue.me.order("ask", f"0.{60 + n}", "1").json()["order_id"] for n in range(5)]
    first = venue.me.get("/portfolio/orders", limit=3)
    rest = venue.me.get("/portfolio/orders", limit=3, cursor=first["cursor"])
    listed = [order["order_id"] for order in first["orders"] + rest["orders"]]
    assert listed == ids[::-1]
    assert rest["cursor"] == ""
    assert venue.me.get("/portfolio/orders", ticker="KXNO")["orders"] == []
    assert len(venue.me.get("/portfolio/orders", event_ticker="KXTEST-26OCT")["orders"]) == 5
    for _ in range(2):
        venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel")
    page = venue.me.get("/portfolio/fills", limit=1)
    older = venue.me.get("/portfolio/fills", limit=1, cursor=page["cursor"])
    assert page["fills"][0]["order_id"] != older["fills"][0]["order_id"]
    assert older["cursor"] == ""


def test_an_interceptor_can_lose_an_answer_after_the_fact():
    async def lose_orders(request, endpoint, proceed):
        response = await proceed()
        if endpoint.operation == "CreateOrderV2":
            response.status_code = 504
        return response

    with floor(interceptor=lose_orders) as venue:
        assert venue.me.order("bid", "0.10", "1", client_order_id="x").status_code == 504
        assert venue.me.get("/portfolio/orders")["orders"][0]["client_order_id"] == "x"


def test_only_loopback_is_bound(venue):
    assert venue.url.startswith("http://127.0.0.1:")
    clock = httpx.get(f"{venue.local_url}/clock", trust_env=False).json()
    assert set(clock) == {"input", "venue_at", "wall_at", "speed"}
    assert clock["venue_at"] == "2026-10-13T13:30:00Z"
