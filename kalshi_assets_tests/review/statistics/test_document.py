"""What docs/review.md quotes is what the definitions give."""

from pathlib import Path

import pytest

from kalshi_assets.review.statistics import trade_figures, wilson
from kalshi_assets.review.statistics.bootstrap import LEAST_BLOCKS, RESAMPLES

PAGE = " ".join((Path(__file__).parents[3] / "docs/review.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    ("won", "count", "joint"), [(7, 11, "the interval goes from"), (86, 147, "any rate from")]
)
def test_the_intervals_quoted_are_those_of_the_formula(won: int, count: int, joint: str) -> None:
    interval = wilson(won, count)
    assert f"{won} won of {count}" in PAGE or f"{won} of {count}" in PAGE
    assert f"{100 * won / count:.1f} %" in PAGE
    assert f"{joint} {100 * interval.low:.1f} % to {100 * interval.high:.1f} %" in PAGE


def test_the_storys_sum_is_quoted_as_it_is() -> None:
    story = trade_figures([38_200_000] * 86 + [-21_600_000] * 61)
    assert f"**${story.net_profit / 1_000_000:,.2f}**" in PAGE
    reward = float(story.reward_to_risk.value or 0)
    assert f"With a reward of {reward:.2f} times the risk, {100 / (1 + reward):.1f} %" in PAGE
    assert [won for won in range(148) if f"{100 * won / 147:.1f}" == "58.5"] == [86]
    assert f"Fees of ${(story.net_profit / 1e6 - 1_712) / 147:.2f} a trade" in PAGE


def test_the_resampling_described_is_the_one_done() -> None:
    assert f"drawn again {RESAMPLES:,} times" in PAGE
    assert LEAST_BLOCKS == 5
    assert "With fewer than five days" in PAGE
