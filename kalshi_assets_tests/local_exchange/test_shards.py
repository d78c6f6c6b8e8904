"""Which shard a market trades on, where calls go, whose cash pays and whose bucket is billed."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import pytest

from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.funds import starting_cash_micros
from kalshi_assets.local_exchange.limits import BucketSize, RateLimits
from kalshi_assets.local_exchange.shards import billed_shards, shard_of
from kalshi_assets.local_exchange.tape import Series
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    UNLIMITED,
    ScriptedTape,
    error_of,
    listing,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor

COIN = "KXBTC-26OCT-T1"
IOC = {"time_in_force": "immediate_or_cancel"}


def series(category: str, *tags: str) -> Series:
    fees = FeeTerms("quadratic", Fraction(1))
    return Series("KXTEST", "Test", "daily", category, tags, "x", "x", fees)


@pytest.mark.parametrize(
    ("ticker", "one", "shard"),
    [
        ("KXCPI-26OCT-T0.3", series("Economics"), 0),
        ("KXMVESPORTS-S1-A", series("Sports", "Basketball"), 1),
        ("KXBTC-26OCT-T1", series("Crypto"), 2),
        ("KXGOLD-26OCT-T1", series("Commodities"), 2),
        ("KXNBA-26OCT-X", series("Sports", "Basketball"), 3),
        ("KXWTA-26OCT-X", series("Sports", "Tennis"), 3),
        ("KXNFL-26OCT-X", series("Sports", "Football"), 0),
    ],
)
def test_a_markets_shard_follows_from_its_series(ticker, one, shard):
    assert shard_of(listing(ticker), one) == shard


@dataclass
class TwoShards(ScriptedTape):
    """An economic market on shard 0 and a coin on shard 2."""

    @property
    def series(self):
        return {
            name: replace(one, category="Crypto" if name == "KXBTC" else "Economics")
            for name, one in super().series.items()
        }


@pytest.fixture
def venue():
    tape = TwoShards(listings={t: listing(t) for t in (TICKER, COIN)})
    terms = replace(UNLIMITED, cash_by_shard={0: Decimal(100), 2: Decimal(7)})
    with quiet_floor(tape, terms=terms) as floor:
        yield floor


def test_every_record_shows_its_shard(venue):
    venue.me.order("bid", "0.52", "1", ticker=COIN, **IOC)
    for path, name in (
        ("/portfolio/orders", "orders"),
        ("/portfolio/fills", "fills"),
        ("/portfolio/positions", "market_positions"),
    ):
        assert venue.me.get(path)[name][0]["exchange_index"] == 2
    venue.wait(6 * 3600)
    assert venue.me.get("/portfolio/settlements")["settlements"][0]["exchange_index"] == 2


def test_cash_on_one_shard_pays_for_nothing_on_another(venue):
    refused = venue.me.order("bid", "0.50", "15", ticker=COIN)
    assert error_of(refused) == (400, "insufficient_balance")
    assert venue.me.order("bid", "0.50", "14", ticker=COIN).status_code == 201
    assert error_of(venue.me.order("bid", "0.50", "1", ticker=COIN))[1] == "insufficient_balance"
    assert venue.me.order("bid", "0.50", "190").status_code == 201


def test_the_balance_is_shown_in_all_and_by_shard(venue):
    venue.me.order("bid", "0.52", "1", ticker=COIN, **IOC)
    whole = venue.me.get("/portfolio/balance")
    assert whole["balance_dollars"] == "106.4625"
    assert whole["balance_breakdown"] == [
        {"exchange_index": 0, "balance": "100.0000"},
        {"exchange_index": 2, "balance": "6.4625"},
    ]
    assert whole["portfolio_value"] == 52
    part = venue.me.get("/portfolio/balance", exchange_index=2)
    assert (part["balance_dollars"], part["balance"]) == ("6.4625", 646)
    assert venue.me.get("/portfolio/balance", exchange_index=0)["portfolio_value"] == 0


def test_winnings_come_to_the_markets_shard(venue):
    venue.me.order("bid", "0.52", "1", ticker=COIN, **IOC)
    venue.wait(6 * 3600)
    assert venue.me.get("/portfolio/balance", exchange_index=2)["balance_dollars"] == "7.4625"


@pytest.mark.parametrize(
    ("index", "status"), [(None, 201), (-1, 201), (2, 201), (0, 404), (1, 404)]
)
def test_an_order_goes_where_it_is_sent(venue, index, status):
    answer = venue.me.order("bid", "0.50", "1", ticker=COIN, exchange_index=index)
    assert answer.status_code == status
    if status == 404:
        assert error_of(answer) == (404, "market_not_found")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),  # by id alone it goes to shard 0
        ({"exchange_index": 0}, 404),
        ({"exchange_index": 2}, 200),
        ({"market_ticker": COIN}, 200),
        ({"market_ticker": COIN, "exchange_index": -1}, 200),
        ({"market_ticker": TICKER}, 404),
        ({"exchange_index": -1}, 400),
        ({"exchange_index": 9}, 400),
    ],
)
def test_a_cancel_and_a_decrease_go_where_they_are_sent(venue, query, status):
    order_id = venue.me.rest("bid", "0.40", "3", ticker=COIN)
    assert venue.me.change(order_id, "decrease", reduce_by="1", **query).status_code == status
    assert venue.me.cancel(order_id, **query).status_code == status


def test_an_amend_goes_by_its_ticker_or_where_it_is_sent(venue):
    order_id = venue.me.rest("bid", "0.40", "3", ticker=COIN)
    body = {"ticker": COIN, "side": "bid", "price": "0.41", "count": "3"}
    assert venue.me.change(order_id, "amend", **body).status_code == 200
    assert venue.me.change(order_id, "amend", **body, exchange_index=2).status_code == 200
    assert error_of(venue.me.change(order_id, "amend", **body, exchange_index=0))[0] == 404


def test_cancel_all_reaches_every_shard(venue):
    for ticker in (TICKER, COIN):
        venue.me.rest("bid", "0.10", "1", ticker=ticker)
    venue.me.call("DELETE", "/portfolio/events/orders")
    assert not venue.me.get("/portfolio/orders", status="resting")["orders"]


def test_orders_can_be_listed_by_shard(venue):
    for ticker in (TICKER, COIN):
        venue.me.rest("bid", "0.10", "1", ticker=ticker)
    for shard, ticker in ((0, TICKER), (2, COIN)):
        (order,) = venue.me.get("/portfolio/orders", exchange_index=shard)["orders"]
        assert order["ticker"] == ticker


def test_starting_cash_is_shared_out_to_the_shards_that_have_markets():
    assert starting_cash_micros(Decimal(5000), None, shards=(2,)) == {2: 5_000_000_000}
    odd = starting_cash_micros(Decimal("1.0001"), None, shards=(0, 1, 3))
    assert odd == {0: 333_500, 1: 333_300, 3: 333_300}
    split = {1: Decimal(2), 3: Decimal(0)}
    assert starting_cash_micros(Decimal(9), split, shards=(0,)) == {1: 2_000_000, 3: 0}


@pytest.mark.parametrize(
    ("index", "ticker", "billed"),
    [
        (0, "T", (0,)),
        (2, "T", (2,)),
        (2, "", (2,)),
        (None, "", (0,)),
        (None, "T", (0, 1, 2, 3)),
        (-1, "T", (0, 1, 2, 3)),
    ],
)
def test_writes_are_billed_to_the_shard_they_name_or_to_all(index, ticker, billed):
    assert billed_shards(index, ticker) == billed


def test_shards_have_write_budgets_of_their_own_and_auto_routed_writes_use_all():
    tape = TwoShards(listings={t: listing(t) for t in (TICKER, COIN)})
    slow = RateLimits(write=BucketSize(1, 30))
    with quiet_floor(tape, terms=Terms(rate_limits=slow)) as venue:

        def order(**where):
            return venue.me.order("bid", "0.10", "1", **where).status_code

        assert [order(ticker=COIN, exchange_index=2) for _ in range(2)] == [201, 201]
        assert [order() for _ in range(2)] == [201, 429]  # shard 2's bucket holds one more
        assert order(ticker=COIN, exchange_index=2) == 429
        assert [order(exchange_index=0) for _ in range(3)] == [201, 201, 429]
        path = "/portfolio/events/orders/x"
        cancel = venue.me.call("DELETE", path, market_ticker=COIN)
        assert cancel.status_code == 429
        assert venue.me.call("DELETE", path, exchange_index=1).status_code == 404
