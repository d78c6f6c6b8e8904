"""Trading fees, as the exchange's fee schedule states them (effective 2026-07-07).

Taker: M x 0.07 x C x P x (1 - P); maker: a share of that by the series' fee type. Rounded up so
that the balance stays on $0.0001.
"""

from decimal import ROUND_CEILING, Decimal

from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR

TAKER_RATE = Decimal("0.07")
# By fee type of the series; one that is not here has terms we do not know (as `flat` has).
MAKER_RATES = {
    "quadratic": Decimal(0),
    "quadratic_with_maker_fees": Decimal("0.0175"),
    "quadratic_with_combo_maker_fees": Decimal("0.035"),
}
BALANCE_STEP_MICROS = 100


def taker_fee(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return the most a marketable order pays in fees, micros.

    Args:
        count: centicontracts.
        price: of the side bought, micros; the fee is the same for both sides.
        multiplier: of the series.
    """
    return _fee(TAKER_RATE * multiplier, count, price)


def maker_fee(count: int, price: int, *, fee_type: str, multiplier: Decimal) -> int:
    """Return the most an order pays in fees for what fills while it rests, micros.

    Raises:
        ValueError: a fee type whose terms are not known.
    """
    if fee_type not in MAKER_RATES:
        raise ValueError(f"fee type {fee_type!r} is none of {', '.join(MAKER_RATES)}")
    return _fee(MAKER_RATES[fee_type] * multiplier, count, price)


def cost_to_buy(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return what buying `count` (centicontracts) at `price` takes from the balance, micros."""
    return count * price // CENTICONTRACTS + taker_fee(count, price, multiplier=multiplier)


def _fee(rate: Decimal, count: int, price: int) -> int:
    share = Decimal(price) / MICROS_PER_DOLLAR
    fee = rate * Decimal(count) / CENTICONTRACTS * share * (1 - share)
    steps = (fee * MICROS_PER_DOLLAR / BALANCE_STEP_MICROS).to_integral_value(ROUND_CEILING)
    return int(steps) * BALANCE_STEP_MICROS
