"""What becomes of an order write: done, refused, never sent, or not known."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from kalshi_assets.domain.account import OrderAmendment, OrderRequest
from kalshi_assets.errors import (
    DuplicateOrder,
    ExchangeError,
    NotAuthorized,
    NotFound,
    NotSent,
    RateLimited,
    Rejected,
    ServerError,
    TransportError,
    UnknownOutcome,
)
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets_tests.kalshi.payloads import (
    CANCELLED,
    CREATED,
    TICKER,
    FakeExchange,
    answer,
    client_of,
    raw_answer,
)

ORDER = OrderRequest(
    "c-1", TICKER, "yes", 560_000, 1_000, datetime(2026, 11, 22, 15, 3, tzinfo=UTC)
)
AMENDMENT = OrderAmendment("o-1", TICKER, "no", 395_000, 250, 500, client_order_id="c-1")
SEND_ONCE: dict[str, Callable[[KalshiClient], object]] = {
    "create": lambda client: client.create_order(ORDER),
    "amend": lambda client: client.amend_order(AMENDMENT),
    "decrease": lambda client: client.decrease_order("o-1", market_ticker=TICKER, reduce_by=1),
    "cancel": lambda client: client.cancel_order("o-1", market_ticker=TICKER),
    "cancel all": lambda client: client.cancel_all_orders(),
}

# What happens to a write, and what it becomes.
UNCLEAR = [
    httpx.ReadTimeout("x"),
    httpx.WriteTimeout("x"),
    httpx.RemoteProtocolError("x"),
    httpx.ReadError("x"),
    raw_answer("", 500),
    raw_answer("", 503),
    raw_answer('{"error":{"code":"order_already_exists"}}', 500),
    raw_answer("", 408),
    raw_answer("", 302),
    raw_answer('{"error":{"code":"trading_is_paused"}}', 200),
]
UNREADABLE = [raw_answer("{}"), raw_answer("", 204), raw_answer("<html>"), answer(order_id=1)]
CLEAR: list[tuple[httpx.Response | Exception, type[ExchangeError]]] = [
    (httpx.ConnectError("x"), NotSent),
    (httpx.ConnectTimeout("x"), NotSent),
    (httpx.PoolTimeout("x"), NotSent),
    (httpx.ProxyError("x"), NotSent),
    (raw_answer('{"error":"too many requests"}', 429), RateLimited),
    (raw_answer('{"error":{"code":"order_already_exists"}}', 409), DuplicateOrder),
    (raw_answer('{"error":{"code":"order_already_exists"}}', 200), DuplicateOrder),
    (raw_answer('{"error":{"code":"order_already_exists"}}', 400), Rejected),
    (raw_answer('{"error":{"code":"trading_is_paused"}}', 409), Rejected),
    (raw_answer('{"error":{"code":"insufficient_balance"}}', 400), Rejected),
    (raw_answer('{"error":{"code":"deprecated_v1_order_endpoint"}}', 201), Rejected),
    (raw_answer('{"error":{"code":"not_found"}}', 404), NotFound),
    (raw_answer("{}", 401), NotAuthorized),
]


@pytest.mark.parametrize("write", SEND_ONCE)
@pytest.mark.parametrize("trouble", UNCLEAR, ids=str)
def test_a_write_that_may_have_been_done_is_unknown_and_sent_once(write, trouble):
    exchange, pauses = FakeExchange(trouble), list[float]()
    with pytest.raises(UnknownOutcome, match="look it up") as caught:
        SEND_ONCE[write](client_of(exchange, pauses=pauses))
    assert (len(exchange.requests), pauses) == (1, [])
    assert isinstance(caught.value.__cause__, ExchangeError)
    assert caught.value.status == caught.value.__cause__.status
    assert not isinstance(caught.value, TransportError | ServerError)


@pytest.mark.parametrize("write", list(SEND_ONCE)[:-1])
@pytest.mark.parametrize("trouble", UNREADABLE, ids=str)
def test_a_success_that_cannot_be_read_is_unknown_and_sent_once(write, trouble):
    exchange = FakeExchange(trouble)
    with pytest.raises(UnknownOutcome, match="something else"):
        SEND_ONCE[write](client_of(exchange))
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("write", SEND_ONCE)
@pytest.mark.parametrize(("trouble", "kind"), CLEAR, ids=str)
def test_a_write_that_was_certainly_not_done_says_so_and_is_sent_once(write, trouble, kind):
    exchange, pauses = FakeExchange(trouble), list[float]()
    with pytest.raises(kind) as caught:
        SEND_ONCE[write](client_of(exchange, pauses=pauses))
    assert type(caught.value) is kind
    assert (len(exchange.requests), pauses) == (1, [])


def test_an_unknown_outcome_names_the_order_by_the_ids_it_has():
    named = {}
    for name, write in SEND_ONCE.items():
        with pytest.raises(UnknownOutcome) as caught:
            write(client_of(FakeExchange(httpx.ReadTimeout("x"))))
        named[name] = (caught.value.client_order_id, caught.value.order_id)
    assert named == {
        "create": ("c-1", None),
        "amend": ("c-1", "o-1"),
        "decrease": (None, "o-1"),
        "cancel": (None, "o-1"),
        "cancel all": (None, None),
    }


@pytest.mark.parametrize("change", [{"fill_count": 2}, {"client_order_id": "c-2"}])
def test_an_answer_about_another_order_leaves_the_outcome_unknown(change):
    with pytest.raises(UnknownOutcome):
        client_of(FakeExchange(answer(**(CREATED | change)))).create_order(ORDER)


def test_a_cancel_answered_for_another_order_has_an_unknown_outcome():
    with pytest.raises(UnknownOutcome, match="o-1"):
        client_of(FakeExchange(answer(**CANCELLED))).cancel_order("o-2", market_ticker=TICKER)
