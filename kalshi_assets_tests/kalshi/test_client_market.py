import json
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from kalshi_assets.domain.market import Series
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.errors import NotFound, PayloadError
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import (
    TICKER,
    FakeExchange,
    answer,
    client_of,
    market,
    raw_answer,
)
from kalshi_assets_tests.kalshi.payloads_exchange import event, settled_market


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


def test_no_tickers_means_no_markets_and_no_call():
    exchange = FakeExchange(answer(markets=[market()], cursor=""))
    assert client_of(exchange).markets(tickers=()).snapshots == ()
    assert exchange.requests == []


def test_filters_that_are_not_given_are_not_sent():
    exchange = FakeExchange(answer(markets=[], cursor=""))
    client_of(exchange).markets(series_ticker="KXCPI", status="open")
    sent = dict(exchange.requests[0].url.params)
    assert sent == {"series_ticker": "KXCPI", "status": "open", "limit": "1000"}


def test_a_series_carries_its_exact_fee_multiplier():
    exchange = FakeExchange(raw_answer(json.dumps({"series": payloads.series(fee_multiplier=0.1)})))
    series = client_of(exchange).series("KXCPI")
    assert series == Series("KXCPI", "CPI", "Economics", "quadratic", Decimal("0.1"))


def test_historical_markets_are_found_by_one_filter():
    exchange = FakeExchange(answer(markets=[settled_market("A")], cursor=""))
    batch = client_of(exchange).historical_markets(tickers=["A"])
    (terms,) = (snapshot.market for snapshot in batch.snapshots)
    assert terms.settled_at == datetime(2026, 7, 14, 18, tzinfo=UTC)
    assert (terms.settlement_value, terms.exchange_index) == (1_000_000, 0)
    with pytest.raises(ValueError, match="not by two"):
        client_of(exchange).historical_markets(tickers=["A"], series_ticker="KXCPI")


def test_a_market_is_found_in_whichever_tier_it_lies():
    def tiers(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/historical/markets/OLD"):
            return answer(market=settled_market("OLD"))
        return answer(market=market("NEW")) if request.url.path.endswith("/NEW") else answer(404)

    client = client_of(FakeExchange(by=tiers))
    assert client.market("NEW").market.settled_at is None
    assert client.market("OLD").market.result == "yes"
    with pytest.raises(NotFound):
        client.market("NONE")


def test_an_event_carries_its_fee_override_and_on_request_its_markets():
    rows = [event(markets=[market("A"), market("B")])]
    exchange = FakeExchange(answer(event=rows[0], markets=[]))
    found = client_of(exchange).event("KXCPI-26DEC", with_markets=True)
    assert (found.ticker, found.series_ticker) == ("KXCPI-26DEC", "KXCPI")
    assert (found.fee_type_override, found.fee_multiplier_override) == ("quadratic", Decimal("0.5"))
    assert found.markets is not None
    assert [snapshot.market.ticker for snapshot in found.markets] == ["A", "B"]
    assert exchange.requests[0].url.params["with_nested_markets"] == "true"
    bare = client_of(FakeExchange(answer(event=event(), markets=[]))).event("KXCPI-26DEC")
    assert (bare.markets, bare.is_mutually_exclusive) == (None, False)


def test_events_come_from_all_pages_and_a_bad_market_spoils_its_event_only():
    bad = event("B", markets=[market("B-1", volume_fp=1)])
    exchange = FakeExchange(
        answer(events=[event("A"), bad], cursor="n"), answer(events=[event("C")], cursor="")
    )
    batch = client_of(exchange).events(series_ticker="KXCPI", status="open")
    assert [found.ticker for found in batch.rows] == ["A", "C"]
    assert [json.loads(rejected.payload) for rejected in batch.rejected] == [bad]
    assert exchange.requests[1].url.params["limit"] == "200"


def test_series_are_listed_with_their_fee_terms():
    rows = [payloads.series(), payloads.series(ticker="KXFED", fee_multiplier="1", brand_new=1)]
    batch = client_of(FakeExchange(answer(series=rows))).series_list(category="Economics")
    assert [found.ticker for found in batch.rows] == ["KXCPI"]
    assert "fee_multiplier" in batch.rejected[0].reason
    assert batch.unknown_fields == {}


@pytest.mark.parametrize(
    ("good", "bad", "is_drift"),
    [(0, 0, False), (0, 1, True), (1, 1, False), (1, 8, False), (5, 5, False), (5, 6, True),
     (9, 0, False), (400, 600, True), (600, 400, False)],
)  # fmt: skip
def test_so_many_malformed_rows_that_the_payloads_must_have_changed(good, bad, is_drift):
    rows = [market(f"G{n}") for n in range(good)]
    rows += [market(f"B{n}", volume_fp=None) for n in range(bad)]
    batch = client_of(FakeExchange(answer(markets=rows, cursor=""))).markets(series_ticker="KX")
    assert batch.is_schema_drift is is_drift
    assert batch.rejected_share == bad / max(1, good + bad)


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
