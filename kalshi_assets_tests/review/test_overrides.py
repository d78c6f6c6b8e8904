"""What a hand changed of what the bot did, counted and priced by hand."""

from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.domain.journal import Override, RuleExit
from kalshi_assets_tests.review.journal_bench import MARKET, OPENED, AccountBench, bot_order

MINUTE = timedelta(minutes=1)
YES, NO = 1_000_000, 0


def only(found: tuple[Override, ...]) -> Override:
    (override,) = found
    return override


@pytest.fixture
def account() -> AccountBench:
    return AccountBench()


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({MARKET: NO}, 33_238_400),  # 50 win $1 each: 50.00 - 16.00 - 0.7616 of fees
        ({MARKET: YES}, -16_761_600),
        ({}, None),  # not known yet
    ],
)
def test_the_rest_of_a_cancelled_entry_is_priced_at_its_limit(
    account: AccountBench, values: dict[str, int], rule: int | None
) -> None:
    order = bot_order(1, side="no", price="0.32", count="80", taken_off_at=OPENED, fill_count=3_000)
    account.orders["ours-1"] = order
    account.fill("venue-1", "no", "0.32", "30", fee="0")
    account.yes_values = values
    found = only(account.journal(sell_price="0.32").overrides)
    assert (found.kind, found.count, found.at) == ("cancelled", 5_000, OPENED)
    assert (found.order_id, found.trip_id) == ("ours-1", "bot:S:no")
    assert (found.came_micros, found.rule_micros) == (0, rule)
    assert found.gain_micros == (None if rule is None else -rule)


def test_a_cancelled_entry_that_bought_nothing_has_no_trip(account: AccountBench) -> None:
    order = bot_order(1, side="no", price="0.32", count="80", taken_off_at=OPENED, fill_count=0)
    account.orders["ours-1"] = order
    assert only(account.journal().overrides).trip_id is None


def test_without_fee_terms_a_cancelled_entry_has_no_price(account: AccountBench) -> None:
    values: dict[str, Any] = {"taken_off_at": OPENED, "fill_count": 0, "fee_multiplier": None}
    account.orders["ours-1"] = bot_order(1, side="no", price="0.32", count="80", **values)
    account.yes_values = {MARKET: YES}
    assert only(account.journal().overrides).rule_micros is None


@pytest.mark.parametrize(
    "changes",
    [
        {"fill_count": 0},  # it ended as it was meant to
        {"fill_count": 0, "leg": "exit", "taken_off_at": OPENED},
        {"taken_off_at": OPENED},  # all of it was bought before
    ],
)
def test_what_is_no_cancelled_entry(account: AccountBench, changes: dict[str, Any]) -> None:
    account.orders["ours-1"] = bot_order(1, side="no", price="0.32", count="80", **changes)
    assert account.journal().overrides == ()


def sell_early(account: AccountBench) -> None:
    """Buy 100 YES at 40 for us; sell them at 50 by hand."""
    account.bot("yes", "0.40", "100", fee="1.68")
    account.hand("no", "0.50", "100", fee="1.75")


@pytest.mark.parametrize(
    ("values", "rule", "gain"),
    [
        ({MARKET: YES}, 58_320_000, -51_750_000),  # 100.00 - 40.00 - 1.68
        ({MARKET: NO}, -41_680_000, 48_250_000),
        ({}, None, None),
    ],
)
def test_closed_early_is_priced_against_holding_to_the_settlement(
    account: AccountBench, values: dict[str, int], rule: int | None, gain: int | None
) -> None:
    sell_early(account)
    account.yes_values = values
    found = only(account.journal().overrides)
    assert (found.kind, found.count, found.trip_id) == ("closed_early", 10_000, "bot:S:yes")
    assert (found.signal_id, found.order_id) == ("S", "hand-1")
    assert found.came_micros == 6_570_000  # 50.00 - 40.00 - 1.68 - 1.75
    assert (found.rule_micros, found.gain_micros) == (rule, gain)


def test_closed_early_is_priced_against_the_first_exit_a_rule_found_after_it(
    account: AccountBench,
) -> None:
    sell_early(account)
    account.yes_values = {MARKET: NO}
    account.rule_exits = {
        (MARKET, "yes"): [
            RuleExit(OPENED + 2 * MINUTE, 990_000),
            RuleExit(OPENED + MINUTE, 700_000),
            RuleExit(OPENED, 10_000),
        ],
        (MARKET, "no"): [RuleExit(OPENED + timedelta(seconds=30), 20_000)],
    }
    # 100 x 0.70, less a taker's fee of 0.07 x 100 x 0.70 x 0.30 = 1.47, less 41.68 spent
    assert only(account.journal().overrides).rule_micros == 26_850_000


def test_a_settled_rest_tells_what_the_part_sold_by_hand_would_have_made(
    account: AccountBench,
) -> None:
    account.bot("yes", "0.40", "100")
    account.hand("no", "0.50", "25")
    account.settle("yes", yes="75")
    found = only(account.journal().overrides)
    assert (found.count, found.came_micros, found.rule_micros) == (2_500, 2_500_000, 15_000_000)


def test_a_position_doubled_by_hand_is_priced_against_not_buying(account: AccountBench) -> None:
    account.bot("yes", "0.40", "100")
    account.hand("yes", "0.45", "50", fee="0.87")
    assert only(account.journal().overrides).came_micros is None
    account.settle("yes", yes="150")
    found = only(account.journal().overrides)
    assert (found.kind, found.count, found.trip_id) == ("doubled", 5_000, "bot:S:yes")
    assert (found.signal_id, found.order_id) == ("S", "hand-1")
    assert found.came_micros == found.gain_micros == 26_630_000  # 50.00 - 22.50 - 0.87
    assert found.rule_micros == 0


def test_only_what_was_added_while_the_bot_held_counts_as_doubled(account: AccountBench) -> None:
    account.hand("yes", "0.45", "10", order="h")
    account.bot("yes", "0.40", "100")
    account.hand("yes", "0.45", "30", order="h")
    account.settle("no", yes="140")
    found = only(account.journal().overrides)
    assert (found.count, found.came_micros) == (3_000, -13_500_000)


def test_adding_to_what_a_hand_bought_is_no_override(account: AccountBench) -> None:
    account.hand("yes", "0.45", "10")
    account.hand("yes", "0.45", "10")
    assert account.journal().overrides == ()


@pytest.mark.parametrize("leg", ["before", "after", "selling one's own"])
def test_trading_by_hand_beside_the_bot_is_no_override(account: AccountBench, leg: str) -> None:
    if leg != "after":
        account.hand("yes", "0.45", "10")
    account.bot("yes", "0.40", "10")
    if leg == "after":
        account.bot("no", "0.55", "10", leg="exit", exit_reason="stop")
        account.hand("yes", "0.45", "10")
    if leg == "selling one's own":
        account.hand("no", "0.45", "10")
    assert account.journal().overrides == ()
