"""Answers about the exchange, events, trades and the historical tier, as `payloads.py` has them."""

from typing import Any

from kalshi_assets_tests.kalshi.payloads import TICKER, market

STATUS = {
    "exchange_active": True,
    "trading_active": True,
    "intra_exchange_transfers_active": True,
    "exchange_index_statuses": [
        {
            "exchange_index": index,
            "description": "",
            "exchange_active": True,
            "trading_active": index == 0,
            "intra_exchange_transfers_active": True,
        }
        for index in (0, 2)
    ],
}
OPEN_DAY = [{"open_time": "08:00", "close_time": "24:00"}]
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK: dict[str, Any] = {
    "start_time": "2026-11-01T05:00:00Z",
    "end_time": "2027-11-01T05:00:00Z",
    **dict.fromkeys(DAYS, OPEN_DAY),
    "thursday": [{"open_time": "00:00", "close_time": "03:00"}, *OPEN_DAY],
}
SCHEDULE = {
    "schedule": {
        "standard_hours": [WEEK],
        "maintenance_windows": [
            {"start_datetime": "2026-11-26T08:00:00Z", "end_datetime": "2026-11-26T10:00:00Z"}
        ],
    }
}
CUTOFF = {
    "market_settled_ts": "2026-08-20T00:00:00Z",
    "trades_created_ts": "2026-08-21T00:00:00Z",
    "orders_updated_ts": "2026-11-08T00:00:00Z",
    "market_positions_last_updated_ts": "2026-08-22T00:00:00Z",
}
LIMITS = {
    "usage_tier": "advanced",
    "read": {"refill_rate": 300, "bucket_capacity": 900},
    "write": {"refill_rate": 300, "bucket_capacity": 900},
    "grants": [
        {
            "exchange_instance": "event_contract",
            "level": "advanced",
            "source": "manual",
            "expires_ts": 1_795_359_600,
        }
    ],
}
COSTS = {
    "default_cost": 10,
    "endpoint_costs": [
        {
            "method": "DELETE",
            "path": "/trade-api/v2/portfolio/events/orders/:order_id",
            "cost": 2,
        }
    ],
}
SERIES_FEE_CHANGE = {
    "id": "s-1",
    "series_ticker": "KXCPI",
    "fee_type": "quadratic_with_maker_fees",
    "fee_multiplier": 0.5,
    "scheduled_ts": "2026-12-01T05:00:00Z",
}
EVENT_FEE_CHANGE = {
    "id": "e-1",
    "event_ticker": "KXCPI-26DEC",
    "series_ticker": "KXCPI",
    "fee_type_override": None,
    "fee_multiplier_override": None,
    "scheduled_ts": "2026-12-01T05:00:00Z",
}


def event(ticker: str = "KXCPI-26DEC", **changes: Any) -> dict[str, Any]:
    return {
        "event_ticker": ticker,
        "series_ticker": "KXCPI",
        "title": "CPI in December 2026",
        "sub_title": "Dec 2026",
        "collateral_return_type": "DIRECNET",
        "mutually_exclusive": False,
        "settlement_sources": None,
        "strike_period": "month",
        "fee_type_override": "quadratic",
        "fee_multiplier_override": 0.5,
        "exchange_index": 0,
    } | changes


def trade(trade_id: str = "t-1", **changes: Any) -> dict[str, Any]:
    return {
        "trade_id": trade_id,
        "ticker": TICKER,
        "count_fp": "2.50",
        "yes_price_dollars": "0.6950",
        "no_price_dollars": "0.3050",
        "taker_outcome_side": "no",
        "taker_book_side": "ask",
        "created_time": "2026-11-22T15:00:01.25Z",
        "is_block_trade": False,
    } | changes


def book(ticker: str = TICKER) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "orderbook_fp": {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": []},
    }


def old_candle(end: int = 1_785_000_000, **changes: Any) -> dict[str, Any]:
    quote = {"open": "0.4100", "low": "0.4000", "high": "0.4400", "close": "0.4300"}
    return {
        "end_period_ts": end,
        "yes_bid": quote,
        "yes_ask": quote | {"close": "0.4600", "high": "0.4700"},
        "price": quote | {"mean": "0.4211", "previous": None},
        "volume": "12.34",
        "open_interest": "500.00",
    } | changes


def settled_market(ticker: str, settled_at: str = "2026-07-14T18:00:00Z") -> dict[str, Any]:
    return market(
        ticker,
        status="finalized",
        result="yes",
        settlement_ts=settled_at,
        settlement_value_dollars="1.0000",
        close_time="2026-07-14T12:25:00Z",
        exchange_index=0,
    )
