"""The control address of the local exchange: its clock, its faults, money paid in."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from kalshi_assets.domain.clock import UTC_FORMAT, VenueClock, parse_instant
from kalshi_assets.errors import ProcessError

ANSWER_SECONDS = 120.0
# No two moments are the same, and a step of this history takes little of the venue's time.
CREEPING = 0.1
# Time that hardly passes would take long to show what was written.
NO_LAG: Mapping[str, object] = {"fault": "stale-reads", "milliseconds": 0}


@dataclass(frozen=True)
class Steering:
    """Steers the exchange whose API is at `api_url`."""

    api_url: str

    def clock(self) -> VenueClock:
        """Return where the venue's clock stands."""
        return _clock(self._ask("GET", "clock", None))

    def go_to(self, moment: datetime) -> VenueClock:
        """Let all happen that is due until a moment, and let time creep on from there."""
        at = moment.strftime(UTC_FORMAT)
        return _clock(self._ask("POST", "clock", {"venue_at": at, "speed": CREEPING}))

    def run_on(self) -> VenueClock:
        """Let time pass as fast as everywhere, and nothing be wrong any more."""
        self._ask("DELETE", "faults", None)
        return _clock(self._ask("POST", "clock", {"speed": 1}))

    def pay(self, account: str, amount_usd: Decimal) -> None:
        """Move money over the bank."""
        self._ask("POST", "transfers", {"account": account, "amount": str(amount_usd)})

    def set_faults(self, rules: Sequence[Mapping[str, object]]) -> None:
        """Set rules in place of all that are there; reads do not lag meanwhile."""
        self._ask("DELETE", "faults", None)
        self._ask("POST", "faults", [NO_LAG, *rules])

    def _ask(self, method: str, page: str, content: object) -> Any:
        body = None if content is None else json.dumps(content).encode()
        url = f"http://{urlsplit(self.api_url).netloc}/local/{page}"
        request = Request(url, data=body, method=method)
        try:
            with urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  the local exchange's own
                return json.load(answer)
        except HTTPError as exc:
            raise ProcessError(f"{method} {url}: {exc.read().decode()}") from exc
        except OSError as exc:
            raise ProcessError(f"{method} {url}: the exchange is gone: {exc}") from exc


def _clock(told: Mapping[str, Any]) -> VenueClock:
    return VenueClock(
        parse_instant(told["venue_at"]), parse_instant(told["wall_at"]), float(told["speed"])
    )
