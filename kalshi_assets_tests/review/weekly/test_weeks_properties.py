"""Whatever was traded: the splits add up to the whole, and the forms can be written and read."""

import json
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets.domain.price import micros
from kalshi_assets.review.weekly import to_json, to_markdown, weekly_review
from kalshi_assets_tests.review.weekly.week_bench import HOUR, MONDAY, by_hand, trip, week_of

CENTS = st.integers(0, 100).map(lambda cents: f"{cents / 100:.2f}")


@st.composite
def trips(draw: st.DrawFn) -> list[RoundTrip]:
    made = []
    for n in range(draw(st.integers(0, 8))):
        count = f"{draw(st.integers(1, 20_000)) / 100:.2f}"
        make = draw(st.sampled_from((trip, by_hand)))
        made.append(
            make(
                f"S{n}",
                paid=draw(CENTS),
                end=draw(CENTS),
                count=count,
                market_ticker=draw(st.sampled_from(("KXA", "KXB", "KXC"))),
                closed_at=MONDAY + draw(st.integers(0, 99)) * HOUR,
                exit_fees_micros=draw(st.integers(0, 5_000_000)),
            )
        )
    return made


@settings(max_examples=60, deadline=None)
@given(trips())
def test_the_splits_and_the_parts_add_up_to_what_was_paid_and_got(made: list[RoundTrip]) -> None:
    review = weekly_review(week_of(trips=made))
    figures = review.figures
    whole = figures.traded.whole.figures.net_profit
    assert whole == sum(
        t.proceeds_micros - t.entry_cost_micros - t.entry_fees_micros - t.exit_fees_micros
        for t in made
    )
    assert figures.traded.whole.parts.total == Fraction(whole)
    for split in (
        figures.traded.by_strategy,
        figures.traded.by_category,
        figures.traded.by_market,
        figures.traded.parties,
    ):
        assert sum(group.trades.figures.net_profit for group in split) == whole
        assert sum(group.trades.figures.trade_count for group in split) == len(made)
    read = json.loads(to_json(review))
    told = [micros(group["trades"]["net_profit_usd"]) for group in read["by_market"]]
    assert sum(told) == micros(read["trades"]["net_profit_usd"]) == whole
    assert to_markdown(review).count("# Week of 2026-10-11") == 1
