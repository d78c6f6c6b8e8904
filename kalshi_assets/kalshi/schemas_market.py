"""Payloads of exchange status, series and markets.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from typing import ClassVar, Literal

from pydantic import model_validator

from kalshi_assets.domain.market import (
    ExchangeStatus,
    Market,
    MarketSnapshot,
    MarketStatus,
    Quote,
    Series,
)
from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.kalshi.schemas import (
    Count,
    Identifier,
    Instant,
    Number,
    Payload,
    Price,
    Text,
)


class ExchangeStatusPayload(Payload):
    """Answer of `GET /exchange/status`."""

    exchange_active: bool
    trading_active: bool

    def to_domain(self) -> ExchangeStatus:
        """Return the status of the default shard, the one plain markets trade on."""
        return ExchangeStatus(self.exchange_active, self.trading_active)


class SeriesPayload(Payload):
    """A series. `fee_multiplier` is the one true number of this API."""

    ticker: Identifier
    title: Text
    category: Text
    fee_type: Identifier
    fee_multiplier: Number

    def to_domain(self) -> Series:
        """Return the series."""
        return Series(self.ticker, self.title, self.category, self.fee_type, self.fee_multiplier)


class PriceRangePayload(Payload):
    """A stretch of a market's price grid."""

    start: Price
    end: Price
    step: Price

    @model_validator(mode="after")
    def _is_a_range(self) -> "PriceRangePayload":
        if self.step == 0 or self.start >= self.end:
            raise ValueError("a price range runs upwards in steps above 0")
        return self


class MarketPayload(Payload):
    """A market and its quote. `title` is optional in the API document; `yes_sub_title` is not."""

    documented: ClassVar[frozenset[str]] = frozenset(
        [
            "can_close_early",
            "cap_strike",
            "created_time",
            "custom_strike",
            "early_close_condition",
            "exchange_index",
            "expected_expiration_time",
            "expiration_time",
            "expiration_value",
            "fee_waiver_expiration_time",
            "floor_strike",
            "functional_strike",
            "is_provisional",
            "latest_expiration_time",
            "market_type",
            "mve_collection_ticker",
            "mve_selected_legs",
            "no_ask_dollars",
            "no_bid_dollars",
            "no_sub_title",
            "notional_value_dollars",
            "occurrence_datetime",
            "previous_price_dollars",
            "previous_yes_ask_dollars",
            "previous_yes_bid_dollars",
            "price_level_structure",
            "primary_participant_key",
            "rules_primary",
            "rules_secondary",
            "settlement_bounds_type",
            "settlement_floor_dollars",
            "settlement_timer_seconds",
            "settlement_ts",
            "settlement_value_dollars",
            "strike_type",
            "subtitle",
        ]
    )

    ticker: Identifier
    event_ticker: Identifier
    title: Text | None = None
    yes_sub_title: Text
    status: MarketStatus
    open_time: Instant
    close_time: Instant
    updated_time: Instant
    yes_bid_dollars: Price
    yes_bid_size_fp: Count
    yes_ask_dollars: Price
    yes_ask_size_fp: Count
    last_price_dollars: Price
    volume_fp: Count
    volume_24h_fp: Count
    open_interest_fp: Count
    price_ranges: list[PriceRangePayload]
    result: Literal["yes", "no", "scalar", ""]

    @model_validator(mode="after")
    def _has_a_grid(self) -> "MarketPayload":
        if not self.price_ranges:
            raise ValueError("price_ranges is empty: no price could be traded")
        return self

    def to_domain(self) -> MarketSnapshot:
        """Return terms and quote."""
        return MarketSnapshot(self._market(), self._quote())

    def _market(self) -> Market:
        ranges = tuple(PriceRange(r.start, r.end, r.step) for r in self.price_ranges)
        return Market(
            ticker=self.ticker,
            event_ticker=self.event_ticker,
            title=self.title or self.yes_sub_title,
            status=self.status,
            open_at=self.open_time,
            close_at=self.close_time,
            grid=PriceGrid(ranges),
            result=self.result,
        )

    def _quote(self) -> Quote:
        return Quote(
            market_ticker=self.ticker,
            status=self.status,
            yes_bid=self.yes_bid_dollars,
            yes_bid_size=self.yes_bid_size_fp,
            yes_ask=self.yes_ask_dollars,
            yes_ask_size=self.yes_ask_size_fp,
            last_price=self.last_price_dollars,
            volume=self.volume_fp,
            volume_24h=self.volume_24h_fp,
            open_interest=self.open_interest_fp,
            quoted_at=self.updated_time,
        )
