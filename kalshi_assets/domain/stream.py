"""What a live feed hands out: books, trades, news of orders, and the spans in which it was blind.

Prices and money are micros, counts centicontracts. `received_at` is when the frame came in here,
`*_at` else the exchange's own time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.market import BookLevel, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, PriceGrid

Channel = Literal[
    "ticker",
    "trade",
    "orderbook_delta",
    "fill",
    "user_orders",
    "market_positions",
    "market_lifecycle_v2",
]
CHANNELS: tuple[Channel, ...] = get_args(Channel)

GapReason = Literal[
    "sequence",  # frames were lost or came out of order
    "disconnected",
    "silent",  # the connection stood, but nothing came
    "overflow",  # we read too slowly: unread events were dropped
    "channel_error",  # the exchange ended the subscription
    "payload",  # a frame could not be read, or does not fit the book
    "snapshot",  # the exchange sent another book than the one folded
    "stopped",  # no feed ran
]


@dataclass(frozen=True)
class Gap:
    """A span in which a channel told us nothing sure about some markets.

    An open gap has no `to_at` yet; the same gap comes once more when it has closed. It is known
    by channel, markets and `from_at`. Both ends are times of receipt, inclusive: the last moment
    that is sure, and the first one that is sure again. For books the span is over when the
    exchange's own book is in hand; of the other channels, events may be missing: read them over
    REST, with some seconds to spare on both sides.

    Attributes:
        market_tickers: one for a book; else those of the subscription, none for all markets.
    """

    channel: Channel
    market_tickers: tuple[str, ...]
    from_at: datetime
    to_at: datetime | None
    reason: GapReason


@dataclass(frozen=True)
class BadPayload:
    """A frame that could not be read, to be quarantined with its bytes."""

    problem: str
    payload: bytes
    channel: Channel | None
    market_ticker: str | None
    received_at: datetime


@dataclass(frozen=True)
class Refusal:
    """The exchange refused a command. It is sent again after a pause; until then nothing comes."""

    channel: Channel | None
    code: int
    message: str
    received_at: datetime


@dataclass(frozen=True)
class BookUpdate:
    """A market's whole book as it is now; changes in between are not kept.

    Attributes:
        changed_at: the exchange's time of the newest change, None where it gave none.
    """

    book: OrderBook
    changed_at: datetime | None
    received_at: datetime

    @property
    def yes_bid(self) -> BookLevel | None:
        """The best bid for YES, or None where nobody bids."""
        return self.book.yes_bids[-1] if self.book.yes_bids else None

    @property
    def yes_ask(self) -> BookLevel | None:
        """The best offer of YES: the best bid for NO, in YES prices. None where there is none."""
        if not self.book.no_bids:
            return None
        best = self.book.no_bids[-1]
        return BookLevel(MICROS_PER_DOLLAR - best.price, best.count)


@dataclass(frozen=True, slots=True)
class TickerUpdate:
    """A market's summary as it is now; those in between are not kept."""

    market_ticker: str
    last_price: int
    yes_bid: int
    yes_bid_size: int
    yes_ask: int
    yes_ask_size: int
    volume: int
    open_interest: int
    quoted_at: datetime
    received_at: datetime


# A quote with the state of its market, which REST tells and the stream does not.
StatedQuote = tuple[TickerUpdate, str]


@dataclass(frozen=True)
class TradePrint:
    """A public trade. `taker_side` is the outcome the taker stands for.

    Attributes:
        is_block_trade: None where the exchange did not say.
    """

    trade_id: str
    market_ticker: str
    yes_price: int
    count: int
    taker_side: Side
    is_block_trade: bool | None
    traded_at: datetime
    received_at: datetime


@dataclass(frozen=True)
class FillNotice:
    """An order of ours was filled; the same fill that `GET /portfolio/fills` lists.

    Attributes:
        position_after: contracts held then, positive YES, negative NO.
    """

    fill_id: str
    order_id: str
    client_order_id: str | None
    market_ticker: str
    side: Side
    count: int
    yes_price: int
    fee_micros: int
    is_taker: bool
    position_after: int
    filled_at: datetime
    received_at: datetime


@dataclass(frozen=True)
class OrderNotice:
    """An order of ours as it is now. `status` is the exchange's word, `unknown` among them."""

    order_id: str
    client_order_id: str
    market_ticker: str
    side: Side
    status: str
    yes_price: int
    initial_count: int
    fill_count: int
    remaining_count: int
    fees_micros: int
    reason: str | None
    updated_at: datetime | None
    received_at: datetime


@dataclass(frozen=True)
class PositionNotice:
    """Contracts held in a market as it is now: positive YES, negative NO."""

    market_ticker: str
    subaccount: int
    position: int
    cost_micros: int
    realized_pnl_micros: int
    fees_paid_micros: int
    received_at: datetime


@dataclass(frozen=True)
class LifecycleNotice:
    """A market was created, determined, settled or changed its terms; what is unset was not said.

    Attributes:
        event: the exchange's word for what happened.
        settlement_value: what one YES pays, micros.
    """

    market_ticker: str
    event: str
    open_at: datetime | None
    close_at: datetime | None
    result: str | None
    settlement_value: int | None
    is_deactivated: bool | None
    grid: PriceGrid | None
    received_at: datetime


StreamEvent = (
    Gap
    | BadPayload
    | Refusal
    | BookUpdate
    | TickerUpdate
    | TradePrint
    | FillNotice
    | OrderNotice
    | PositionNotice
    | LifecycleNotice
)
