"""Which records the live operations show, and which only the historical ones do.

A record moves over once it is older than its kind's cutoff; cutoffs move with venue time. Resting
orders and unsettled positions never do.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.tape import Listing
from kalshi_assets.local_exchange.units import DAY_MS

Bound = tuple[str, int]
"""A condition on a record's row, and the moment it compares with."""


@dataclass(frozen=True, slots=True)
class Tiers:
    """How long records stay live, in ms of venue time.

    Attributes:
        orders_ms: an order, after it was executed or cancelled.
        trades_ms: a trade and the fills of it, after it happened.
        markets_ms: a market with its book and candles, after it was settled.
        positions_ms: a settled position and its settlement, after the position's last change.
    """

    orders_ms: int = 14 * DAY_MS
    trades_ms: int = 91 * DAY_MS
    markets_ms: int = 91 * DAY_MS
    positions_ms: int = 91 * DAY_MS

    def is_archived(self, listing: Listing, now_ms: int) -> bool:
        """Tell whether a market has left the live operations."""
        is_settled = listing.status_at(now_ms) == "finalized"
        return is_settled and listing.settled_ms < now_ms - self.markets_ms

    def is_order_archived(self, *, is_resting: bool, updated_ms: int, now_ms: int) -> bool:
        """Tell whether an order has left the live operations."""
        return not is_resting and updated_ms < now_ms - self.orders_ms

    def is_position_archived(self, *, is_settled: bool, updated_ms: int, now_ms: int) -> bool:
        """Tell whether a position has left the live operations."""
        return is_settled and updated_ms < now_ms - self.positions_ms

    def live_orders(self, now_ms: int) -> Bound:
        """Return what the rows of live orders have in common."""
        return "(status = 'resting' or updated_ms >= ?)", now_ms - self.orders_ms

    def archived_orders(self, now_ms: int) -> Bound:
        """Return what the rows of the other orders have in common."""
        return "(status <> 'resting' and updated_ms < ?)", now_ms - self.orders_ms

    def live_fills(self, now_ms: int) -> Bound:
        """Return what the rows of live fills have in common."""
        return "created_ms >= ?", now_ms - self.trades_ms

    def archived_fills(self, now_ms: int) -> Bound:
        """Return what the rows of the other fills have in common."""
        return "created_ms < ?", now_ms - self.trades_ms

    def live_settlements(self, now_ms: int) -> Bound:
        """Return what the rows of live settlements have in common; no operation has the others."""
        return "settled_ms >= ?", now_ms - self.positions_ms
