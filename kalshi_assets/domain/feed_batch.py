"""What a feed has ready to be written, and what it becomes while nothing can be written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kalshi_assets.domain.gaps import GapKey, joined, key_of
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    Channel,
    Gap,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.domain.tick import RawTick

# Unreadable frames that may wait with their bytes; later ones are counted.
MOST_BAD = 1_000
# With so many gaps, those of one market that have closed become one.
MOST_GAPS = 10_000

Row = Mapping[str, Any]


@dataclass
class Batch:
    """What waits to be written. Of a book only the newest state is kept.

    Attributes:
        trades: as the stream told them; `read` are those that REST did.
        bad_left_out: unreadable frames whose bytes were not kept.
    """

    ticks: list[RawTick] = field(default_factory=list)
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


def let_go(channel: Channel, rows: list[Any]) -> list[Gap]:
    """Take the older half out of rows, and return what that costs: a gap for each market."""
    older = rows[: len(rows) // 2]
    del rows[: len(older)]
    return [*spans(channel, ((row["market_ticker"], row["received_at"]) for row in older))]


def spans(channel: Channel, dropped: Iterable[tuple[str, datetime]]) -> Iterator[Gap]:
    """Yield one gap for each market, from the first receipt that was dropped to the last one."""
    found: dict[str, tuple[datetime, datetime]] = {}
    for ticker, at in dropped:
        first, last = found.get(ticker, (at, at))
        found[ticker] = min(first, at), max(last, at)
    for ticker, (first, last) in found.items():
        yield Gap(channel, (ticker,), first, last, "overflow")


def tick_of_quote(quote: TickerUpdate, *, status: str) -> RawTick:
    """Return the raw tick of a streamed quote, dated by the exchange."""
    return {
        "observed_at": quote.quoted_at,
        "market_ticker": quote.market_ticker,
        "source": "stream",
        "source_key": "",
        "quoted_at": quote.quoted_at,
        "received_at": quote.received_at,
        "status": status,
        "yes_bid": quote.yes_bid,
        "yes_ask": quote.yes_ask,
        "yes_bid_size": quote.yes_bid_size,
        "yes_ask_size": quote.yes_ask_size,
        "last_price": quote.last_price,
        "volume": quote.volume,
        "volume_24h": None,
        "open_interest": quote.open_interest,
    }


def row_of_print(trade: TradePrint) -> dict[str, Any]:
    """Return the row of a streamed trade."""
    return {**vars(trade), "source": "stream"}


def once_each(trades: Sequence[Row]) -> list[Row]:
    """Return each trade once; of one that was told and read, what came first."""
    return [*{trade["trade_id"]: trade for trade in reversed(trades)}.values()]
