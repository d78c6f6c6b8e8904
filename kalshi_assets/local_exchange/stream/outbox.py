"""Messages that wait for the socket, bounded for each subscription."""

from collections import Counter, deque

NO_SID = 0


class Outbox:
    """First in, first out; knows how many messages of a subscription are waiting.

    Args:
        limit: how many messages of one subscription may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[int, str]] = deque()
        self._counts: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def is_full(self, sid: int) -> bool:
        """Tell whether a subscription may have no further message waiting."""
        return self._counts[sid] >= self._limit

    def put(self, text: str, sid: int = NO_SID) -> None:
        """Add a message, of a subscription or (`NO_SID`) of none."""
        self._waiting.append((sid, text))
        self._counts[sid] += 1

    def pop(self) -> str | None:
        """Take the oldest message, None if nothing waits."""
        if not self._waiting:
            return None
        sid, text = self._waiting.popleft()
        self._counts[sid] -= 1
        return text

    def discard(self, sid: int) -> None:
        """Throw away what waits of a subscription."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] != sid)
        del self._counts[sid]
