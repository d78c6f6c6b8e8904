from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.account import (
    AmendAck,
    CancelAck,
    DecreaseAck,
    OrderAck,
    OrderAmendment,
    OrderRequest,
)
from kalshi_assets.domain.price import dollars
from kalshi_assets.kalshi.order_bodies import amend_body, order_body
from kalshi_assets_tests.kalshi.payloads import (
    AMENDED,
    CANCELLED,
    CREATED,
    DECREASED,
    TICKER,
    FakeExchange,
    answer,
    body_of,
    client_of,
)

EXPIRES = datetime(2026, 11, 22, 15, 3, 0, 900_000, UTC)
# As the answers in `payloads.py` tell.
CREATED_AT = datetime(2026, 11, 22, 15, 0, 0, 123_000, UTC)
CHANGED_AT = datetime(2026, 11, 22, 15, 1, 0, 456_000, UTC)


def request(side: str = "yes", price: int = 560_000, count: int = 1_000) -> OrderRequest:
    assert side in ("yes", "no")
    return OrderRequest("c-1", TICKER, "yes" if side == "yes" else "no", price, count, EXPIRES)


def amendment(**changes: Any) -> OrderAmendment:
    asked = OrderAmendment("o-1", TICKER, "no", 395_000, 250, 500, client_order_id="c-1")
    return replace(asked, **changes)


def test_buying_yes_is_a_bid_at_its_price():
    exchange = FakeExchange(answer(201, **CREATED))
    assert client_of(exchange).create_order(request()) == OrderAck("o-1", 250, 750, CREATED_AT)
    sent = exchange.requests[0]
    assert (sent.method, sent.url.path) == ("POST", "/trade-api/v2/portfolio/events/orders")
    assert body_of(sent) == {
        "ticker": TICKER,
        "client_order_id": "c-1",
        "side": "bid",
        "count": "10.00",
        "price": "0.5600",
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "expiration_time": 1_795_359_780,
    }


def test_buying_no_is_an_ask_at_the_complement():
    exchange = FakeExchange(answer(200, **CREATED))
    client_of(exchange).create_order(request("no", 123_400, 1))
    sent = body_of(exchange.requests[0])
    assert (sent["side"], sent["price"], sent["count"]) == ("ask", "0.8766", "0.01")


@given(st.integers(1, 9_999), st.integers(1, 10**9))
def test_every_sendable_price_arrives_exact_on_either_side(steps, count):
    bid, ask = (order_body(request(side, steps * 100, count)) for side in ("yes", "no"))
    assert Decimal(str(bid["price"])) == dollars(steps * 100)
    assert Decimal(str(ask["price"])) == 1 - dollars(steps * 100)
    assert Decimal(str(bid["count"])) * 100 == count
    assert {type(value) for value in (bid["price"], ask["price"], bid["count"])} == {str}


@pytest.mark.parametrize(
    ("price", "count"),
    [(0, 1), (1_000_000, 1), (-100, 1), (1_000_100, 1), (500_050, 1), (500_000, 0), (500_000, -1)],
)
def test_nothing_is_rounded_to_fit_and_nothing_is_sent(price, count):
    exchange = FakeExchange(answer(201, **CREATED))
    with pytest.raises(ValueError, match=r"0-1|above 0"):
        client_of(exchange).create_order(request("yes", price, count))
    assert exchange.requests == []


