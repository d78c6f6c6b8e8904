"""Frames as they come in: read, put in their place, and folded, handed on or quarantined."""

from collections.abc import Callable
from typing import Any, get_args

from msgspec import UNSET

from kalshi_assets.domain.stream import BadPayload, Channel
from kalshi_assets.kalshi.stream.answers import Answer, Answers
from kalshi_assets.kalshi.stream.book import Folder, MarketBook
from kalshi_assets.kalshi.stream.decoding import (
    LOOK_AT,
    FieldWatch,
    channels_by_kind,
    frame_decoder,
    remains,
)
from kalshi_assets.kalshi.stream.desk import Desk
from kalshi_assets.kalshi.stream.doubts import BOOKS, Doubts
from kalshi_assets.kalshi.stream.frames import (
    AnyFrame,
    Error,
    EventFeeUpdate,
    EventLifecycle,
    MarketLifecycle,
    News,
    Ok,
    OrderbookDelta,
    OrderbookSnapshot,
    Trade,
)
from kalshi_assets.kalshi.stream.news import NewsReader, ticker_of
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.kalshi.stream.outbox import Outbox
from kalshi_assets.kalshi.stream.sequence import SEQUENCED, Sequence
from kalshi_assets.kalshi.stream.subscription import Subscription

Handler = Callable[[Any, bytes], None]


