"""What the real exchange sent in June 2026 still reads; what it dropped since counts as unknown."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from kalshi_assets.domain.account import OrderRequest, ShardBalance
from kalshi_assets.domain.exchange import EndpointCost, TokenBudget
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.errors import DuplicateOrder, NotAuthorized, NotFound, Rejected
from kalshi_assets.kalshi.batches import market_batch
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.failures import from_response
from kalshi_assets_tests.kalshi.payloads import FakeExchange, body_of, client_of, raw_answer
from kalshi_assets_tests.kalshi.shared_files import (
    circumstances,
    names,
    needs_recordings,
    recorded,
)

pytestmark = needs_recordings

DROPPED_SINCE = {"fractional_trading_enabled", "liquidity_dollars", "response_price_units"}
MARKET_LISTS = [name for name in names("markets__") if not name.endswith("single")]
ERRORS = {
    "auth__bad_signature": (NotAuthorized, "do not belong together"),
    "auth__missing_signature_header": (NotAuthorized, "KALSHI_PRIVATE_KEY_PATH"),
    "auth__skew_minus30s": (NotAuthorized, "NTP"),
    "orders__cancel_already_canceled": (NotFound, "not_found"),
    "orders__cancel_unknown_id": (NotFound, "not_found"),
    "orders__duplicate_client_order_id": (DuplicateOrder, "look it up"),
    "orders__reuse_canceled_client_id": (DuplicateOrder, "look it up"),
    "orders__invalid_price_structure": (Rejected, "price_ranges"),
}


def client_told(name: str) -> KalshiClient:
    """Return a client that is answered with a recording."""
    answer = raw_answer(recorded(name).decode(), circumstances(name)["status"])
    return client_of(FakeExchange(answer))


@pytest.mark.parametrize("name", MARKET_LISTS)
def test_every_recorded_market_reads(name):
    content = recorded(name)
    batch = market_batch(Body(content, "GET /markets").rows("markets"))
    assert batch.rejected == ()
    assert len(batch.snapshots) == len(json.loads(content)["markets"])
    assert set(batch.unknown_fields) <= DROPPED_SINCE


def test_a_broken_copy_of_a_recorded_market_is_rejected_with_its_bytes():
    text = recorded("markets__status_open").decode().replace('"0.5100"', "0.5100", 1)
    batch = market_batch(Body(text.encode(), "GET /markets").rows("markets"))
    assert len(batch.rejected) == 1
    assert len(batch.snapshots) == 199
    assert batch.rejected[0].payload in text.encode()
    assert json.loads(batch.rejected[0].payload)["yes_bid_dollars"] == 0.51


@pytest.mark.parametrize("name", ERRORS)
def test_every_recorded_refusal_becomes_its_error(name):
    meta, (kind, words) = circumstances(name), ERRORS[name]
    request = httpx.Request(meta["method"], meta["host"] + meta["path"])
    answer = httpx.Response(meta["status"], content=recorded(name), request=request)
    error = from_response(meta["method"], "/x", answer)
    assert type(error) is kind
    assert words in str(error)


def test_recorded_account_answers_read():
    assert client_told("auth__balance_ok").balance().cash_micros == 98_018_600
    assert client_told("auth__balance_ok").balance().shards == (ShardBalance(0, 98_018_600),)
    (position,) = client_told("portfolio__positions").positions()
    assert (position.position, position.fees_paid_micros) == (300, 18_900)
    orders = client_told("portfolio__orders_list").orders()
    assert {order.status for order in orders} == {"executed", "canceled"}
    assert orders[0].fees_micros == 17_500
    order = client_told("orders__get_after_create").order("o-1")
    assert (order.status, order.yes_price, order.remaining_count) == ("resting", 10_000, 100)
    assert order.updated_at == order.created_at
    fills = client_told("fills__after_taker").fills()
    assert [fill.fee_micros for fill in fills][:2] == [17_500, 700]
    assert client_told("settlements__end_of_session").settlements() == []


def test_recorded_answers_about_the_exchange_read():
    assert client_told("exchange__status").exchange_status().is_trading_active
    assert client_told("series__fee_changes").series_fee_changes() == []
    limits = client_told("account__limits").account_limits()
    assert (limits.usage_tier, limits.grants) == ("basic", ())
    assert limits.read == TokenBudget(tokens_per_second=200, capacity_tokens=200)
    assert limits.write == TokenBudget(tokens_per_second=100, capacity_tokens=100)
    costs = client_told("account__endpoint_costs").endpoint_costs()
    assert costs.default_tokens == 10
    cancel = "/trade-api/v2/portfolio/events/orders/:order_id"
    assert EndpointCost("DELETE", cancel, 2) in costs.listed


@pytest.mark.parametrize("name", ["markets__single", "markets__unauth_single"])
def test_a_single_recorded_market_reads(name):
    snapshot = client_told(name).market("X")
    assert snapshot.market.ticker == json.loads(recorded(name))["market"]["ticker"]


def test_a_recorded_book_reads():
    book = client_told("orderbook__base").orderbook("X")
    assert (book.yes_bids[-1].price, book.no_bids[-1].price) == (470_000, 480_000)


def sent_order(name: str) -> OrderRequest:
    sent = circumstances(name)["request_body"]
    assert sent["side"] == "bid"
    return OrderRequest(
        client_order_id=sent["client_order_id"],
        market_ticker=sent["ticker"],
        side="yes",
        limit_price=micros(sent["price"]),
        count=centicontracts(sent["count"]),
        expires_at=datetime(2026, 6, 11, 7, tzinfo=UTC),
        time_in_force=sent["time_in_force"],
        is_post_only=sent.get("post_only", False),
    )


@pytest.mark.parametrize(
    "name", ["orders__create_v2_maker", "orders__create_v2_taker_ioc", "orders__settlement_seed"]
)
def test_a_recorded_order_is_sent_and_answered_as_it_was(name):
    exchange = FakeExchange(raw_answer(recorded(name).decode(), 201))
    ack = client_of(exchange).create_order(sent_order(name))
    assert ack.fill_count + ack.remaining_count == 100
    recorded_body = circumstances(name)["request_body"]
    sent = body_of(exchange.requests[0])
    assert {key: sent.get(key, False) for key in recorded_body} == recorded_body


def test_a_recorded_cancel_reads():
    order_id = json.loads(recorded("orders__cancel_v2"))["order_id"]
    ack = client_told("orders__cancel_v2").cancel_order(order_id, market_ticker="X")
    assert ack.reduced_by == 100


@pytest.mark.parametrize("name", [name for name in names("auth__skew") if name not in ERRORS])
def test_every_recorded_skew_reads_as_balance_or_as_a_clock_that_is_off(name):
    if circumstances(name)["status"] == 200:
        assert client_told(name).balance().cash_micros > 0
    else:
        with pytest.raises(NotAuthorized, match="NTP"):
            client_told(name).balance()


def test_both_hosts_tell_the_same_balance():
    assert client_told("auth__balance_alt_host").balance().cash_micros == 98_018_600


def test_every_recording_is_read_here():
    text = Path(__file__).read_text("utf-8")
    in_groups = {*MARKET_LISTS, *names("auth__skew")}
    # The V1 writes are gone.
    gone = set(names("orders__legacy"))
    unread = {name for name in names("") if f'"{name}"' not in text}
    assert unread <= in_groups | gone
