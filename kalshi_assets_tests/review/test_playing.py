"""A week played again: signals, exits and fees as live, one position a market at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.domain.fees import taker_fee
from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.domain.week_inputs import Played
from kalshi_assets.review.playing import Course, Stake, play
from kalshi_assets.strategy.exits import ExitRules
from kalshi_assets.strategy.mean_reversion import Feature

MONDAY = datetime.fromisoformat("2026-10-12T14:00:00+00:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MEAN = 50
HELD = Stake(ExitRules(), 100_000_000)


def seen(hours: float, mid: int, *, mean: int = MEAN) -> Feature:
    """Return what the strategy sees: a mid with a spread of two cents."""
    cents = MICROS_PER_CENT
    return Feature(
        as_of=MONDAY + hours * HOUR,
        mid=mid * cents,
        yes_bid=(mid - 1) * cents,
        yes_ask=(mid + 1) * cents,
        mean=Decimal(mean * cents),
        coverage=Decimal(1),
        average_hash="x",
    )


def course(*features: Feature, **changes: Any) -> Course:
    values: dict[str, Any] = {
        "market_ticker": "KX-1",
        "features": features,
        "fee_multiplier": Decimal(1),
        "close_at": MONDAY + 30 * DAY,
        "yes_value": 0,
        "closing": None,
    }
    return Course(**values | changes)


def played(
    *features: Feature, points: int = 12, stake: Stake = HELD, **changes: Any
) -> list[Played]:
    return play(course(*features, **changes), points=Decimal(points), stake=stake)


def cost(price: int) -> tuple[int, int]:
    """Return how many whole contracts a hundred dollars buy with their fee, and what they cost."""
    counts = range(1, 1_000)
    spent = {n: n * price + taker_fee(n * 100, price, multiplier=Decimal(1)) for n in counts}
    most = max(n for n in counts if spent[n] <= HELD.budget_micros)
    return most, spent[most]


def test_a_price_above_its_average_buys_no_at_the_ask_and_is_paid_at_the_end() -> None:
    count, spent = cost(360_000)  # NO, where YES is bid 64
    [trade] = played(seen(0, 65))
    assert trade == Played("KX-1", MONDAY, count * 1_000_000 - spent, is_open=False)
    [lost] = played(seen(0, 65), yes_value=1_000_000)
    assert lost.result_micros == -spent


def test_a_price_below_its_average_buys_yes() -> None:
    count, spent = cost(360_000)  # YES, asked 36
    [trade] = played(seen(0, 35), yes_value=250_000)
    assert trade.result_micros == count * 250_000 - spent


@pytest.mark.parametrize(("points", "count"), [(8, 1), (14, 1), (15, 0), (16, 0)])
def test_only_what_is_further_off_than_the_threshold_is_traded(points: int, count: int) -> None:
    assert len(played(seen(0, 65), points=points)) == count


def test_what_is_held_to_its_end_is_not_bought_again() -> None:
    assert len(played(seen(0, 65), seen(1, 50), seen(2, 65), seen(26, 35))) == 1


def test_what_was_sold_by_a_rule_can_be_bought_again_and_not_before() -> None:
    rules = Stake(ExitRules(take_profit=10_000), HELD.budget_micros)
    features = [seen(0, 65), seen(24, 67), seen(25, 51), seen(26, 66)]
    first, second = played(*features, stake=rules)
    assert (first.entered_at, second.entered_at) == (MONDAY, MONDAY + 26 * HOUR)
    count, spent = cost(360_000)
    sold = 480_000  # NO, where YES is asked 52
    fee = taker_fee(count * 100, sold, multiplier=Decimal(1))
    assert first.result_micros == count * sold - fee - spent
    assert not second.is_open


def test_a_stop_sells_at_a_loss() -> None:
    rules = Stake(ExitRules(stop=50_000), HELD.budget_micros)
    [trade] = played(seen(0, 65), seen(1, 68), seen(2, 72), stake=rules)
    count, spent = cost(360_000)
    sold = 270_000  # of 36, 30 is not below 31, and 27 is
    fee = taker_fee(count * 100, sold, multiplier=Decimal(1))
    assert trade.result_micros == count * sold - fee - spent


def test_nothing_is_sold_in_the_moment_in_which_it_is_bought() -> None:
    rules = Stake(ExitRules(stop=10_000), HELD.budget_micros)  # narrower than the spread
    [trade] = played(seen(0, 65), seen(1, 66), stake=rules)
    count, spent = cost(360_000)
    fee = taker_fee(count * 100, 330_000, multiplier=Decimal(1))
    assert trade.result_micros == count * 330_000 - fee - spent


@pytest.mark.parametrize(("closing", "worth"), [((700_000, 720_000), 280_000), (None, None)])
def test_what_has_no_result_is_marked_at_its_last_bid(
    closing: tuple[int, int] | None, worth: int | None
) -> None:
    count, spent = cost(360_000)
    [trade] = played(seen(0, 65), yes_value=None, closing=closing)
    assert trade.is_open
    assert trade.result_micros == (None if worth is None else count * worth - spent)


def test_an_episode_ends_with_its_day_as_it_does_live() -> None:
    rules = Stake(ExitRules(take_profit=10_000), HELD.budget_micros)
    night = [seen(0, 65), seen(1, 51), *(seen(h, 60) for h in (2, 3)), seen(20, 65)]
    assert len(played(*night, stake=rules)) == 2


@pytest.mark.parametrize("features", [(), (seen(0, 50),)])
def test_a_week_without_a_signal_has_no_trade(features: Sequence[Feature]) -> None:
    assert played(*features) == []


def test_what_cannot_be_bought_is_no_trade() -> None:
    assert played(seen(0, 101, mean=50)) == [], "nobody sells NO: YES is bid at a dollar"
    assert played(seen(0, 65), stake=Stake(ExitRules(), 300_000)) == [], "no contract fits"
