"""What the exchange replays: the protocol of a tape and the values it hands over.

A tape knows the markets and what the rest of the world does in them. It holds no state: everything
is a function of the ticker and the moment, so a restart needs nothing but the venue clock. Seeded
scenarios and recordings implement it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.units import ONE_DOLLAR

Side = Literal["bid", "ask"]
Result = Literal["yes", "no", "scalar"]
Status = Literal["initialized", "inactive", "active", "closed", "determined", "finalized"]


@dataclass(frozen=True, slots=True)
class Series:
    """A series and its fee terms."""

    ticker: str
    title: str
    frequency: str
    category: str
    tags: tuple[str, ...]
    source_name: str
    source_url: str
    fees: FeeTerms


@dataclass(frozen=True, slots=True)
class PriceRange:
    """A stretch of the price grid, in $0.0001."""

    start: int
    end: int
    step: int

    def holds(self, price: int) -> bool:
        """Tell whether a price is on this stretch of the grid."""
        return self.start <= price <= self.end and (price - self.start) % self.step == 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A binary market: everything about it that trading does not change.

    Attributes:
        floor_strike: the value above which YES wins, None where the terms name no number.
        result: who wins, None where nobody knows yet; the market then stays closed.
        settlement_price: what a YES contract pays where the result is `scalar`, in $0.0001.
        event_fees: the event's fee terms where they differ from its series'.
        fee_waiver_until_ms: until when trading is free, None where it is not.
        emptied_ms: when the book is emptied after the close, None where that is the close itself.
    """

    ticker: str
    event_ticker: str
    series_ticker: str
    title: str
    yes_sub_title: str
    rules_primary: str
    rules_secondary: str
    floor_strike: float | None
    price_level_structure: str
    price_ranges: tuple[PriceRange, ...]
    created_ms: int
    open_ms: int
    close_ms: int
    determined_ms: int
    settled_ms: int
    result: Result | None
    expiration_value: str
    settlement_price: int | None = None
    event_fees: FeeTerms | None = None
    fee_waiver_until_ms: int | None = None
    emptied_ms: int | None = None

    def __post_init__(self) -> None:
        if (self.result == "scalar") != (self.settlement_price is not None):
            raise ValueError(
                f"{self.ticker}: result {self.result} with settlement price "
                f"{self.settlement_price}: a scalar result has one, no other has"
            )

    @property
    def yes_payout(self) -> int | None:
        """What a YES contract pays, in $0.0001; None while the result is open."""
        if self.settlement_price is not None:
            return self.settlement_price
        return None if self.result is None else ONE_DOLLAR * (self.result == "yes")

    def status_at(self, ms: int) -> Status:
        """Return the market's place in its life at a moment; never `inactive`."""
        if ms < self.open_ms:
            return "initialized"
        if ms < self.close_ms:
            return "active"
        if ms < self.determined_ms or self.result is None:
            return "closed"
        return "determined" if ms < self.settled_ms else "finalized"

    def shows_book_at(self, ms: int) -> bool:
        """Tell whether the orders that rest are displayed."""
        return self.open_ms <= ms < (self.emptied_ms or self.close_ms)

    def is_on_grid(self, price: int) -> bool:
        """Tell whether an order may be priced so."""
        return 0 < price < ONE_DOLLAR and any(part.holds(price) for part in self.price_ranges)


@dataclass(frozen=True, slots=True)
class Level:
    """Contracts offered at one price.

    Attributes:
        version: takes the place of the quote's where levels are refreshed one by one.
    """

    price: int
    count: int
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The rest of the world's orders at a moment, best price first on both sides.

    Attributes:
        version: changes whenever the quote is refreshed; liquidity taken from an older version
            is back.
        changed_ms: when these orders appeared: their place in the queue.
        updated_ms: the market's `updated_time`.
        is_zero_coded: the recording holds zeros for values it misses. Nobody trades at 0, so the
            sides are empty, but the market record shows the zeros as they stand.
        is_told_anew: at `changed_ms` subscribers are told the whole book, not its changes.
    """

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    version: int
    changed_ms: int
    updated_ms: int
    is_zero_coded: bool = False
    is_told_anew: bool = False


@dataclass(frozen=True, slots=True)
class Activity:
    """Counters of a market at a moment; `last_price` is 0 before the first trade."""

    last_price: int
    volume: int
    volume_24h: int
    open_interest: int


@dataclass(frozen=True, slots=True)
class TapeTrade:
    """A trade between two strangers."""

    trade_id: str
    ticker: str
    price: int
    count: int
    taker_side: Side
    created_ms: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Open, low, high and close of a price."""

    open: int
    low: int
    high: int
    close: int


@dataclass(frozen=True, slots=True)
class Candle:
    """One period; `price` is None where nothing traded, `previous` before the first trade ever.

    Attributes:
        end_ms: the period's end, inclusive.
        notional: sum of price * count over the period's trades.
    """

    end_ms: int
    bid: Bar
    ask: Bar
    price: Bar | None
    previous: int | None
    volume: int
    notional: int
    open_interest: int


class Tape(Protocol):
    """A replayable market. All moments are venue time in milliseconds."""

    @property
    def name(self) -> str:
        """The name the state folder is stamped with."""
        ...

    @property
    def started_ms(self) -> int:
        """Where the venue clock stands at the very first start."""
        ...

    @property
    def series(self) -> Mapping[str, Series]:
        """All series by ticker."""
        ...

    @property
    def listings(self) -> Mapping[str, Listing]:
        """All markets by ticker."""
        ...

    def quote_at(self, ticker: str, ms: int) -> Quote:
        """Return the orders of the rest of the world at a moment."""
        ...

    def activity_at(self, ticker: str, ms: int) -> Activity:
        """Return the counters at a moment; they never fall."""
        ...

    def changes(self, ticker: str, after_ms: int, until_ms: int) -> Sequence[int]:
        """Return the moments in (after, until] at which the quote was refreshed, in order."""
        ...

    def trades(self, ticker: str, after_ms: int, until_ms: int) -> Sequence[TapeTrade]:
        """Return the trades in (after, until], oldest first."""
        ...

    def candles(self, ticker: str, minutes: int, from_ms: int, to_ms: int) -> Sequence[Candle]:
        """Return the candles of 1, 60 or 1440 minutes that end within [from, to].

        Hours are UTC hours; days run from midnight to midnight in New York.
        """
        ...
