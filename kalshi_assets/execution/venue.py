"""What execution asks of a venue. The client of the exchange does all of it; so does paper."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from kalshi_assets.domain.account import (
    AmendAck,
    Balance,
    CancelAck,
    Fill,
    OrderAck,
    OrderAmendment,
    OrderRequest,
    Position,
    Settlement,
    VenueOrder,
)
from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.kalshi.batches import MarketBatch


class Venue(Protocol):
    """A place where orders are sent. Every call may raise ExchangeError or PayloadError."""

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange runs and trades."""

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return markets with their quotes of now."""

    def balance(self) -> Balance:
        """Return the cash."""

    def positions(self) -> list[Position]:
        """Return the open positions."""

    def create_order(self, request: OrderRequest) -> OrderAck:
        """Send an order, once."""

    def amend_order(self, amendment: OrderAmendment) -> AmendAck:
        """Change price, count or expiry of a resting order, sent once."""

    def cancel_order(self, order_id: str, *, market_ticker: str) -> CancelAck:
        """Take an order off."""

    def await_reads(self, acknowledged_at: datetime, *, within_seconds: float) -> bool:
        """Wait until reads of the account are as far as a write; tell whether they are."""

    def orders(self, *, min_created_at: datetime | None = None) -> list[VenueOrder]:
        """Return our orders of any status."""

    def fills(self, *, min_filled_at: datetime | None = None) -> list[Fill]:
        """Return our fills."""

    def settlements(self, *, min_settled_at: datetime | None = None) -> list[Settlement]:
        """Return our settlements."""
