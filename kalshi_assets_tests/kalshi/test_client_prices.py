import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.market import BookLevel, Trade
from kalshi_assets.kalshi.requests import MOST_CANDLES_OF_ONE, candle_calls, candle_spans
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import TICKER, FakeExchange, answer, client_of
from kalshi_assets_tests.kalshi.payloads_exchange import book, old_candle, trade

START = datetime(2026, 11, 15, tzinfo=UTC)


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
    assert batch.duplicates == ("A 2026-11-18T11:06:40+00:00",)
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


def test_a_book_may_be_cut_to_its_best_levels():
    exchange = FakeExchange(answer(orderbook_fp=book()["orderbook_fp"]))
    client_of(exchange).orderbook(TICKER, depth=5)
    assert dict(exchange.requests[0].url.params) == {"depth": "5"}


def test_many_books_come_in_calls_of_a_hundred_and_bad_ones_are_set_apart():
    names = [f"KX{n}" for n in range(150)]
    bad = book("BAD") | {"orderbook_fp": {"yes_dollars": [["0.5", 1]], "no_dollars": []}}
    exchange = FakeExchange(
        answer(orderbooks=[book(name) for name in names[:100]]),
        answer(orderbooks=[*(book(name) for name in names[100:]), bad]),
    )
    batch = client_of(exchange).orderbooks(names)
    assert [found.market_ticker for found in batch.rows] == names
    assert batch.rows[0].yes_bids == (BookLevel(470_000, 300),)
    assert [json.loads(rejected.payload) for rejected in batch.rejected] == [bad]
    asked = [request.url.params.get_list("tickers") for request in exchange.requests]
    assert asked == [names[:100], names[100:]]


def test_trades_arrive_exact_with_their_filters():
    rows = [trade(), trade("t-2", taker_book_side="bid"), trade("t-3", count_fp=1), trade()]
    exchange = FakeExchange(answer(trades=rows, cursor=""))
    batch = client_of(exchange).trades(
        ticker=TICKER, start=START, end=START + timedelta(seconds=1), is_block_trade=False
    )
    created_at = datetime(2026, 11, 22, 15, 0, 1, 250_000, UTC)
    assert batch.rows == (Trade("t-1", TICKER, 250, 695_000, "no", False, created_at),)
    assert "is not book side" in batch.rejected[0].reason
    assert (len(batch.rejected), batch.duplicates) == (2, ("t-1",))
    assert dict(exchange.requests[0].url.params) == {
        "ticker": TICKER,
        "min_ts": "1794700799",
        "max_ts": "1794700802",
        "is_block_trade": "false",
        "limit": "1000",
    }


def test_old_candles_are_those_of_today_under_other_names():
    end = START + timedelta(hours=1)
    live = client_of(FakeExchange(answer(ticker="A", candlesticks=[payloads.candle()])))
    old = client_of(FakeExchange(answer(ticker="A", candlesticks=[old_candle(1_795_000_000)])))
    new = live.market_candlesticks("A", series_ticker="S", start=START, end=end, interval_minutes=1)
    assert len(new.candles) == 1
    assert new == old.historical_candlesticks("A", start=START, end=end, interval_minutes=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"volume": None},
        {"price": {"open": None, "low": None, "high": None}},
        {"yes_bid": payloads.candle()["yes_bid"]},
        {"price": {"open": "0.1", "low": None, "high": None, "close": None}},
    ],
)
def test_an_old_candle_that_lacks_a_field_is_set_apart(changes):
    row = old_candle(**changes)
    batch = client_of(
        FakeExchange(answer(ticker="A", candlesticks=[old_candle(1_794_700_800), row]))
    ).historical_candlesticks("A", start=START, end=START, interval_minutes=60)
    assert len(batch.candles) == 1
    assert [json.loads(rejected.payload) for rejected in batch.rejected] == [row]


def test_a_long_span_of_one_market_goes_in_several_calls():
    end = START + timedelta(days=8)
    spans = list(candle_spans(START, end, interval_minutes=1))
    assert [span["start_ts"] for span in spans[1:]] == [span["end_ts"] + 1 for span in spans[:-1]]
    assert all(s["end_ts"] - s["start_ts"] < MOST_CANDLES_OF_ONE * 60 for s in spans)
    exchange = FakeExchange(answer(ticker="A", candlesticks=[]))
    client_of(exchange).historical_candlesticks("A", start=START, end=end, interval_minutes=1)
    assert len(exchange.requests) == len(spans) == 3
