"""What the exchange's answers to commands, and its errors, change at the desk and for the books."""

from msgspec import UNSET, UnsetType

from kalshi_assets.domain.stream import CHANNELS, Channel, Refusal
from kalshi_assets.kalshi.stream.desk import Desk
from kalshi_assets.kalshi.stream.doubts import Doubts
from kalshi_assets.kalshi.stream.frames import (
    Error,
    Ok,
    Subscribed,
    Unsubscribed,
)
from kalshi_assets.kalshi.stream.messages import (
    ListedMsg,
    TickersMsg,
)
from kalshi_assets.kalshi.stream.numbers import instant
from kalshi_assets.kalshi.stream.outbox import Outbox
from kalshi_assets.kalshi.stream.subscription import Subscription

CHANNEL_ERROR, BUFFER_OVERFLOW, UNKNOWN_SID = 10, 25, 7
# After these the subscription is gone and has to be made anew.
TERMINAL = frozenset({CHANNEL_ERROR, BUFFER_OVERFLOW, UNKNOWN_SID})


Answer = Subscribed | Unsubscribed | Ok | Error


class Answers:
    """Takes in everything that is no market data.

    Attributes:
        broken: why this connection is of no further use, or "".
    """

    def __init__(self, desk: Desk, doubts: Doubts, outbox: Outbox) -> None:
        self._desk = desk
        self._doubts = doubts
        self._outbox = outbox
        self.broken = ""

    def adopt(self, found: Subscription, sid: int, *, at_ms: int) -> None:
        """Take an id as the channel's: it is subscribed."""
        self._desk.adopt(found, sid)
        found.heard_ms = at_ms
        self._doubts.resume(found, at_ms=at_ms)

    def take(self, frame: Answer, at_ms: int) -> None:
        """Take an answer in. Its number, if it carries one, has been counted."""
        if isinstance(frame, Subscribed):
            self._subscribed(frame, at_ms)
        elif isinstance(frame, Unsubscribed):
            self._unsubscribed(frame)
        elif isinstance(frame, Ok):
            self._ok(frame, at_ms)
        else:
            self._error(frame, at_ms)

    def _subscribed(self, frame: Subscribed, at_ms: int) -> None:
        # An id we have no use for is given back.
        found = self._wanted(frame.msg.channel)
        if found is None or found.sid not in (None, frame.msg.sid):
            self._desk.turn_away(frame.msg.sid)
        elif found.sid is None:
            self.adopt(found, frame.msg.sid, at_ms=at_ms)

    def _unsubscribed(self, frame: Unsubscribed) -> None:
        found = self._desk.by_sid.get(frame.sid)
        if found is not None:
            self._end(found)

    def _ok(self, frame: Ok, at_ms: int) -> None:
        answered = 0 if frame.id is UNSET else frame.id
        if isinstance(frame.msg, list):
            self._listed(frame.msg, answered, at_ms=at_ms)
        elif isinstance(frame.sid, int) and (found := self._desk.by_sid.get(frame.sid)):
            msg = frame.msg
            tickers = msg.market_tickers if isinstance(msg, TickersMsg) else UNSET
            given = None if isinstance(tickers, UnsetType) else tickers
            self._desk.confirm(found, given, answered=answered)
            self._doubts.leave(found)

    def _error(self, frame: Error, at_ms: int) -> None:
        is_ours = frame.id in self._desk.pending
        asked = None if frame.id is UNSET else self._desk.refuse(frame.id)
        found = None if frame.sid is UNSET else self._desk.by_sid.get(frame.sid)
        about = found or asked
        self._outbox.put_notice(
            Refusal(
                None if about is None else about.channel,
                frame.msg.code,
                frame.msg.msg,
                instant(at_ms),
            )
        )
        if frame.msg.code not in TERMINAL:
            return
        if about is not None and about.sid is not None:
            self._end(about)
        elif not is_ours and frame.sid is UNSET and frame.msg.code != UNKNOWN_SID:
            self.broken = f"error {frame.msg.code} ({frame.msg.msg}) of no subscription we know"

    def _listed(self, rows: list[ListedMsg], answered: int, *, at_ms: int) -> None:
        command = self._desk.pending.pop(answered, None)
        if command is None or command.kind != "list":
            return
        for found in [*self._desk.subscriptions.values()]:
            # What has changed since the list was asked for, the list cannot know.
            if found.sid != command.known.get(found.channel) or found.pending is not None:
                continue
            sids = [row.sid for row in rows if row.channel == found.channel]
            if found.sid is None and sids and found.wanted is not None and found.is_unsure:
                self.adopt(found, sids[0], at_ms=at_ms)
            elif found.sid is not None and found.sid not in sids:
                self._end(found)
            found.is_unsure = False
        for row in rows:
            mine = self._wanted(row.channel)
            if row.sid not in self._desk.by_sid and (mine is None or mine.sid is not None):
                self._desk.strays.add(row.sid)

    def _end(self, found: Subscription) -> None:
        # What is still wanted of it is missed from its last frame on.
        if found.wanted is not None:
            self._doubts.lose(found, "channel_error", from_ms=found.heard_ms)
        self._desk.end(found)

    def _wanted(self, channel: str) -> Subscription | None:
        known: dict[str, Channel] = {name: name for name in CHANNELS}
        found = self._desk.subscriptions.get(known[channel]) if channel in known else None
        return found if found is not None and found.wanted is not None else None
