"""Payload schemas against values built from the exchange's OpenAPI document alone."""

import json
from typing import Any

import pytest

from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi import schemas_account as account
from kalshi_assets.kalshi import schemas_exchange as exchange
from kalshi_assets.kalshi import schemas_limits as limits
from kalshi_assets.kalshi import schemas_market as market
from kalshi_assets.kalshi import schemas_orders as orders
from kalshi_assets.kalshi import schemas_prices as prices
from kalshi_assets.kalshi.body import Body
from kalshi_assets.kalshi.schemas import Payload, read_payload
from kalshi_assets_tests.kalshi.api_document import document, example
from kalshi_assets_tests.kalshi.shared_files import needs_recordings

pytestmark = needs_recordings

SCHEMAS: dict[str, type[Payload]] = {
    "AmendOrderV2Response": orders.AmendedOrderPayload,
    "CancelOrderV2Response": orders.CancelledOrderPayload,
    "CreateOrderV2Response": orders.CreatedOrderPayload,
    "DecreaseOrderV2Response": orders.DecreasedOrderPayload,
    "EventData": market.EventPayload,
    "EventFeeChange": exchange.EventFeeChangePayload,
    "ExchangeStatus": exchange.ExchangeStatusPayload,
    "Fill": account.FillPayload,
    "GetAccountApiLimitsResponse": limits.AccountLimitsPayload,
    "GetAccountEndpointCostsResponse": limits.EndpointCostsPayload,
    "GetBalanceResponse": account.BalancePayload,
    "GetHistoricalCutoffResponse": exchange.CutoffPayload,
    "GetUserDataTimestampResponse": exchange.UserDataTimestampPayload,
    "Market": market.MarketPayload,
    "MarketCandlestick": prices.CandlePayload,
    "MarketCandlestickHistorical": prices.HistoricalCandlePayload,
    "MarketCandlesticksResponse": prices.MarketCandlesPayload,
    "MarketOrderbookFp": prices.MarketBookPayload,
    "MarketPosition": account.PositionPayload,
    "Order": account.OrderPayload,
    "OrderbookCountFp": prices.BookSidesPayload,
    "Schedule": exchange.SchedulePayload,
    "Series": market.SeriesPayload,
    "SeriesFeeChange": exchange.SeriesFeeChangePayload,
    "Settlement": account.SettlementPayload,
    "Trade": prices.TradePayload,
}
# What we need although the document lets it be left out.
NEEDED_BY_US = {"Fill": {"created_time": "2026-11-22T15:00:00Z"},
                "Order": {"created_time": "2026-11-22T15:00:00Z"}}  # fmt: skip
# In the payloads of these the document's fields are known, used or not: the rest is counted.
COUNTED: dict[str, type[Payload]] = {
    "EventData": market.EventPayload,
    "Market": market.MarketPayload,
    "PriceDistribution": prices.TradedPayload,
    "PriceDistributionHistorical": prices.HistoricalTradedPayload,
    "Series": market.SeriesPayload,
    "Trade": prices.TradePayload,
}


def document_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = document()["components"]["schemas"][name]
    return schema


def read(name: str, value: object) -> Any:
    return read_payload(SCHEMAS[name], Body(json.dumps(value).encode(), "GET /x").whole)


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("is_full", [True, False])
def test_what_the_document_allows_is_read(name, is_full):
    value = example(document_schema(name), is_full=is_full) | NEEDED_BY_US.get(name, {})
    payload = read(name, value)
    if hasattr(payload, "to_domain") and name not in ("MarketCandlestick", "OrderbookCountFp"):
        arguments = ["X", 60] if name == "MarketCandlestickHistorical" else []
        assert payload.to_domain(*arguments) is not None


def used_and_needed(schema: type[Payload]) -> tuple[set[str], set[str]]:
    """Return the fields we read, and those of them that must be there, as the exchange has them."""
    fields = {str(f.validation_alias or n): f for n, f in schema.model_fields.items()}
    return set(fields), {name for name, field in fields.items() if field.is_required()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_we_need_is_missed_when_it_is_gone(name):
    whole = example(document_schema(name), is_full=True)
    used, needed = used_and_needed(SCHEMAS[name])
    assert needed
    assert used & set(document_schema(name).get("required", ())) <= needed
    for field_name in needed:
        with pytest.raises(PayloadError, match="missing"):
            read(name, {key: value for key, value in whole.items() if key != field_name})


@pytest.mark.parametrize("name", COUNTED)
def test_known_fields_are_those_of_the_document(name):
    known = COUNTED[name].documented | used_and_needed(COUNTED[name])[0]
    assert known == set(document_schema(name)["properties"])


@pytest.mark.parametrize("name", ["EventData", "Market", "Series", "Trade"])
def test_a_field_that_the_document_does_not_name_is_counted(name):
    value = example(document_schema(name), is_full=True)
    assert read(name, value).unknown_fields() == {}
    assert read(name, value | {"brand_new": {}}).unknown_fields() == {"brand_new": 1}
