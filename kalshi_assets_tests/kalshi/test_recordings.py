"""What the real exchange sent in June 2026 still reads; what it dropped since counts as unknown."""

import json

import httpx
import pytest

from kalshi_assets.domain.account import OrderAck
from kalshi_assets.errors import DuplicateOrder, NotAuthorized, NotFound, Rejected
from kalshi_assets.kalshi.answers import read_cancelled, read_created
from kalshi_assets.kalshi.batches import market_batch
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.failures import from_response
from kalshi_assets_tests.kalshi.payloads import FakeExchange, client_of, raw_answer
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
    def client(name: str):
        return client_of(FakeExchange(raw_answer(recorded(name).decode())))

    assert client("auth__balance_ok").balance().cash_micros == 98_018_600
    assert client("exchange__status").exchange_status().is_trading_active
    (position,) = client("portfolio__positions").positions()
    assert (position.position, position.fees_paid_micros) == (300, 18_900)
    orders = client("portfolio__orders_list").orders()
    assert {order.status for order in orders} == {"executed", "canceled"}
    assert orders[0].fees_micros == 17_500
    fills = client("fills__after_taker").fills()
    assert [fill.fee_micros for fill in fills][:2] == [17_500, 700]
    book = client("orderbook__base").orderbook("X")
    assert (book.yes_bids[-1].price, book.no_bids[-1].price) == (470_000, 480_000)


def test_recorded_order_answers_read():
    for name in ("orders__create_v2_maker", "orders__create_v2_taker_ioc"):
        sent = circumstances(name)["request_body"]["client_order_id"]
        created = read_created(Body(recorded(name), name), sent).to_domain()
        assert isinstance(created, OrderAck)
        assert created.fill_count + created.remaining_count == 100
    order_id = json.loads(recorded("orders__cancel_v2"))["order_id"]
    assert read_cancelled(Body(recorded("orders__cancel_v2"), "x"), order_id).reduced_by == 100
