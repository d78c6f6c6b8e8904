"""What a call must be answered with, and what is known to differ from the exchange's document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CPI = "KXCPI-26OCT-T0.3"
CLOSES_SOON = "KXPAYROLLS-26SEP-T75000"
START = 1_791_901_800  # 2026-10-13 14:30 UTC

World = Literal["live", "aged"]
"""The same events, seen soon after or when all that is over has been archived."""
Shape = Literal["", "nested", "flat", "bare", "empty"]


@dataclass(frozen=True)
class Case:
    """One call and what it must be answered with.

    Attributes:
        path: values of the path's variables, where they are not those of `PLACES`.
        shape: of a refusal's body.
    """

    method: str
    template: str
    status: int = 200
    shape: Shape = ""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    world: World = "live"

    def __str__(self) -> str:
        named = "&".join([*self.query, *(f"{value}" for value in self.path.values())])
        return f"{self.status} {self.method} {self.template} {named}"


def get(template: str, status: int = 200, shape: Shape = "", **more: Any) -> Case:
    return Case("GET", template, status, shape, **more)


def bare(template: str, **query: Any) -> Case:
    return get(template, 400, "bare", query=query)


def missing(template: str, **path: str) -> Case:
    return get(template, 404, "nested", path=path)


EVENT_CANDLES = "/series/{series_ticker}/events/{ticker}/candlesticks"
TOO_MANY = {"limit": 1001}
PLACES = {"series_ticker": "KXCPI", "event_ticker": "KXCPI-26OCT", "ticker": CPI}

IMPOSSIBLE = {
    ("GET", "/events/{event_ticker}/metadata", 400): "takes no parameters",
    ("GET", "/portfolio/orders/queue_positions", 400): "any text may be a ticker",
}
"""Documented refusals that no call can bring about, and why."""

BEYOND_THE_DOCUMENT = {
    ("GET", "/series/{series_ticker}", 404),
    ("GET", EVENT_CANDLES, 404),
    ("GET", "/markets/{ticker}/orderbook", 400),
}
"""Refusals whose status the document does not name for their operation.

The way in refuses with 401, 403 and 429 everywhere; the document says so of some operations only.
"""
UNTOLD = {"LegacyWrite"}
"""Operations that were taken out of the document; they answer 410."""
