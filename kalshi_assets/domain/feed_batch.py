"""What a feed has ready to be written, and what it becomes while nothing can be written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from kalshi_assets.domain.gaps import GapKey, joined, key_of
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    Channel,
    Gap,
    StatedQuote,
    TradePrint,
)

# Unreadable frames that may wait with their bytes; later ones are counted.
MOST_BAD = 1_000
# With so many gaps, those of one market that have closed become one.
MOST_GAPS = 10_000

Row = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Batch:
    """What waits to be written. Of a book only the newest state is kept.

    Attributes:
        ticks: quotes, each with the state of its market.
        trades: as the stream told them; `read` are those that REST did.
        bad_left_out: unreadable frames whose bytes were not kept.
    """

    ticks: list[StatedQuote] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    read: list[dict[str, Any]] = field(default_factory=list)
    books: dict[str, BookUpdate] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    gaps: dict[GapKey, Gap] = field(default_factory=dict)
    bad: list[BadPayload] = field(default_factory=list)
    bad_left_out: int = 0
    has_market_news: bool = False

    def __bool__(self) -> bool:
        return any(bool(value) for value in vars(self).values())

    def add_gap(self, gap: Gap) -> None:
        """Add a gap; one that has closed takes the place of itself while it was open."""
        is_new = key_of(gap) not in self.gaps
        self.gaps[key_of(gap)] = gap
        # Where nothing can be joined, it is not tried again with every gap.
        if is_new and len(self.gaps) % MOST_GAPS == 0:
            self.gaps = joined(self.gaps.values())

    def add_bad(self, found: BadPayload) -> None:
        """Add a frame that could not be read."""
        if len(self.bad) < MOST_BAD:
            self.bad.append(found)
        else:
            self.bad_left_out += 1

    def put_before(self, newer: "Batch") -> None:
        """Add what came since to what could not be written."""
        for name in ("ticks", "trades", "read"):
            getattr(self, name).extend(getattr(newer, name))
        sure = {t: book for t, book in self.books.items() if t not in newer.doubtful}
        self.books = sure | newer.books
        self.doubtful = (self.doubtful - newer.books.keys()) | newer.doubtful
        for gap in newer.gaps.values():
            self.add_gap(gap)
        for found in newer.bad:
            self.add_bad(found)
        self.bad_left_out += newer.bad_left_out
        self.has_market_news |= newer.has_market_news


def let_quotes_go(quotes: list[StatedQuote]) -> list[Gap]:
    """Take the older half out of quotes, and return what that costs: a gap for each market."""
    older = _older_half(quotes)
    return [*_spans("ticker", ((quote.market_ticker, quote.received_at) for quote, _ in older))]


def let_trades_go(trades: list[dict[str, Any]]) -> list[Gap]:
    """Do as `let_quotes_go` with trades."""
    older = _older_half(trades)
    return [*_spans("trade", ((row["market_ticker"], row["received_at"]) for row in older))]


def _older_half(rows: list[T]) -> list[T]:
    older = rows[: len(rows) // 2]
    del rows[: len(older)]
    return older


def _spans(channel: Channel, dropped: Iterable[tuple[str, datetime]]) -> Iterator[Gap]:
    """Yield one gap for each market, from the first receipt that was dropped to the last one."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for ticker, at in dropped:
        first, last = found.get(ticker, (at, at))
        found[ticker] = min(first, at), max(last, at)
    for ticker, (first, last) in found.items():
        yield Gap(channel, (ticker,), first, last, "overflow")


def row_of_print(trade: TradePrint) -> dict[str, Any]:
    """Return the row of a streamed trade."""
    return {**vars(trade), "source": "stream"}


def once_each(trades: Sequence[Row]) -> list[Row]:
    """Return each trade once; of one that was told and read, what came first."""
    return [*{trade["trade_id"]: trade for trade in reversed(trades)}.values()]
