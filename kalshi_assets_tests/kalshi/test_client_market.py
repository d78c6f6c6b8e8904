import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.market import BookLevel, Series
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.requests import candle_calls
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import (
    TICKER,
    FakeExchange,
    answer,
    client_of,
    market,
    raw_answer,
)

START = datetime(2026, 11, 15, tzinfo=UTC)


def test_a_market_arrives_exact():
    exchange = FakeExchange(answer(markets=[market()], cursor=""))
    (snapshot,) = client_of(exchange).markets(tickers=[TICKER]).snapshots
    quote, terms = snapshot.quote, snapshot.market
    assert (quote.yes_bid, quote.yes_ask, quote.last_price) == (680_000, 705_000, 700_000)
    assert (quote.yes_bid_size, quote.yes_ask_size) == (12_000, 1_550)
    assert (quote.volume, quote.volume_24h, quote.open_interest) == (2_230_656, 51_200, 1_584_278)
    assert quote.quoted_at == datetime(2026, 11, 22, 15, 0, 0, 123456, UTC)
    assert (terms.ticker, terms.series_ticker, terms.status) == (TICKER, "KXCPI", "active")
    assert terms.grid == PriceGrid((PriceRange(0, 1_000_000, 1_000),))
    assert (terms.close_at, terms.result) == (datetime(2027, 1, 13, 13, 25, tzinfo=UTC), "")


def test_a_malformed_row_is_set_apart_with_its_bytes_and_the_rest_goes_on():
    good, late = json.dumps(market("A")), json.dumps(market("C"))
    bad = json.dumps(market("B", yes_bid_dollars=0.68), indent=1)
    body = f'{{"markets":[{good}, {bad} ,7,{late}],"cursor":""}}'
    batch = client_of(FakeExchange(raw_answer(body))).markets(series_ticker="KXCPI")
    assert [snapshot.market.ticker for snapshot in batch.snapshots] == ["A", "C"]
    assert [rejected.payload for rejected in batch.rejected] == [bad.encode(), b"7"]
    assert "0.68 is no fixed-point string of B" in batch.rejected[0].reason
    assert {rejected.source for rejected in batch.rejected} == {"GET /markets"}


def test_a_price_above_one_dollar_is_a_malformed_row():
    rows = [market("A"), market("B", yes_ask_dollars="1.0100")]
    batch = client_of(FakeExchange(answer(markets=rows, cursor=""))).markets(tickers=["A", "B"])
    assert len(batch.snapshots) == 1
    assert batch.rejected[0].reason.startswith("price 1.0100 is outside 0-1 of B")


def test_duplicates_count_over_all_pages_and_the_first_one_stays():
    exchange = FakeExchange(
        answer(markets=[market("A", volume_fp="1.00"), market("A", volume_fp="2.00")], cursor="n"),
        answer(markets=[market("B"), market("A", volume_fp="3.00")], cursor=""),
    )
    batch = client_of(exchange).markets(series_ticker="KXCPI")
    assert batch.snapshots[0].quote.volume == 100
    assert (len(batch.snapshots), len(batch.duplicates)) == (2, 2)


def test_unknown_fields_are_counted_by_name():
    rows = [market("A", new_thing=1), market("B", new_thing=None, other="x")]
    batch = client_of(FakeExchange(answer(markets=rows, cursor=""))).markets(tickers=["A", "B"])
    assert batch.unknown_fields == {"new_thing": 2, "other": 1}


@pytest.mark.parametrize("body", ["<html>", "{}", '{"markets": null, "cursor": ""}', "[]"])
def test_an_unreadable_body_fails_the_call_and_carries_its_bytes(body):
    with pytest.raises(PayloadError) as caught:
        client_of(FakeExchange(raw_answer(body))).markets(tickers=["A"])
    assert caught.value.payload == body.encode()


def test_tickers_go_in_calls_of_a_hundred_each_once():
    exchange = FakeExchange(answer(markets=[], cursor=""))
    names = [f"KX{n}" for n in range(250)]
    client_of(exchange).markets(tickers=[*names, *names])
    sent = [request.url.params["tickers"].split(",") for request in exchange.requests]
    assert [len(tickers) for tickers in sent] == [100, 100, 50]
    assert [ticker for tickers in sent for ticker in tickers] == names


def test_no_tickers_means_no_markets_and_no_call():
    exchange = FakeExchange(answer(markets=[market()], cursor=""))
    assert client_of(exchange).markets(tickers=()).snapshots == ()
    assert exchange.requests == []


def test_filters_that_are_not_given_are_not_sent():
    exchange = FakeExchange(answer(markets=[], cursor=""))
    client_of(exchange).markets(series_ticker="KXCPI", status="open")
    sent = dict(exchange.requests[0].url.params)
    assert sent == {"series_ticker": "KXCPI", "status": "open", "limit": "1000"}


