"""A figure has a value or a reason; amounts in sentences."""

from fractions import Fraction

import pytest

from kalshi_assets.review.statistics import Figure, share_of_opening
from kalshi_assets.review.statistics.figure import usd


@pytest.mark.parametrize(("value", "why_not"), [(None, None), (None, ""), (1, "a reason")])
def test_a_figure_has_a_value_or_a_reason_and_never_both(
    value: int | None, why_not: str | None
) -> None:
    with pytest.raises(ValueError, match="a value, or a reason"):
        Figure(value, why_not)


def test_a_value_of_zero_is_a_value() -> None:
    assert Figure(0).value == 0


def test_the_return_is_the_profit_by_the_value_at_the_opening() -> None:
    # $25 of $2,000 = 1.25 %; a loss of $25 = -1.25 %.
    assert share_of_opening(25_000_000, 2_000_000_000).value == Fraction(125, 10_000)
    assert share_of_opening(-25_000_000, 2_000_000_000).value == Fraction(-125, 10_000)


@pytest.mark.parametrize(
    ("opening", "why_not"),
    [
        (None, "the value at the opening is not known"),
        (0, "the value at the opening was $0.00: nothing to take a share of"),
    ],
)
def test_there_is_no_return_on_nothing(opening: int | None, why_not: str) -> None:
    assert share_of_opening(5, opening) == Figure(None, why_not)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (38_200_000, "+$38.20"),
        (-21_600_000, "-$21.60"),
        (1_967_600_000.0, "+$1,967.60"),
        (Fraction(-1, 3), "$0.00"),
        (Fraction(1_967_600_000, 147), "+$13.39"),
        (-50_000, "-$0.05"),
    ],
)
def test_amounts_are_said_to_the_cent_with_their_sign(
    amount: int | float | Fraction, said: str
) -> None:
    assert usd(amount) == said
