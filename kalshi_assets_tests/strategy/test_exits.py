"""When what is held should be sold: each rule alone, at its level and just beyond."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.domain.market import Quote
from kalshi_assets.strategy.exits import Exit, ExitRules, Holding, exit_of

NOW = datetime(2026, 10, 13, 14, 30, tzinfo=UTC)
CLOSE = NOW + timedelta(hours=6)
MEAN = Decimal(510_000)
QUOTE = Quote(
    market_ticker="KXCPI-26OCT-T0.3",
    status="active",
    yes_bid=680_000,
    yes_bid_size=100,
    yes_ask=700_000,
    yes_ask_size=100,
    last_price=690_000,
    volume=0,
    volume_24h=0,
    open_interest=0,
    quoted_at=NOW,
)
NO, YES = Holding("no", 320_000), Holding("yes", 680_000)
PROFIT, STOP = ExitRules(take_profit=20_000), ExitRules(stop=50_000)
TIME = ExitRules(before_close=timedelta(hours=2))


def ask(
    rules: ExitRules,
    holding: Holding = NO,
    *,
    mean: Decimal | None = MEAN,
    close_at: datetime = CLOSE,
    **quote: int,
) -> Exit | None:
    changed: dict[str, Any] = dict(quote)
    quoted = replace(QUOTE, **changed)
    return exit_of(holding, rules, quote=quoted, mean=mean, close_at=close_at, now=NOW)


def quoted_at(mid: int) -> Any:
    return {"yes_bid": mid - 10_000, "yes_ask": mid + 10_000}


@given(
    bid=st.integers(0, 100).map(lambda c: c * 10_000),
    side=st.sampled_from([NO, YES]),
    mean=st.none() | st.just(MEAN),
    left=st.integers(-5, 100),
)
def test_by_default_everything_is_held_to_settlement(
    bid: int, side: Holding, mean: Decimal | None, left: int
) -> None:
    close_at = NOW + timedelta(hours=left)
    assert ask(ExitRules(), side, mean=mean, close_at=close_at, yes_bid=bid, yes_ask=bid) is None


@pytest.mark.parametrize("holding", [NO, YES])
@pytest.mark.parametrize(
    ("mid", "is_back"), [(530_000, True), (530_100, False), (490_000, True), (489_900, False)]
)
def test_profit_is_taken_once_the_price_is_back_at_its_average(
    holding: Holding, mid: int, is_back: bool
) -> None:
    found = ask(PROFIT, holding, **quoted_at(mid))
    assert (found is not None) is is_back


def test_a_reason_names_what_was_seen_and_what_was_set() -> None:
    near = quoted_at(520_000)
    assert ask(PROFIT, **near) == Exit("take_profit", "1.00 points", "> 2 points")
    falling = ask(STOP, yes_ask=731_000)
    assert falling == Exit("stop", "bid 0.2690", ">= 0.2700")
    late = ask(TIME, close_at=NOW + timedelta(minutes=90))
    assert late == Exit("time_stop", "1.50 h", "> 2 h")


def test_without_an_average_there_is_nothing_to_revert_to() -> None:
    assert ask(PROFIT, mean=None, **quoted_at(510_000)) is None


@pytest.mark.parametrize("empty", ["yes_bid_size", "yes_ask_size"])
def test_without_both_sides_there_is_no_mid(empty: str) -> None:
    sizes: Any = {empty: 0}
    assert ask(PROFIT, **quoted_at(510_000), **sizes) is None


@pytest.mark.parametrize(
    ("holding", "quote", "is_stopped"),
    [
        (NO, {"yes_ask": 730_000}, False),  # NO sells at 0.27, 5 points below 0.32: not more
        (NO, {"yes_ask": 730_100}, True),
        (NO, {"yes_bid": 100_000, "yes_ask": 120_000}, False),  # the side held has gained
        (YES, {"yes_bid": 630_000}, False),
        (YES, {"yes_bid": 629_900}, True),
    ],
)
def test_a_loss_is_stopped_at_the_bid_of_the_side_held(
    holding: Holding, quote: Any, is_stopped: bool
) -> None:
    found = ask(STOP, holding, **quote)
    assert (found is not None and found.reason == "stop") is is_stopped


@pytest.mark.parametrize(("holding", "empty"), [(NO, "yes_ask_size"), (YES, "yes_bid_size")])
def test_a_bid_that_is_missing_is_no_loss(holding: Holding, empty: str) -> None:
    nobody: Any = {empty: 0}
    assert ask(STOP, holding, yes_bid=0, yes_ask=1_000_000, **nobody) is None


@pytest.mark.parametrize(("seconds", "is_due"), [(7_201, False), (7_200, True), (-60, True)])
def test_time_runs_out_before_the_market_closes(seconds: int, is_due: bool) -> None:
    found = ask(TIME, close_at=NOW + timedelta(seconds=seconds), mean=None)
    assert (found is not None and found.reason == "time_stop") is is_due


def test_a_loss_is_looked_at_before_everything_else() -> None:
    rules = ExitRules(take_profit=500_000, stop=50_000, before_close=timedelta(hours=9))
    losing, winning = ask(rules, yes_ask=800_000), ask(rules)
    assert losing is not None
    assert losing.reason == "stop"
    assert winning is not None
    assert winning.reason == "take_profit"
