from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kalshi_assets.local_exchange.errors import LocalExchangeError, UnknownFault
from kalshi_assets.local_exchange.faults import (
    Fault,
    FaultyFeed,
    fault_descriptions,
    known_faults,
    parse_faults,
)
from kalshi_assets_tests.local_exchange.bench import Caller, ScriptedTape, error_of, floor
from kalshi_assets_tests.local_exchange.faults_bench import (
    ASKED,
    CPI,
    DECI,
    GDP,
    IN_PAYLOADS,
    PRICES,
    SEEN,
    Week,
    every_fault,
    micros,
    running_week,
    without_bid,
)

all_or_one = pytest.mark.parametrize("where", ["", f":{DECI}"], ids=["all", "one"])


@pytest.fixture(scope="module")
def one_week() -> Iterator[Week]:
    with running_week() as week:
        yield week


@pytest.fixture
def week(one_week: Week) -> Iterator[Week]:
    yield one_week
    one_week.switch.feed = None


def test_every_fault_is_known_and_described_in_one_line():
    assert known_faults() == list(SEEN) == list(fault_descriptions())
    assert all(line and "\n" not in line for line in fault_descriptions().values())


def test_a_fault_is_asked_for_on_all_markets_or_on_one():
    asked = ["zero-coded", f"frozen-feed:{CPI}", "zero-coded"]
    zero, frozen_cpi = Fault("zero-coded"), Fault("frozen-feed", CPI)
    assert parse_faults(asked, ASKED) == (zero, frozen_cpi, zero)
    assert parse_faults([], ASKED) == ()


@pytest.mark.parametrize("text", ["frozen", "", ":", f":{CPI}", "Frozen-Feed", " zero-coded"])
def test_an_unknown_fault_is_refused_with_those_there_are(text):
    with pytest.raises(UnknownFault) as caught:
        parse_faults(["zero-coded", text], ASKED)
    assert repr(text) in str(caught.value)
    assert all(name in str(caught.value) for name in known_faults())
    assert isinstance(caught.value, LocalExchangeError)


@pytest.mark.parametrize("ticker", ["KXNO", "", f"{CPI}:{CPI}"])
def test_a_fault_on_an_unknown_market_is_refused_with_those_there_are(ticker):
    with pytest.raises(UnknownFault) as caught:
        parse_faults([f"zero-coded:{ticker}"], ASKED)
    assert f"market {ticker!r}" in str(caught.value)
    assert all(known in str(caught.value) for known in ASKED)


@every_fault
@all_or_one
def test_markets_asked_for_by_name_show_the_fault_and_no_others(week, name, where):
    week.put(name + where)
    query = {"tickers": ",".join(ASKED)}
    answer, true = week.ask("/markets", **query), week.true("/markets", **query)
    if name == "server-errors" and not where:
        assert error_of(answer) == (503, "service_unavailable")
        return
    rows = answer.json()["markets"]
    for row in true.json()["markets"]:
        shown = [one for one in rows if one["ticker"] == row["ticker"]]
        if where in ("", f":{row['ticker']}"):
            SEEN[name](shown, row)
        else:
            assert shown == [row]
    order = list(dict.fromkeys(row["ticker"] for row in rows))
    assert order == [row["ticker"] for row in true.json()["markets"] if row["ticker"] in order]
    assert answer.json()["cursor"] == ""
    assert answer.headers["content-type"] == true.headers["content-type"]


@every_fault
@all_or_one
def test_a_market_asked_for_alone_shows_the_fault(week, name, where):
    week.put(name + where)
    path = f"/markets/{DECI}"
    answer, true = week.ask(path), week.true(path)
    if name == "server-errors":
        assert error_of(answer) == (503, "service_unavailable")
    elif name == "empty-feed":
        assert answer.status_code == 404
        assert answer.content == week.true("/markets/KXNO").content
    elif name == "duplicate-ticks":
        assert answer.content == true.content
    else:
        SEEN[name]([answer.json()["market"]], true.json()["market"])


@every_fault
@all_or_one
def test_a_book_fails_or_is_empty_but_shows_no_other_fault(week, name, where):
    week.put(name + where)
    path = f"/markets/{DECI}/orderbook"
    answer = week.ask(path)
    if name == "server-errors":
        assert error_of(answer) == (503, "service_unavailable")
    elif name == "empty-feed":
        assert answer.json() == {"orderbook_fp": {"yes_dollars": [], "no_dollars": []}}
    else:
        assert answer.content == week.true(path).content


@every_fault
def test_the_other_markets_are_the_same_to_the_byte(week, name):
    week.put(f"{name}:{DECI}")
    for path in (f"/markets/{CPI}", f"/markets/{CPI}/orderbook"):
        assert week.ask(path).content == week.true(path).content
    query = {"tickers": f"{CPI},{GDP}"}
    assert week.ask("/markets", **query).content == week.true("/markets", **query).content


