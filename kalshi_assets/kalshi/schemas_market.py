"""Payloads of series, events and markets.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from typing import ClassVar, Literal

from pydantic import model_validator

from kalshi_assets.domain.market import (
    Event,
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


class SeriesPayload(Payload):
    """A series. `fee_multiplier` is the one true number of this API."""

    documented: ClassVar[frozenset[str]] = frozenset(
        [
            "additional_prohibitions",
            "categories",
            "contract_terms_url",
            "contract_url",
            "exchange_index",
            "frequency",
            "last_updated_ts",
            "product_metadata",
            "settlement_sources",
            "tags",
            "volume_fp",
        ]
    )

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
            "expected_expiration_time",
            "expiration_time",
            "expiration_value",
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
    settlement_ts: Instant | None = None
    settlement_value_dollars: Price | None = None
    fee_waiver_expiration_time: Instant | None = None
    exchange_index: int | None = None

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
            settled_at=self.settlement_ts,
            settlement_value=self.settlement_value_dollars,
            fee_waived_until=self.fee_waiver_expiration_time,
            exchange_index=self.exchange_index,
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


class EventPayload(Payload):
    """An event; its markets come only where they were asked for. One bad market spoils it."""

    documented: ClassVar[frozenset[str]] = frozenset(
        [
            "category",
            "last_updated_ts",
            "product_metadata",
            "settlement_sources",
            "strike_date",
            "strike_period",
        ]
    )

    event_ticker: Identifier
    series_ticker: Identifier
    title: Text
    sub_title: Text
    collateral_return_type: Text
    mutually_exclusive: bool
    fee_type_override: Identifier | None = None
    fee_multiplier_override: Number | None = None
    exchange_index: int | None = None
    markets: list[MarketPayload] | None = None

    def to_domain(self) -> Event:
        """Return the event."""
        markets = None if self.markets is None else tuple(m.to_domain() for m in self.markets)
        return Event(
            ticker=self.event_ticker,
            series_ticker=self.series_ticker,
            title=self.title,
            sub_title=self.sub_title,
            collateral_return_type=self.collateral_return_type,
            is_mutually_exclusive=self.mutually_exclusive,
            fee_type_override=self.fee_type_override,
            fee_multiplier_override=self.fee_multiplier_override,
            exchange_index=self.exchange_index,
            markets=markets,
        )
