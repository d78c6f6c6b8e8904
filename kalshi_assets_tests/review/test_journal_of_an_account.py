"""The journal's results add up to what the venue says, whoever trades on the account."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.execution.books import compare, open_books
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage import books
from kalshi_assets.storage.journal import read_books
from kalshi_assets_tests.execution.desk_bench import DeskBench, desk_bench
from kalshi_assets_tests.execution.test_books import HOUR, step, tape_of_three
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import DatabaseMaker

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
