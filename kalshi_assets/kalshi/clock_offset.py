"""How far this machine's clock is off the exchange's, by the Date of its answers.

The exchange refuses signatures of a clock that is far off (seen: 5 s pass, 30 s behind do not), so
a clock that drifts is warned about long before that.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from statistics import median

from kalshi_assets.domain.clock import wall_now

WARNING_SECONDS = 3.0
# The middle of a few answers: one wrong Date, of a proxy's cache perhaps, moves nothing.
ANSWERS = 5
# A Date header is cut to whole seconds: on average the exchange's clock is half a second further.
CUT_OFF = timedelta(seconds=0.5)

_log = logging.getLogger(__name__)


class ClockOffset:
    """An estimate that every answer renews; may be shared by threads.

    Attributes:
        round_trip_seconds: of the newest call, from sending to the answer's head; None before any.
    """

    def __init__(self, now: Callable[[], datetime] = wall_now) -> None:
        self.now = now
        self.round_trip_seconds: float | None = None
        self._offsets: deque[float] = deque(maxlen=ANSWERS)
        self._is_off = False
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float | None:
        """By how much our clock is ahead; None where no answer had a Date.

        Whatever the time on the way explains is left out.
        """
        with self._lock:
            return median(self._offsets) if self._offsets else None

    def note(self, asked_at: datetime, headers: Mapping[str, str]) -> None:
        """Renew the estimate by an answer that just came; warn once where it leaves the limit."""
        received_at = self.now()
        self.round_trip_seconds = (received_at - asked_at).total_seconds()
        dated_at = _dated_at(headers)
        if dated_at is None:
            return
        with self._lock:
            self._offsets.append(_offset(asked_at, received_at, dated_at))
            offset, was_off = median(self._offsets), self._is_off
            self._is_off = abs(offset) >= WARNING_SECONDS
            is_new = self._is_off and not was_off
        if is_new:
            _log.warning(
                "this machine's clock is %.1f s %s the exchange's; beyond some 10 s signatures are "
                "refused: synchronise it, `timedatectl set-ntp true`, or chrony",
                abs(offset),
                "ahead of" if offset > 0 else "behind",
            )


def _dated_at(headers: Mapping[str, str]) -> datetime | None:
    """Return the time an answer states, GMT; one of a cache tells how long it has lain there."""
    try:
        stated_at = parsedate_to_datetime(headers["date"]).replace(tzinfo=UTC)
        return stated_at + CUT_OFF + timedelta(seconds=int(headers.get("age", "0")))
    except (KeyError, ValueError, OverflowError):
        return None


def _offset(asked_at: datetime, received_at: datetime, dated_at: datetime) -> float:
    """Return how far the exchange's time lies outside the span in which it was asked."""
    if dated_at < asked_at:
        return (asked_at - dated_at).total_seconds()
    return -max(0.0, (dated_at - received_at).total_seconds())
