"""The frames of one subscription in the order of their numbers, each once.

`seq` counts, for one `sid` of one connection, over all markets: in a file of one market it jumps,
so a missing number tells nothing. What is told by it:

- A frame waits until 32 others have come behind it, or one received a second later: so one that
  came late by less has its place. One that comes twice counts once.
- A change of a book that comes later still is left out, and its book is in doubt.
- The count begins anew, after a lost connection, with a snapshot whose number has been passed, is
  that of another frame, or is 1 behind the answer to `subscribe`. Where that answer was recorded
  the new numbers are told apart at once; where not, a connection that was lost within its first
  second, or whose first snapshot came late, can leave a book wrong until the next snapshot.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Literal

from kalshi_assets.local_exchange.recordings.frame_files import Frame

WINDOW_FRAMES = 32
WINDOW_MS = 1_000
SNAPSHOT = "orderbook_snapshot"


@dataclass(frozen=True, slots=True)
class Received:
    """A frame and where it was found."""

    file: Path
    number: int
    recv_ms: int
    frame: Frame
    is_yes_priced: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done next.

    Attributes:
        kind: `fold` the frame; it came `late`, or `twice`; with it all counts `anew`, and it is
            itself still to be folded in its turn.
    """

    kind: Literal["fold", "late", "twice", "anew"]
    received: Received


class FrameOrder:
    """The window of one subscription, and what it remembers of the frames that have passed it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, Received]] = []
        self._known: dict[int, Received] = {}
        self._passed: deque[int] = deque()
        self._is_answered = False

    def take(self, received: Received, seq: int) -> Iterator[Turn]:
        """Take a frame with its number, and yield whatever has its turn by it."""
        while self._waiting and self._waiting[0][1].recv_ms + WINDOW_MS < received.recv_ms:
            yield self._pass()
        known = self._known.get(seq)
        if self._begins_anew(received, seq):
            yield from self.flush()
            self._forget()
            yield Turn("anew", received)
        elif known is not None:
            yield Turn("twice" if known.frame.msg == received.frame.msg else "late", received)
            return
        elif self._is_behind(seq):
            yield Turn("late", received)
            return
        self._is_answered = False
        self._known[seq] = received
        heappush(self._waiting, (seq, received))
        if len(self._waiting) > WINDOW_FRAMES:
            yield self._pass()

    def answered(self) -> Iterator[Turn]:
        """Take note of an answer to `subscribe`: what follows has numbers of its own."""
        yield from self.flush()
        self._forget()
        self._is_answered = True

    def flush(self) -> Iterator[Turn]:
        """Yield what is still waiting."""
        while self._waiting:
            yield self._pass()

    def _begins_anew(self, received: Received, seq: int) -> bool:
        if received.frame.type != SNAPSHOT:
            return False
        if (known := self._known.get(seq)) is not None:
            is_later = known.recv_ms + WINDOW_MS < received.recv_ms
            return is_later or known.frame.msg != received.frame.msg
        return self._is_behind(seq) or (self._is_answered and seq == 1)

    def _is_behind(self, seq: int) -> bool:
        return bool(self._passed) and seq < self._passed[-1]

    def _pass(self) -> Turn:
        seq, received = heappop(self._waiting)
        self._passed.append(seq)
        if len(self._passed) > WINDOW_FRAMES:
            del self._known[self._passed.popleft()]
        return Turn("fold", received)

    def _forget(self) -> None:
        self._known.clear()
        self._passed.clear()
