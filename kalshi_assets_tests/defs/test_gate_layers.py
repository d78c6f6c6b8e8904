"""The gate's other two layers: Dagster's own blocking in the run, and the gates at sending.

The first, verdicts read by the judge, is in `test_gate.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.risk.inputs import CheckVerdict
from kalshi_assets.storage import verdicts
from kalshi_assets.storage.trading_state import change_state
from kalshi_assets_tests.defs.breaking import MARKETS, OTHERS, break_check
from kalshi_assets_tests.execution.faults import MARKETS as GET_MARKETS
from kalshi_assets_tests.execution.faults import OnOperation, Row, altered_markets, answering
from kalshi_assets_tests.stand import MOMENT, OVERREACTING, Stand

LATEST = verdicts.latest_verdicts


def decisions_on(stand: Stand) -> list[dict[str, Any]]:
    query = "SELECT * FROM kalshi.decisions WHERE market_ticker = :ticker ORDER BY judged_at"
    return stand.rows(query, ticker=OVERREACTING)


def all_passing(connection: Any) -> Mapping[str, CheckVerdict]:
    """What a judge would read who is blind to failures."""
    return {
        name: replace(found, is_passed=True, markets_failed={}, markets_checked=frozenset(MARKETS))
        for name, found in LATEST(connection).items()
    }


def test_a_failing_check_stops_the_orders_in_dagster_even_where_the_judge_is_blind(
    loaded_stand: Stand,
) -> None:
    break_check(loaded_stand, "ticks_are_fresh", OTHERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "latest_verdicts", all_passing)
        result = loaded_stand.judge_and_place(expect_success=False)

    assert [row["outcome"] for row in decisions_on(loaded_stand)] == ["approved"]
    assert not result.success
    assert not [e for e in result.all_events if e.step_key == "orders" and e.is_step_start]
    assert loaded_stand.order_requests() == 0

    loaded_stand.later(1)
    loaded_stand.judge_and_place(expect_success=False)

    _, *closed = decisions_on(loaded_stand)
    [gate] = [g for row in closed for g in row["gates"] if g["gate"] == "gate_closed"]
    assert "ticks_are_fresh (4 of 5 markets stale)" in gate["reason"]
    assert MOMENT.isoformat() in gate["reason"]
    assert {tuple(row["refused_by"]) for row in closed} == {("gate_closed",), ("ticks_are_fresh",)}
    assert loaded_stand.order_requests() == 0


def test_what_was_approved_and_not_sent_is_judged_anew_and_sent_once_the_gate_opens(
    loaded_stand: Stand,
) -> None:
    loaded_stand.creep()
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)

    loaded_stand.later(5)
    loaded_stand.judge_and_place()

    assert [tuple(row["refused_by"]) for row in decisions_on(loaded_stand)] == [
        (),
        ("gate_closed",),
        (),
    ]
    assert loaded_stand.order_requests() == 1


def price_moved(stand: Stand) -> None:
    def dearer(row: Row) -> list[Row]:
        """Buying NO costs 3 cents more."""
        bid = f"{float(row['yes_bid_dollars']) - 0.03:.4f}"
        return [{**row, "yes_bid_dollars": bid}]

    stand.faults.fault = altered_markets(dearer)


def market_closed(stand: Stand) -> None:
    stand.faults.fault = altered_markets(lambda row: [{**row, "status": "closed"}])


def nobody_sells(stand: Stand) -> None:
    empty = {"yes_bid_dollars": "0.0000", "yes_bid_size_fp": "0.00"}
    stand.faults.fault = altered_markets(lambda row: [{**row, **empty}])


def volume_gone(stand: Stand) -> None:
    stand.faults.fault = altered_markets(lambda row: [{**row, "volume_24h_fp": "500.00"}])


def halted(stand: Stand) -> None:
    with stand.database.transaction() as connection:
        change_state(connection, "halted", cause="command", why="a test", at=MOMENT)


def verdicts_too_old(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.verdicts SET as_of = as_of - interval '181 s'")


def verdict_gone(stand: Stand) -> None:
    stand.execute("DELETE FROM kalshi.verdicts WHERE check_name = 'ticks_are_fresh'")


def signal_too_old(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.signals SET last_seen_at = last_seen_at - interval '181 s'")


def trading_hours_over(stand: Stand) -> None:
    stand.change(trading_end=(MOMENT - timedelta(hours=4)).time())


def quotes_unknown(stand: Stand) -> None:
    stand.faults.fault = OnOperation(GET_MARKETS, answering(500))


def position_taken(stand: Stand) -> None:
    """Somebody buys by hand, with the same account."""
    expires = stand.now + timedelta(minutes=3)
    with stand.desk() as desk:
        desk.venue.create_order(OrderRequest("by hand", OVERREACTING, "no", 900_000, 100, expires))


CHANGES = {
    price_moved: "price_moved",
    market_closed: "market_active",
    nobody_sells: "price_known",
    volume_gone: "volume",
    halted: "trading_state",
    verdicts_too_old: "ticks_are_fresh",
    verdict_gone: "ticks_are_fresh",
    signal_too_old: "signal_fresh",
    trading_hours_over: "trading_hours",
    quotes_unknown: "market_active",
    position_taken: "existing_position",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_approved_is_not_sent_when_the_world_has_changed(
    loaded_stand: Stand, change: Any
) -> None:
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
    before = loaded_stand.order_requests()
    change(loaded_stand)
    sent_by_hand = loaded_stand.order_requests() - before
    loaded_stand.later(2)

    with loaded_stand.desk() as desk:
        assert place_approved(desk) == []

    approved, refused = decisions_on(loaded_stand)
    assert approved["outcome"] == "approved"
    assert refused["outcome"] == "refused"
    assert CHANGES[change] in refused["refused_by"]
    [why, *_] = [gate for gate in refused["gates"] if not gate["is_passed"]]
    assert why["reason"] or (why["value"], why["limit"]) == ("no ask", "an ask of the side bought")
    assert loaded_stand.order_requests() == before + sent_by_hand
    assert loaded_stand.rows("SELECT * FROM kalshi.orders") == []


def test_an_approved_signal_that_has_ended_is_not_sent_and_the_ledger_says_so(
    loaded_stand: Stand,
) -> None:
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
    loaded_stand.execute("UPDATE kalshi.signals SET ended_at = last_seen_at, status = 'ended'")
    loaded_stand.later(2)

    with loaded_stand.desk() as desk:
        assert place_approved(desk) == []
        assert judge_open_signals(desk) == []

    assert [row["refused_by"] for row in decisions_on(loaded_stand)] == [[], ["gate_closed"]]
    assert loaded_stand.order_requests() == 0
