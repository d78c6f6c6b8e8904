"""Trading fees, as the exchange's fee schedule states them (effective 2026-07-07).

Taker: M x 0.07 x C x P x (1 - P), rounded up so that the balance stays on $0.0001.
"""

from decimal import ROUND_CEILING, Decimal

from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR

TAKER_RATE = Decimal("0.07")
BALANCE_STEP_MICROS = 100


def taker_fee(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return the most a marketable order pays in fees, micros.

    Args:
        count: centicontracts.
        price: of the side bought, micros; the fee is the same for both sides.
        multiplier: of the series.
    """
    share = Decimal(price) / MICROS_PER_DOLLAR
    fee = multiplier * TAKER_RATE * Decimal(count) / CENTICONTRACTS * share * (1 - share)
    steps = (fee * MICROS_PER_DOLLAR / BALANCE_STEP_MICROS).to_integral_value(ROUND_CEILING)
    return int(steps) * BALANCE_STEP_MICROS


def cost_to_buy(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return what buying `count` (centicontracts) at `price` takes from the balance, micros."""
    return count * price // CENTICONTRACTS + taker_fee(count, price, multiplier=multiplier)
