from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.local_exchange import units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", 5_000),
        ("0.5150", 5_150),
        ("0.51500", 5_150),
        ("1", 10_000),
        ("0.51501", None),
        ("-0.5", None),
        ("5e-1", None),
        (" 0.5", None),
        ("", None),
        (".5", None),
        ("\u0660.5", None),
    ],
)
def test_price_is_read_exactly_or_not_at_all(text, expected):
    assert units.parse_price(text) == expected


def test_count_has_two_decimals():
    assert units.parse_count("1.25") == 125
    assert units.parse_count("1.255") is None


@given(st.integers(0, 10**9))
def test_prices_and_counts_survive_the_wire(value):
    assert units.parse_price(units.price_text(value)) == value
    assert units.parse_count(units.count_text(value)) == value


def test_negative_money_keeps_its_sign():
    assert units.micros_text(-1_500_000) == "-1.500000"
    assert units.count_text(-50) == "-0.50"


def test_cash_finer_than_the_balance_is_refused():
    with pytest.raises(ValueError, match=r"5000\.00001"):
        units.dollars_to_micros(Decimal("5000.00001"))


def test_instants_are_written_in_utc_with_milliseconds_where_needed():
    moment = units.to_ms(datetime(2026, 10, 13, 14, 30, 0, 7_000, tzinfo=UTC))
    assert units.iso(moment) == "2026-10-13T14:30:00.007Z"
    assert units.iso(moment - 7) == "2026-10-13T14:30:00Z"
