"""A call to the exchange as the call log keeps it, and the breaker that may refuse one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True)
class ApiCall:
    """One call as it went over the wire. It holds no query, no header and no content.

    Attributes:
        at: when it was sent, wall time.
        host: whom it was sent to, with the port where the address names one.
        path: behind `/trade-api/v2`.
        status: of the answer; None where none came.
        error: the kind of error it ended in, or "".
        cost: tokens of the rate limit.
        latency_ms: from sending to the end of the answer.
        attempt: counted from 1; a read that is tried again is a call each time.
    """

    at: datetime
    host: str
    method: str
    path: str
    status: int | None
    error: str
    cost: int
    latency_ms: int
    attempt: int


@dataclass(frozen=True)
class BreakerTransition:
    """A change of the breaker's state; the newest one of a host is its state.

    Attributes:
        at: wall time.
        openings: how often it opened since it was last closed.
        until: open: when a call may probe; half open: when the probe is given up; closed: None.
        number: grows with every transition kept; None for one that is not kept yet.
    """

    at: datetime
    host: str
    from_state: BreakerState
    to_state: BreakerState
    reason: str
    openings: int
    until: datetime | None
    number: int | None = None
