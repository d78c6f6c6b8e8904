"""The feed without its socket: frames go in, events and commands come out; time is handed in.

What holds: a book is whole only if a snapshot of it was seen and, from that one on, every sequence
number of its subscription. Anything else (a number missed, a frame that does not read, an ended
subscription, a lost connection) puts books in doubt; only a later snapshot ends that, and it is
asked for until it comes. A frame with a number already passed changes nothing: it is a repetition,
or late and its gap is being healed. So no order, loss or repetition makes a wrong book whole.
"""

from collections import Counter
from collections.abc import Iterable

from kalshi_assets.domain.stream import BookUpdate, Channel, GapReason, StreamEvent
from kalshi_assets.kalshi.stream.answers import Answers
from kalshi_assets.kalshi.stream.desk import Desk
from kalshi_assets.kalshi.stream.doubts import BOOKS, Doubts
from kalshi_assets.kalshi.stream.intake import Intake
from kalshi_assets.kalshi.stream.outbox import DEFAULT_BOUND, Outbox
from kalshi_assets.kalshi.stream.sequence import SEQUENCED, Sequence
from kalshi_assets.kalshi.stream.subscription import Patience

DEFAULT_PATIENCE = Patience()


class Session:
    """One feed: what is wanted of it, what has come, what to send. Outlives its connections.

    Args:
        patience: how long to wait for answers.
        bound: how many events of a channel may wait to be read.

    Attributes:
        receive: takes in a frame and when it came, milliseconds since the epoch.
    """

    def __init__(
        self, *, patience: Patience = DEFAULT_PATIENCE, bound: int = DEFAULT_BOUND
    ) -> None:
        self._patience = patience
        self._outbox = Outbox(bound)
        self._desk = Desk(patience)
        self._doubts = Doubts(self._outbox)
        self._answers = Answers(self._desk, self._doubts, self._outbox)
        self._sequence = Sequence(self._desk, self._doubts, self._answers)
        self._intake = Intake(
            self._desk,
            doubts=self._doubts,
            answers=self._answers,
            sequence=self._sequence,
            outbox=self._outbox,
        )
        self._has_news = False
        self.receive = self._intake.receive

    @property
    def counts(self) -> Counter[str]:
        """What is not as it should be: frames `repeated` or late, or of `strange` subscriptions.

        Then `dropped.<channel>` events, and `unknown.<type>.<field>` the API document does not
        name.
        """
        found = Counter(self._sequence.counts)
        found.update({f"dropped.{name}": n for name, n in self._outbox.dropped.items()})
        found.update({f"unknown.{name}": n for name, n in self._intake.unknown_fields.items()})
        return found

    @property
    def broken(self) -> str:
        """Why the connection is of no further use and has to be made anew, or ""."""
        return self._answers.broken

    @property
    def is_restless(self) -> bool:
        """Whether there may be something to send before the next look at the clock."""
        parts = (self._has_news, self._intake.is_restless, self._doubts.is_restless, self.broken)
        return any(parts)

    @property
    def live_channels(self) -> frozenset[Channel]:
        """The channels that the exchange has confirmed on the present connection."""
        return frozenset(c for c, one in self._desk.subscriptions.items() if one.sid is not None)

    def want(self, channel: Channel, tickers: Iterable[str]) -> None:
        """Subscribe to a channel for these markets, or for all of them if none is named.

        Raises:
            ValueError: books of all markets; the exchange wants them named.
        """
        markets = frozenset(tickers)
        if channel == BOOKS:
            if not markets:
                raise ValueError("orderbook_delta needs the tickers of its markets; name them")
            self._doubts.track(markets, now_ms=self._intake.now_ms)
        self._desk.want(channel, markets)
        self._has_news = True

    def drop(self, channel: Channel) -> None:
        """Unsubscribe from a channel."""
        if channel == BOOKS:
            self._doubts.track((), now_ms=self._intake.now_ms)
        found = self._desk.want(channel, None)
        if found.gap is not None:
            self._doubts.resume(found, at_ms=self._intake.now_ms)
        self._has_news = True

    def closed(self, reason: GapReason, *, heard_ms: int) -> None:
        """Note that the connection is gone, or of no use; the next one starts from nothing.

        Args:
            reason: of the gaps that open now.
            heard_ms: when it was last heard of, milliseconds since the epoch.
        """
        for found in self._desk.subscriptions.values():
            if found.sid is not None and found.wanted is not None:
                # Where frames are numbered, nothing is sure but up to the last one.
                sure_ms = found.heard_ms if found.channel in SEQUENCED else heard_ms
                self._doubts.lose(found, reason, from_ms=sure_ms)
        self._desk.reset()
        self._answers.broken = ""
        self._has_news = True

    def commands(self, now: float) -> list[bytes]:
        """Return what to send now, in seconds of a clock that only goes forward."""
        self._has_news = self._intake.is_restless = self._doubts.is_restless = False
        out = self._desk.commands(now)
        found = self._desk.subscriptions.get(BOOKS)
        if found is not None and found.sid is not None:
            wait = self._patience.snapshot_seconds
            if tickers := self._doubts.overdue(found.tickers, now, wait_seconds=wait):
                out.append(self._desk.get_snapshot(found, tickers, now=now))
        return out

    def event(self) -> StreamEvent | None:
        """Return the next event to be read, or None where nothing waits."""
        return self._outbox.take()

    def book(self, ticker: str) -> BookUpdate | None:
        """Return a market's book, or None while it is in doubt."""
        book = self._doubts.books.get(ticker)
        return book.read() if book is not None and book.is_whole else None
