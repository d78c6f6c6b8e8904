"""The journal's results add up to what the venue says, whoever trades on the account."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.execution.account import record_fills
from kalshi_assets.execution.books import compare, open_books
from kalshi_assets.execution.desk import exit_rules_of
from kalshi_assets.execution.exits import sell_for_reasons
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage import books
from kalshi_assets.storage.journal import read_books
from kalshi_assets_tests.execution.desk_bench import DeskBench, desk_bench
from kalshi_assets_tests.execution.test_books import HOUR, step, tape_of_three
from kalshi_assets_tests.execution.trading_floor import judge_and_place, orders
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import OVERREACTING, DatabaseMaker, Stand

PRICE, HOURS = 437_000, timedelta(hours=1)


def check(bench: DeskBench) -> set[str]:
    """Compare with the venue's own words, and return which kinds of trips there are."""
    reconcile(bench.desk)
    stated = compare(bench.desk)
    assert stated.is_equal, stated.sentence
    positions = {p.market_ticker: p.position for p in bench.desk.venue.positions() if p.position}
    with bench.desk.database.transaction() as connection:
        opened = books.opening(connection)
        read = read_books(connection, until=bench.desk.clock.now() + HOURS)
        moved = books.transferred(connection)
    assert opened is not None
    journal = journal_of(read, sell_prices=dict.fromkeys(positions, PRICE))
    worth = sum(abs(held) * PRICE // CENTICONTRACTS for held in positions.values())
    cost = sum(paid for _, paid in opened.positions.values())
    results = [trip.result_micros or 0 for trip in journal.trips]
    ends_with = opened.cash_micros + cost + moved + sum(results)
    assert abs(ends_with - stated.cash_stated - worth) <= stated.tolerance_micros
    assert journal.unassigned_micros == 0
    assert all(trip.result_micros is not None for trip in journal.trips)
    return {trip.kind for trip in journal.trips}


@pytest.mark.parametrize("seed", range(2))
def test_results_are_the_change_of_the_balance_the_venue_states(
    make_database: DatabaseMaker, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311  no secret
    with desk_bench(make_database(), tmp_path, tape=tape_of_three(draw)) as bench:
        bench.by_hand("bid", "0.60", "2")
        open_books(bench.desk)
        assert check(bench) == {"opening"}
        for _ in range(5):
            for _ in range(6):
                step(bench, draw)
                bench.floor.wait(1)  # of two fills at one moment nobody says which was first
                reconcile(bench.desk)
            check(bench)
        bench.floor.wait(4 * HOUR)
        assert {"bot", "manual"} <= check(bench)


def test_what_a_hand_sells_of_ours_is_an_override(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with desk_bench(make_database(), tmp_path) as bench:
        open_books(bench.desk)
        bench.buy("yes", "0.52", "2")
        bench.floor.wait(1)
        by_hand = bench.by_hand("ask", "0.47", "0.50")
        assert check(bench) == {"bot"}
        bench.floor.wait(7 * HOUR)
        check(bench)
        with bench.desk.database.transaction() as connection:
            read = read_books(connection, until=bench.desk.clock.now() + HOURS)
        journal = journal_of(read, sell_prices={})
        [trip], [override] = journal.trips, journal.overrides
        assert trip.closings == ("hand", "settlement: yes")
        assert (override.kind, override.order_id) == ("closed_early", by_hand)
        assert (override.market_ticker, override.count) == (TICKER, 50)
        assert override.gain_micros is not None
        assert override.gain_micros < 0, "YES paid a dollar"


def test_an_entry_that_a_hand_cancels_is_an_override(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with desk_bench(make_database(), tmp_path) as bench:
        open_books(bench.desk)
        order = bench.buy("yes", "0.40", "2")
        bench.floor.wait(1)
        bench.floor.me.cancel(order.venue_order_id or "")
        check(bench)
        with bench.desk.database.transaction() as connection:
            read = read_books(connection, until=bench.desk.clock.now() + HOURS)
        [override] = journal_of(read, sell_prices={}).overrides
        assert (override.kind, override.order_id) == ("cancelled", order.client_order_id)
        assert (override.count, override.trip_id) == (200, None)


def test_a_trip_knows_what_the_jobs_decided(loaded_stand: Stand) -> None:
    judge_and_place(loaded_stand)
    loaded_stand.later(1)
    loaded_stand.change(exit_stop_points=Decimal("0.5"))
    with loaded_stand.desk() as desk:
        sell_for_reasons(desk, exit_rules_of(loaded_stand.settings))
        record_fills(desk)
        with desk.database.transaction() as connection:
            read = read_books(connection, until=loaded_stand.now + HOURS)
    [signal] = loaded_stand.rows(
        "SELECT * FROM kalshi.signals WHERE market_ticker = :ticker", ticker=OVERREACTING
    )
    [entry], [sold] = orders(loaded_stand), orders(loaded_stand, "exit")
    [trip] = journal_of(read, sell_prices={}).trips
    assert (trip.signal_id, trip.strategy) == (signal["signal_id"], signal["strategy"])
    assert trip.side == signal["side"] == "no"
    assert trip.mean_micros == round(1_000_000 - signal["mean"])
    assert trip.mid_micros == 1_000_000 - signal["mid"]
    assert trip.limit_micros == entry["limit_price"]
    assert trip.closings == ("exit: stop",)
    assert trip.count == trip.closed_count == entry["count"]
    assert trip.exit_price_micros == 1_000_000 - sold["limit_price"]
    [by_rule] = read.rule_exits[OVERREACTING, "no"]
    assert by_rule.price == trip.exit_price_micros
    assert all(order.fee_multiplier == 1 for order in read.orders if order.leg == "entry")
