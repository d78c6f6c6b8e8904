"""Who stands where in the queue, and what costs an order its place."""

import pytest

from kalshi_assets_tests.local_exchange.bench import NOON_MS, TICKER, Floor
from kalshi_assets_tests.local_exchange.changing import amend, in_line, queue

IOC = {"time_in_force": "immediate_or_cancel"}


@pytest.fixture
def venue(quiet_venue: Floor) -> Floor:
    return quiet_venue


def test_fewer_contracts_keep_the_place(venue):
    first, second = in_line(venue)
    assert amend(venue.me, first, "0.48", "1").status_code == 200
    assert (queue(venue, first), queue(venue, second)) == ("0.00", "1.00")


def test_another_expiry_alone_keeps_the_place(venue):
    first, second = in_line(venue)
    answer = amend(venue.me, first, "0.48", "3", expiration_time=NOON_MS // 1000 + 60).json()
    assert (answer["remaining_count"], answer["fill_count"]) == (None, None)
    assert (queue(venue, first), queue(venue, second)) == ("0.00", "3.00")
    assert venue.me.shown(first)["expiration_time"] == "2026-10-13T13:31:00Z"
    venue.wait(60)
    assert venue.me.shown(first)["status"] == "canceled"


@pytest.mark.parametrize(("at", "total"), [("0.48", "4"), ("0.48", "3.01")])
def test_more_contracts_lose_the_place(venue, at, total):
    first, second = in_line(venue)
    assert amend(venue.me, first, at, total).json()["remaining_count"] == f"{float(total):.2f}"
    assert (queue(venue, first), queue(venue, second)) == ("3.00", "0.00")


def test_another_price_and_back_loses_the_place(venue):
    first, second = in_line(venue)
    assert amend(venue.me, first, "0.49", "3").status_code == 200
    assert (queue(venue, first), queue(venue, second)) == ("0.00", "3.00")
    assert amend(venue.me, first, "0.48", "3").status_code == 200
    assert (queue(venue, first), queue(venue, second)) == ("3.00", "0.00")


def test_decrease_keeps_the_place(venue):
    first, second = in_line(venue)
    answer = venue.me.change(first, "decrease", reduce_by="1.50").json()
    assert answer["remaining_count"] == "1.50"
    assert (queue(venue, first), queue(venue, second)) == ("0.00", "1.50")
    shown = venue.me.shown(first)
    assert (shown["initial_count_fp"], shown["remaining_count_fp"]) == ("3.00", "1.50")


def test_whoever_kept_the_place_is_filled_first(venue):
    first, second = in_line(venue)
    venue.me.change(first, "decrease", reduce_to="2")
    venue.you.order("ask", "0.48", "3", **IOC)
    assert venue.me.shown(first)["status"] == "executed"
    assert venue.me.shown(second)["remaining_count_fp"] == "2.00"


def test_better_prices_and_the_tapes_contracts_stand_ahead(venue):
    mine = venue.me.rest("bid", "0.47", "1")  # behind the tape's three
    venue.you.rest("bid", "0.48", "2")
    assert queue(venue, mine) == "5.00"
    listed = venue.me.get("/portfolio/orders/queue_positions", market_tickers=TICKER)
    assert listed["queue_positions"] == [
        {"order_id": mine, "market_ticker": TICKER, "queue_position_fp": "5.00"}
    ]
    assert venue.me.get("/portfolio/orders/queue_positions", event_ticker="KXNO") == {
        "queue_positions": []
    }
