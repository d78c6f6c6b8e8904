"""What a live feed makes of events: rows to write, and what is still to be asked. No socket.

A quote of the stream does not say whether its market is open: it waits until REST has said so, and
after news of its market, its opening or its close until REST has said so again. Nothing is guessed.
While REST or the database is away, memory is bounded: what has to go becomes a gap, and of trades a
span to be read over REST.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kalshi_assets.domain.feed_batch import Batch, let_quotes_go, let_trades_go, row_of_print
from kalshi_assets.domain.feed_waiting import MOST_WAITING, TICKERS, State, Waiting
from kalshi_assets.domain.gaps import GapKey, key_of
from kalshi_assets.domain.market import Trade
from kalshi_assets.domain.stream import (
    BadPayload,
    BookUpdate,
    Channel,
    Gap,
    LifecycleNotice,
    StreamEvent,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.domain.tick import row_of_trade

TRADES: Channel = "trade"
BOOKS: Channel = "orderbook_delta"
OF_MARKETS: tuple[Channel, ...] = (TICKERS, TRADES, BOOKS)
# A trade may be told some seconds late, and out of its order: spans are read over REST with so
# much to spare.
SPARE = timedelta(seconds=60)
# What a stream tells of a market that has been quiet for longer is no observation of now: the next
# poll states it, dated to its slot.
OLDEST_QUOTE = timedelta(hours=1)
# Quotes, and trades, that may wait for the database: some 80 and 50 MB.
MOST_ROWS = 100_000


class Feeding:
    """Takes events in, and hands batches out.

    Args:
        sure_until: up to when all trades are kept.
        most_rows: quotes, and trades, that may wait to be written.
        most_waiting: quotes that may wait until the state of their market is known.

    Attributes:
        to_ask: markets whose state REST must tell.
        trades_since: from when on trades must be read over REST, None where none are missing.
        newest_at: the exchange's time of the newest quote or trade.
        series: whose markets' news are told on; the exchange tells those of all markets.
    """

    def __init__(
        self,
        sure_until: datetime,
        *,
        most_rows: int = MOST_ROWS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.batch = Batch()
        self.to_ask: set[str] = set()
        self.trades_since: datetime | None = sure_until
        self.newest_at: datetime | None = None
        self.series: frozenset[str] = frozenset()
        self._told_until = sure_until
        self._read_since: datetime | None = None
        self._most_rows = most_rows
        self._tracked: frozenset[str] = frozenset()
        self._states: dict[str, State] = {}
        self._waiting = Waiting(most_waiting)
        self._open: dict[GapKey, Gap] = {}

    def take(self, event: StreamEvent) -> None:
        """Take an event in."""
        if isinstance(event, TickerUpdate):
            self._quote(event)
        elif isinstance(event, TradePrint):
            self._trade(event)
        elif isinstance(event, BookUpdate):
            self.batch.doubtful.discard(event.book.market_ticker)
            self.batch.books[event.book.market_ticker] = event
        elif isinstance(event, Gap):
            self._gap(event)
        elif isinstance(event, LifecycleNotice):
            self._news(event)
        elif isinstance(event, BadPayload):
            self.batch.add_bad(event)

    def track(self, tickers: frozenset[str], *, now: datetime) -> None:
        """Follow these markets from now on. One that is new has traded before."""
        added, gone = tickers - self._tracked, self._tracked - tickers
        if self._tracked and added:
            self.miss(now)
        self._tracked = tickers
        self.to_ask = (self.to_ask | added) & self._tracked
        for ticker in gone:
            self._states.pop(ticker, None)
        for gap in self._waiting.end(gone)[1]:
            self._gap(gap)

    def stopped(self, since: datetime) -> None:
        """Note that no feed was there from a moment on: so far nothing of it is known."""
        for channel in OF_MARKETS:
            self._gap(Gap(channel, (), since, None, "stopped"))

    def resumed(self, channels: Iterable[Channel], *, at: datetime) -> None:
        """Note which channels are told at a moment: there the stop is over."""
        for gap in [*self._open.values()]:
            if gap.reason == "stopped" and gap.channel in channels:
                self._gap(replace(gap, to_at=max(at, gap.from_at)))

    def know(self, states: Mapping[str, State]) -> None:
        """Take what REST says of markets' states; quotes that waited for it are ready now."""
        self._states |= states
        self.to_ask -= states.keys()
        quotes, gaps = self._waiting.end(states.keys())
        for gap in gaps:
            self._gap(gap)
        for quote in quotes:
            self._quote(quote)

    def begin_catch_up(self) -> datetime | None:
        """Return from when on trades are to be read over REST now, None where none are missing."""
        if self._read_since is None and not self._is_blind:
            self._read_since, self.trades_since = self.trades_since, None
            return self._read_since
        return None

    def add_read(self, trades: Iterable[Trade], *, at: datetime) -> None:
        """Take some of the trades that are being read."""
        for trade in trades:
            self._told_until = max(self._told_until, trade.created_at)
            self.batch.read.append(row_of_trade(trade, "rest", received_at=at))

    def caught_up(self) -> None:
        """Note that all of them were read; a gap that closed meanwhile stays to be read."""
        self._read_since = None

    def not_caught_up(self) -> None:
        """Note that they could not be read: they still have to be."""
        if self._read_since is not None:
            self.miss(self._read_since)
        self._read_since = None

    @property
    def sure_until(self) -> datetime:
        """Up to when every trade is kept once the batch at hand is written.

        That is no later than the newest trade told: what is under way is not counted in.
        """
        starts = [gap.from_at for gap in self._open.values() if gap.channel == TRADES]
        starts += [since for since in (self.trades_since, self._read_since) if since is not None]
        return min([self._told_until, *starts])

    def hand_out(self) -> Batch:
        """Return what waits, and begin anew."""
        ready, self.batch = self.batch, Batch()
        return ready

    def put_back(self, failed: Batch) -> None:
        """Take a batch back that could not be written, before what came since."""
        failed.put_before(self.batch)
        self.batch = failed
        self._make_room()

    def miss(self, since: datetime) -> None:
        """Note that trades from a moment on must be read over REST."""
        self.trades_since = min(self.trades_since or since, since)

    @property
    def _is_blind(self) -> bool:
        """Whether the trades' channel is being missed at present: a span without an end yet."""
        return any(gap.channel == TRADES for gap in self._open.values())

    def _quote(self, event: TickerUpdate) -> None:
        is_old = event.received_at - event.quoted_at > OLDEST_QUOTE
        if is_old or event.market_ticker not in self._tracked:
            return
        self._newest(event.quoted_at)
        state = self._states.get(event.market_ticker)
        if state is not None and state.holds_at(event.quoted_at):
            self.batch.ticks.append((event, state.status))
            self._make_room()
            return
        self._ask_again(event.market_ticker)
        for gap in self._waiting.add(event):
            self._gap(gap)

    def _trade(self, event: TradePrint) -> None:
        self._newest(event.traded_at)
        self._told_until = max(self._told_until, event.traded_at)
        self.batch.trades.append(row_of_print(event))
        self._make_room()

    def _make_room(self) -> None:
        """Let the older half go of what waits too long to be written."""
        batch = self.batch
        if len(batch.ticks) > self._most_rows:
            for gap in let_quotes_go(batch.ticks):
                self._gap(gap)
        if len(batch.trades) > self._most_rows:
            self.miss(min(trade["traded_at"] for trade in batch.trades))
            for gap in let_trades_go(batch.trades):
                self._gap(gap)

    def _gap(self, gap: Gap) -> None:
        self.batch.add_gap(gap)
        if gap.to_at is None:
            self._open[key_of(gap)] = gap
            if gap.channel == BOOKS:
                self.batch.doubtful.update(gap.market_tickers)
                for ticker in gap.market_tickers:
                    self.batch.books.pop(ticker, None)
            return
        self._open.pop(key_of(gap), None)
        if gap.channel == TRADES:
            self.miss(gap.from_at)

    def _news(self, notice: LifecycleNotice) -> None:
        ticker = notice.market_ticker
        self._ask_again(ticker)
        if ticker in self._tracked or series_of(ticker) in self.series:
            self.batch.has_market_news = True

    def _ask_again(self, ticker: str) -> None:
        self._states.pop(ticker, None)
        if ticker in self._tracked:
            self.to_ask.add(ticker)

    def _newest(self, at: datetime) -> None:
        self.newest_at = at if self.newest_at is None else max(self.newest_at, at)


def series_of(ticker: str) -> str:
    """Return a market's series, the part of its ticker before the first hyphen."""
    return ticker.split("-", 1)[0]
