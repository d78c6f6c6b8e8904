"""Whether a local exchange is at an address, as it says itself. Nothing of it is imported here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from kalshi_assets.domain.clock import VenueClock, parse_instant
from kalshi_assets.errors import ConfigurationError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ASK_SECONDS = 5.0


@dataclass(frozen=True)
class LocalExchange:
    """A running local exchange: where it is, where its clock stands, what it plays."""

    url: str
    clock: VenueClock
    input_name: str


def ask_local_exchange(api_url: str) -> LocalExchange | None:
    """Ask the exchange at a base URL whether it is a local one; None where it is not.

    Only a loopback address is asked.

    Raises:
        ConfigurationError: nothing answers there.
    """
    address = urlsplit(api_url)
    if address.scheme != "http" or address.hostname not in LOOPBACK:
        return None
    page_url = f"http://{address.netloc}/local/clock"
    try:
        with urlopen(page_url, timeout=ASK_SECONDS) as page:
            told = json.load(page)
    except HTTPError:  # something else than a local exchange, a tunnel perhaps
        return None
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"KALSHI_API_URL={api_url} gives no answer: {exc}") from exc
    return told_exchange(api_url, told)


def told_exchange(url: str, told: Mapping[str, Any]) -> LocalExchange:
    """Return the exchange that tells of itself."""
    clock = VenueClock(
        parse_instant(told["venue_at"]), parse_instant(told["wall_at"]), float(told["speed"])
    )
    return LocalExchange(url, clock, str(told["input"]))
