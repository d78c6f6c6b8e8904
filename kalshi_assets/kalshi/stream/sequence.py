"""Which frames of a subscription count: none missed, none twice. Gaps are told to the doubts."""

from collections import Counter

from kalshi_assets.domain.stream import Channel
from kalshi_assets.kalshi.stream.answers import Answers
from kalshi_assets.kalshi.stream.desk import Desk
from kalshi_assets.kalshi.stream.doubts import BOOKS, Doubts
from kalshi_assets.kalshi.stream.subscription import Subscription

# The other channels' frames carry no numbers: what they lose is known only when a connection ends.
SEQUENCED: frozenset[Channel] = frozenset({BOOKS, "trade", "market_lifecycle_v2"})
# So many frames in a row with numbers long passed: it has begun to count anew, or is confused.
MOST_REPEATS = 200


class Sequence:
    """Finds the subscription of a frame, and its place in it.

    Attributes:
        counts: frames that were `repeated` or late, and those of `strange` subscriptions.
    """

    def __init__(self, desk: Desk, doubts: Doubts, answers: Answers) -> None:
        self._desk = desk
        self._doubts = doubts
        self._answers = answers
        self.counts: Counter[str] = Counter()

    def subscription(self, channel: Channel, sid: int, *, at_ms: int) -> Subscription | None:
        """Return the subscription with this id, or None where it is not ours.

        Frames may be ahead of the answer to `subscribe`, or that answer is lost: an id that
        sends what we have just asked for is taken for its own.
        """
        found = self._desk.by_sid.get(sid)
        if found is not None:
            return found
        if self._desk.is_expected(channel, sid):
            expected = self._desk.subscriptions[channel]
            self._answers.adopt(expected, sid, at_ms=at_ms)
            return expected
        self._desk.turn_away(sid)
        self.counts["strange"] += 1
        return None

    def is_next(self, found: Subscription, seq: int, *, at_ms: int) -> bool:
        """Count a number in; False if it has been passed, so that the frame changes nothing.

        A number that was not expected yet is a gap, and the frame counts.
        """
        if seq <= found.seq:
            self._repeated(found)
            return False
        if seq != found.seq + 1:
            self._doubts.miss(found, "sequence", to_ms=at_ms)
        found.seq, found.heard_ms = seq, at_ms
        return True

    def _repeated(self, found: Subscription) -> None:
        self.counts["repeated"] += 1
        if found.repeats_at != found.seq:
            found.repeats_at, found.repeats = found.seq, 0
        found.repeats += 1
        if found.repeats > MOST_REPEATS:
            self._answers.broken = f"{found.channel} has gone on below number {found.seq}"
