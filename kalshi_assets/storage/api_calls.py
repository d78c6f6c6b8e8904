"""The call log: calls are taken without waiting and written by a thread of their own.

The thread starts with the first call, in each process by itself: one that was forked has none of
its parent's threads. Where calls come faster than they can be written, the oldest waiting ones are
dropped, and the next row that is written says how many.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, delete, insert

from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import StorageError
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.schema import api_calls

KEPT = timedelta(days=30)
MOST_WAITING = 10_000
ROWS_A_BATCH = 500
# Calls of the same moment go in one statement.
LINGER_SECONDS = 0.25
PAUSE_AFTER_FAILURE_SECONDS = 2.0
CLOSE_SECONDS = 5.0
WALL = VenueClock()

_log = logging.getLogger(__name__)


class CallLog:
    """Writes calls to the table `api_calls`; may be shared by threads.

    Args:
        database: where the table is; connected to by the thread only.
        most_waiting: calls held at most while the database does not take them.
        on_call: is told of each call as well.
        clock: the venue's.
    """

    def __init__(
        self,
        database: Database,
        *,
        most_waiting: int = MOST_WAITING,
        on_call: Callable[[ApiCall], None] | None = None,
        clock: VenueClock = WALL,
    ) -> None:
        self._clock = clock
        self._database = database
        self._on_call = on_call
        self._most_waiting = most_waiting
        self._writer: _Writer | None = None
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def note(self, call: ApiCall) -> None:
        """Take a call; it is written soon."""
        if self._on_call is not None:
            self._on_call(call)
        writer = self._writer
        if writer is None or writer.pid != os.getpid():
            writer = self._started()
        writer.put(call)

    def close(self) -> None:
        """Write what waits, for some seconds at most."""
        writer, self._writer = self._writer, None
        if writer is not None and writer.pid == os.getpid():
            writer.close()

    def _started(self) -> "_Writer":
        """Return this process's writer, started if no other thread was quicker."""
        with self._starting:
            writer = self._writer
            if writer is not None and writer.pid == os.getpid():
                return writer
            self._writer = _Writer(self._database, self._most_waiting, self._clock)
            return self._writer


class _Writer:
    """The waiting calls of one process, and the thread that writes them."""

    def __init__(self, database: Database, most_waiting: int, clock: VenueClock) -> None:
        self.pid = os.getpid()
        self._clock = clock
        self._database = database
        self._most_waiting = most_waiting
        self._waiting: deque[ApiCall] = deque()
        self._dropped = 0
        self._is_closing = False
        self._is_pruned = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="call-log", daemon=True)
        self._thread.start()

    def put(self, call: ApiCall) -> None:
        with self._change:
            self._waiting.append(call)
            self._drop_surplus()
            if len(self._waiting) == 1:
                self._change.notify()

    def close(self) -> None:
        with self._change:
            self._is_closing = True
            self._change.notify()
        self._thread.join(CLOSE_SECONDS)
        if self._waiting or self._thread.is_alive():
            _log.warning("some of the last calls are not in the call log")

    def _run(self) -> None:
        while self._wait_for_calls():
            batch, dropped = self._next()
            try:
                self._write(batch, dropped)
            except StorageError as exc:
                _log.warning("%d calls wait for the call log: %s", len(batch), exc)
                self._put_back(batch, dropped)
                if self._is_closing:
                    return
                self._pause(PAUSE_AFTER_FAILURE_SECONDS)

    def _wait_for_calls(self) -> bool:
        """Return once calls wait; False where none will come any more."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._is_closing)
        self._pause(LINGER_SECONDS)
        return bool(self._waiting)

    def _pause(self, seconds: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self._is_closing, seconds)

    def _next(self) -> tuple[list[ApiCall], int]:
        with self._change:
            count = min(len(self._waiting), ROWS_A_BATCH)
            dropped, self._dropped = self._dropped, 0
            return [self._waiting.popleft() for _ in range(count)], dropped

    def _put_back(self, batch: Sequence[ApiCall], dropped: int) -> None:
        with self._change:
            self._waiting.extendleft(reversed(batch))
            self._dropped += dropped
            self._drop_surplus()

    def _drop_surplus(self) -> None:
        while len(self._waiting) > self._most_waiting:
            self._waiting.popleft()
            self._dropped += 1

    def _write(self, batch: Sequence[ApiCall], dropped: int) -> None:
        with self._database.transaction() as connection:
            save_calls(connection, batch, dropped_before=dropped, clock=self._clock)
            if not self._is_pruned:
                connection.execute(delete(api_calls).where(api_calls.c.at < wall_now() - KEPT))
        self._is_pruned = True


def save_calls(
    connection: Connection,
    calls: Sequence[ApiCall],
    *,
    dropped_before: int = 0,
    clock: VenueClock = WALL,
) -> None:
    """Add calls to the log; the first row says how many before it were dropped."""
    rows = [{**vars(c), "dropped_before": 0, "venue_at": clock.at(c.at)} for c in calls]
    if rows:
        rows[0]["dropped_before"] = dropped_before
        connection.execute(insert(api_calls), rows)
