from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.account import (
    Balance,
    Fill,
    OrderAck,
    OrderRequest,
    Position,
    Settlement,
)
from kalshi_assets.domain.price import dollars
from kalshi_assets.errors import (
    DuplicateOrder,
    NotAuthorized,
    NotFound,
    PayloadError,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.requests import order_body
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import (
    BALANCE,
    CANCELLED,
    CREATED,
    TICKER,
    FakeExchange,
    answer,
    body_of,
    client_of,
    raw_answer,
)

EXPIRES = datetime(2026, 11, 22, 15, 3, 0, 900_000, UTC)
CUT = datetime(2026, 11, 22, 15, 0, 0, 250_000, UTC)


def request(side: str = "yes", price: int = 560_000, count: int = 1_000) -> OrderRequest:
    assert side in ("yes", "no")
    return OrderRequest("c-1", TICKER, "yes" if side == "yes" else "no", price, count, EXPIRES)


def test_buying_yes_is_a_bid_at_its_price():
    exchange = FakeExchange(answer(201, **CREATED))
    assert client_of(exchange).create_order(request()) == OrderAck("o-1", 250, 750)
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


TROUBLE = [
    (httpx.ReadTimeout("x"), TransportError),
    (httpx.ConnectError("x"), TransportError),
    (httpx.RemoteProtocolError("x"), TransportError),
    (raw_answer("", 500), ServerError),
    (raw_answer("", 503), ServerError),
    (raw_answer("", 408), TransportError),
    (raw_answer('{"error":"too many requests"}', 429), RateLimited),
    (raw_answer('{"error":{"code":"order_already_exists"}}', 409), DuplicateOrder),
    (raw_answer('{"error":{"code":"trading_is_paused"}}', 409), Rejected),
    (raw_answer('{"error":{"code":"insufficient_balance"}}', 400), Rejected),
    (raw_answer('{"error":{"code":"not_found"}}', 404), NotFound),
    (raw_answer("{}", 401), NotAuthorized),
    (raw_answer("{}", 200), TransportError),
    (raw_answer("", 204), TransportError),
    (raw_answer("<html>", 200), TransportError),
    (raw_answer('{"error":{"code":"deprecated_v1_order_endpoint"}}', 200), TransportError),
    (answer(**(CREATED | {"fill_count": 2})), TransportError),
    (answer(**(CREATED | {"client_order_id": "c-2"})), TransportError),
]


@pytest.mark.parametrize(("trouble", "kind"), TROUBLE)
def test_an_order_is_sent_once_whatever_happens(trouble, kind):
    exchange, pauses = FakeExchange(trouble), list[float]()
    with pytest.raises(kind) as caught:
        client_of(exchange, pauses=pauses).create_order(request())
    assert type(caught.value) is kind
    assert (len(exchange.requests), pauses) == (1, [])


@pytest.mark.parametrize(("trouble", "kind"), TROUBLE[:-2])
def test_a_cancel_is_sent_once_whatever_happens(trouble, kind):
    exchange, pauses = FakeExchange(trouble), list[float]()
    with pytest.raises(kind):
        client_of(exchange, pauses=pauses).cancel_order("o-1", market_ticker=TICKER)
    assert (len(exchange.requests), pauses) == (1, [])


def test_an_answer_without_client_order_id_is_an_answer():
    bare = {key: value for key, value in CREATED.items() if key != "client_order_id"}
    ack = client_of(FakeExchange(answer(201, **bare))).create_order(request())
    assert ack.order_id == "o-1"


def test_a_cancel_names_order_and_market_and_returns_what_it_took():
    exchange = FakeExchange(answer(**CANCELLED))
    assert client_of(exchange).cancel_order("o-1", market_ticker=TICKER) == 750
    sent = exchange.requests[0]
    assert (sent.method, sent.url.path) == ("DELETE", "/trade-api/v2/portfolio/events/orders/o-1")
    assert dict(sent.url.params) == {"market_ticker": TICKER}


def test_a_cancel_answered_for_another_order_has_an_unknown_outcome():
    with pytest.raises(TransportError, match="unknown"):
        client_of(FakeExchange(answer(**CANCELLED))).cancel_order("o-2", market_ticker=TICKER)


def test_a_cancel_without_an_id_never_becomes_cancel_all():
    exchange = FakeExchange(answer(**CANCELLED))
    with pytest.raises(ValueError, match="no id"):
        client_of(exchange).cancel_order("", market_ticker=TICKER)
    assert exchange.requests == []


def test_the_balance_is_exact_and_dated():
    balance = client_of(FakeExchange(answer(**BALANCE))).balance()
    assert balance == Balance(98_018_600, datetime(2026, 11, 22, 15, 0, tzinfo=UTC))


def test_positions_come_from_all_pages_signed():
    exchange = FakeExchange(
        answer(market_positions=[payloads.position("A")], event_positions=[], cursor="n"),
        answer(market_positions=[payloads.position("B", position_fp="0.50")], event_positions=[]),
    )
    assert client_of(exchange).positions() == [
        Position("A", -300, 2_500_000, -120_000, 18_900),
        Position("B", 50, 2_500_000, -120_000, 18_900),
    ]


def test_orders_come_from_all_pages_with_their_filters():
    exchange = FakeExchange(
        answer(orders=[payloads.order("o-2"), payloads.order("o-1")], cursor="n"),
        answer(
            orders=[payloads.order("o-1"), payloads.order("o-0", expiration_time=None)], cursor=""
        ),
    )
    orders = client_of(exchange).orders(status="resting", min_created_at=CUT, ticker=TICKER)
    assert [order.order_id for order in orders] == ["o-2", "o-1", "o-0"]
    assert (orders[0].side, orders[0].yes_price, orders[0].fees_micros) == ("no", 605_000, 41_801)
    assert (orders[0].initial_count, orders[0].fill_count, orders[0].remaining_count) == (
        1_000, 250, 750)  # fmt: skip
    assert orders[0].expires_at == datetime(2026, 11, 22, 15, 3, tzinfo=UTC)
    assert orders[2].expires_at is None
    assert dict(exchange.requests[1].url.params) == {
        "status": "resting",
        "min_ts": "1795359599",
        "ticker": TICKER,
        "limit": "1000",
        "cursor": "n",
    }


def test_fills_arrive_exact_with_their_filters():
    exchange = FakeExchange(answer(fills=[payloads.fill()], cursor=""))
    fills = client_of(exchange).fills(min_filled_at=CUT, order_id="o-1")
    filled_at = datetime(2026, 11, 22, 15, 0, 1, 250_000, UTC)
    assert fills == [Fill("f-1", "o-1", TICKER, "yes", 125, 520_000, 17_472, True, filled_at)]
    sent = dict(exchange.requests[0].url.params)
    assert sent == {"min_ts": "1795359599", "order_id": "o-1", "limit": "1000"}


def test_settlements_arrive_exact_with_their_filter():
    exchange = FakeExchange(answer(settlements=[payloads.settlement()], cursor=""))
    settled_at = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    assert client_of(exchange).settlements(min_settled_at=CUT) == [
        Settlement(TICKER, settled_at, "no", 0, 1_250, 12_500_000, 41_801)
    ]
    assert dict(exchange.requests[0].url.params) == {"min_ts": "1795359599", "limit": "1000"}


@pytest.mark.parametrize("revenue", ["1250", 12.5, None, True])
def test_a_revenue_is_whole_cents(revenue):
    exchange = FakeExchange(answer(settlements=[payloads.settlement(revenue=revenue)]))
    with pytest.raises(PayloadError, match="whole number of cents"):
        client_of(exchange).settlements()


ACCOUNT_CALLS = {
    "settlements": payloads.settlement,
    "orders": payloads.order,
    "fills": payloads.fill,
    "positions": payloads.position,
}


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
def test_one_malformed_row_fails_the_whole_account_call(name):
    row = ACCOUNT_CALLS[name]
    listed = "market_positions" if name == "positions" else name
    rows = [row("a"), row("b", fees_paid_dollars=1, fee_cost=1, taker_fees_dollars=1)]
    exchange = FakeExchange(answer(**{listed: rows, "cursor": ""}))
    with pytest.raises(PayloadError, match=f"GET /portfolio/{name}") as caught:
        getattr(client_of(exchange), name)()
    assert b'"b"' in caught.value.payload
    assert b'"a"' not in caught.value.payload


@pytest.mark.parametrize("name", ACCOUNT_CALLS)
def test_rows_that_contradict_each_other_fail_the_call(name):
    row = ACCOUNT_CALLS[name]
    listed = "market_positions" if name == "positions" else name
    other = {"fees_paid_dollars": "9.0", "fee_cost": "9.0", "taker_fees_dollars": "9.0"}
    exchange = FakeExchange(answer(**{listed: [row("a"), row("a", **other)], "cursor": ""}))
    with pytest.raises(PayloadError, match="came twice"):
        getattr(client_of(exchange), name)()


@pytest.mark.parametrize(
    "change", [{"balance_dollars": 98.0186}, {"updated_ts": "1"}, {"updated_ts": 0}]
)
def test_a_malformed_balance_is_no_balance(change):
    with pytest.raises(PayloadError):
        client_of(FakeExchange(answer(**(BALANCE | change)))).balance()
