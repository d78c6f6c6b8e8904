"""What a market paid follows from the fills and its result, and is checked against the opening."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.domain.account import Fill, Settlement
from kalshi_assets.domain.market import Market
from kalshi_assets.domain.price import PriceGrid
from kalshi_assets.execution.old_settlements import (
    disagreements,
    left_open,
    to_work_out,
    worked_out,
)
from kalshi_assets_tests.risk.cases import NOW

HOUR = timedelta(hours=1)
BOUGHT = Fill("f-1", "o-1", "KX-A", "yes", 500, 400_000, 8_400, True, NOW)
SOLD = replace(BOUGHT, fill_id="f-2", side="no", count=200, fee_micros=3_500)
"""Selling is buying the other side."""
PAID = Settlement("KX-A", NOW + HOUR, "yes", 300, 0, 3_000_000, 11_900)


def market(result: str, **changes: Any) -> Market:
    ended = Market(
        ticker="KX-A",
        event_ticker="KX",
        title="",
        status="finalized",
        open_at=NOW - HOUR,
        close_at=NOW + HOUR / 2,
        grid=PriceGrid(()),
        result=result,
        settled_at=NOW + HOUR,
    )
    return replace(ended, **changes)


def test_what_is_left_is_what_was_bought_less_sold_less_settled() -> None:
    assert left_open([BOUGHT, SOLD], []) == {"KX-A": 300}
    assert left_open([BOUGHT, SOLD], [PAID]) == {}
    assert left_open([SOLD], []) == {"KX-A": -200}
    assert left_open([BOUGHT], [PAID]) == {"KX-A": 200}, "a settlement is no excuse"


@pytest.mark.parametrize(
    ("left", "held", "sentence"),
    [
        ({"KX-A": 200}, {}, "leave 2 YES, held at the opening: nothing"),
        ({}, {"KX-A": -250}, "leave nothing, held at the opening: 2.5 NO"),
        ({"KX-A": 200}, {"KX-A": 100}, "leave 2 YES, held at the opening: 1 YES"),
    ],
)
def test_what_does_not_add_up_is_named(
    left: dict[str, int], held: dict[str, int], sentence: str
) -> None:
    [found] = disagreements(left, held)
    assert found.sentence == f"KX-A: fills and settlements {sentence}"
    assert disagreements({"KX-A": 200}, {"KX-A": 200}) == []


def test_only_what_was_neither_settled_nor_held_is_worked_out() -> None:
    left = {"KX-A": 1, "KX-B": 1, "KX-C": 1}
    assert to_work_out(left, {"KX-B": 1}, [PAID]) == ["KX-C"]


@pytest.mark.parametrize(
    ("result", "value", "position", "paid"),
    [
        ("yes", None, 300, 3_000_000),
        ("yes", None, -300, 0),
        ("no", None, -300, 3_000_000),
        ("no", None, 300, 0),
        ("scalar", 617_300, 300, 1_851_900),
        ("scalar", 617_300, -300, 1_148_100),
        ("scalar", 617_300, -847, 3_241_400),  # 3.241469, paid in whole $0.0001
    ],
)
def test_each_side_is_paid_what_the_market_was_worth(
    result: str, value: int | None, position: int, paid: int
) -> None:
    found = worked_out(market(result, settlement_value=value), [BOUGHT, SOLD], position)
    assert found is not None
    assert found == Settlement(
        "KX-A", NOW + HOUR, result, max(position, 0), max(-position, 0), paid, 11_900
    )


@pytest.mark.parametrize(
    "unsure",
    [
        market(""),
        market("scalar"),
        market("yes", status="determined", settled_at=None),
    ],
)
def test_what_the_market_does_not_say_is_not_worked_out(unsure: Market) -> None:
    assert worked_out(unsure, [BOUGHT], 500) is None


def test_a_market_that_does_not_say_when_it_was_settled_counts_by_its_closing_time() -> None:
    found = worked_out(market("yes", settled_at=None), [BOUGHT], 500)
    assert found is not None
    assert found.settled_at == NOW + HOUR / 2
