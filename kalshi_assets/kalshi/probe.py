"""A look at the exchange: brief time-outs, how long an answer took, how far our clock is off.

For people who ask "does it work?"; nothing that trades goes through here.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.connection import Connection, Hooks, Wire
from kalshi_assets.kalshi.retry import RetryPolicy

LONGEST_SECONDS = 5.0
# A Date header is cut to whole seconds: on average the exchange's clock is half a second further.
CUT_OFF = timedelta(seconds=0.5)


class Probe(KalshiClient):
    """A client that asks briefly, at most twice, and notes the course of its newest answer.

    Attributes:
        round_trip_seconds: from request to answer; None before any answer.
        clock_offset_seconds: by how much our wall clock is ahead of the answer's Date; whatever the
            time on the way explains is left out. None where no answer had a Date.
    """

    def __init__(self, base_url: str, *, auth: RequestSigner | None = None) -> None:
        self.round_trip_seconds: float | None = None
        self.clock_offset_seconds: float | None = None
        self._asked_at = wall_now()
        timeout = httpx.Timeout(LONGEST_SECONDS, connect=3)
        hooks: Hooks = {"request": [self._note_request], "response": [self._note_response]}
        self._connection = Connection(
            base_url,
            auth=auth,
            retry=RetryPolicy(attempts=2, cap_seconds=0.5),
            wire=Wire(timeout, whole_answer_seconds=LONGEST_SECONDS, hooks=hooks),
        )

    def _note_request(self, request: httpx.Request) -> None:
        self._asked_at = wall_now()

    def _note_response(self, response: httpx.Response) -> None:
        received_at = wall_now()
        self.round_trip_seconds = (received_at - self._asked_at).total_seconds()
        dated_at = _dated_at(response)
        if dated_at is not None:
            self.clock_offset_seconds = _offset(self._asked_at, received_at, dated_at)


def _dated_at(response: httpx.Response) -> datetime | None:
    """Return the time an answer states, GMT; one of a cache tells how long it has lain there."""
    try:
        stated_at = parsedate_to_datetime(response.headers["date"]).replace(tzinfo=UTC)
        return stated_at + CUT_OFF + timedelta(seconds=int(response.headers.get("age", "0")))
    except (KeyError, ValueError, OverflowError):
        return None


def _offset(asked_at: datetime, received_at: datetime, dated_at: datetime) -> float:
    """Return how far the exchange's time lies outside the span in which it was asked."""
    if dated_at < asked_at:
        return (asked_at - dated_at).total_seconds()
    return -max(0.0, (dated_at - received_at).total_seconds())
