"""Answers as the exchange gives them today. `test_contract.py` holds them against its document."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.rate_limit import BucketSize, OwnBook, RateLimits, Tier
from kalshi_assets.kalshi.retry import RetryPolicy

BASE = "http://127.0.0.1:8/trade-api/v2"
TICKER = "KXCPI-26DEC-T0.3"
Handler = Callable[[httpx.Request], httpx.Response]


class FakeExchange:
    """Answers by a list of answers, or by a function, and keeps the requests."""

    def __init__(self, *answers: httpx.Response | Exception, by: Handler | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)
        self._by = by

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._by is not None:
            return self._by(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def client_of(
    exchange: Handler,
    *,
    auth: RequestSigner | None = None,
    pauses: list[float] | None = None,
    random: Callable[[], float] = lambda: 0.5,
) -> KalshiClient:
    """Return the real client before a fake exchange; time does not pass."""
    waited: list[float] = [] if pauses is None else pauses
    endless = RateLimits(OwnBook(Tier(BucketSize(1e9, 1e9), BucketSize(1e9, 1e9))))
    return KalshiClient(
        BASE,
        auth=auth,
        transport=httpx.MockTransport(exchange),
        retry=RetryPolicy(sleep=waited.append, random=random),
        limits=endless,
    )


def answer(status: int = 200, /, **body: Any) -> httpx.Response:
    return httpx.Response(status, json=body)


def raw_answer(text: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=text.encode())


def market(ticker: str = TICKER, **changes: Any) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "event_ticker": "KXCPI-26DEC",
        "market_type": "binary",
        "title": "Will CPI rise more than 0.3% in December 2026?",
        "yes_sub_title": "Above 0.3%",
        "no_sub_title": "Above 0.3%",
        "created_time": "2026-10-01T14:00:00Z",
        "updated_time": "2026-11-22T15:00:00.123456Z",
        "open_time": "2026-10-01T14:00:00Z",
        "close_time": "2027-01-13T13:25:00Z",
        "latest_expiration_time": "2027-01-20T15:00:00Z",
        "settlement_timer_seconds": 1800,
        "status": "active",
        "yes_bid_dollars": "0.6800",
        "yes_bid_size_fp": "120.00",
        "yes_ask_dollars": "0.7050",
        "yes_ask_size_fp": "15.50",
        "no_bid_dollars": "0.2950",
        "no_ask_dollars": "0.3200",
        "last_price_dollars": "0.7000",
        "volume_fp": "22306.56",
        "volume_24h_fp": "512.00",
        "result": "",
        "can_close_early": True,
        "open_interest_fp": "15842.78",
        "notional_value_dollars": "1.0000",
        "previous_yes_bid_dollars": "0.6700",
        "previous_yes_ask_dollars": "0.7000",
        "previous_price_dollars": "0.6900",
        "settlement_bounds_type": "default",
        "expiration_value": "",
        "rules_primary": "",
        "rules_secondary": "",
        "price_level_structure": "deci_cent",
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0010"}],
    } | changes


def candle(end: int = 1_795_000_000, **changes: Any) -> dict[str, Any]:
    quote = {
        "open_dollars": "0.4100",
        "low_dollars": "0.4000",
        "high_dollars": "0.4400",
        "close_dollars": "0.4300",
    }
    return {
        "end_period_ts": end,
        "yes_bid": quote,
        "yes_ask": quote | {"close_dollars": "0.4600", "high_dollars": "0.4700"},
        "price": quote | {"mean_dollars": "0.4211", "previous_dollars": "0.4000"},
        "volume_fp": "12.34",
        "open_interest_fp": "500.00",
    } | changes


def order(order_id: str = "o-1", **changes: Any) -> dict[str, Any]:
    return {
        "order_id": order_id,
        "user_id": "u-1",
        "client_order_id": "c-1",
        "ticker": TICKER,
        "outcome_side": "no",
        "book_side": "ask",
        "type": "limit",
        "status": "resting",
        "yes_price_dollars": "0.6050",
        "no_price_dollars": "0.3950",
        "initial_count_fp": "10.00",
        "fill_count_fp": "2.50",
        "remaining_count_fp": "7.50",
        "taker_fees_dollars": "0.041800",
        "maker_fees_dollars": "0.000001",
        "taker_fill_cost_dollars": "0.987500",
        "maker_fill_cost_dollars": "0.000000",
        "created_time": "2026-11-22T15:00:00.5Z",
        "expiration_time": "2026-11-22T15:03:00Z",
    } | changes


def fill(fill_id: str = "f-1", **changes: Any) -> dict[str, Any]:
    return {
        "fill_id": fill_id,
        "trade_id": fill_id,
        "order_id": "o-1",
        "ticker": TICKER,
        "market_ticker": TICKER,
        "exchange_index": 0,
        "outcome_side": "yes",
        "book_side": "bid",
        "count_fp": "1.25",
        "yes_price_dollars": "0.5200",
        "no_price_dollars": "0.4800",
        "is_taker": True,
        "fee_cost": "0.017472",
        "created_time": "2026-11-22T15:00:01.25Z",
        "ts": 1_795_359_601,
    } | changes


def position(ticker: str = TICKER, **changes: Any) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "exchange_index": 0,
        "total_traded_dollars": "2.500000",
        "position_fp": "-3.00",
        "market_exposure_dollars": "2.500000",
        "realized_pnl_dollars": "-0.120000",
        "fees_paid_dollars": "0.018900",
        "last_updated_ts": "2026-11-22T15:00:00Z",
    } | changes


def settlement(ticker: str = TICKER, **changes: Any) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "exchange_index": 0,
        "event_ticker": "KXCPI-26DEC",
        "market_result": "no",
        "yes_count_fp": "0.00",
        "yes_total_cost_dollars": "0.000000",
        "no_count_fp": "12.50",
        "no_total_cost_dollars": "4.937500",
        "revenue": 1250,
        "settled_time": "2026-11-22T15:00:00Z",
        "fee_cost": "0.041801",
    } | changes


def series(**changes: Any) -> dict[str, Any]:
    return {
        "ticker": "KXCPI",
        "frequency": "monthly",
        "title": "CPI",
        "category": "Economics",
        "categories": ["Economics"],
        "tags": None,
        "settlement_sources": None,
        "contract_url": "",
        "contract_terms_url": "",
        "fee_type": "quadratic",
        "fee_multiplier": 0.5,
        "additional_prohibitions": None,
    } | changes


BALANCE = {
    "balance": 9801,
    "balance_dollars": "98.0186",
    "portfolio_value": 198,
    "updated_ts": 1_795_359_600,
    "balance_breakdown": [
        {"exchange_index": 0, "balance": "90.0186"},
        {"exchange_index": 2, "balance": "8.0000"},
    ],
}
CREATED = {
    "order_id": "o-1",
    "client_order_id": "c-1",
    "fill_count": "2.50",
    "remaining_count": "7.50",
    "ts_ms": 1_795_359_600_123,
}
AMENDED = {"order_id": "o-1", "remaining_count": "5.00", "ts_ms": 1_795_359_660_456}
DECREASED = {"order_id": "o-1", "remaining_count": "5.00", "ts_ms": 1_795_359_660_456}
CANCELLED = {"order_id": "o-1", "reduced_by": "7.50", "ts_ms": 1_795_359_660_456}


def body_of(request: httpx.Request) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(request.content)
    return document
