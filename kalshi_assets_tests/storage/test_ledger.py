import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.order import LIVE, IllegalTransition, OrderStatus
from kalshi_assets.storage import ledger
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.trading_state import State, change_state, current_state
from kalshi_assets_tests.risk.cases import NOW, TICKER

ORDER = ledger.Order(
    client_order_id="client-1",
    decision_id="decision-1",
    signal_id="signal-1",
    market_ticker=TICKER,
    leg="entry",
    attempt=1,
    side="no",
    limit_price=320_000,
    count=29_800,
    expires_at=NOW + timedelta(seconds=180),
    status="intent",
    reason="",
    venue_order_id=None,
    fill_count=0,
    verdict_ids=[1, 2],
    created_at=NOW,
    updated_at=NOW,
    intent_wall_at=NOW,
    run_id="a test",
)
SECOND = replace(ORDER, client_order_id="client-2", signal_id="signal-2", decision_id="decision-2")


def move(connection: Connection, order: ledger.Order, status: OrderStatus, **values: Any) -> None:
    ledger.move_order(connection, order, status, at=NOW, **values)


def kept(connection: Connection, order: ledger.Order = ORDER) -> ledger.Order:
    found = ledger.order_by_client_id(connection, order.client_order_id)
    assert found is not None
    return found


def test_an_order_reads_as_it_was_written(connection: Connection) -> None:
    assert ledger.add_intent(connection, ORDER)
    assert kept(connection) == ORDER
    assert ledger.order_by_client_id(connection, "another") is None


@pytest.mark.parametrize("status", sorted(LIVE))
def test_a_market_has_one_live_order_a_leg(connection: Connection, status: OrderStatus) -> None:
    ledger.add_intent(connection, ORDER)
    if status != "intent":
        move(connection, ORDER, status)
    assert not ledger.add_intent(connection, SECOND)
    assert ledger.add_intent(connection, replace(SECOND, market_ticker="KXFED"))
    assert ledger.add_intent(connection, replace(SECOND, client_order_id="3", leg="exit"))
    assert len(ledger.live_orders(connection)) == 3


@pytest.mark.parametrize("status", ["filled", "canceled", "rejected", "lapsed"])
def test_a_dead_order_makes_room_for_the_next(connection: Connection, status: OrderStatus) -> None:
    ledger.add_intent(connection, ORDER)
    move(connection, ORDER, status, fill_count=ORDER.count if status == "filled" else 0)
    assert ledger.live_orders(connection) == []
    assert ledger.add_intent(connection, SECOND)


def test_the_same_order_is_written_once(connection: Connection) -> None:
    assert ledger.add_intent(connection, ORDER)
    assert not ledger.add_intent(connection, replace(ORDER, limit_price=1))
    assert kept(connection).limit_price == 320_000


def test_the_index_in_the_database_knows_the_live_statuses_of_the_state_machine(
    connection: Connection,
) -> None:
    query = text("SELECT pg_get_indexdef('kalshi.orders_one_live_leg'::regclass)")
    definition = str(connection.scalar(query))
    assert set(re.findall(r"'(\w+)'::text", definition)) == LIVE


def test_an_illegal_step_is_refused_and_changes_nothing(connection: Connection) -> None:
    ledger.add_intent(connection, ORDER)
    move(connection, ORDER, "rejected", reason="no funds")
    with pytest.raises(IllegalTransition, match="cannot go from rejected to resting"):
        move(connection, kept(connection), "resting")
    assert (kept(connection).status, kept(connection).reason) == ("rejected", "no funds")


def test_a_view_that_is_out_of_date_cannot_bring_a_dead_order_back(connection: Connection) -> None:
    ledger.add_intent(connection, ORDER)
    move(connection, ORDER, "filled", fill_count=29_800)
    with pytest.raises(IllegalTransition, match="cannot go from filled to resting"):
        move(connection, ORDER, "resting")
    assert kept(connection).status == "filled"


def test_a_view_that_is_out_of_date_takes_no_fill_back(connection: Connection) -> None:
    ledger.add_intent(connection, ORDER)
    move(connection, ORDER, "resting", venue_order_id="venue-1", fill_count=500)
    move(connection, ORDER, "resting", fill_count=0)
    assert (kept(connection).fill_count, kept(connection).venue_order_id) == (500, "venue-1")


