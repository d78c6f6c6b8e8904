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
    fits, most = 0, max(0, budget_micros) // price
    while fits < most:  # cost rises with the count: halve the span between what fits and the most
        middle = (fits + most + 1) // 2
        cost = cost_to_buy(middle * CENTICONTRACTS, price, multiplier=fee_multiplier)
        fits, most = (middle, most) if cost <= budget_micros else (fits, middle - 1)
    return fits * CENTICONTRACTS
