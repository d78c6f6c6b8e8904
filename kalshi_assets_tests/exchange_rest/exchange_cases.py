"""Reads of the exchange itself: each value is the exchange's."""

from datetime import time, timedelta

from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import EVENT, SERIES, World

EXCHANGE_CASES: dict[str, Case] = {}
case = register(EXCHANGE_CASES)


@case
def exchange_status(venue: World) -> None:
    told = venue.client.exchange_status()
    assert (told.is_exchange_active, told.is_trading_active) == (True, True)
    assert [shard.exchange_index for shard in told.shards] == [0, 1, 2, 3]
    venue.floor.exchange.interventions.is_exchange_paused = True
    told = venue.client.exchange_status()
    assert (told.is_exchange_active, told.is_trading_active) == (False, False)


@case
def exchange_schedule(venue: World) -> None:
    (week,) = venue.client.exchange_schedule().weeks
    assert [len(day) for day in week.days] == [1, 1, 1, 2, 1, 1, 1]
    before, after = week.days[3]
    assert (before.closes, after.opens) == (time(3), time(5))


@case
def user_data_timestamp(venue: World) -> None:
    assert venue.client.user_data_timestamp() == venue.now
    venue.floor.exchange.interventions.read_lag_ms = 360
    assert venue.client.user_data_timestamp() == venue.now - timedelta(milliseconds=360)


@case
def await_reads(venue: World) -> None:
    venue.floor.exchange.interventions.read_lag_ms = 10_000
    ack = venue.buy("yes", "0.10", "1")
    assert not venue.client.await_reads(ack.acknowledged_at, within_seconds=0)
    venue.floor.wait(10.001)
    assert venue.client.await_reads(ack.acknowledged_at, within_seconds=0)


@case
def historical_cutoff(venue: World) -> None:
    told, tiers = venue.client.historical_cutoff(), venue.floor.exchange.terms.tiers
    ages = {
        told.market_settled_at: tiers.markets_ms,
        told.trade_created_at: tiers.trades_ms,
        told.order_updated_at: tiers.orders_ms,
        told.position_updated_at: tiers.positions_ms,
    }
    assert ages == {venue.now - timedelta(milliseconds=ms): ms for ms in ages.values()}


@case
def series_fee_changes(venue: World) -> None:
    assert venue.client.series_fee_changes(series_ticker=SERIES, is_past_included=True) == []


@case
def event_fee_changes(venue: World) -> None:
    assert venue.client.event_fee_changes(event_ticker=EVENT) == []
