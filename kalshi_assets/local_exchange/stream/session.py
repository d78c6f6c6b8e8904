"""One connection without its socket: text in, text out, in the venue's time.

`receive` takes a client's message and `tell` a happening; what they give rise to waits, in order,
until `pop` or `take` fetches it. Subscriptions, limits and terminal errors are decided here.

Re-subscribing to a channel answers with the subscription that is there and adds the markets that
are new to it; its `use_yes_price` stays what it was, so one book never has two scales.
"""

from collections.abc import Callable, Iterable, Sequence

from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.stream.commands import (
    ERRORS,
    Channel,
    Command,
    CommandRefused,
    Subscribe,
    Unsubscribe,
    Update,
    interpret,
    open_envelope,
)
from kalshi_assets.local_exchange.stream.desk import Desk
from kalshi_assets.local_exchange.stream.happenings import Body, Happening
from kalshi_assets.local_exchange.stream.messages import snapshot_body
from kalshi_assets.local_exchange.stream.subscription import Subscription
from kalshi_assets.local_exchange.stream.telling import CHANNELS, Reader, message_for
from kalshi_assets.local_exchange.stream.wire import Wire, with_id


class Session:
    """A client's connection.

    Args:
        account: the key id it is signed with.
        number: counts the hub's connections.
        exchange: whose markets it is about.
        desk: the hub.
        on_outgoing: called when something waits to be sent, or the session has been closed.
    """

    def __init__(
        self,
        account: str,
        number: int,
        *,
        exchange: Exchange,
        desk: Desk,
        on_outgoing: Callable[[], object],
    ) -> None:
        self.is_closed = False
        self._reader = Reader(account, exchange.ledger.user_id(account), desk.board.shard)
        self._listings = exchange.tape.listings
        self._desk = desk
        self._on_outgoing = on_outgoing
        self._by_channel: dict[Channel, Subscription] = {}
        self._sids = 0
        self._second, self._commands = desk.terms.monotonic(), 0
        self._wire = Wire(
            number,
            buffer=desk.terms.buffer,
            interventions=exchange.interventions,
            now_ms=lambda: desk.reached_ms,
            on_outgoing=on_outgoing,
        )

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """What it is subscribed to, oldest first."""
        return tuple(self._by_channel.values())

    def receive(self, text: str) -> None:
        """Take a message from the client; the answer waits in the session."""
        if self.is_closed:
            return
        self._desk.advance()
        try:
            is_one_too_many = self._is_one_too_many()
            envelope = open_envelope(text)
            if is_one_too_many:
                raise CommandRefused(27, envelope.command_id)
            self._obey(envelope.command_id, interpret(envelope, self._listings))
        except CommandRefused as refused:
            self._error(refused.code, with_id(refused.command_id))

    def tell(self, happening: Happening) -> None:
        """Hear of a happening, and send a message if one is subscribed to."""
        subscription = self._by_channel.get(CHANNELS[type(happening)])
        if subscription is not None:
            message = message_for(happening, subscription, self._reader)
            if message is not None:
                self._send(subscription, *message)

    def pop(self) -> str | None:
        """Fetch the oldest message that waits, None if there is none."""
        return self._wire.pop()

    def take(self) -> list[str]:
        """Fetch everything that waits."""
        return list(iter(self.pop, None))

    def close(self) -> None:
        """End the connection: nothing is told or answered any more."""
        self.is_closed = True
        self._by_channel.clear()
        self._on_outgoing()

    def _obey(self, command_id: int, command: Command) -> None:
        if isinstance(command, Subscribe):
            self._subscribe(command_id, command)
        elif isinstance(command, Unsubscribe):
            self._unsubscribe(command_id, command)
        elif isinstance(command, Update):
            self._update(command_id, command)
        else:
            listed = [{"channel": one.channel, "sid": one.sid} for one in self.subscriptions]
            self._wire.answer({"id": command_id, "type": "ok", "msg": listed})

    def _subscribe(self, command_id: int, command: Subscribe) -> None:
        named = list(self._listings) if command.tickers is None else command.tickers
        added = {channel: self._missing(channel, named) for channel in command.channels}
        self._check_limit(command_id, sum(map(len, added.values())))
        for channel in added:
            if channel not in self._by_channel:
                self._sids += 1
                fresh = Subscription.start(self._sids, channel, command)
                self._by_channel[channel] = fresh
            subscription = self._by_channel[channel]
            subscription.add(command.tickers)
            message = {"channel": channel, "sid": subscription.sid}
            self._wire.answer({"type": "subscribed", **with_id(command_id), "msg": message})
        self._desk.rewatch()
        for channel, tickers in added.items():
            self._send_first(channel, tickers, is_ticker_wanted=command.send_initial_snapshot)

    def _missing(self, channel: Channel, named: Iterable[str]) -> list[str]:
        subscription = self._by_channel.get(channel)
        return list(named) if subscription is None else subscription.missing(named)

    def _unsubscribe(self, command_id: int, command: Unsubscribe) -> None:
        for sid in command.sids:
            subscription = self._find(sid)
            if subscription is None:
                self._error(7, with_id(command_id))
            else:
                del self._by_channel[subscription.channel]
                self._wire.forget(sid)
                numbers = {"sid": sid, "seq": subscription.next_seq()}
                self._wire.answer({**with_id(command_id), **numbers, "type": "unsubscribed"})
        self._desk.rewatch()

    def _update(self, command_id: int, command: Update) -> None:
        subscription = self._find(command.sid)
        if subscription is None:
            raise CommandRefused(7, command_id)
        code = subscription.objection(command)
        if code is not None:
            raise CommandRefused(code, command_id)
        if command.action == "get_snapshot":
            self._send_books(subscription, command.tickers, command_id)
            return
        added: list[str] = []
        if command.action == "add_markets":
            added = subscription.missing(command.tickers)
            self._check_limit(command_id, len(added))
            subscription.add(added)
        else:
            subscription.remove(command.tickers)
        self._wire.answer(with_id(command_id) | subscription.acknowledgement())
        self._desk.rewatch()
        self._send_first(
            subscription.channel, added, is_ticker_wanted=command.send_initial_snapshot
        )

    def _send_first(
        self, channel: Channel, tickers: Iterable[str], *, is_ticker_wanted: bool
    ) -> None:
        """Send what a market's first messages are on its channel."""
        subscription = self._by_channel[channel]
        if channel == "orderbook_delta":
            self._send_books(subscription, tickers, 0)
        elif channel == "ticker" and is_ticker_wanted:
            for ticker in tickers:
                self._send(subscription, "ticker", self._desk.board.tickers.shown(ticker))

    def _send_books(
        self, subscription: Subscription, tickers: Iterable[str], command_id: int
    ) -> None:
        for ticker in tickers:
            levels = self._desk.board.books.levels(ticker, self._desk.reached_ms)
            body = snapshot_body(ticker, levels, use_yes_price=subscription.use_yes_price)
            self._send(subscription, "orderbook_snapshot", body, command_id=command_id)

    def _send(
        self, subscription: Subscription, kind: str, body: Body, *, command_id: int = 0
    ) -> None:
        """Send data, or end the subscription if too much of it waits already."""
        if self._by_channel.get(subscription.channel) is not subscription:
            return
        if not self._wire.data(subscription, kind, body, command_id=command_id):
            del self._by_channel[subscription.channel]
            self._wire.drop(subscription.sid)
            self._error(25, {"sid": subscription.sid, "seq": subscription.next_seq()})
            self._desk.rewatch()

    def _error(self, code: int, about: Body) -> None:
        message = {"code": code, "msg": ERRORS[code]}
        self._wire.answer({**about, "type": "error", "msg": message})

    def _find(self, sid: int) -> Subscription | None:
        return next((one for one in self.subscriptions if one.sid == sid), None)

    def _check_limit(self, command_id: int, added: int) -> None:
        held = sum(len(one.tickers or ()) for one in self.subscriptions)
        if held + added > self._desk.terms.markets:
            raise CommandRefused(26, command_id)

    def _is_one_too_many(self) -> bool:
        """Count a command; tell whether it exceeds what one second may hold."""
        now = self._desk.terms.monotonic()
        if now - self._second >= 1:
            self._second, self._commands = now, 0
        self._commands += 1
        return self._commands > self._desk.terms.commands_per_second
