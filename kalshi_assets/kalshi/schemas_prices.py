"""Payloads of prices over time and in depth: candlesticks, order books, trades.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from kalshi_assets.domain.market import BookLevel, Candle, OrderBook, Side, Trade
from kalshi_assets.kalshi.schemas import (
    BookSide,
    Count,
    EpochSeconds,
    Identifier,
    Instant,
    Payload,
    Price,
    as_count,
    as_price,
    quoted,
    require_one_way,
)

SECONDS_PER_MINUTE = 60


class BidAskPayload(Payload):
    """A quote's way through one candlestick."""

    open_dollars: Price
    low_dollars: Price
    high_dollars: Price
    close_dollars: Price

    @property
    def opening_range(self) -> tuple[int, int, int]:
        """Return open, low and high in micros."""
        return self.open_dollars, self.low_dollars, self.high_dollars


class TradedPayload(Payload):
    """Trade prices of one candlestick: all null, or left out, where nothing was traded."""

    documented: ClassVar[frozenset[str]] = frozenset(
        ("mean_dollars", "previous_dollars", "min_dollars", "max_dollars")
    )

    open_dollars: Price | None = None
    low_dollars: Price | None = None
    high_dollars: Price | None = None
    close_dollars: Price | None = None

    @model_validator(mode="after")
    def _is_all_or_nothing(self) -> "TradedPayload":
        prices = (self.open_dollars, self.low_dollars, self.high_dollars, self.close_dollars)
        if len({price is None for price in prices}) > 1:
            raise ValueError("open, low, high and close are traded prices or null together")
        return self


class CandlePayload(Payload):
    """One candlestick of a market."""

    end_period_ts: EpochSeconds
    yes_bid: BidAskPayload
    yes_ask: BidAskPayload
    price: TradedPayload
    volume_fp: Count
    open_interest_fp: Count

    def to_domain(self, market_ticker: str, interval_minutes: int) -> Candle:
        """Return the candle of the given market and interval."""
        return Candle(
            market_ticker=market_ticker,
            interval_seconds=interval_minutes * SECONDS_PER_MINUTE,
            end_at=self.end_period_ts,
            yes_bid=self.yes_bid.close_dollars,
            yes_ask=self.yes_ask.close_dollars,
            yes_bid_range=self.yes_bid.opening_range,
            yes_ask_range=self.yes_ask.opening_range,
            trade_open=self.price.open_dollars,
            trade_low=self.price.low_dollars,
            trade_high=self.price.high_dollars,
            trade_close=self.price.close_dollars,
            volume=self.volume_fp,
            open_interest=self.open_interest_fp,
        )


class HistoricalBidAskPayload(BidAskPayload):
    """The same of the historical tier, which writes its fields without a suffix."""

    open_dollars: Price = Field(validation_alias="open")
    low_dollars: Price = Field(validation_alias="low")
    high_dollars: Price = Field(validation_alias="high")
    close_dollars: Price = Field(validation_alias="close")


class HistoricalTradedPayload(TradedPayload):
    """The same of the historical tier: null where nothing was traded, never left out."""

    documented: ClassVar[frozenset[str]] = frozenset(("mean", "previous"))

    open_dollars: Price | None = Field(validation_alias="open")
    low_dollars: Price | None = Field(validation_alias="low")
    high_dollars: Price | None = Field(validation_alias="high")
    close_dollars: Price | None = Field(validation_alias="close")


class HistoricalCandlePayload(CandlePayload):
    """One candlestick of the historical tier."""

    yes_bid: HistoricalBidAskPayload
    yes_ask: HistoricalBidAskPayload
    price: HistoricalTradedPayload
    volume_fp: Count = Field(validation_alias="volume")
    open_interest_fp: Count = Field(validation_alias="open_interest")


class MarketCandlesPayload(Payload):
    """The candlesticks of one market, each still to be read by itself."""

    documented: ClassVar[frozenset[str]] = frozenset({"candlesticks"})

    market_ticker: Identifier


def _level(value: object) -> BookLevel:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{quoted(value)} is no pair of price and count")
    return BookLevel(as_price(value[0]), as_count(value[1]))


Level = Annotated[BookLevel, BeforeValidator(_level)]


class BookSidesPayload(Payload):
    """The bids of both sides as (price, count) pairs, ascending: the best is the last."""

    yes_dollars: list[Level]
    no_dollars: list[Level]

    @model_validator(mode="after")
    def _sides_ascend(self) -> "BookSidesPayload":
        for levels in (self.yes_dollars, self.no_dollars):
            prices = [level.price for level in levels]
            if prices != sorted(set(prices)):
                raise ValueError("the bids of a side do not ascend, each price once")
        return self

    def to_domain(self, market_ticker: str) -> OrderBook:
        """Return the book of the given market."""
        return OrderBook(market_ticker, tuple(self.yes_dollars), tuple(self.no_dollars))


class MarketBookPayload(Payload):
    """One market's book in an answer about many."""

    ticker: Identifier
    orderbook_fp: BookSidesPayload

    def to_domain(self) -> OrderBook:
        """Return the book."""
        return self.orderbook_fp.to_domain(self.ticker)


class TradePayload(Payload):
    """A public trade; its direction is told twice and must not contradict itself."""

    documented: ClassVar[frozenset[str]] = frozenset(("no_price_dollars", "taker_side"))

    trade_id: Identifier
    ticker: Identifier
    count_fp: Count
    yes_price_dollars: Price
    taker_outcome_side: Side
    taker_book_side: BookSide
    created_time: Instant
    is_block_trade: bool

    @model_validator(mode="after")
    def _points_one_way(self) -> "TradePayload":
        require_one_way(self.taker_outcome_side, self.taker_book_side)
        return self

    def to_domain(self) -> Trade:
        """Return the trade; its price is that of the YES leg."""
        return Trade(
            trade_id=self.trade_id,
            market_ticker=self.ticker,
            count=self.count_fp,
            yes_price=self.yes_price_dollars,
            taker_side=self.taker_outcome_side,
            is_block_trade=self.is_block_trade,
            created_at=self.created_time,
        )
