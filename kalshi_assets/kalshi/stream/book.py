"""One market's book, folded from a snapshot and its deltas. Knows nothing of sequence numbers.

Both sides are kept at YES prices, as the feed is asked for: `bids` are bids for YES, `asks` are
bids for NO at 1 - p, that is offers of YES at p.
"""

from dataclasses import dataclass, field

from kalshi_assets.domain.market import BookLevel, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.domain.stream import BookUpdate, Channel, Gap, GapReason
from kalshi_assets.kalshi.schemas import as_count
from kalshi_assets.kalshi.stream.messages import (
    DeltaMsg,
    Levels,
    SnapshotMsg,
)
from kalshi_assets.kalshi.stream.numbers import Remembered, instant, level_price, signed_count

Side = dict[int, int]


@dataclass(frozen=True)
class OpenGap:
    """What is in doubt, since when (milliseconds of receipt), and why."""

    market_tickers: tuple[str, ...]
    from_ms: int
    reason: GapReason

    def as_gap(self, channel: Channel, to_ms: int | None = None) -> Gap:
        """Return the gap, closed at `to_ms` or still open. A clock set back ends it at once."""
        to_at = None if to_ms is None else instant(max(self.from_ms, to_ms))
        return Gap(channel, self.market_tickers, instant(self.from_ms), to_at, self.reason)


@dataclass(slots=True)
class MarketBook:
    """A book and whether it may be believed.

    Attributes:
        bids: contracts (centicontracts) bid for YES at a price (micros).
        asks: contracts offered of YES at a price.
        is_whole: the exchange's own book, as far as the sequence numbers tell.
        gap: the doubt that is open, if one is.
        ask_again_at: when its snapshot is asked for while the book is not whole; None until it
            is known by when the first one should have come by itself.
        is_unread: it has changed since it was last handed out.
    """

    market_ticker: str
    bids: Side = field(default_factory=dict)
    asks: Side = field(default_factory=dict)
    is_whole: bool = False
    gap: OpenGap | None = None
    ask_again_at: float | None = None
    heard_ms: int = 0
    changed_ms: int | None = None
    is_unread: bool = False

    def read(self) -> BookUpdate:
        """Return the book as a value, each side in its own prices, best last."""
        asks = sorted(self.asks.items(), reverse=True)
        return BookUpdate(
            OrderBook(
                self.market_ticker,
                tuple(BookLevel(price, count) for price, count in sorted(self.bids.items())),
                tuple(BookLevel(MICROS_PER_DOLLAR - price, count) for price, count in asks),
            ),
            None if self.changed_ms is None else instant(self.changed_ms),
            instant(self.heard_ms),
        )


class Folder:
    """Applies messages to books; remembers the numbers behind their strings."""

    def __init__(self) -> None:
        self._prices = Remembered(level_price)
        self._changes = Remembered(signed_count)

    def apply(self, book: MarketBook, msg: DeltaMsg) -> None:
        """Change one level.

        Raises:
            ValueError: price or count is wrong, or the level would hold less than nothing; the
                book is as it was.
        """
        levels = book.bids if msg.side == "yes" else book.asks
        price = self._prices[msg.price_dollars]
        count = levels.get(price, 0) + self._changes[msg.delta_fp]
        if count > 0:
            levels[price] = count
        elif count == 0:
            levels.pop(price, None)
        else:
            raise ValueError(
                f"{msg.delta_fp} at {msg.side} {msg.price_dollars} is more than rests there"
            )

    def levels(self, msg: SnapshotMsg) -> tuple[Side, Side]:
        """Return bids and asks of a snapshot.

        Raises:
            ValueError: a price or count is wrong, or a price comes twice.
        """
        return self._side(msg.yes_dollars_fp or []), self._side(msg.no_dollars_fp or [])

    def _side(self, levels: Levels) -> Side:
        side = {self._prices[price]: as_count(count) for price, count in levels}
        if len(side) != len(levels):
            raise ValueError("a price comes twice in a side of the book")
        return {price: count for price, count in side.items() if count}
