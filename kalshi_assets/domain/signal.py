"""A signal: one episode of a strategy's condition in one market, within one New York day."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from kalshi_assets.domain.account import Side

SignalStatus = Literal["watching", "triggered", "ended"]


@dataclass(frozen=True)
class Signal:
    """A row of `signals`. Prices in micros.

    Attributes:
        started_at: when the deviation passed the watch level; part of the identity.
        triggered_at: when it first passed the trading threshold, None while it has not.
        reference_price: the ask of the side to buy at that moment.
        deviation, mid, mean, coverage, average_hash: as last seen.
        strength: |deviation| as a multiple of the trading threshold.
    """

    strategy: str
    market_ticker: str
    day: date
    started_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None
    side: Side
    strength: Decimal
    deviation: int
    mid: int
    mean: Decimal
    coverage: Decimal
    triggered_at: datetime | None
    reference_price: int | None
    average_hash: str

    @property
    def signal_id(self) -> str:
        """Return the identity, the same however often the episode is computed."""
        text = f"{self.strategy}|{self.market_ticker}|{self.started_at.isoformat()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def status(self) -> SignalStatus:
        """Return where the episode stands."""
        if self.ended_at is not None:
            return "ended"
        return "watching" if self.triggered_at is None else "triggered"
