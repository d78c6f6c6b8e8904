"""Trading fees, as the exchange's fee schedule states them (effective 2026-07-07).

Taker: M x 0.07 x C x P x (1 - P); maker: a share of that by the series' fee type. Rounded up so
that the balance stays on $0.0001 (fee rounding page): what a fill loses to that step is a rounding
fee, and an order that has lost a whole step to it is given that step back.
"""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Charge:
    """What one fill pays in fees, and what its order has lost to rounding and not got back."""

    fee_micros: int
    rounding_micros: int


def taker_fee(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return the most a marketable order pays in fees, micros.

    Args:
        count: centicontracts.
        price: of the side bought, micros; the fee is the same for both sides.
        multiplier: of the series.
    """
    return _stepped(TAKER_RATE * multiplier, count, price, step=BALANCE_STEP_MICROS)


def cost_to_buy(count: int, price: int, *, multiplier: Decimal) -> int:
    """Return what buying `count` (centicontracts) at `price` takes from the balance, micros."""
    return count * price // CENTICONTRACTS + taker_fee(count, price, multiplier=multiplier)


def rate_of(fee_type: str, *, multiplier: Decimal, is_taker: bool) -> Decimal:
    """Return the rate of a fill by the series' terms.

    Raises:
        ValueError: a fee type whose terms are not known.
    """
    if fee_type not in MAKER_RATES:
        raise ValueError(f"fee type {fee_type!r} is none of {', '.join(MAKER_RATES)}")
    return (TAKER_RATE if is_taker else MAKER_RATES[fee_type]) * multiplier


def trade_fee(count: int, price: int, *, rate: Decimal) -> int:
    """Return the fee of one fill by formula, rounded up to a micro; arguments as of `taker_fee`."""
    return _stepped(rate, count, price, step=1)


def charge(trade_fee_micros: int, *, revenue_micros: int, rounding_micros: int) -> Charge:
    """Return what a fill pays so that the balance stays on its step.

    Args:
        trade_fee_micros: the fee by formula.
        revenue_micros: what the fill brings before fees; negative where it costs.
        rounding_micros: what the order has lost to rounding before and not got back.
    """
    exact = revenue_micros - trade_fee_micros
    aligned = exact // BALANCE_STEP_MICROS * BALANCE_STEP_MICROS
    lost = rounding_micros + exact - aligned
    paid = revenue_micros - aligned
    # Never more back than this fill pays: a fee is not negative.
    rebate = min(lost, paid) // BALANCE_STEP_MICROS * BALANCE_STEP_MICROS
    return Charge(paid - rebate, lost - rebate)


def _stepped(rate: Decimal, count: int, price: int, *, step: int) -> int:
    share = Decimal(price) / MICROS_PER_DOLLAR
    fee = rate * Decimal(count) / CENTICONTRACTS * share * (1 - share) * MICROS_PER_DOLLAR
    return int((fee / step).to_integral_value(ROUND_CEILING)) * step
