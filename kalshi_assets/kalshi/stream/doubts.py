"""Which books may be believed, and the gaps of those that may not. Every doubt is told of.

Does not know why a frame was taken for missing; it is told.
"""

from collections.abc import Iterable

from kalshi_assets.domain.stream import Channel, GapReason
from kalshi_assets.kalshi.stream.book import MarketBook, OpenGap, Side
from kalshi_assets.kalshi.stream.outbox import Outbox
from kalshi_assets.kalshi.stream.subscription import Subscription

BOOKS: Channel = "orderbook_delta"


class Doubts:
    """The books of one feed. They outlive its connections.

    Attributes:
        books: of all markets wanted; believe only those that are whole.
        is_restless: there are books to be asked for that were not before.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._doubtful: set[str] = set()
        self.books: dict[str, MarketBook] = {}
        self.is_restless = False

    def track(self, tickers: Iterable[str], *, now_ms: int) -> None:
        """Keep the books of these markets and of no others."""
        wanted = set(tickers)
        for ticker in self.books.keys() - wanted:
            book = self.books.pop(ticker)
            book.is_whole = False
            self._doubtful.discard(ticker)
            self._close(book, now_ms)
        for ticker in wanted - self.books.keys():
            self.books[ticker] = MarketBook(ticker)
            self._doubtful.add(ticker)

    def doubt(self, book: MarketBook, reason: GapReason, *, from_ms: int) -> None:
        """Take a book out of use until its next snapshot, which is to be asked for at once.

        A snapshot that has been asked for already is waited for: it may be on its way.
        """
        if book.is_whole or book.ask_again_at is None:
            book.ask_again_at = 0.0
            self.is_restless = True
        book.is_whole = False
        self._doubtful.add(book.market_ticker)
        if book.gap is None:
            book.gap = OpenGap((book.market_ticker,), from_ms, reason)
            self._outbox.put_gap(book.gap.as_gap(BOOKS))

    def miss(self, found: Subscription, reason: GapReason, *, to_ms: int) -> None:
        """Note that events since the last one heard were missed; the subscription goes on."""
        if found.channel == BOOKS:
            for book in self.books.values():
                self.doubt(book, reason, from_ms=found.heard_ms)
        elif found.gap is None:
            missed = OpenGap(_markets(found), found.heard_ms, reason)
            self._outbox.put_gap(missed.as_gap(found.channel, to_ms))

    def lose(self, found: Subscription, reason: GapReason, *, from_ms: int) -> None:
        """Note that a subscription is over: its channel is blind until it resumes."""
        if found.channel == BOOKS:
            for book in self.books.values():
                self.doubt(book, reason, from_ms=from_ms)
        elif found.gap is None:
            found.gap = OpenGap(_markets(found), from_ms, reason)
            self._outbox.put_gap(found.gap.as_gap(found.channel))

    def leave(self, found: Subscription) -> None:
        """Take out of use the books of markets that the subscription no longer holds."""
        if found.channel == BOOKS:
            for ticker in self.books.keys() - found.tickers:
                book = self.books[ticker]
                if book.is_whole:
                    self.doubt(book, "channel_error", from_ms=book.heard_ms)

    def resume(self, found: Subscription, *, at_ms: int) -> None:
        """Note that a channel is subscribed: books come by themselves, events from now on."""
        if found.channel == BOOKS:
            for ticker in self._doubtful:
                self.books[ticker].ask_again_at = None
        elif found.gap is not None:
            self._outbox.put_gap(found.gap.as_gap(found.channel, at_ms))
            found.gap = None

    def settle(self, book: MarketBook, *, bids: Side, asks: Side, at_ms: int) -> None:
        """Take the exchange's own book; one that differs from a whole one is a gap too.

        That gap starts with the last change before: up to there every number had come.
        """
        if book.is_whole and (bids, asks) != (book.bids, book.asks):
            differed = OpenGap((book.market_ticker,), book.heard_ms, "snapshot")
            self._outbox.put_gap(differed.as_gap(BOOKS, at_ms))
        book.bids, book.asks = bids, asks
        book.is_whole, book.ask_again_at = True, None
        self._doubtful.discard(book.market_ticker)
        self._close(book, at_ms)

    def overdue(self, markets: frozenset[str], now: float, *, wait_seconds: float) -> list[str]:
        """Return the markets whose books are to be asked for now; they count as asked for."""
        found = []
        for ticker in self._doubtful & markets:
            book = self.books[ticker]
            if book.ask_again_at is None:
                book.ask_again_at = now + wait_seconds
            elif book.ask_again_at <= now:
                book.ask_again_at = now + wait_seconds
                found.append(ticker)
        return found

    def _close(self, book: MarketBook, at_ms: int) -> None:
        if book.gap is not None:
            self._outbox.put_gap(book.gap.as_gap(BOOKS, at_ms))
            book.gap = None


def _markets(found: Subscription) -> tuple[str, ...]:
    return tuple(sorted(found.wanted or ()))
