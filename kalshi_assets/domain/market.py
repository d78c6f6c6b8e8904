"""Markets, series and their quotes as the exchange states them, scaled to exact integers."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.price import PriceGrid

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
    """One market: its terms. What moves by the second is in its `Quote`."""

    ticker: str
    event_ticker: str
    title: str
    status: str
    open_at: datetime
    close_at: datetime
    grid: PriceGrid
    result: str

    @property
    def series_ticker(self) -> str:
        """Return the series, the part of the event ticker before its first hyphen."""
        return self.event_ticker.split("-", 1)[0]


@dataclass(frozen=True)
class TrackedMarket:
    """A market we collect, with its series' fee multiplier (None: fee terms not known)."""

    market: Market
    fee_multiplier: Decimal | None


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
class ExchangeStatus:
    """Whether the exchange runs and trades now."""

    is_exchange_active: bool
    is_trading_active: bool


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
