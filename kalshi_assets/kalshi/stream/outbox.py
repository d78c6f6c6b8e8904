"""What waits to be read, bounded, with a stated policy for a reader that is too slow.

State is conflated: of a book, a ticker and a position only the newest waits, however many changed
it. Trades, fills, orders and lifecycle news wait in one queue for each channel, up to a bound. Past
it the oldest of that channel goes, and a `Gap` with the reason `overflow` that spans what went is
read before anything else: the reader takes that span from REST. Gaps are never dropped; past their
bound the closed ones of a market become one that spans them all. Bad payloads past theirs are
counted only.
"""

from collections import Counter, deque
from datetime import datetime

from kalshi_assets.domain.gaps import GapKey, joined, key_of
from kalshi_assets.domain.stream import (
    BadPayload,
    Channel,
    Gap,
    PositionNotice,
    Refusal,
    StreamEvent,
)
from kalshi_assets.kalshi.stream.book import MarketBook

DEFAULT_BOUND = 10_000
CONFLATED: frozenset[Channel] = frozenset({"ticker", "market_positions"})

StateKey = tuple[str, str, int]


class Outbox:
    """Events on their way to the one reader.

    Args:
        bound: how many events of a channel, how many gaps, and how many bad payloads may wait.
    """

    def __init__(self, bound: int = DEFAULT_BOUND) -> None:
        self._bound = self._join_past = bound
        self._gaps: dict[GapKey, Gap] = {}
        self._overflows: dict[Channel, _Overflow] = {}
        self._notices: deque[BadPayload | Refusal] = deque()
        self._queues: dict[Channel, deque[tuple[str, StreamEvent, datetime]]] = {}
        self._states: dict[StateKey, StreamEvent] = {}
        self._books: deque[MarketBook] = deque()
        self._turns = deque((self._take_news, self._take_state, self._take_book))
        self.dropped: Counter[str] = Counter()

    def put_gap(self, gap: Gap) -> None:
        """Add a gap; a closed one takes the place of the same gap, still open and unread."""
        self._gaps[key_of(gap)] = gap
        if len(self._gaps) > self._join_past:
            self._gaps = joined(self._gaps.values())
            # Where nothing can be joined, it is not tried again with every gap.
            self._join_past = max(self._bound, 2 * len(self._gaps))

    def put_notice(self, notice: BadPayload | Refusal) -> None:
        """Add a bad payload or a refusal."""
        if len(self._notices) >= self._bound:
            self._notices.popleft()
            self.dropped["notices"] += 1
        self._notices.append(notice)

    def put_news(
        self, channel: Channel, ticker: str, *, event: StreamEvent, received_at: datetime
    ) -> None:
        """Add an event of a channel; state takes the place of older state."""
        if channel in CONFLATED:
            account = event.subaccount if isinstance(event, PositionNotice) else 0
            self._states[(channel, ticker, account)] = event
            return
        queue = self._queues.setdefault(channel, deque())
        if len(queue) >= self._bound:
            old_ticker, _, dropped_at = queue.popleft()
            self._overflows.setdefault(channel, _Overflow(dropped_at)).add(old_ticker, dropped_at)
            self.dropped[channel] += 1
        queue.append((ticker, event, received_at))

    def put_book(self, book: MarketBook) -> None:
        """Note that a book has changed. The caller sees to it that it is noted once."""
        self._books.append(book)

    def take(self) -> StreamEvent | None:
        """Return the next event, or None where nothing waits.

        Gaps come first, then bad payloads and refusals; the rest takes turns.
        """
        if self._overflows:
            channel, overflow = self._overflows.popitem()
            return overflow.as_gap(channel)
        if self._gaps:
            return self._gaps.pop(next(iter(self._gaps)))
        if self._notices:
            return self._notices.popleft()
        for _ in range(len(self._turns)):
            take = self._turns[0]
            self._turns.rotate(-1)
            if (event := take()) is not None:
                return event
        return None

    def _take_news(self) -> StreamEvent | None:
        for channel, queue in list(self._queues.items()):
            if queue:
                # The channel goes to the end of the line, so that none starves another.
                self._queues[channel] = self._queues.pop(channel)
                return queue.popleft()[1]
        return None

    def _take_state(self) -> StreamEvent | None:
        return self._states.pop(next(iter(self._states))) if self._states else None

    def _take_book(self) -> StreamEvent | None:
        while self._books:
            book = self._books.popleft()
            book.is_unread = False
            if book.is_whole:
                return book.read()
        return None


class _Overflow:
    def __init__(self, first: datetime) -> None:
        self._first = self._last = first
        self._tickers: set[str] = set()

    def add(self, ticker: str, dropped_at: datetime) -> None:
        self._tickers.add(ticker)
        self._first, self._last = min(self._first, dropped_at), max(self._last, dropped_at)

    def as_gap(self, channel: Channel) -> Gap:
        return Gap(channel, tuple(sorted(self._tickers)), self._first, self._last, "overflow")
