"""What an account holds in a market.

A position is net: + YES, - NO. Selling YES one holds and buying NO against it are the same: a pair
pays $1, so the price of the outcome bought is paid and $1 comes back. Opening contracts cost their
outcome's price, which is all an account can lose: cash never falls below zero.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.tape import Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR


@dataclass(slots=True)
class Position:
    """An account's net position in a market; `cost_micros` is what the open contracts cost."""

    account: str
    ticker: str
    position: int = 0
    cost_micros: int = 0
    realized_micros: int = 0
    fees_micros: int = 0
    traded_micros: int = 0
    traded_count: int = 0
    updated_ms: int = 0
    is_settled: int = 0
    created_ms: int = 0

    def closable(self, side: Side) -> int:
        """Return how many held contracts an order of this side would close."""
        return max(-self.position if side == "bid" else self.position, 0)

    def value_micros(self, price: int) -> int:
        """Return what the held contracts are worth at a YES price."""
        per_contract = price if self.position > 0 else ONE_DOLLAR - price
        return abs(self.position) * per_contract

    def move(self, side: Side, count: int, *, closing: int, outcome_price: int) -> None:
        """Close against what is held, at its average cost, and open the rest."""
        held = abs(self.position)
        released = self.cost_micros * closing // held if held else 0
        proceeds = closing * (ONE_DOLLAR - outcome_price)
        opening_cost = (count - closing) * outcome_price
        self.realized_micros += proceeds - released
        self.cost_micros += opening_cost - released
        self.position += count if side == "bid" else -count
        self.traded_micros += proceeds + opening_cost
        self.traded_count += count
