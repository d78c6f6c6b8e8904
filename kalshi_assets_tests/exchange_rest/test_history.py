"""Whole stretches of the past come back once, whichever tier each record has got to meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.exchange_rest.world import (
    HOUR,
    LATE,
    NOON,
    SERIES,
    SHORT_MEMORY,
    SOON,
    World,
    client_of,
    quiet_world,
)
from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER

STRETCHES = [
    (NOON, NOON + 5 * HOUR),
    (NOON + 0.7 * HOUR, NOON + 3.3 * HOUR),
    (NOON + 2 * HOUR, NOON + 2 * HOUR),
]
# Seconds that pass before each request; the tiers begin an hour back.
MOVES = st.lists(st.sampled_from([0, 1, 1200, 3600, 7200]), min_size=7, max_size=7)
# The key is the session's; each example has a world of its own.
MANY = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Passing(httpx.BaseTransport):
    """Lets venue time pass before each request, as told."""

    def __init__(self, world: World, moves: list[int]) -> None:
        self._world, self._moves = world, iter(moves)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._world.floor.clock.advance(seconds=next(self._moves, 0))
        return self._world.floor.me.http._transport.handle_request(request)


@contextmanager
def four_hours_later(key: Path) -> Iterator[World]:
    """An account that has traded every half hour, in all markets that were open."""
    with quiet_world(key, terms=SHORT_MEMORY) as world:
        for step in range(8):
            ticker = (TICKER, SOON if step == 1 else LATE, LATE)[step % 3]
            world.take("yes" if step % 2 else "no", "0.53", "0.5", market_ticker=ticker)
            resting = world.buy("yes", "0.10", "1", market_ticker=LATE)
            world.wait(0.25)
            if step % 4:
                world.client.cancel_order(resting.order_id, market_ticker=LATE)
            world.wait(0.25)
        yield world


def reader(world: World, key: Path, moves: list[int]):
    return client_of(world.floor.url, key, transport=Passing(world, moves))


def within(stretch: tuple[datetime, datetime], ms: int) -> bool:
    return stretch[0] <= datetime.fromtimestamp(ms / 1000, UTC) < stretch[1]


@MANY
@given(moves=MOVES, stretch=st.sampled_from(STRETCHES))
@example(moves=[0] * 7, stretch=STRETCHES[0])
@example(moves=[0, 3600, 3600, 3600, 0, 0, 0], stretch=STRETCHES[0])
@example(moves=[0, 0, 1200, 1200, 1200, 0, 0], stretch=STRETCHES[1])
def test_each_record_comes_once_however_far_the_cutoff_moves_while_reading(key, moves, stretch):
    start, end = stretch
    with four_hours_later(key) as world:
        own = world.floor.exchange.store.rows("select trade_id, created_ms from trades")
        moments = {
            "trades": {row["trade_id"]: row["created_ms"] for row in own}
            | {trade.trade_id: trade.created_ms for trade in world.floor.tape.told},
            "fills": {row["trade_id"]: row["created_ms"] for row in world.rows("fills")},
            "orders": {row["order_id"]: row["created_ms"] for row in world.rows("orders")},
        }
        expected = {
            name: sorted(one for one, ms in told.items() if within(stretch, ms))
            for name, told in moments.items()
        }
        with reader(world, key, moves) as client:
            trades = client.trade_history(start=start, end=end)
            assert sorted(t.trade_id for t in trades.rows) == expected["trades"]
            assert not trades.duplicates
        with reader(world, key, moves) as client:
            fills = client.fill_history(start=start, end=end)
            assert sorted(fill.fill_id for fill in fills) == expected["fills"]
        with reader(world, key, moves) as client:
            orders = client.order_history(start=start, end=end)
            assert sorted(order.order_id for order in orders) == expected["orders"]
        settled = [
            one.ticker
            for one in world.floor.tape.listings.values()
            if within(stretch, one.settled_ms)
        ]
        with reader(world, key, moves) as client:
            found = client.settled_markets(SERIES, start=start, end=end)
            assert sorted(s.market.ticker for s in found.snapshots) == sorted(settled)
            assert not found.duplicates


@MANY
@given(moves=MOVES)
@example(moves=[0] * 7)
@example(moves=[0, 7200, 0, 0, 0, 0, 0])
@example(moves=[0, 0, 7200, 0, 0, 0, 0])
def test_positions_and_candles_come_once_while_their_markets_are_archived(key, moves):
    start, end = NOON, NOON + HOUR
    with four_hours_later(key) as world:
        held = {row["ticker"]: row["position"] for row in world.rows("positions")}
        assert set(held) == {TICKER, SOON, LATE}
        with reader(world, key, moves) as client:
            positions = client.position_history()
            assert sorted(p.market_ticker for p in positions) == sorted(held)
        tickers = [TICKER, SOON, LATE, "KXNONE-26OCT-T1"]
        with reader(world, key, moves) as client:
            found = client.candle_history(tickers, start=start, end=end, interval_minutes=1)
        candles = world.floor.tape.candles(TICKER, 1, NOON_MS, NOON_MS + HOUR_MS)
        ends = {(ticker, one.end_ms) for ticker in (TICKER, SOON, LATE) for one in candles}
        told = [(one.market_ticker, round(one.end_at.timestamp() * 1000)) for one in found.rows]
        assert sorted(told) == sorted(ends)
        assert not found.duplicates


def test_both_tiers_are_truly_read_here(key):
    with four_hours_later(key) as world:
        client = world.client
        both = [
            (client.trades().rows, client.historical_trades().rows),
            (client.fills(), client.historical_fills()),
            (client.orders(), client.historical_orders()),
            (client.positions(), client.historical_positions()),
        ]
        assert all(live and old for live, old in both)
        assert {s.market.ticker for s in client.historical_markets(series_ticker=SERIES).rows} == {
            SOON
        }
        assert client.market(SOON).market.result == "yes"


@pytest.mark.parametrize("hours", [0, 1.5])
def test_a_half_filled_order_is_told_as_it_ended_in_either_tier(key, hours):
    with four_hours_later(key) as world:
        began = world.now
        ack = world.buy("yes", "0.53", "5", market_ticker=LATE)
        world.client.cancel_all_orders()
        world.wait(hours)
        found = world.client.order_history(start=began, end=began + HOUR)
        (order,) = (order for order in found if order.order_id == ack.order_id)
        assert (order.status, order.remaining_count) == ("canceled", 0)
        assert (order.initial_count, order.fill_count) == (500, ack.fill_count)
        assert 0 < ack.fill_count < 500