def test_candles_arrive_exact_and_malformed_ones_are_set_apart():
    good, bad = payloads.candle(), payloads.candle(1_795_003_600, volume_fp=3)
    rows = [
        {"market_ticker": "A", "candlesticks": [good, bad, good]},
        {"market_ticker": "B"},
        {"candlesticks": [good]},
    ]
    exchange = FakeExchange(answer(markets=rows))
    batch = client_of(exchange).candlesticks(
        ["A", "B"], start=START, end=START + timedelta(hours=3), interval_minutes=60
    )
    (candle,) = batch.candles
    assert (candle.market_ticker, candle.interval_seconds) == ("A", 3600)
    assert candle.end_at == datetime.fromtimestamp(1_795_000_000, UTC)
    assert (candle.yes_bid, candle.yes_ask) == (430_000, 460_000)
    assert candle.yes_bid_range == (410_000, 400_000, 440_000)
    assert candle.yes_ask_range == (410_000, 400_000, 470_000)
    assert (candle.trade_open, candle.trade_high, candle.volume) == (410_000, 440_000, 1_234)
    assert batch.duplicates == 1
    assert [json.loads(rejected.payload) for rejected in batch.rejected] == [bad, rows[1], rows[2]]
    assert "candlesticks is missing" in batch.rejected[1].reason
    assert dict(exchange.requests[0].url.params) == {
        "market_tickers": "A,B",
        "start_ts": str(int(START.timestamp())),
        "end_ts": str(int(START.timestamp()) + 3 * 3600),
        "period_interval": "60",
    }


@given(
    count=st.integers(0, 230),
    seconds=st.integers(0, 40 * 86_400),
    interval=st.sampled_from([1, 60, 1440]),
    offset=st.integers(0, 86_400),
)
def test_candle_calls_stay_below_the_sizes_and_cover_all(count, seconds, interval, offset):
    tickers = [f"T{n}" for n in range(count)]
    start = START + timedelta(seconds=offset)
    end = start + timedelta(seconds=seconds)
    asked: dict[str, list[tuple[int, int]]] = {name: [] for name in tickers}
    for call in candle_calls(tickers, start, end, interval_minutes=interval):
        names = str(call["market_tickers"]).split(",")
        first, last = int(call["start_ts"] or 0), int(call["end_ts"] or 0)
        ends = last // (interval * 60) - (first - 1) // (interval * 60)
        assert len(names) <= 100
        assert len(names) * (ends + 1) <= 10_000
        for name in names:
            asked[name].append((first, last))
    for spans in asked.values():
        assert spans[0][0] == int(start.timestamp())
        assert spans[-1][1] == int(end.timestamp())
        assert all(b[0] == a[1] + 1 for a, b in pairwise(spans))


@pytest.mark.parametrize(("interval", "hours"), [(5, 1), (0, 1), (60, -1)])
def test_an_impossible_span_is_refused_before_any_call(interval, hours):
    exchange = FakeExchange(answer(markets=[]))
    end = START + timedelta(hours=hours)
    with pytest.raises(ValueError, match=r"none of|before"):
        client_of(exchange).candlesticks(["A"], start=START, end=end, interval_minutes=interval)
    assert exchange.requests == []


def test_the_order_book_has_its_best_bids_last():
    sides = {"yes_dollars": [["0.4500", "10.00"], ["0.4700", "3.50"]], "no_dollars": []}
    book = client_of(FakeExchange(answer(orderbook_fp=sides))).orderbook(TICKER)
    assert book.yes_bids == (BookLevel(450_000, 1_000), BookLevel(470_000, 350))
    assert (book.no_bids, book.market_ticker) == ((), TICKER)


def test_a_series_carries_its_exact_fee_multiplier():
    exchange = FakeExchange(raw_answer(json.dumps({"series": payloads.series(fee_multiplier=0.1)})))
    series = client_of(exchange).series("KXCPI")
    assert series == Series("KXCPI", "CPI", "Economics", "quadratic", Decimal("0.1"))


@pytest.mark.parametrize("ticker", ["", ".", ".."])
def test_a_name_that_would_change_the_path_is_refused(ticker):
    exchange = FakeExchange(answer())
    with pytest.raises(ValueError, match="no ticker"):
        client_of(exchange).orderbook(ticker)
    assert exchange.requests == []


def test_a_name_stays_one_segment_of_the_path():
    exchange = FakeExchange(answer(orderbook_fp={"yes_dollars": [], "no_dollars": []}))
    client_of(exchange).orderbook("A/../B?x=1")
    assert exchange.requests[0].url.raw_path == (
        b"/trade-api/v2/markets/A%2F..%2FB%3Fx%3D1/orderbook"
    )


def test_closing_ends_the_connections():
    with client_of(FakeExchange(answer(series=payloads.series()))) as client:
        client.series("KXCPI")
    with pytest.raises(RuntimeError, match="closed"):
        client.series("KXCPI")