def test_an_expiry_without_a_zone_is_refused():
    naive = OrderRequest("c-1", TICKER, "yes", 500_000, 100, EXPIRES.replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone"):
        order_body(naive)


@pytest.mark.parametrize("kind", ["immediate_or_cancel", "fill_or_kill"])
def test_an_order_that_never_rests_is_sent_without_expiry(kind):
    exchange = FakeExchange(answer(201, **CREATED))
    client_of(exchange).create_order(replace(request(), time_in_force=kind))
    sent = body_of(exchange.requests[0])
    assert sent["time_in_force"] == kind
    assert "expiration_time" not in sent


def test_conditions_of_an_order_are_sent_as_flags():
    asked = replace(request(), is_post_only=True, is_canceled_on_pause=True)
    body = order_body(asked)
    assert (body["post_only"], body["cancel_order_on_pause"]) == (True, True)
    closing = replace(request(), time_in_force="immediate_or_cancel", is_reduce_only=True)
    assert order_body(closing)["reduce_only"] is True
    for refused in (
        replace(request(), is_reduce_only=True),
        replace(request(), time_in_force="fill_or_kill", is_post_only=True),
    ):
        with pytest.raises(ValueError, match=r"post-only|reduce-only"):
            order_body(refused)


def test_an_answer_without_client_order_id_is_an_answer():
    bare = {key: value for key, value in CREATED.items() if key != "client_order_id"}
    ack = client_of(FakeExchange(answer(201, **bare))).create_order(request())
    assert ack.order_id == "o-1"


def test_a_cancel_names_order_and_market_and_returns_what_it_took():
    exchange = FakeExchange(answer(**CANCELLED))
    ack = client_of(exchange).cancel_order("o-1", market_ticker=TICKER)
    assert ack == CancelAck("o-1", 750, CHANGED_AT)
    sent = exchange.requests[0]
    assert (sent.method, sent.url.path) == ("DELETE", "/trade-api/v2/portfolio/events/orders/o-1")
    assert dict(sent.url.params) == {"market_ticker": TICKER}


def test_a_cancel_without_an_id_never_becomes_cancel_all():
    exchange = FakeExchange(answer(**CANCELLED))
    with pytest.raises(ValueError, match="no id"):
        client_of(exchange).cancel_order("", market_ticker=TICKER)
    assert exchange.requests == []


def test_cancel_all_names_no_order_and_expects_no_content():
    exchange = FakeExchange(httpx.Response(204))
    client_of(exchange).cancel_all_orders()
    sent = exchange.requests[0]
    assert (sent.method, sent.url.path) == ("DELETE", "/trade-api/v2/portfolio/events/orders")
    assert (sent.content, sent.url.query) == (b"", b"")


def test_an_amended_count_holds_what_was_filled_and_what_shall_rest():
    exchange = FakeExchange(answer(**AMENDED))
    assert client_of(exchange).amend_order(amendment()) == AmendAck("o-1", None, 500, CHANGED_AT)
    assert exchange.requests[0].url.path.endswith("/portfolio/events/orders/o-1/amend")
    assert body_of(exchange.requests[0]) == {
        "ticker": TICKER,
        "side": "ask",
        "count": "7.50",
        "price": "0.6050",
        "client_order_id": "c-1",
    }


@pytest.mark.parametrize(
    ("expiry", "sent"), [("keep", {}), ("never", {"expiration_time": 0}),
                         (EXPIRES, {"expiration_time": 1_795_359_780})],
)  # fmt: skip
def test_an_amendment_keeps_ends_or_moves_the_expiry(expiry, sent):
    body = amend_body(amendment(expiry=expiry))
    assert {name: body[name] for name in body if name == "expiration_time"} == sent


def test_an_amended_order_may_get_a_new_client_order_id():
    exchange = FakeExchange(answer(**(AMENDED | {"client_order_id": "c-2"})))
    client_of(exchange).amend_order(amendment(new_client_order_id="c-2"))
    assert body_of(exchange.requests[0])["updated_client_order_id"] == "c-2"


@pytest.mark.parametrize(
    "changes",
    [{"remaining_count": 0}, {"fill_count": -1}, {"limit_price": 0}, {"limit_price": 500_050}],
)
def test_an_amendment_that_cannot_be_sent_is_refused_unsent(changes):
    exchange = FakeExchange(answer(**AMENDED))
    with pytest.raises(ValueError, match=r"cannot go on|0-1"):
        client_of(exchange).amend_order(amendment(**changes))
    assert exchange.requests == []


@pytest.mark.parametrize("size", [{"reduce_by": 250}, {"reduce_to": 500}])
def test_a_decrease_names_its_market_and_one_size(size):
    exchange = FakeExchange(answer(**DECREASED))
    ack = client_of(exchange).decrease_order("o-1", market_ticker=TICKER, **size)
    assert ack == DecreaseAck("o-1", 500, CHANGED_AT)
    (name, count) = next(iter(size.items()))
    assert body_of(exchange.requests[0]) == {
        "market_ticker": TICKER,
        name: f"{count / 100:.2f}",
    }


@pytest.mark.parametrize(
    "size", [{}, {"reduce_by": 1, "reduce_to": 1}, {"reduce_by": 0}, {"reduce_to": -1}]
)
def test_a_decrease_without_one_size_above_nothing_is_refused_unsent(size):
    exchange = FakeExchange(answer(**DECREASED))
    with pytest.raises(ValueError, match=r"either|above 0"):
        client_of(exchange).decrease_order("o-1", market_ticker=TICKER, **size)
    assert exchange.requests == []