@every_fault
def test_the_listing_series_trades_and_account_are_untouched(week, name):
    week.put(name)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/markets", {}),
        ("/markets", {"tickers": ""}),
        ("/markets", {"series_ticker": "KXCPI", "status": "open"}),
        ("/markets/trades", {"ticker": CPI, "limit": 5}),
        ("/series", {}),
        ("/exchange/status", {}),
        ("/portfolio/balance", {}),
        ("/portfolio/positions", {}),
    ]
    for path, query in asked:
        assert week.ask(path, **query).content == week.true(path, **query).content


@every_fault
def test_orders_trade_at_the_true_prices(name):
    tape = ScriptedTape()
    feed = FaultyFeed(parse_faults([name], tape.listings), tape)
    with floor(tape, interceptor=feed) as venue:
        done = venue.me.order("bid", "0.52", "1", time_in_force="immediate_or_cancel")
        assert (done.status_code, done.json()["average_fill_price"]) == (201, "0.5200")
        assert len(venue.me.get("/portfolio/orders")["orders"]) == 1


@every_fault
def test_what_the_exchange_refuses_it_refuses_unaltered(week, name):
    week.put(name)
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/markets", {"tickers": CPI, "limit": 1001}),
        ("/markets/KXNO", {}),
        ("/markets/KXNO/orderbook", {}),
        ("/markets/candlesticks", {}),
    ]
    for path, query in asked:
        answer, true = week.ask(path, **query), week.true(path, **query)
        assert (answer.status_code, answer.content) == (true.status_code, true.content)
        assert answer.status_code in (400, 404)


def test_an_empty_feed_on_all_markets_is_empty_to_the_byte(week):
    week.put("empty-feed")
    answer = week.ask("/markets", tickers=",".join(ASKED), limit=1)
    assert (answer.status_code, answer.text) == (200, '{"markets":[],"cursor":""}')


def test_a_missing_market_leaves_the_pages_as_they_are(week):
    week.put(f"empty-feed:{CPI}")
    query = {"tickers": ",".join(ASKED), "limit": 1}
    first = week.ask("/markets", **query).json()
    assert first["markets"] == []
    second = week.ask("/markets", cursor=first["cursor"], **query).json()
    assert [row["ticker"] for row in second["markets"]] == [DECI]


def test_several_faults_hold_at_once_each_on_its_markets(week):
    week.put(f"duplicate-ticks:{CPI}", f"zero-coded:{CPI}", "missing-field", f"empty-feed:{GDP}")
    query = {"tickers": ",".join(ASKED)}
    rows = week.ask("/markets", **query).json()["markets"]
    true = {row["ticker"]: row for row in week.true("/markets", **query).json()["markets"]}
    assert [row["ticker"] for row in rows] == [CPI, CPI, DECI]
    assert all("yes_bid_dollars" not in row for row in rows)
    assert rows[0] == rows[1]
    assert (rows[0]["yes_ask_dollars"], rows[0]["no_bid_dollars"]) == ("0.0000", "0.0000")
    without_bid(rows[2:], true[DECI])


def test_faults_take_effect_in_the_order_given(week):
    shown = []
    for faults in (("crossed-book", "off-grid"), ("off-grid", "crossed-book")):
        week.put(*faults)
        row = week.ask(f"/markets/{CPI}").json()["market"]
        shown.append([micros(row[name]) % 10_000 for name in PRICES[:2]])
    assert shown == [[5_000, 5_000], [0, 5_000]]


@every_fault
def test_a_fault_given_twice_holds_once(week, name):
    query = {"tickers": ",".join(ASKED)}
    week.put(name)
    once = week.ask("/markets", **query)
    week.put(name, f"{name}:{CPI}", name)
    assert week.ask("/markets", **query).content == once.content


@pytest.mark.parametrize("first", IN_PAYLOADS)
@pytest.mark.parametrize("second", IN_PAYLOADS)
def test_any_two_faults_compose(week, first, second):
    week.put(first, second)
    answer = week.ask("/markets", tickers=",".join(ASKED))
    rows = answer.json()["markets"]
    faults = {first, second}
    assert len(rows) == (6 if "duplicate-ticks" in faults else 3)
    assert all(("yes_bid_dollars" in row) == ("missing-field" not in faults) for row in rows)
    if "wrong-type" in faults and "missing-field" not in faults:
        assert all(isinstance(row["yes_bid_dollars"], float) for row in rows)


def test_an_unsigned_caller_is_turned_away_before_a_fault_shows(week):
    week.put("server-errors")
    signed_by_nobody = replace(week, caller=Caller(week.caller.url, "stranger"))
    with signed_by_nobody.caller.http:
        assert signed_by_nobody.ask("/markets", tickers=CPI).status_code == 401


def test_without_faults_the_answers_are_those_of_the_exchange(week):
    week.put()
    for path in ("/markets", f"/markets/{CPI}", f"/markets/{CPI}/orderbook"):
        query = {"tickers": ",".join(ASKED)} if path == "/markets" else {}
        answer, true = week.ask(path, **query), week.true(path, **query)
        assert answer.content == true.content
        assert dict(answer.headers) | {"date": ""} == dict(true.headers) | {"date": ""}
