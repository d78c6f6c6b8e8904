"""All connections of the exchange, brought up to the venue's moment together."""

from collections.abc import Callable, Iterator, Sequence

from kalshi_assets.local_exchange.bulletin import (
    Event,
    Filled,
    OrderChanged,
    PositionChanged,
    Traded,
)
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.stream.board import Board, Watched
from kalshi_assets.local_exchange.stream.commands import Channel
from kalshi_assets.local_exchange.stream.desk import StreamTerms
from kalshi_assets.local_exchange.stream.happenings import Dated, OrderMoved
from kalshi_assets.local_exchange.stream.lifecycle import Lifecycle
from kalshi_assets.local_exchange.stream.session import Session


class Hub:
    """Owns the sessions and tells them what happens.

    Call `advance` on every beat, and before and after every write: what an order changes is then
    told by itself, at once. With nobody subscribed it costs a few microseconds. All calls come from
    the exchange's thread, but for `disconnect_all`.

    Args:
        exchange: whose news it tells.
        terms: what a connection may ask.
    """

    def __init__(self, exchange: Exchange, terms: StreamTerms | None = None) -> None:
        self.board = Board(exchange)
        self.terms = terms or StreamTerms()
        self.reached_ms = exchange.clock.now_ms()
        self._exchange = exchange
        self._lifecycle = Lifecycle(exchange, self.board.markets)
        self._hears_lifecycle = False
        self._sessions: dict[int, Session] = {}
        self._opened = 0
        self._events: list[Event] = []
        exchange.store.bulletin.listen(self._events.append)

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The open connections, oldest first."""
        return tuple(self._sessions.values())

    def open(self, account: str, on_outgoing: Callable[[], object] = lambda: None) -> Session:
        """Open a session for an account.

        Args:
            account: the key id of the signed upgrade.
            on_outgoing: called when something waits to be sent, or the session has been closed.
        """
        self._opened += 1
        session = Session(
            account, self._opened, exchange=self._exchange, desk=self, on_outgoing=on_outgoing
        )
        self._sessions[self._opened] = session
        return session

    def close(self, session: Session) -> None:
        """End a session and forget it."""
        self._sessions = {n: one for n, one in self._sessions.items() if one is not session}
        session.close()
        self.rewatch()

    def disconnect_all(self) -> None:
        """Drop every connection, as an outage would: without a word."""
        for session in self.sessions:
            session.close()

    def advance(self) -> None:
        """Bring every session up to the venue's moment."""
        now_ms, after_ms = self._exchange.moment(), self.reached_ms
        events = list(self._events)
        self._events.clear()
        self.reached_ms = now_ms
        news = [
            *self.board.run_to(now_ms, after_ms=after_ms, events=events),
            *self._lives(now_ms, after_ms),
            *_told(events),
        ]
        for dated in sorted(news, key=lambda dated: dated.ms):
            for session in self.sessions:
                session.tell(dated.happening)

    def rewatch(self) -> None:
        """Follow the markets that are subscribed to now, and no others."""
        everything = frozenset(self._exchange.tape.listings)

        def wanted(channel: Channel) -> frozenset[str]:
            return frozenset().union(
                *(
                    everything if one.tickers is None else one.tickers
                    for session in self.sessions
                    for one in session.subscriptions
                    if one.channel == channel
                )
            )

        watched = Watched(wanted("orderbook_delta"), wanted("ticker"), wanted("trade"))
        self.board.watch(watched, self.reached_ms)
        hears = bool(wanted("market_lifecycle_v2"))
        if hears and not self._hears_lifecycle:
            self._lifecycle.look()
        self._hears_lifecycle = hears

    def _lives(self, now_ms: int, after_ms: int) -> Iterator[Dated]:
        if self._hears_lifecycle:
            yield from self._lifecycle.run_to(now_ms, after_ms=after_ms)


def _told(events: Sequence[Event]) -> Iterator[Dated]:
    """Yield the bulletin's events; of an order only how it stands at the end of its moment."""
    last = {_stage(e): i for i, e in enumerate(events) if isinstance(e, OrderChanged)}
    for index, event in enumerate(events):
        if isinstance(event, Traded):
            yield Dated(event.trade.created_ms, event)
        elif isinstance(event, Filled):
            yield Dated(event.filled_ms, event)
        elif isinstance(event, PositionChanged):
            yield Dated(event.position.updated_ms, event)
        elif last[_stage(event)] == index:
            yield Dated(event.order.updated_ms, OrderMoved(event.order))


def _stage(event: OrderChanged) -> tuple[str, int]:
    return event.order.order_id, event.order.updated_ms
