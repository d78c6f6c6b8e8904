"""How many requests a poll costs, and when reads show what was written."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pytest

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.local_exchange.exchange import Terms, open_exchange
from kalshi_assets.local_exchange.limits import RateLimits
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.tape import Series
from kalshi_assets_tests.exchange_rest.world import client_of, quiet_world, world, write_key
from kalshi_assets_tests.local_exchange.bench import (
    TICKER,
    ScriptedTape,
    listing,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.contract_cases import CPI

MARKETS = "GET /trade-api/v2/markets"
LAGGING = Terms(rate_limits=RateLimits(is_enforced=False))
"""Reads are 360 ms late, as by default."""


class WideTape(ScriptedTape):
    """A tape of many markets; its series are made once."""

    @cached_property
    def series(self) -> Mapping[str, Series]:
        return super().series


def test_a_poll_of_22_or_of_1000_markets_is_one_request(key):
    tickers = [f"KXLONGSERIES-26OCT13-T{n:04d}" for n in range(1000)]
    played = WideTape({ticker: listing(ticker) for ticker in tickers})
    with world(key, played=played) as venue:
        for at, asked in enumerate((tickers[:22], tickers), start=1):
            batch = venue.client.markets(tickers=asked)
            assert [s.market.ticker for s in batch.snapshots] == asked
            assert not batch.rejected
            assert venue.counts()[MARKETS] == at


@pytest.mark.parametrize("name", ["me", "rsa"])
def test_keys_of_both_kinds_are_let_in_over_a_socket(tmp_path, name):
    with world(write_key(tmp_path, name), name=name) as venue:
        ack = venue.buy("yes", "0.53", "5")
        assert (ack.fill_count, ack.remaining_count) == (300, 200)
        assert venue.client.order(ack.order_id).remaining_count == 200


@pytest.fixture
def lagging(key):
    """Every pause of the client is venue time passing."""

    def pause(seconds: float) -> None:
        paused.append(seconds)
        made.floor.wait(seconds)

    paused: list[float] = []
    patience = RetryPolicy(attempts=1, sleep=pause, monotonic=lambda: sum(paused))
    with quiet_world(key, terms=LAGGING, retry=patience) as made:
        yield made


def test_a_created_order_is_listed_only_after_the_lag(lagging):
    ack = lagging.buy("yes", "0.10", "1")
    assert ack.acknowledged_at == lagging.now
    lagging.floor.wait(0.359)
    assert lagging.client.orders() == []
    with pytest.raises(NotFound):
        lagging.client.order(ack.order_id)
    assert lagging.client.user_data_timestamp() == lagging.now - timedelta(milliseconds=360)
    lagging.floor.wait(0.001)
    assert [order.order_id for order in lagging.client.orders()] == [ack.order_id]


def test_whoever_awaits_reads_sees_each_write_in_two_looks(lagging):
    client = lagging.client
    before = lagging.counts().get("GET /trade-api/v2/exchange/user_data_timestamp", 0)
    ack = lagging.buy("yes", "0.53", "5")
    assert client.await_reads(ack.acknowledged_at, within_seconds=1)
    assert client.order(ack.order_id).remaining_count == 200
    assert sum(fill.count for fill in client.fills(order_id=ack.order_id)) == 300
    looks = lagging.counts()["GET /trade-api/v2/exchange/user_data_timestamp"] - before
    assert looks == 2
    decreased = client.decrease_order(ack.order_id, market_ticker=TICKER, reduce_to=150)
    assert client.await_reads(decreased.acknowledged_at, within_seconds=1)
    assert client.order(ack.order_id).remaining_count == decreased.remaining_count == 150
    cancelled = client.cancel_order(ack.order_id, market_ticker=TICKER)
    assert client.order(ack.order_id).status == "resting"
    assert client.await_reads(cancelled.acknowledged_at, within_seconds=1)
    assert client.order(ack.order_id).status == "canceled"


def test_reads_that_stay_behind_are_not_awaited_longer_than_allowed(lagging):
    lagging.floor.exchange.interventions.read_lag_ms = 60_000
    ack = lagging.buy("yes", "0.10", "1")
    began = lagging.now
    assert not lagging.client.await_reads(ack.acknowledged_at, within_seconds=3)
    assert lagging.now - began <= timedelta(seconds=3)
    assert not lagging.client.await_reads(ack.acknowledged_at, within_seconds=0)


def test_a_moment_without_a_zone_is_refused_before_anything_is_asked(lagging):
    before = lagging.counts()
    with pytest.raises(ValueError, match="time zone"):
        lagging.client.await_reads(datetime(2026, 10, 13), within_seconds=1)  # noqa: DTZ001
    assert lagging.counts() == before


def test_what_happened_long_ago_is_shown_at_the_first_look(lagging):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    assert lagging.client.await_reads(long_ago, within_seconds=0)


def test_reads_are_awaited_in_real_time_over_a_socket(key):
    exchange = open_exchange("cpi-week", keys={"me": public_pem(private_key("me"))}, terms=LAGGING)
    with running_exchange(exchange) as handle, client_of(handle.url, key) as client:
        expires_at = client.user_data_timestamp() + timedelta(days=1)
        ack = client.create_order(OrderRequest("c-1", CPI, "yes", 100_000, 200, expires_at))
        assert client.orders() == []
        assert client.await_reads(ack.acknowledged_at, within_seconds=20)
        assert [order.client_order_id for order in client.orders()] == ["c-1"]
