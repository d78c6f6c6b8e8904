"""What our orders bought is sold for a reason; what was bought by hand is left alone."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kalshi_assets.execution.books import compare
from kalshi_assets.execution.desk import exit_rules_of
from kalshi_assets.execution.exits import (
    ExitJudgement,
    flatten,
    left_to_sell,
    sell_for_reasons,
    words,
)
from kalshi_assets.execution.upkeep import keep_up
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.risk import engine
from kalshi_assets.storage.trading_state import change_state, halt
from kalshi_assets_tests.execution.faults import (
    CREATE,
    OnOperation,
    altering,
    error_after_execution,
)
from kalshi_assets_tests.execution.trading_floor import (
    judge_and_place,
    order_by_hand,
    orders,
    position,
)
from kalshi_assets_tests.stand import OVERREACTING, Stand

STOP = {"exit_stop_points": "0.5"}  # the bid is one cent below what was paid


@pytest.fixture
def holding(loaded_stand: Stand) -> Stand:
    """A stand on which an order of ours has bought NO of the overreacting market."""
    judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["filled"]
    return loaded_stand


def sell(stand: Stand, **rules: Any) -> list[ExitJudgement]:
    """Sell by rule, a second later."""
    stand.later(1)
    stand.change(**exit_settings(**rules))
    with stand.desk() as desk:
        return sell_for_reasons(desk, exit_rules_of(stand.settings))


def exit_settings(**rules: Any) -> dict[str, Any]:
    return {name: Decimal(value) for name, value in rules.items()}


def reducing_requests(stand: Stand) -> list[dict[str, Any]]:
    """Return what the exchange was asked to sell, word for word."""
    written = stand.seen_by_exchange()["order_writes"]
    bodies = [json.loads(write["body"]) for write in written if write["body"]]
    return [body for body in bodies if body.get("reduce_only")]


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (STOP, "stop"),
        ({"exit_take_profit_points": "60"}, "take_profit"),
        ({"exit_hours_before_close": "2000"}, "time_stop"),
    ],
)
def test_a_rule_sells_our_own_share_at_once_or_not_at_all_and_ledger_equals_venue(
    holding: Stand, rules: dict[str, str], reason: str
) -> None:
    [bought] = orders(holding)
    order_by_hand(holding, "no", ticker=OVERREACTING, cents=99, contracts=10)

    [sold] = sell(holding, **rules)

    assert sold.exit.reason == reason
    assert position(holding) == -1_000, "what was bought by hand is still held"
    [order] = orders(holding, "exit")
    assert (order["status"], order["count"]) == ("filled", bought["count"])
    [decision] = holding.rows("SELECT * FROM kalshi.decisions WHERE kind = 'exit'")
    assert (decision["reason"], decision["outcome"]) == (reason, "approved")
    assert decision["decision_id"] == order["decision_id"]
    with holding.desk() as desk:
        keep_up(desk)
        assert left_to_sell(desk) == []
        assert compare(desk).is_equal
    [body] = reducing_requests(holding)
    assert body["time_in_force"] == "immediate_or_cancel"


def test_by_default_nothing_is_sold(holding: Stand) -> None:
    assert sell(holding) == []
    assert holding.order_requests() == 1


def test_what_an_exit_leaves_is_asked_again_by_the_next_attempt(holding: Stand) -> None:
    [bought] = orders(holding)
    cut_first_exit(holding)
    [first] = sell(holding, **STOP)
    assert first.order is not None
    [second] = sell(holding, **STOP)

    sold = orders(holding, "exit")
    assert [o["attempt"] for o in sold] == [1, 2]
    assert [o["count"] for o in sold] == [bought["count"], bought["count"] - 1_000]
    assert [o["status"] for o in sold] == ["canceled", "filled"]
    assert second.order is not None
    assert position(holding) == 0


def cut_first_exit(stand: Stand) -> None:
    """Let the exchange get only ten contracts of the first exit: as if the bid were that thin."""
    create, exits_sent = KalshiClient.create_order, list[Any]()

    def cut(client: Any, request: Any) -> Any:
        if request.is_reduce_only and not exits_sent:
            exits_sent.append(request)
            request = replace(request, count=1_000)
        return create(client, request)

    stand.patch.setattr(KalshiClient, "create_order", cut)


def test_an_exit_whose_fills_are_not_told_yet_does_not_sell_what_was_bought_by_hand(
    holding: Stand,
) -> None:
    order_by_hand(holding, "no", ticker=OVERREACTING, cents=99, contracts=200)
    held = position(holding)
    cut_first_exit(holding)
    sell(holding, **STOP)
    assert position(holding) == held + 1_000
    known = set(holding.contents("fills"))

    def as_before(body: Any) -> Any:
        return {**body, "fills": body["fills"][1:]}  # newest first: the exit's fill is not there

    holding.faults.fault = OnOperation("GetFills", altering(as_before))
    assert sell(holding, **STOP) == [], "what is ours is not known"
    assert set(holding.contents("fills")) >= known
    holding.faults.fault = None
    sell(holding, **STOP)
    assert position(holding) == -20_000


def test_an_exit_without_an_answer_is_not_sent_again(holding: Stand) -> None:
    holding.faults.fault = fault = OnOperation(CREATE, error_after_execution)
    sell(holding, **STOP)
    assert [o["status"] for o in orders(holding, "exit")] == ["unknown"]
    holding.faults.fault = None

    assert sell(holding, **STOP) == []

    assert [o["status"] for o in orders(holding, "exit")] == ["filled"]
    assert fault.calls == 1
    assert position(holding) == 0


def test_while_halted_no_rule_sells_but_flatten_does(holding: Stand) -> None:
    order_by_hand(holding, "no", ticker=OVERREACTING, cents=99, contracts=10)
    with holding.database.transaction() as connection:
        halt(connection, "command", why="a test", at=holding.now)

    assert sell(holding, **STOP) == []
    assert holding.order_requests() == 2
    with holding.desk() as desk:
        [line] = words(flatten(desk))
        assert left_to_sell(desk) == []
    assert line.startswith(f"{OVERREACTING}: flatten: filled")
    assert position(holding) == -1_000


def test_a_halt_between_the_judgement_of_an_exit_and_its_intent_lets_nothing_be_sent(
    holding: Stand,
) -> None:
    judging = engine.judge_exit

    def judged(*args: Any) -> Any:
        with holding.database.transaction() as connection:
            halt(connection, "command", why="a test", at=holding.now)
        return judging(*args)

    holding.patch.setattr("kalshi_assets.execution.exits.judge_exit", judged)
    [kept] = sell(holding, **STOP)
    assert kept.decision.is_approved
    assert kept.order is None
    assert holding.order_requests() == 1


def test_in_the_order_job_a_failing_check_blocks_no_exit_and_reducing_neither(
    holding: Stand,
) -> None:
    holding.change(**exit_settings(**STOP))
    with holding.database.transaction() as connection:
        change_state(connection, "reducing", cause="command", why="a test", at=holding.now)
    holding.later(300)  # no poll since: the ticks are stale, and the gate for entries is closed

    result = holding.judge_and_place(expect_success=False)

    evaluated = result.get_asset_check_evaluations()
    assert any(not check.passed for check in evaluated)
    assert not result.success
    assert [o["status"] for o in orders(holding, "exit")] == ["filled"]
    assert position(holding) == 0
    assert len(orders(holding)) == 1


def test_a_resting_entry_is_withdrawn_before_what_it_bought_is_sold(loaded_stand: Stand) -> None:
    """The bid was our own: once it is gone, the next rounds sell at those of others."""
    loaded_stand.change(max_trade_pct=10, max_order_usd=1_000)
    judge_and_place(loaded_stand)
    assert [o["status"] for o in orders(loaded_stand)] == ["resting"]

    sell(loaded_stand, exit_hours_before_close="2000")
    assert [o["status"] for o in orders(loaded_stand)] == ["canceled"]
    for _ in range(5):
        sell(loaded_stand, exit_hours_before_close="2000")

    [bought] = orders(loaded_stand)
    sold = sum(o["fill_count"] for o in orders(loaded_stand, "exit"))
    assert sold == bought["fill_count"] > 0
    assert position(loaded_stand) == 0


def test_what_was_settled_is_not_ours_to_sell_any_more(holding: Stand) -> None:
    holding.execute(
        "INSERT INTO kalshi.settlements VALUES (:t, :at, 'no', 0, 0, 0, 0, false)",
        t=OVERREACTING,
        at=holding.now - timedelta(seconds=1),
    )
    assert sell(holding, **STOP) == []
