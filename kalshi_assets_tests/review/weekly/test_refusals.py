"""What the gates refused: each signal counts once, priced by hand."""

import pytest

from kalshi_assets.domain.price import micros
from kalshi_assets.review.weekly import weekly_review
from kalshi_assets.review.weekly.refusals import SEVERAL, refusals_of, would_have_made
from kalshi_assets_tests.review.weekly.week_bench import HOUR, MONDAY, eventful, refused, week_of


def test_a_refused_signal_is_priced_as_if_it_had_been_bought() -> None:
    # 80 NO at 32 cents: 54.40, less 0.07 x 80 x 0.32 x 0.68 = 1.218560, up to $0.0001: 1.2186
    assert would_have_made(refused("R", "spread")) == micros("53.1814")
    assert would_have_made(refused("R", "spread", yes_result_micros=1_000_000)) == micros(
        "-26.8186"
    )
    assert would_have_made(refused("R", "spread", side="yes")) == micros("-26.8186")
    scalar = refused("R", "spread", yes_result_micros=375_000)
    assert would_have_made(scalar) == micros("23.1814")  # 80 x (0.625 - 0.32) = 24.40
    marked = refused("R", "spread", yes_result_micros=None, yes_mid_micros=705_000)
    assert would_have_made(marked) == micros("-3.2186")  # 80 x (0.295 - 0.32) = -2.00
    both = refused("R", "spread", yes_mid_micros=705_000)
    assert would_have_made(both) == micros("53.1814"), "a result is worth more than a mid"


@pytest.mark.parametrize("missing", ["ask_micros", "count", "fee_multiplier", "yes_result_micros"])
def test_what_is_not_known_of_a_refusal_is_not_guessed(missing: str) -> None:
    decision = refused("R", "spread", **{missing: None})
    assert would_have_made(decision) is None
    total = refusals_of([decision, refused("Q", "spread")]).total
    assert would_have_made(refused("R", "spread", count=0)) == 0, "none is a count that is known"
    assert (total.unpriced_count, total.would_have_made.value) == (1, micros("53.1814"))


def test_refusals_by_gate_add_up_to_the_whole() -> None:
    refusals = weekly_review(eventful()).figures.refusals
    rows, total = refusals.by_gate, refusals.total
    assert [row.gate for row in rows] == ["stale", "spread", "hours", SEVERAL]
    for name in (
        "signal_count",
        "ordered_later_count",
        "settled_count",
        "marked_count",
        "unpriced_count",
    ):
        assert sum(getattr(row, name) for row in rows) == getattr(total, name)
    assert sum(row.would_have_made.value or 0 for row in rows) == total.would_have_made.value
    # R1 and R2 made 53.1814 each; R3 is marked: 80 x (0.50 - 0.32) - 1.2186 = 13.1814
    assert total.would_have_made.value == micros("119.5442")
    assert (total.settled_count, total.marked_count, total.unpriced_count) == (2, 1, 1)


def test_a_signal_refused_again_and_again_counts_once_at_its_first_ask() -> None:
    again = [
        refused("R", "stale", decision_id="R-2", judged_at=MONDAY + HOUR, ask_micros=500_000),
        refused("R", "spread"),
    ]
    found = refusals_of(again)
    assert found.decision_count == 2
    assert [(row.gate, row.signal_count) for row in found.by_gate] == [("spread", 1)]
    assert found.total.would_have_made.value == micros("53.1814")


def test_a_signal_that_was_ordered_after_all_was_not_missed() -> None:
    again = [refused("R", "spread"), refused("R", "spread", decision_id="R-2")]
    again[1] = refused("R", "spread", decision_id="R-2", was_ordered_later=True)
    total = refusals_of(again).total
    assert (total.signal_count, total.ordered_later_count) == (1, 1)
    assert total.would_have_made.why_not == "nothing was missed"


def test_a_refusal_names_its_gates() -> None:
    with pytest.raises(ValueError, match="refused by no gate"):
        refused("R")
    twice = refusals_of([refused("R", "spread", "spread")]).by_gate
    assert [(row.gate, row.signal_count) for row in twice] == [("spread", 1)]


def test_the_reasons_name_the_gates_that_refused_alone_most_often() -> None:
    decisions = [refused("A", "stale", "spread"), refused("B", "hours"), refused("C", "hours")]
    (reason,) = weekly_review(week_of(refused=decisions)).reasons
    assert reason == (
        "The gates refused 3 signals (hours 2, several at once 1); those that were never ordered "
        "would have made +$159.54."  # 3 x 53.1814
    )
