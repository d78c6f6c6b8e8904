"""How many contracts: all that can be lost, cost with fees, stays within the budget."""

from decimal import Decimal

from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.price import CENTICONTRACTS


def contracts_within(budget_micros: int, price: int, *, fee_multiplier: Decimal) -> int:
    """Return the most whole contracts, as centicontracts, that `budget_micros` pays for.

    Args:
        budget_micros: the most that may be lost.
        price: of the side bought, micros: NO at 32 cents costs 0.32.
        fee_multiplier: of the series.
    """
    count = max(0, budget_micros) // price
    while count > 0:
        cost = cost_to_buy(count * CENTICONTRACTS, price, multiplier=fee_multiplier)
        if cost <= budget_micros:
            break
        count -= max(1, (cost - budget_micros) // (price * 2))
    return count * CENTICONTRACTS
