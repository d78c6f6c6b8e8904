"""Writes are acknowledged before an account's reads show them; trading itself is never late."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.bulletin import Event, Filled, OrderChanged
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.limits import RateLimits
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.store import Store
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    Floor,
    ScriptedTape,
    error_of,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor

IOC = {"time_in_force": "immediate_or_cancel"}
LATE = Terms(rate_limits=RateLimits(is_enforced=False))


@pytest.fixture
def venue():
    with quiet_floor(terms=LATE) as floor:
        yield floor


def lag(venue: Floor, ms: float = 360) -> None:
    venue.wait(ms / 1000)


def test_an_order_is_acknowledged_before_it_is_listed(venue):
    order_id = venue.me.rest("bid", "0.10", "1")
    path = f"/portfolio/orders/{order_id}"
    lag(venue, 359)
    assert venue.me.call("GET", path).status_code == 404
    assert venue.me.get("/portfolio/orders")["orders"] == []
    lag(venue, 1)
    assert venue.me.shown(order_id)["status"] == "resting"
    assert len(venue.me.get("/portfolio/orders")["orders"]) == 1


def test_a_cancelled_order_still_reads_resting_for_a_while(venue):
    order_id = venue.me.rest("bid", "0.10", "1")
    lag(venue)
    assert venue.me.cancel(order_id).status_code == 200
    lag(venue, 359)
    assert venue.me.shown(order_id)["status"] == "resting"
    assert venue.me.get("/portfolio/orders", status="resting")["orders"]
    assert not venue.me.get("/portfolio/orders", status="canceled")["orders"]
    assert venue.me.cancel(order_id).status_code == 404  # the true state
    lag(venue, 1)
    assert venue.me.shown(order_id)["status"] == "canceled"
    assert not venue.me.get("/portfolio/orders", status="resting")["orders"]


def test_fills_positions_and_balance_are_late_together(venue):
    venue.me.order("bid", "0.52", "1", **IOC)
    for wait, seen in ((359, False), (1, True)):
        lag(venue, wait)
        assert bool(venue.me.get("/portfolio/fills")["fills"]) is seen
        assert bool(venue.me.get("/portfolio/positions")["market_positions"]) is seen
        assert venue.me.cash() == ("4999.4625" if seen else "5000.0000")


def test_a_settlement_is_seen_late(venue):
    venue.me.order("bid", "0.52", "1", **IOC)
    venue.wait(6 * 3600 + 0.359)
    assert not venue.me.get("/portfolio/settlements")["settlements"]
    assert venue.me.get("/portfolio/positions")["market_positions"][0]["position_fp"] == "1.00"
    before = venue.me.cash()
    lag(venue, 1)
    assert venue.me.get("/portfolio/settlements")["settlements"]
    assert Decimal(venue.me.cash()) == Decimal(before) + 1


def test_an_order_is_seen_through_all_its_states_one_after_another(venue):
    order_id = venue.me.rest("bid", "0.48", "3")
    lag(venue, 100)
    venue.me.change(order_id, "decrease", reduce_to="2")
    lag(venue, 100)
    venue.you.order("ask", "0.48", "1.5", **IOC)
    lag(venue, 100)
    venue.me.cancel(order_id)
    seen = []
    for _ in range(4):
        lag(venue, 100)
        shown = venue.me.shown(order_id)
        seen.append((shown["status"], shown["remaining_count_fp"], shown["fill_count_fp"]))
    assert seen == [
        ("resting", "3.00", "0.00"),
        ("resting", "2.00", "0.00"),
        ("resting", "0.50", "1.50"),
        ("canceled", "0.00", "1.50"),
    ]


def test_conditions_go_by_the_true_state(venue):
    venue.me.order("bid", "0.46", "10800", client_order_id="a")
    assert venue.me.order("bid", "0.46", "1", client_order_id="a").status_code == 409
    assert error_of(venue.me.order("bid", "0.40", "200")) == (400, "insufficient_balance")
    venue.me.call("DELETE", "/portfolio/events/orders")
    venue.me.order("bid", "0.52", "2", **IOC)
    assert (
        venue.me.order("ask", "0.47", "9", reduce_only=True, **IOC).json()["fill_count"] == "2.00"
    )


def test_the_venue_tells_how_old_its_reads_are(venue):
    told = venue.me.get("/exchange/user_data_timestamp")["as_of_time"]
    assert told == "2026-10-13T13:29:59.640Z"
    assert venue.me.get("/portfolio/balance")["updated_ts"] == NOON_MS // 1000 - 1


def test_the_lag_is_wall_time(venue):
    venue.clock.speed = 100
    venue.me.rest("bid", "0.10", "1")
    venue.wait(35.9)
    assert not venue.me.get("/portfolio/orders")["orders"]
    venue.wait(0.1)
    assert venue.me.get("/portfolio/orders")["orders"]


def test_the_lag_can_be_set_while_it_runs(venue):
    venue.exchange.interventions.read_lag_ms = 5_000
    venue.me.rest("bid", "0.10", "1")
    venue.wait(4.999)
    assert not venue.me.get("/portfolio/orders")["orders"]
    venue.exchange.interventions.read_lag_ms = 0
    assert venue.me.get("/portfolio/orders")["orders"]


def test_listeners_are_told_at_once(venue):
    heard: list[Event] = []
    venue.exchange.store.bulletin.listen(heard.append)
    venue.me.order("bid", "0.52", "1", **IOC)
    assert {type(event) for event in heard} >= {OrderChanged, Filled}


def opened(folder, ms):
    keys = Doorkeeper({"me": public_pem(private_key("me"))})
    return Exchange(
        ScriptedTape(), Store(folder), doorkeeper=keys, clock=ManualClock(ms), terms=LATE
    )


def order_of(exchange, order_id):
    ms = exchange.read_moment(exchange.moment())
    order = exchange.orders.find_as_of(ms, "me", order_id=order_id)
    return None if order is None else order.status


def resting(exchange, order_id="x"):
    return Order(
        seq=0,
        order_id=order_id,
        account="me",
        client_order_id="",
        ticker=TICKER,
        side="bid",
        price=1_000,
        initial_count=100,
        fill_count=0,
        remaining_count=100,
        status="resting",
        reason="",
        time_in_force="good_till_canceled",
        self_trade_prevention="maker",
        post_only=False,
        cancel_on_pause=False,
        expires_ms=None,
        created_ms=exchange.clock.now_ms(),
        updated_ms=exchange.clock.now_ms(),
        queued_ms=exchange.clock.now_ms(),
    )


def test_after_a_crash_reads_are_as_late_as_before(tmp_path):
    first = opened(tmp_path, NOON_MS)
    order = resting(first)
    with first.store.transaction():
        first.orders.save(order)
    with first.store.transaction():
        order.close("canceled", reason="", now_ms=NOON_MS + 200)
        first.orders.save(order)
    first.store.close()  # no more than a crash leaves behind
    for ms, status in ((359, None), (360, "resting"), (559, "resting"), (560, "canceled")):
        again = opened(tmp_path, NOON_MS + ms)
        assert order_of(again, "x") == status
        again.store.close()


moments = st.lists(st.integers(0, 50), min_size=1, max_size=12).map(sorted)


@settings(max_examples=30, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 3), moments), min_size=1, max_size=4))
def test_every_past_state_can_be_seen_again(changes):
    """Orders change at random moments, several times in one; each moment shows its last state."""
    store_of = opened(None, NOON_MS)
    truth: dict[int, dict[str, int]] = {ms: {} for ms in range(52)}
    for number, (_, times) in enumerate(changes):
        order = resting(store_of, f"o{number}")
        order.created_ms = times[0]
        for count, ms in enumerate(times):
            order.updated_ms, order.fill_count = ms, count
            store_of.orders.save(order)
            for later in range(ms, 52):
                truth[later][order.order_id] = count
    table = store_of.store.as_of("orders")
    for ms, expected in truth.items():
        rows = store_of.store.rows(f"select order_id, fill_count from {table}", ms)  # noqa: S608
        assert {row["order_id"]: row["fill_count"] for row in rows} == expected
        assert len(rows) == len(expected)
    store_of.close()


def test_a_state_of_another_version_is_refused(tmp_path):
    store = Store(tmp_path)
    store.run("pragma user_version = 1")
    store.close()
    with pytest.raises(Exception, match="written by another version"):
        Store(tmp_path)
