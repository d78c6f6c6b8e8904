"""Markets, series and their quotes as the exchange states them, scaled to exact integers."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.price import PriceGrid

Side = Literal["yes", "no"]
# Every status the exchange documents.
MarketStatus = Literal[
    "initialized",
    "inactive",
    "active",
    "closed",
    "determined",
    "disputed",
    "amended",
    "finalized",
]


@dataclass(frozen=True)
class Series:
    """A series of markets with its category and fee terms."""

    ticker: str
    title: str
    category: str
    fee_type: str
    fee_multiplier: Decimal


@dataclass(frozen=True)
class Market:
    """One market: its terms. What moves by the second is in its `Quote`.

    Attributes:
        grid: the prices an order may carry.
        result: yes, no, scalar, or "" before it is determined.
        settled_at: when it was paid out; None before.
        settlement_value: what one YES contract was worth, micros; None before.
        fee_waived_until: until then trades are free of fees; None without a waiver.
        exchange_index: the shard it trades on, where collateral has to lie; None where not told.
    """

    ticker: str
    event_ticker: str
    title: str
    status: str
    open_at: datetime
    close_at: datetime
    grid: PriceGrid
    result: str
    settled_at: datetime | None = None
    settlement_value: int | None = None
    fee_waived_until: datetime | None = None
    exchange_index: int | None = None

    @property
    def series_ticker(self) -> str:
        """Return the series, the part of the event ticker before its first hyphen."""
        return self.event_ticker.split("-", 1)[0]


@dataclass(frozen=True)
class TrackedMarket:
    """A market we collect, with its series' fee multiplier and category; None: not known."""

    market: Market
    fee_multiplier: Decimal | None
    category: str | None = None


@dataclass(frozen=True)
class Quote:
    """A market's quote fields as received. An empty side shows by its size, not by its price.

    Prices are micros, counts centicontracts; `quoted_at` is the exchange's `updated_time`.
    """

    market_ticker: str
    status: str
    yes_bid: int
    yes_bid_size: int
    yes_ask: int
    yes_ask_size: int
    last_price: int
    volume: int
    volume_24h: int
    open_interest: int
    quoted_at: datetime


@dataclass(frozen=True)
class MarketSnapshot:
    """A market's terms and quote, read from one payload."""

    market: Market
    quote: Quote


@dataclass(frozen=True)
class Event:
    """An event and, where they were asked for, its markets.

    Attributes:
        collateral_return_type: `MECNET` (at most one market can resolve to yes), `DIRECNET`, or "".
        fee_type_override: fee type that wins over the series'; None without an override.
        fee_multiplier_override: multiplier that wins over the series'; None without an override.
        markets: None where they were not asked for.
    """

    ticker: str
    series_ticker: str
    title: str
    sub_title: str
    collateral_return_type: str
    is_mutually_exclusive: bool
    fee_type_override: str | None
    fee_multiplier_override: Decimal | None
    exchange_index: int | None
    markets: tuple[MarketSnapshot, ...] | None


@dataclass(frozen=True)
class Trade:
    """One public trade: `yes_price` in micros, `count` in centicontracts.

    Attributes:
        taker_side: the side the taker bought.
        is_block_trade: matched beside the book.
    """

    trade_id: str
    market_ticker: str
    count: int
    yes_price: int
    taker_side: Side
    is_block_trade: bool
    created_at: datetime


@dataclass(frozen=True)
class Candle:
    """One candlestick: quotes at its close, and trading within it.

    Prices are micros; `trade_*` are None where nothing was traded. `yes_bid_range` and
    `yes_ask_range` are (open, low, high).
    """

    market_ticker: str
    interval_seconds: int
    end_at: datetime
    yes_bid: int
    yes_ask: int
    yes_bid_range: tuple[int, int, int]
    yes_ask_range: tuple[int, int, int]
    trade_open: int | None
    trade_low: int | None
    trade_high: int | None
    trade_close: int | None
    volume: int
    open_interest: int


@dataclass(frozen=True)
class ShardStatus:
    """Whether one shard of the exchange runs and trades now."""

    exchange_index: int
    is_exchange_active: bool
    is_trading_active: bool


@dataclass(frozen=True)
class ExchangeStatus:
    """Whether the exchange runs and trades now.

    Attributes:
        resumes_at: when it expects to be back; None where it does not say.
        shards: each shard by itself; the first two fields are those of shard 0. Empty where not
            told.
    """

    is_exchange_active: bool
    is_trading_active: bool
    resumes_at: datetime | None = None
    shards: tuple[ShardStatus, ...] = ()


@dataclass(frozen=True)
class BookLevel:
    """All contracts bid for at one price: micros and centicontracts."""

    price: int
    count: int


@dataclass(frozen=True)
class OrderBook:
    """The bids for both sides of a market, best last. Each side is in its own prices.

    A bid for NO at p is an offer of YES at 1 - p.
    """

    market_ticker: str
    yes_bids: tuple[BookLevel, ...]
    no_bids: tuple[BookLevel, ...]
