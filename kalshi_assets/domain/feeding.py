"""What a live feed makes of events: rows to write, and what is still to be asked. No socket.

A quote of the stream does not say whether its market is open: it waits until REST has said so, and
after news of its market until REST has said so again. Nothing is guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kalshi_assets.domain.market import Trade
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    Channel,
    Gap,
    LifecycleNotice,
    Refusal,
    StreamEvent,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.domain.tick import RawTick, row_of_trade

TRADES: Channel = "trade"
BOOKS: Channel = "orderbook_delta"
# A lost connection shows after half a minute, and a trade may be told some seconds late: spans are
# read over REST with so much to spare.
SPARE = timedelta(seconds=60)
# What a stream tells of a market that has been quiet for longer is no observation of now: the next
# poll states it, dated to its slot.
OLDEST_QUOTE = timedelta(hours=1)

GapKey = tuple[str, tuple[str, ...], datetime]


@dataclass
class Batch:
    """What waits to be written. Of a book only the newest state is kept."""

    ticks: list[RawTick] = field(default_factory=list)
    trades: list[dict[str, Any]] = field(default_factory=list)
    books: dict[str, BookUpdate] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)
    bad: list[BadPayload] = field(default_factory=list)
    has_market_news: bool = False

    def __bool__(self) -> bool:
        return any(bool(value) for value in vars(self).values())


class Feeding:
    """Takes events in, and hands batches out.

    Args:
        sure_until: up to when all trades are kept.

    Attributes:
        to_ask: markets whose state REST must tell.
        trades_since: from when on trades must be read over REST, None where none are missing.
        newest_at: the exchange's time of the newest quote or trade.
        series: whose markets' news are told on; the exchange tells those of all markets.
    """

    def __init__(self, sure_until: datetime) -> None:
        self.batch = Batch()
        self.to_ask: set[str] = set()
        self.trades_since: datetime | None = sure_until
        self.newest_at: datetime | None = None
        self.series: frozenset[str] = frozenset()
        self.refusals: list[Refusal] = []
        self._read_since: datetime | None = None
        self._states: dict[str, str] = {}
        self._waiting: dict[str, list[TickerUpdate]] = {}
        self._open: dict[GapKey, Gap] = {}

    def take(self, event: StreamEvent) -> None:
        """Take an event in."""
        if isinstance(event, TickerUpdate):
            self._quote(event)
        elif isinstance(event, TradePrint):
            self._newest(event.traded_at)
            self.batch.trades.append(row_of_print(event))
        elif isinstance(event, BookUpdate):
            self.batch.doubtful.discard(event.book.market_ticker)
            self.batch.books[event.book.market_ticker] = event
        elif isinstance(event, Gap):
            self._gap(event)
        elif isinstance(event, LifecycleNotice):
            self._news(event)
        elif isinstance(event, BadPayload):
            self.batch.bad.append(event)
        elif isinstance(event, Refusal):
            self.refusals.append(event)

    def know(self, states: dict[str, str]) -> None:
        """Take what REST says of markets' states; quotes that waited for it are ready now."""
        self._states |= states
        self.to_ask -= states.keys()
        for ticker in states.keys() & self._waiting.keys():
            for quote in self._waiting.pop(ticker):
                self.batch.ticks.append(tick_of_quote(quote, status=states[ticker]))

    def begin_catch_up(self) -> datetime | None:
        """Return from when on trades are to be read over REST now, None where none are missing."""
        if self._read_since is None and not self.is_blind:
            self._read_since, self.trades_since = self.trades_since, None
            return self._read_since
        return None

    def caught_up(self, trades: Iterable[Trade], *, at: datetime) -> None:
        """Take the trades that were read; a gap that closed meanwhile stays to be read."""
        self.batch.trades += [row_of_trade(trade, "rest", received_at=at) for trade in trades]
        self._read_since = None

    def not_caught_up(self) -> None:
        """Note that they could not be read: they still have to be."""
        if self._read_since is not None:
            self.miss(self._read_since)
        self._read_since = None

    def sure_until(self, now: datetime) -> datetime:
        """Return up to when every trade is kept once the batch at hand is written."""
        starts = [gap.from_at for gap in self._open.values() if gap.channel == TRADES]
        starts += [since for since in (self.trades_since, self._read_since) if since is not None]
        return min([now, *starts])

    @property
    def is_blind(self) -> bool:
        """Whether the trades' channel is being missed at present: a span without an end yet."""
        return any(gap.channel == TRADES for gap in self._open.values())

    def hand_out(self) -> Batch:
        """Return what waits, and begin anew."""
        ready, self.batch = self.batch, Batch()
        return ready

    def put_back(self, failed: Batch) -> None:
        """Take a batch back that could not be written, before what came since."""
        for name, kept in vars(failed).items():
            newer = getattr(self.batch, name)
            if isinstance(kept, bool):
                merged = kept or newer
            elif isinstance(kept, list):
                merged = [*kept, *newer]
            else:
                merged = kept | newer
            setattr(self.batch, name, merged)
        self.batch.doubtful -= self.batch.books.keys()

    def _quote(self, event: TickerUpdate) -> None:
        if event.received_at - event.quoted_at > OLDEST_QUOTE:
            return
        self._newest(event.quoted_at)
        status = self._states.get(event.market_ticker)
        if status is None:
            self.to_ask.add(event.market_ticker)
            self._waiting.setdefault(event.market_ticker, []).append(event)
        else:
            self.batch.ticks.append(tick_of_quote(event, status=status))

    def _gap(self, gap: Gap) -> None:
        self.batch.gaps.append(gap)
        key = (gap.channel, gap.market_tickers, gap.from_at)
        if gap.to_at is None:
            self._open[key] = gap
            if gap.channel == BOOKS:
                self.batch.doubtful.update(gap.market_tickers)
                for ticker in gap.market_tickers:
                    self.batch.books.pop(ticker, None)
            return
        self._open.pop(key, None)
        if gap.channel == TRADES:
            self.miss(gap.from_at)

    def miss(self, since: datetime) -> None:
        """Note that trades from a moment on must be read over REST."""
        self.trades_since = min(self.trades_since or since, since)

    def _news(self, notice: LifecycleNotice) -> None:
        ticker = notice.market_ticker
        is_known = self._states.pop(ticker, None) is not None
        if is_known:
            self.to_ask.add(ticker)
        if is_known or ticker.split("-", 1)[0] in self.series:
            self.batch.has_market_news = True

    def _newest(self, at: datetime) -> None:
        self.newest_at = at if self.newest_at is None else max(self.newest_at, at)


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
        "open_interest": quote.open_interest,
    }


def row_of_print(trade: TradePrint) -> dict[str, Any]:
    """Return the row of a streamed trade."""
    return {**vars(trade), "source": "stream"}
