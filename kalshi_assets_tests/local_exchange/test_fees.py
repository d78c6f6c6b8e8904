from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.local_exchange.fees import FeeTerms, charge, reserve_fee_micros
from kalshi_assets_tests.local_exchange.bench import count, price

QUADRATIC = FeeTerms("quadratic", Fraction(1))
WITH_MAKER = FeeTerms("quadratic_with_maker_fees", Fraction(1))


def net_fee(terms: FeeTerms, size: str, at: str, *, is_taker: bool) -> int:
    raw = terms.raw_fee_micros(price(at), count(size), is_taker=is_taker)
    return charge(raw, revenue_micros=-price(at) * count(size), carry_micros=0).fee_micros


@pytest.mark.parametrize(
    ("size", "at", "terms", "is_taker", "micros"),
    [
        ("1", "0.52", QUADRATIC, True, 17_500),
        ("1", "0.99", QUADRATIC, True, 700),
        ("3", "0.45", QUADRATIC, True, 52_000),
        ("2", "0.67", WITH_MAKER, False, 7_800),
        ("2", "0.67", QUADRATIC, False, 0),
        ("100", "0.50", FeeTerms("quadratic", Fraction(1, 2)), True, 875_000),
        ("100", "0.50", FeeTerms("quadratic", Fraction(0)), True, 0),
        ("100", "0.50", FeeTerms("quadratic_with_combo_maker_fees", Fraction(1)), False, 875_000),
    ],
)
def test_fee_agrees_with_the_exchange(size, at, terms, is_taker, micros):
    assert net_fee(terms, size, at, is_taker=is_taker) == micros


@pytest.mark.parametrize(("size", "at", "micros"), [("0.01", "0.0001", 1), ("0.03", "0.5", 525)])
def test_a_raw_fee_is_rounded_up_to_a_micro(size, at, micros):
    assert QUADRATIC.raw_fee_micros(price(at), count(size), is_taker=True) == micros


def test_unknown_fee_type_is_refused():
    with pytest.raises(ValueError, match="flat"):
        FeeTerms("flat", Fraction(1))


def test_rounding_fees_come_back_once_they_make_a_step():
    carry, paid = 0, 0
    for _ in range(4):
        raw = QUADRATIC.raw_fee_micros(price("0.52"), count("1"), is_taker=True)
        charged = charge(raw, revenue_micros=-520_000, carry_micros=carry)
        carry, paid = charged.carry_micros, paid + charged.fee_micros
    # 4 x 0.017472 = 0.069888: each alone pays 0.0175, 0.0700 in all, and one step comes back
    assert paid == 69_900
    assert carry == 12


amounts = st.tuples(st.integers(1, 9_999), st.integers(1, 50_000))


@given(fills=st.lists(amounts, min_size=1, max_size=12), is_taker=st.booleans())
def test_fees_are_never_negative_and_never_exceed_the_reserve(fills, is_taker):
    for terms in (QUADRATIC, WITH_MAKER):
        carry = total = 0
        at = fills[0][0]
        for _, size in fills:
            raw = terms.raw_fee_micros(at, size, is_taker=is_taker)
            charged = charge(raw, revenue_micros=-at * size, carry_micros=carry)
            assert charged.fee_micros >= 0
            assert (-at * size - charged.fee_micros) % 100 == 0
            carry, total = charged.carry_micros, total + charged.fee_micros
        whole = sum(size for _, size in fills)
        assert total <= reserve_fee_micros(terms, at, whole, is_taker=is_taker)
