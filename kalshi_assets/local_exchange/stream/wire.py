"""The way out of a session: numbers its messages, stamps them, and lines them up for the socket."""

import json
from collections.abc import Callable, Mapping

from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.stream.happenings import Body
from kalshi_assets.local_exchange.stream.line import Line
from kalshi_assets.local_exchange.stream.outbox import NO_SID, Outbox
from kalshi_assets.local_exchange.stream.subscription import SEQUENCED, Subscription


class Wire:
    """Sends to one connection.

    Args:
        number: the connection's; its line's chances depend on it.
        buffer: messages of one subscription that may wait.
        interventions: say how bad the line is.
        now_ms: the venue's moment, for `sending_ts_ms`.
        on_outgoing: called when something waits where nothing did.
    """

    def __init__(
        self,
        number: int,
        *,
        buffer: int,
        interventions: Interventions,
        now_ms: Callable[[], int],
        on_outgoing: Callable[[], object],
    ) -> None:
        self._outbox = Outbox(buffer)
        self._line = Line(number)
        self._interventions = interventions
        self._now_ms = now_ms
        self._on_outgoing = on_outgoing

    def answer(self, frame: Mapping[str, object]) -> None:
        """Send an answer to a command, or an error; the line never harms those."""
        self._put(frame, NO_SID)

    def data(self, subscription: Subscription, kind: str, body: Body, *, command_id: int) -> bool:
        """Send a data message; tell whether there was room for it.

        Args:
            subscription: whose; its next sequence number is used up.
            kind: the message's `type`.
            body: its `msg`.
            command_id: of the command that asked for it, 0 for none.
        """
        sid = subscription.sid
        if self._outbox.is_full(sid):
            return False
        self._line.use(self._interventions.line)
        if self._line.skips():
            subscription.next_seq()
        frame: Body = {"type": kind, "sid": sid, **with_id(command_id)}
        if subscription.channel in SEQUENCED:
            frame["seq"] = subscription.next_seq()
        for arriving in self._line.carry({**frame, "msg": body}):
            self._put(arriving, sid)
        return True

    def pop(self) -> str | None:
        """Fetch the oldest message that waits, None if there is none."""
        return self._outbox.pop()

    def drop(self, sid: int) -> None:
        """Let go of everything that waits of a subscription."""
        self._outbox.discard(sid)
        self._line.forget(sid)

    def forget(self, sid: int) -> None:
        """Let go of what the line holds back of a subscription that has ended."""
        self._line.forget(sid)

    def _put(self, frame: Mapping[str, object], sid: int) -> None:
        stamped = {**frame, "sending_ts_ms": self._now_ms()}
        self._outbox.put(json.dumps(stamped, separators=(",", ":")), sid)
        if len(self._outbox) == 1:
            self._on_outgoing()


def with_id(command_id: int) -> Body:
    """Return the id of a command for its answer; the id 0 counts as none."""
    return {"id": command_id} if command_id else {}