def test_an_order_that_is_not_in_the_ledger_cannot_move(connection: Connection) -> None:
    with pytest.raises(IllegalTransition, match="client-1 is not in the ledger"):
        move(connection, ORDER, "resting")


def test_each_step_is_an_event_and_no_step_is_none(connection: Connection) -> None:
    ledger.add_intent(connection, ORDER)
    move(connection, ORDER, "resting", venue_order_id="venue-1")
    move(connection, kept(connection), "resting")
    move(connection, kept(connection), "resting", fill_count=100)
    move(connection, kept(connection), "filled", fill_count=29_800)
    events = connection.scalars(text("SELECT status FROM kalshi.order_events ORDER BY event_id"))
    assert events.all() == ["intent", "resting", "resting", "filled"]
    assert kept(connection).fill_count == 29_800


def decision(number: int, outcome: str = "approved", signal: str = "signal-1") -> ledger.Decision:
    return ledger.Decision(
        decision_id=f"decision-{number}",
        signal_id=signal,
        strategy="mean_reversion",
        market_ticker=TICKER,
        judged_at=NOW + timedelta(seconds=number),
        outcome=outcome,
        refused_by=[],
        gates=[{"gate": "size", "is_passed": True}],
        inputs={"verdict_ids": [1]},
        side="no",
        attempt=1,
        count=None,
        cost_micros=None,
        run_id="a test",
    )


def test_decisions_are_never_changed_and_the_newest_counts(connection: Connection) -> None:
    assert ledger.save_decisions(connection, [decision(1), decision(2, "refused")]) == 2
    assert ledger.save_decisions(connection, [decision(1, "refused")]) == 0
    assert ledger.latest_decisions(connection) == {"signal-1": decision(2, "refused")}
    assert ledger.latest_decisions(connection, ["another"]) == {}
    assert ledger.latest_outcomes(connection, ["signal-1"]) == {"signal-1": ("refused", [])}
    assert ledger.latest_outcomes(connection, []) == {}


def test_an_approval_without_an_order_is_found_until_it_has_one(connection: Connection) -> None:
    ledger.save_decisions(connection, [decision(1), decision(3, "refused", "signal-3")])
    assert ledger.approved_without_order(connection) == [decision(1)]
    ledger.add_intent(connection, ORDER)
    assert ledger.approved_without_order(connection) == []


def test_an_approval_that_was_judged_anew_since_counts_no_more(connection: Connection) -> None:
    of_another, exit_since = decision(4, signal="signal-2"), decision(5, signal="signal-2")
    ledger.save_decisions(connection, [decision(1), decision(2, "refused"), of_another])
    ledger.save_decisions(connection, [replace(exit_since, kind="exit")])
    assert ledger.approved_without_order(connection) == [of_another]

    same_moment = replace(decision(6, "refused", "signal-2"), judged_at=of_another.judged_at)
    ledger.save_decisions(connection, [replace(same_moment, decision_id="decision-0")])
    assert ledger.approved_without_order(connection) == []


def turn(connection: Connection, state: State, cause: str = "command") -> bool:
    return change_state(connection, state, cause=cause, why="a test", at=NOW)


def test_the_last_trading_state_counts_also_when_two_fall_on_one_moment(
    connection: Connection,
) -> None:
    assert current_state(connection) == "active"
    assert turn(connection, "halted")
    assert current_state(connection) == "halted"
    assert turn(connection, "active")
    assert current_state(connection) == "active"


def test_a_halt_is_written_once_a_cause_and_not_softened(connection: Connection) -> None:
    assert turn(connection, "halted", "breaker")
    assert not turn(connection, "halted", "breaker")
    assert turn(connection, "halted", "daily_loss")
    assert not turn(connection, "reducing")
    assert current_state(connection) == "halted"


def test_trading_that_is_active_is_not_made_active(connection: Connection) -> None:
    assert not turn(connection, "active")
    assert turn(connection, "reducing")
    assert turn(connection, "active")
