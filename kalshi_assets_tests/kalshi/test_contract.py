"""What the client sends, and what our fakes answer, against the exchange's OpenAPI document."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest

from kalshi_assets.domain.account import OrderAmendment, OrderRequest
from kalshi_assets.kalshi.calls_pages import LISTS
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.requests import TimeFilter
from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi import payloads_exchange as more
from kalshi_assets_tests.kalshi.api_document import (
    PREFIX,
    check_answer,
    check_request,
    operation_name,
)
from kalshi_assets_tests.kalshi.payloads import TICKER, FakeExchange, client_of
from kalshi_assets_tests.kalshi.shared_files import needs_recordings

pytestmark = needs_recordings

NOW = datetime(2026, 11, 22, 15, tzinfo=UTC)
LONG_AGO = datetime(2026, 7, 1, tzinfo=UTC)
OLD_TICKER = "KXCPI-26JUN-T0.3"

LAST = {"cursor": ""}
MARKET = payloads.market(exchange_index=0)
OLD = more.settled_market(OLD_TICKER)
POSITIONS = {"market_positions": [payloads.position()], "event_positions": [], **LAST}
ORDERS = {"orders": [payloads.order(exchange_index=0)], **LAST}
ANSWERS: dict[str, dict[str, Any] | None] = {
    "GET /exchange/status": more.STATUS,
    "GET /exchange/schedule": more.SCHEDULE,
    "GET /exchange/user_data_timestamp": {"as_of_time": "2026-11-22T15:00:00Z"},
    "GET /account/limits": more.LIMITS,
    "GET /account/endpoint_costs": more.COSTS,
    "GET /series": {"series": [payloads.series(exchange_index=0)]},
    "GET /series/{series_ticker}": {"series": payloads.series(exchange_index=0)},
    "GET /series/fee_changes": {"series_fee_change_arr": [more.SERIES_FEE_CHANGE]},
    "GET /events/fee_changes": {"event_fee_changes": [more.EVENT_FEE_CHANGE], **LAST},
    "GET /events": {"events": [more.event(markets=[MARKET])], **LAST},
    "GET /events/{event_ticker}": {"event": more.event(markets=[MARKET]), "markets": []},
    "GET /markets": {"markets": [MARKET], **LAST},
    "GET /markets/{ticker}": {"market": MARKET},
    "GET /markets/{ticker}/orderbook": {"orderbook_fp": more.book()["orderbook_fp"]},
    "GET /markets/orderbooks": {"orderbooks": [more.book()]},
    "GET /markets/trades": {"trades": [more.trade()], **LAST},
    "GET /markets/candlesticks": {
        "markets": [{"market_ticker": TICKER, "candlesticks": [payloads.candle()]}]
    },
    "GET /series/{series_ticker}/markets/{ticker}/candlesticks": {
        "ticker": TICKER,
        "candlesticks": [payloads.candle()],
    },
    "GET /historical/cutoff": more.CUTOFF,
    "GET /historical/markets": {"markets": [OLD], **LAST},
    "GET /historical/markets/{ticker}": {"market": OLD},
    "GET /historical/markets/{ticker}/candlesticks": {
        "ticker": OLD_TICKER,
        "candlesticks": [more.old_candle()],
    },
    "GET /historical/trades": {"trades": [more.trade("t-0")], **LAST},
    "GET /historical/fills": {"fills": [payloads.fill("f-0")], **LAST},
    "GET /historical/orders": {
        "orders": [payloads.order("o-0", status="executed", exchange_index=0)],
        **LAST,
    },
    "GET /historical/positions": POSITIONS,
    "GET /portfolio/balance": payloads.BALANCE,
    "GET /portfolio/positions": POSITIONS,
    "GET /portfolio/orders": ORDERS,
    "GET /portfolio/orders/{order_id}": {"order": payloads.order(exchange_index=0)},
    "GET /portfolio/fills": {"fills": [payloads.fill()], **LAST},
    "GET /portfolio/settlements": {"settlements": [payloads.settlement()], **LAST},
    "POST /portfolio/events/orders": payloads.CREATED,
    "DELETE /portfolio/events/orders": None,
    "POST /portfolio/events/orders/{order_id}/amend": payloads.AMENDED,
    "POST /portfolio/events/orders/{order_id}/decrease": payloads.DECREASED,
    "DELETE /portfolio/events/orders/{order_id}": payloads.CANCELLED,
}

ORDER = OrderRequest("c-1", TICKER, "no", 395_000, 1_050, NOW + timedelta(minutes=3))
PAUSABLE = OrderRequest(
    "c-1", TICKER, "no", 395_000, 1, NOW, is_post_only=True, is_canceled_on_pause=True
)
CLOSING = OrderRequest(
    "c-1", TICKER, "no", 100, 1, NOW, time_in_force="immediate_or_cancel", is_reduce_only=True
)
AMENDMENT = OrderAmendment(
    "o-1",
    TICKER,
    "no",
    395_000,
    250,
    500,
    expiry=NOW,
    client_order_id="c-0",
    new_client_order_id="c-1",
)
PAST = {"start": LONG_AGO, "end": NOW}
CANDLES: dict[str, Any] = {"start": LONG_AGO, "end": NOW, "interval_minutes": 60}

# Every public method of the client, in all the ways that change what it sends.
CALLS: dict[str, Callable[[KalshiClient], object]] = {
    "exchange_status": lambda c: [c.exchange_status()],
    "exchange_schedule": lambda c: [c.exchange_schedule()],
    "user_data_timestamp": lambda c: [c.user_data_timestamp()],
    "await_reads": lambda c: [c.await_reads(LONG_AGO, within_seconds=1)],
    "account_limits": lambda c: [c.account_limits()],
    "endpoint_costs": lambda c: [c.endpoint_costs()],
    "historical_cutoff": lambda c: [c.historical_cutoff()],
    "series_fee_changes": lambda c: [
        c.series_fee_changes(),
        c.series_fee_changes(series_ticker="KXCPI", is_past_included=True),
    ],
    "event_fee_changes": lambda c: [c.event_fee_changes(event_ticker="KXCPI-26DEC")],
    "series": lambda c: [c.series("KXCPI")],
    "series_list": lambda c: [
        c.series_list(category="Economics", tag="CPI", min_updated_at=LONG_AGO)
    ],
    "event": lambda c: [c.event("KXCPI-26DEC"), c.event("KXCPI-26DEC", with_markets=True)],
    "events": lambda c: [
        c.events(
            series_ticker="KXCPI",
            tickers=["KXCPI-26DEC"],
            status="open",
            min_close_at=LONG_AGO,
            min_updated_at=LONG_AGO,
            with_markets=True,
        )
    ],
    "market": lambda c: [c.market(TICKER)],
    "markets": lambda c: [
        c.markets(tickers=[TICKER], series_ticker="KXCPI", status="open"),
        c.markets(event_ticker="KXCPI-26DEC", combos="only"),
        c.markets(time=TimeFilter("created", LONG_AGO, NOW), status="unopened"),
        c.markets(time=TimeFilter("close", LONG_AGO, NOW)),
        c.markets(time=TimeFilter("settled", LONG_AGO, NOW), status="settled"),
        c.markets(
            time=TimeFilter("updated", LONG_AGO, NOW), series_ticker="KXCPI", combos="exclude"
        ),
    ],
    "historical_market": lambda c: [c.historical_market(OLD_TICKER)],
    "historical_markets": lambda c: [
        c.historical_markets(tickers=[OLD_TICKER]),
        c.historical_markets(series_ticker="KXCPI"),
        c.historical_markets(event_ticker="KXCPI-26JUN"),
    ],
    "orderbook": lambda c: [c.orderbook(TICKER), c.orderbook(TICKER, depth=5)],
    "orderbooks": lambda c: [c.orderbooks([TICKER, OLD_TICKER])],
    "trades": lambda c: [c.trades(ticker=TICKER, start=LONG_AGO, end=NOW, is_block_trade=False)],
    "historical_trades": lambda c: [
        c.historical_trades(ticker=TICKER, start=LONG_AGO, end=NOW, is_block_trade=True)
    ],
    "candlesticks": lambda c: [c.candlesticks([TICKER, "B"], **CANDLES)],
    "market_candlesticks": lambda c: [
        c.market_candlesticks(TICKER, series_ticker="KXCPI", **CANDLES)
    ],
    "historical_candlesticks": lambda c: [c.historical_candlesticks(OLD_TICKER, **CANDLES)],
    "trade_history": lambda c: [
        c.trade_history(start=PAST["start"], end=PAST["end"], ticker=TICKER, is_block_trade=False)
    ],
    "fill_history": lambda c: [c.fill_history(**PAST, ticker=TICKER)],
    "order_history": lambda c: [c.order_history(**PAST, ticker=TICKER)],
    "position_history": lambda c: [c.position_history()],
    "settled_markets": lambda c: [c.settled_markets("KXCPI", **PAST)],
    "candle_history": lambda c: [c.candle_history([TICKER, OLD_TICKER], **CANDLES)],
    "candle_tiers": lambda c: [c.candle_tiers([TICKER, OLD_TICKER])],
    "balance": lambda c: [c.balance()],
    "positions": lambda c: [c.positions(), c.positions(settlement_status="all")],
    "historical_positions": lambda c: [c.historical_positions()],
    "order": lambda c: [c.order("o-1")],
    "orders": lambda c: [c.orders(status="resting", min_created_at=NOW, ticker=TICKER)],
    "account_page": lambda c: [
        c.account_page(kind, tier, cursor="c-1", since=LONG_AGO, until=NOW, limit=100)
        for kind, tier in LISTS
    ],
    "historical_orders": lambda c: [c.historical_orders(min_created_at=NOW, ticker=TICKER)],
    "fills": lambda c: [
        c.fills(min_filled_at=LONG_AGO, max_filled_at=NOW, order_id="o-1", tickers=[TICKER])
    ],
    "historical_fills": lambda c: [
        c.historical_fills(min_filled_at=LONG_AGO, max_filled_at=NOW, ticker=TICKER)
    ],
    "settlements": lambda c: [c.settlements(min_settled_at=NOW, ticker=TICKER)],
    "create_order": lambda c: [c.create_order(order) for order in (ORDER, PAUSABLE, CLOSING)],
    "amend_order": lambda c: [c.amend_order(AMENDMENT)],
    "decrease_order": lambda c: [
        c.decrease_order("o-1", market_ticker=TICKER, reduce_by=100),
        c.decrease_order("o-1", market_ticker=TICKER, reduce_to=100),
    ],
    "cancel_order": lambda c: [c.cancel_order("o-1", market_ticker=TICKER)],
    "cancel_all_orders": lambda c: c.cancel_all_orders(),
}


def by_the_document(request: httpx.Request) -> httpx.Response:
    body = ANSWERS[operation_name(request)]
    return httpx.Response(204) if body is None else httpx.Response(200, json=body)


@pytest.mark.parametrize("name", CALLS)
def test_every_request_of_every_call_is_as_the_document_has_it(name):
    exchange = FakeExchange(by=by_the_document)
    CALLS[name](client_of(exchange))
    assert exchange.requests
    for request in exchange.requests:
        check_request(request)


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_of_our_fakes_is_as_the_document_has_it(name):
    check_answer(name, ANSWERS[name])


def public_calls() -> set[str]:
    functions = inspect.getmembers(KalshiClient, inspect.isfunction)
    return {name for name, _ in functions if not name.startswith("_")} - {"close"}


def test_every_call_of_the_client_is_checked_here():
    assert public_calls() == set(CALLS)


def test_the_calls_together_use_every_answer():
    exchange = FakeExchange(by=by_the_document)
    for call in CALLS.values():
        call(client_of(exchange))
    assert {operation_name(request) for request in exchange.requests} == set(ANSWERS)


def test_the_check_itself_can_fail():
    with pytest.raises(jsonschema.ValidationError):
        check_answer("GET /markets", {"markets": [payloads.market(volume_fp=1)], "cursor": ""})
    for wrong in ("markets?limit=1001", "markets?limit=x", "markets/orderbooks"):
        with pytest.raises((jsonschema.ValidationError, AssertionError, ValueError)):
            check_request(httpx.Request("GET", f"http://x{PREFIX}/{wrong}"))
    with pytest.raises(KeyError, match="tickerz"):
        check_request(httpx.Request("GET", f"http://x{PREFIX}/markets?tickerz=A"))
    path = f"http://x{PREFIX}/portfolio/events/orders"
    with pytest.raises(jsonschema.ValidationError):
        check_request(httpx.Request("POST", path, json={"ticker": TICKER}))
    with pytest.raises(AssertionError, match="has no POST"):
        check_request(httpx.Request("POST", f"http://x{PREFIX}/portfolio/orders"))
