"""Writes: what the client is told of them, and what the exchange holds after them."""

from datetime import timedelta

from kalshi_assets.domain.account import AmendAck, CancelAck, DecreaseAck, OrderAck, OrderAmendment
from kalshi_assets.domain.price import micros
from kalshi_assets_tests.exchange_rest.cases import Case, register
from kalshi_assets_tests.exchange_rest.world import LATE, MICROS, World
from kalshi_assets_tests.local_exchange.bench import TICKER

ORDER_CASES: dict[str, Case] = {}
case = register(ORDER_CASES)


@case
def create_order(venue: World) -> None:
    request = venue.request("no", "0.55", "5", is_canceled_on_pause=True)
    ack = venue.client.create_order(request)
    (held,) = venue.rows("orders")
    assert ack == OrderAck(held["order_id"], 300, 200, venue.now)
    assert (held["client_order_id"], held["ticker"]) == (request.client_order_id, TICKER)
    assert (held["side"], held["price"] * MICROS) == ("ask", micros("0.45"))
    assert (held["initial_count"], held["fill_count"], held["remaining_count"]) == (500, 300, 200)
    assert held["expires_ms"] == int(request.expires_at.timestamp() * 1000)
    assert (held["cancel_on_pause"], held["post_only"]) == (1, 0)
    venue.client.create_order(venue.request("yes", "0.40", "1", is_post_only=True))
    killed = venue.take("yes", "0.40", "1")
    assert (killed.fill_count, killed.remaining_count) == (0, 0)
    venue.client.cancel_all_orders()
    closing = venue.take("yes", "0.60", "9", is_reduce_only=True)
    assert closing.fill_count == 300
    whole = venue.buy("yes", "0.52", "1", market_ticker=LATE, time_in_force="fill_or_kill")
    assert whole.fill_count == 100
    kinds = [(row["time_in_force"], row["post_only"]) for row in venue.rows("orders")[1:]]
    assert kinds == [
        ("good_till_canceled", 1),
        ("immediate_or_cancel", 0),
        ("immediate_or_cancel", 0),
        ("fill_or_kill", 0),
    ]


@case
def amend_order(venue: World) -> None:
    request = venue.request("no", "0.40", "5")
    order_id = venue.client.create_order(request).order_id
    amendment = OrderAmendment(
        order_id,
        TICKER,
        "no",
        micros("0.41"),
        fill_count=0,
        remaining_count=700,
        expiry=request.expires_at + timedelta(hours=1),
        client_order_id=request.client_order_id,
        new_client_order_id="another",
    )
    assert venue.client.amend_order(amendment) == AmendAck(order_id, 0, 700, venue.now)
    (held,) = venue.rows("orders")
    assert (held["side"], held["price"] * MICROS) == ("ask", micros("0.59"))
    assert (held["initial_count"], held["remaining_count"]) == (700, 700)
    assert held["client_order_id"] == "another"
    assert held["expires_ms"] == int((request.expires_at.timestamp() + 3600) * 1000)
    crossing = OrderAmendment(order_id, TICKER, "no", micros("0.53"), 0, 700, expiry="never")
    assert venue.client.amend_order(crossing) == AmendAck(order_id, 300, 400, venue.now)
    (held,) = venue.rows("orders")
    assert (held["fill_count"], held["remaining_count"], held["expires_ms"]) == (300, 400, None)
    shown = venue.client.order(order_id)
    assert (shown.yes_price, shown.fill_count, shown.expires_at) == (micros("0.47"), 300, None)
    assert (shown.client_order_id, shown.updated_at) == ("another", venue.now)


@case
def decrease_order(venue: World) -> None:
    order_id = venue.buy("yes", "0.40", "5").order_id
    venue.floor.wait(1)
    by = venue.client.decrease_order(order_id, market_ticker=TICKER, reduce_by=125)
    assert by == DecreaseAck(order_id, 375, venue.now)
    to = venue.client.decrease_order(order_id, market_ticker=TICKER, reduce_to=50)
    assert to.remaining_count == 50
    (held,) = venue.rows("orders")
    assert (held["remaining_count"], held["status"]) == (50, "resting")
    shown = venue.client.order(order_id)
    assert (shown.remaining_count, shown.initial_count) == (50, held["initial_count"])


@case
def cancel_order(venue: World) -> None:
    ack = venue.buy("yes", "0.52", "5")
    venue.floor.wait(1)
    cancelled = venue.client.cancel_order(ack.order_id, market_ticker=TICKER)
    assert cancelled == CancelAck(ack.order_id, 200, venue.now)
    (held,) = venue.rows("orders")
    assert (held["status"], held["fill_count"], held["remaining_count"]) == ("canceled", 300, 0)
    shown = venue.client.order(ack.order_id)
    assert (shown.status, shown.fill_count, shown.remaining_count) == ("canceled", 300, 0)


@case
def cancel_all_orders(venue: World) -> None:
    mine = [venue.buy("yes", "0.40", "1"), venue.buy("no", "0.30", "1", market_ticker=LATE)]
    others = venue.floor.you.rest("bid", "0.41", "1")
    venue.client.cancel_all_orders()
    assert {row["order_id"]: row["status"] for row in venue.rows("orders")} == {
        ack.order_id: "canceled" for ack in mine
    }
    assert venue.client.orders(status="resting") == []
    assert venue.floor.you.shown(others)["status"] == "resting"