class Intake:
    """Takes in the frames of one feed.

    Attributes:
        now_ms: when the last frame came, milliseconds since the epoch.
        is_restless: there may be something to send because of it.
        unknown_fields: how often a field came that the API document does not name.
    """

    def __init__(
        self, desk: Desk, *, doubts: Doubts, answers: Answers, sequence: Sequence, outbox: Outbox
    ) -> None:
        self._desk, self._doubts, self._answers = desk, doubts, answers
        self._sequence, self._outbox = sequence, outbox
        self._decode, self._watch = frame_decoder(), FieldWatch()
        self._reader = NewsReader()
        # Looked up with every change of a book: at hand, not two steps away.
        self._by_sid, self._books = desk.by_sid, doubts.books
        self._folder = Folder()
        self._fold = self._folder.apply
        self._handlers = self._all_handlers()
        self._channels = channels_by_kind()
        self.now_ms = 0
        self.is_restless = False
        self.unknown_fields = self._watch.unknown

    def receive(self, frame: bytes, received_ms: int) -> None:
        """Take in a frame.

        Args:
            frame: as it came.
            received_ms: when, milliseconds since the epoch.
        """
        self.now_ms = received_ms
        try:
            message = self._decode(frame)
            if type(message) is OrderbookDelta and message.seq % LOOK_AT:
                self._delta(message, frame)
                return
            self._watch.look(frame, type(message))
        except (ValueError, RecursionError) as exc:
            self._unreadable(frame, str(exc))
        else:
            self._handlers[type(message)](message, frame)

    def _delta(self, frame: OrderbookDelta, raw: bytes) -> None:
        seq, msg, now_ms = frame.seq, frame.msg, self.now_ms
        found = self._by_sid.get(frame.sid)
        if found is not None and seq == found.seq + 1:
            found.seq, found.heard_ms = seq, now_ms
        elif (found := self._place(BOOKS, frame.sid, seq=seq)) is None:
            return
        book = self._books.get(msg.market_ticker)
        if book is None or not book.is_whole:
            return
        try:
            self._fold(book, msg)
        except ValueError as exc:
            self._spoilt(found, raw, problem=str(exc), ticker=msg.market_ticker)
            return
        book.heard_ms = now_ms
        book.changed_ms = None if msg.ts_ms is UNSET else msg.ts_ms
        if not book.is_unread:
            self._changed(book)

    def _snapshot(self, frame: OrderbookSnapshot, raw: bytes) -> None:
        found = self._place(BOOKS, frame.sid, seq=frame.seq)
        book = self._books.get(frame.msg.market_ticker)
        if found is None or book is None:
            return
        try:
            bids, asks = self._folder.levels(frame.msg)
        except ValueError as exc:
            self._spoilt(found, raw, problem=str(exc), ticker=book.market_ticker)
            return
        self._doubts.settle(book, bids=bids, asks=asks, at_ms=self.now_ms)
        book.heard_ms, book.changed_ms = self.now_ms, None
        if not book.is_unread:
            self._changed(book)

    def _changed(self, book: MarketBook) -> None:
        book.is_unread = True
        self._outbox.put_book(book)

    def _news(self, frame: News, raw: bytes) -> None:
        channel = self._channels[type(frame)]
        seq = frame.seq if isinstance(frame, Trade | MarketLifecycle) else None
        found = self._place(channel, frame.sid, seq=seq)
        if found is None:
            return
        received_at, ticker = instant(self.now_ms), ticker_of(frame)
        try:
            event = self._reader.event_of(frame, received_at)
        except ValueError as exc:
            self._spoilt(found, raw, problem=str(exc), ticker=ticker)
        else:
            self._outbox.put_news(channel, ticker, event=event, received_at=received_at)

    def _passed(self, frame: EventLifecycle | EventFeeUpdate, raw: bytes) -> None:
        self._place("market_lifecycle_v2", frame.sid, seq=frame.seq)

    def _answer(self, frame: Answer, raw: bytes) -> None:
        """Numbers of answers count like those of any frame; a repeated answer changes nothing."""
        self.is_restless = True
        if isinstance(frame, Ok | Error) and isinstance(frame.sid, int):
            found, seq = self._by_sid.get(frame.sid), frame.seq
            if found is not None and isinstance(seq, int) and not self._is_next(found, seq):
                return
        self._answers.take(frame, self.now_ms)

    def _place(self, channel: Channel, sid: int, *, seq: int | None) -> Subscription | None:
        """Return the subscription a frame counts for, or None where it changes nothing."""
        found = self._sequence.subscription(channel, sid, at_ms=self.now_ms)
        if found is None:
            self.is_restless = True
        elif seq is None:
            found.heard_ms = self.now_ms
        elif not self._is_next(found, seq):
            return None
        return found

    def _is_next(self, found: Subscription, seq: int) -> bool:
        return self._sequence.is_next(found, seq, at_ms=self.now_ms)

    def _unreadable(self, frame: bytes, problem: str) -> None:
        """Quarantine a frame; what it may have said is missing from its subscription."""
        rest = remains(frame)
        found = None if rest.sid is None else self._by_sid.get(rest.sid)
        if found is None and rest.channel is not None:
            found = self._desk.subscriptions.get(rest.channel)
        seq = rest.seq if found is not None and found.channel in SEQUENCED else None
        if found is not None and seq is not None and not self._is_next(found, seq):
            return
        self._spoilt(found, frame, problem=problem, ticker=rest.market_ticker)

    def _spoilt(
        self, found: Subscription | None, frame: bytes, *, problem: str, ticker: str | None
    ) -> None:
        channel = None if found is None else found.channel
        received_at = instant(self.now_ms)
        self._outbox.put_notice(BadPayload(problem, frame, channel, ticker, received_at))
        if found is None:
            return
        book = self._books.get(ticker or "") if channel == BOOKS else None
        if book is not None:
            self._doubts.doubt(book, "payload", from_ms=book.heard_ms or self.now_ms)
        else:
            self._doubts.miss(found, "payload", to_ms=self.now_ms)

    def _all_handlers(self) -> dict[type[AnyFrame], Handler]:
        handlers: dict[type[AnyFrame], Handler] = dict.fromkeys(get_args(News), self._news)
        handlers |= dict.fromkeys(get_args(Answer), self._answer)
        for counted_only in (EventLifecycle, EventFeeUpdate):
            handlers[counted_only] = self._passed
        handlers[OrderbookDelta], handlers[OrderbookSnapshot] = self._delta, self._snapshot
        return handlers
