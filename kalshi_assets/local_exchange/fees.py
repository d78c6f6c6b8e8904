"""Trading fees to the last $0.000001, and the rounding that keeps balances on $0.0001.

Source: Kalshi's fee schedule and fee rounding pages. A fill's raw fee is rate * contracts * price *
(1 - price), rounded up to a micro. The balance change is then pushed down to a whole $0.0001; what
that costs is a rounding fee, collected per order and given back whenever it has grown to a whole
$0.0001.
"""

from dataclasses import dataclass
from fractions import Fraction

from kalshi_assets.local_exchange.units import BALANCE_STEP_MICROS, ONE_DOLLAR

_TAKER_RATE = Fraction(7, 100)
_MAKER_SHARE = {
    "quadratic": Fraction(0),
    "quadratic_with_maker_fees": Fraction(1, 4),
    "quadratic_with_combo_maker_fees": Fraction(1, 2),
}
_SCALE = 10_000  # count * price * (1 - price) comes in $1e-10; ten thousand of them make a micro


@dataclass(frozen=True, slots=True)
class FeeTerms:
    """How a series charges: its fee type and the multiplier on top."""

    fee_type: str
    multiplier: Fraction

    def __post_init__(self) -> None:
        if self.fee_type not in _MAKER_SHARE:
            raise ValueError(f"fee type {self.fee_type} is none of {sorted(_MAKER_SHARE)}")

    def raw_fee_micros(self, price: int, count: int, *, is_taker: bool) -> int:
        """Return the fee of one fill before rounding to the balance's step."""
        share = Fraction(1) if is_taker else _MAKER_SHARE[self.fee_type]
        rate = _TAKER_RATE * self.multiplier * share
        numerator = rate.numerator * count * price * (ONE_DOLLAR - price)
        return -(-numerator // (rate.denominator * _SCALE))


NO_FEES = FeeTerms("quadratic", Fraction(0))
"""The terms while a market's fees are waived."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one fill costs in fees, and the rounding fees its order has collected so far."""

    fee_micros: int
    carry_micros: int


def charge(raw_fee_micros: int, *, revenue_micros: int, carry_micros: int) -> Charge:
    """Round a raw fee so that the balance stays on its step.

    Args:
        raw_fee_micros: the fee by formula.
        revenue_micros: what the fill brings (a sale) or, negative, costs (a purchase).
        carry_micros: rounding fees collected by this order and not yet given back.
    """
    rounding = (revenue_micros - raw_fee_micros) % BALANCE_STEP_MICROS
    carry = carry_micros + rounding
    gross = raw_fee_micros + rounding
    rebate = min(carry, gross) // BALANCE_STEP_MICROS * BALANCE_STEP_MICROS
    return Charge(fee_micros=gross - rebate, carry_micros=carry - rebate)


def reserve_fee_micros(terms: FeeTerms, price: int, count: int, *, is_taker: bool) -> int:
    """Return an upper bound of the fees of an order, however many fills it takes.

    Rounding costs a fill less than a balance step, and a fill that costs less than a step in all
    cannot give any back; so each 0.01 contract is reckoned as a fill. On whole cents without a fee
    there is nothing to round.
    """
    raw = terms.raw_fee_micros(price, count, is_taker=is_taker)
    is_exact = not raw and price % BALANCE_STEP_MICROS == 0
    return 0 if is_exact else raw + count * BALANCE_STEP_MICROS
