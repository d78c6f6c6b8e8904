"""The heartbeat to the outside: when its pings stop, somebody there notices that this host is dead.

The address is a secret: it is neither logged nor shown.
"""

import logging
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pydantic import SecretStr

from kalshi_assets.runtime.background import in_background

TIMEOUT_SECONDS = 10.0
_logger = logging.getLogger(__name__)


@dataclass
class Heartbeat:
    """Pings an address every so often. `step` never waits for it."""

    address: SecretStr
    every: timedelta
    _ping: "Future[str | None] | None" = None
    _next_at: datetime | None = None
    _problem: str | None = None

    def step(self, now: datetime) -> None:
        """Ping where it is time; say in the log when that begins to fail, and when it ends."""
        if self._ping is not None:
            if not self._ping.done():
                return
            self._tell(self._ping.result())
            self._ping = None
        if self._next_at is None or now >= self._next_at:
            self._next_at = now + self.every
            self._ping = in_background(lambda: ping(self.address))

    def _tell(self, problem: str | None) -> None:
        if problem != self._problem:
            _logger.warning("heartbeat: %s", problem or "it is answered again")
        self._problem = problem


def ping(address: SecretStr) -> str | None:
    """Ask the address once with GET; return None, or what went wrong, without the address."""
    request = Request(  # noqa: S310  settings let only http and https pass
        address.get_secret_value(), headers={"User-Agent": "kalshi-assets"}
    )
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310
            return None
    except HTTPError as exc:
        return f"it answered {exc.code}"
    except Exception as exc:  # its text may hold the address
        return f"no answer: {type(exc).__name__}"
