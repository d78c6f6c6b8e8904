"""Calls that show every answer to questions about markets, good or bad."""

from kalshi_assets_tests.local_exchange.contract_cases import (
    CLOSES_SOON,
    CPI,
    EVENT_CANDLES,
    START,
    TOO_MANY,
    bare,
    get,
    missing,
)

HOURS = {"start_ts": START - 86_400, "end_ts": START, "period_interval": 60}
MINUTES = {"start_ts": START - 7_200, "end_ts": START, "period_interval": 1}
SERIES_CANDLES = "/series/{series_ticker}/markets/{ticker}/candlesticks"
OLD_CANDLES = "/historical/markets/{ticker}/candlesticks"
EVENT = {"ticker": "KXCPI-26OCT"}
OLD = {"ticker": CLOSES_SOON}
UNCLEAR = "maybe"

EXCHANGE = [
    get("/exchange/status"),
    get("/exchange/schedule"),
    get("/exchange/user_data_timestamp"),
]
SERIES = [
    get("/series"),
    get(
        "/series",
        query={
            "category": "Economics",
            "tags": "Inflation",
            "include_volume": "true",
            "include_product_metadata": "true",
            "min_updated_ts": 1,
        },
    ),
    bare("/series", include_volume=UNCLEAR),
    get("/series/fee_changes", query={"series_ticker": "KXCPI", "show_historical": "true"}),
    bare("/series/fee_changes", show_historical=UNCLEAR),
    get("/series/{series_ticker}", query={"include_volume": "true"}),
    bare("/series/{series_ticker}", include_volume=UNCLEAR),
    missing("/series/{series_ticker}", series_ticker="KXNO"),
]
EVENTS = [
    get("/events"),
    get("/events", query={"with_nested_markets": "true", "with_milestones": "true", "limit": 2}),
    get("/events", query={"status": "open", "series_ticker": "KXCPI", "min_close_ts": START}),
    get("/events", query={"tickers": "KXCPI-26OCT", "min_updated_ts": 1, "cursor": "garbage"}),
    get("/events", query={"with_nested_markets": "true"}, world="aged"),
    bare("/events", limit=201),
    get("/events/multivariate", query={"limit": 5, "cursor": "", "with_nested_markets": "true"}),
    bare("/events/multivariate", series_ticker="KXCPI", collection_ticker="KXMVE"),
    get("/events/fee_changes", query={"event_ticker": "KXCPI-26OCT", "limit": 5, "cursor": ""}),
    bare("/events/fee_changes", limit=1001),
    get("/events/{event_ticker}"),
    get("/events/{event_ticker}", query={"with_nested_markets": "true"}),
    bare("/events/{event_ticker}", with_nested_markets=UNCLEAR),
    missing("/events/{event_ticker}", event_ticker="KXNO-1"),
    get("/events/{event_ticker}/metadata"),
    missing("/events/{event_ticker}/metadata", event_ticker="KXNO-1"),
]
MARKETS = [
    get("/markets"),
    get("/markets", query={"limit": 2, "cursor": "garbage", "mve_filter": "exclude"}),
    get("/markets", query={"tickers": CPI, "event_ticker": "KXCPI-26OCT", "status": "open"}),
    get("/markets", query={"min_created_ts": 1, "max_created_ts": START, "status": "open"}),
    get("/markets", query={"min_close_ts": 1, "max_close_ts": START + 10**7}),
    get("/markets", query={"min_settled_ts": 1, "max_settled_ts": START, "status": "settled"}),
    get(
        "/markets",
        query={
            "min_updated_ts": 1,
            "max_updated_ts": START + 10**6,
            "mve_filter": "exclude",
            "series_ticker": "KXCPI",
        },
    ),
    bare("/markets", **TOO_MANY),
    bare("/markets", min_close_ts=1, max_settled_ts=2),
    get("/markets/{ticker}"),
    get("/markets/{ticker}", path=OLD),
    missing("/markets/{ticker}", ticker="KXNO"),
    get("/markets/{ticker}", 404, "nested", path=OLD, world="aged"),
    get("/markets/{ticker}/orderbook", query={"depth": 3}),
    bare("/markets/{ticker}/orderbook", depth=101),
    missing("/markets/{ticker}/orderbook", ticker="KXNO"),
    get("/markets/orderbooks", query={"tickers": [CPI, CLOSES_SOON, "KXNO"]}),
    bare("/markets/orderbooks"),
    bare("/markets/orderbooks", tickers=["KXNO"] * 101),
    get("/markets/trades"),
    get("/markets/trades", query={"ticker": CPI, "limit": 3, "min_ts": 1, "max_ts": START}),
    get("/markets/trades", query={"is_block_trade": "false", "cursor": "garbage", "limit": 1}),
    bare("/markets/trades", **TOO_MANY),
]
CANDLES = [
    get(
        "/markets/candlesticks",
        query={
            **HOURS,
            "market_tickers": f"{CPI},{CLOSES_SOON}",
            "include_latest_before_start": "true",
        },
    ),
    bare("/markets/candlesticks", **HOURS),
    get(SERIES_CANDLES, query={**MINUTES, "include_latest_before_start": "true"}),
    bare(SERIES_CANDLES, start_ts=1, end_ts=2, period_interval=7),
    get(SERIES_CANDLES, 400, "nested", query={**MINUTES, "start_ts": START - 864_000}),
    get(SERIES_CANDLES, 404, "nested", path={"ticker": "KXNO"}, query=HOURS),
    get(SERIES_CANDLES, 404, "nested", path={"series_ticker": "KXNO"}, query=HOURS),
    get(EVENT_CANDLES, path=EVENT, query=HOURS),
    get(EVENT_CANDLES, 400, "bare", path=EVENT),
    get(EVENT_CANDLES, 404, "nested", path={"ticker": "KXNO-1"}, query=HOURS),
]
HISTORICAL = [
    get("/historical/cutoff"),
    get("/historical/markets", world="aged"),
    get("/historical/markets", query={"tickers": CLOSES_SOON, "limit": 5}, world="aged"),
    get("/historical/markets", query={"event_ticker": "KXPAYROLLS-26SEP"}, world="aged"),
    get("/historical/markets", query={"series_ticker": "KXPAYROLLS", "cursor": ""}, world="aged"),
    get("/historical/markets", query={"mve_filter": "exclude"}, world="aged"),
    bare("/historical/markets", mve_filter="only"),
    bare("/historical/markets", tickers=CLOSES_SOON, series_ticker="KXPAYROLLS"),
    get("/historical/markets/{ticker}", path=OLD, world="aged"),
    missing("/historical/markets/{ticker}"),
    get(OLD_CANDLES, path=OLD, query=HOURS, world="aged"),
    get(OLD_CANDLES, 400, "bare", path=OLD, world="aged"),
    missing(OLD_CANDLES),
    get("/historical/trades", query={"ticker": CPI, "limit": 3, "cursor": ""}, world="aged"),
    get("/historical/trades", query={"min_ts": 1, "max_ts": START, "limit": 3}, world="aged"),
    get("/historical/trades", query={"is_block_trade": "true"}, world="aged"),
    bare("/historical/trades", **TOO_MANY),
    get("/historical/trades", 404, "nested", query={"ticker": "KXNO"}),
    get("/historical/fills", world="aged"),
    get("/historical/fills", query={"ticker": CLOSES_SOON, "subaccount": 0}, world="aged"),
    get("/historical/fills", query={"min_ts": 1, "max_ts": START, "limit": 1, "cursor": ""}),
    bare("/historical/fills", subaccount=64),
    get("/historical/fills", 404, "nested", query={"ticker": "KXNO"}),
    get("/historical/orders", world="aged"),
    get("/historical/orders", query={"ticker": CLOSES_SOON, "subaccount": 0}, world="aged"),
    get("/historical/orders", query={"min_ts": 1, "max_ts": START, "limit": 1, "cursor": ""}),
    bare("/historical/orders", **TOO_MANY),
    get("/historical/positions", world="aged"),
    get(
        "/historical/positions",
        query={
            "ticker": CLOSES_SOON,
            "event_ticker": "KXPAYROLLS-26SEP",
            "limit": 5,
            "cursor": "",
            "subaccount": 0,
        },
        world="aged",
    ),
    bare("/historical/positions", **TOO_MANY),
]

MARKET_CASES = [*EXCHANGE, *SERIES, *EVENTS, *MARKETS, *CANDLES, *HISTORICAL]
