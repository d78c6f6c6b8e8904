"""A halt: the state first, then our orders, until the venue confirms; and the way back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.errors import BreakerOpen, NotReconciled
from kalshi_assets.execution import judge, upkeep
from kalshi_assets.execution.books import compare
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.execution.resuming import Resumed, resume
from kalshi_assets.execution.upkeep import keep_up, stand_down
from kalshi_assets.kalshi import breaker
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.storage.trading_state import halt
from kalshi_assets_tests.execution.faults import (
    CREATE,
    OnOperation,
    altering,
    answering,
    error_after_execution,
)
from kalshi_assets_tests.execution.trading_floor import (
    at_exchange,
    judge_and_place,
    make_resting,
    order_by_hand,
    orders,
    states,
)
from kalshi_assets_tests.stand import OVERREACTING, Stand

CANCEL = "CancelOrderV2"
CREATE_ORDER = KalshiClient.create_order


def halt_now(stand: Stand, cause: str = "command") -> bool:
    with stand.database.transaction() as connection:
        return halt(connection, cause, why="a test", at=stand.now, by="me@here")


def resume_now(stand: Stand, *, is_unknown_accepted: bool = False) -> Resumed:
    with stand.desk() as desk:
        desk.__dict__["pause"] = lambda seconds: None
        return resume(desk, by="me@here", why="all clear", is_unknown_accepted=is_unknown_accepted)


def test_our_orders_are_cancelled_until_the_venue_confirms_and_those_of_others_stay(
    loaded_stand: Stand,
) -> None:
    """The first cancel is refused, the answer to the second is lost: the list tells it worked."""
    ours = make_resting(loaded_stand)["venue_order_id"]
    by_hand = order_by_hand(loaded_stand)
    answers = iter([answering(503), error_after_execution])

    async def one_after_the_other(request: Any, proceed: Any) -> Any:
        answer = next(answers, None)
        return await (proceed() if answer is None else answer(request, proceed))

    loaded_stand.faults.fault = fault = OnOperation(CANCEL, one_after_the_other)
    assert halt_now(loaded_stand)
    assert not halt_now(loaded_stand), "of one cause there is one halt"
    loaded_stand.patch.setattr(upkeep, "STAND_DOWN_PAUSE_SECONDS", 0.01)

    with loaded_stand.desk() as desk:
        assert stand_down(desk, within=timedelta(seconds=20)) == []

    listed = at_exchange(loaded_stand)
    assert (listed[ours].status, listed[by_hand].status) == ("canceled", "resting")
    assert fault.calls == 3, "once more, before the list was read"
    [order] = orders(loaded_stand)
    assert order["status"] == "canceled"
    asked = loaded_stand.rows("SELECT kind FROM kalshi.order_events WHERE kind = 'cancel'")
    assert len(asked) == 3, "each request is written down"


def test_a_halt_between_judgement_and_intent_lets_nothing_be_sent(loaded_stand: Stand) -> None:
    loaded_stand.later(1)
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
        judged = judge_again_then(loaded_stand, lambda: halt_now(loaded_stand))
        assert place_approved(desk) == []
    assert judged == [True], "the halt came after the last judgement"
    assert orders(loaded_stand) == []
    assert loaded_stand.order_requests() == 0


def judge_again_then(stand: Stand, act: Callable[[], bool]) -> list[bool]:
    """Let something happen right after the judgement before the intent."""
    done: list[bool] = []
    judging = judge.judge_signals

    def judged(*args: Any) -> Any:
        found = judging(*args)
        assert found[0].decision.is_approved
        done.append(act())
        return found

    stand.patch.setattr("kalshi_assets.execution.place.judge_signals", judged)
    return done


def test_a_halt_while_a_send_is_under_way_has_the_order_cancelled_and_a_late_answer_wakes_nothing(
    loaded_stand: Stand,
) -> None:
    """The order is at the venue, its answer on the way, when another process halts and cancels."""

    def halted_meanwhile(client: KalshiClient, request: OrderRequest) -> Any:
        ack = CREATE_ORDER(client, request)
        halt_now(loaded_stand)
        with loaded_stand.desk() as other:
            assert keep_up(other).live == []
        return ack

    loaded_stand.change(max_trade_pct=10, max_order_usd=1_000)  # more than the best level: it rests
    loaded_stand.patch.setattr(KalshiClient, "create_order", halted_meanwhile)

    judge_and_place(loaded_stand)

    [order] = orders(loaded_stand)
    [there] = at_exchange(loaded_stand).values()
    assert order["status"] == there.status == "canceled"
    assert 0 < order["fill_count"] == there.fill_count < order["count"]


def test_an_order_whose_answer_is_lost_while_trading_halts_is_cancelled_by_the_next_round(
    loaded_stand: Stand,
) -> None:
    loaded_stand.change(max_trade_pct=10, max_order_usd=1_000)
    loaded_stand.faults.fault = OnOperation(CREATE, error_after_execution)
    loaded_stand.patch.setattr("kalshi_assets.execution.place.reconcile", lambda desk: 0)
    judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["unknown"]
    halt_now(loaded_stand)

    loaded_stand.run("reconcile_job")

    [there] = at_exchange(loaded_stand).values()
    assert [order["status"] for order in orders(loaded_stand)] == [there.status] == ["canceled"]


def test_three_failures_in_a_row_halt_and_resuming_waits_for_the_exchange(
    loaded_stand: Stand,
) -> None:
    loaded_stand.patch.setattr(breaker, "LOOK_SECONDS", 0.0)
    loaded_stand.faults.fault = OnOperation("GetBalance", answering(503))
    with loaded_stand.desk() as desk:
        for failures in range(1, 4):
            assert states(loaded_stand) == [], f"{failures - 1} failures are no halt"
            with pytest.raises(Exception, match="503"):
                desk.venue.balance()
        assert states(loaded_stand) == [("halted", "breaker")]
        loaded_stand.faults.fault = None
        with pytest.raises(BreakerOpen):
            resume(desk, by="me", why="too early", is_unknown_accepted=False)
    assert states(loaded_stand) == [("halted", "breaker")]

    loaded_stand.execute("UPDATE kalshi.breaker_transitions SET until = at")
    assert resume_now(loaded_stand).is_changed
    assert states(loaded_stand) == [("halted", "breaker"), ("active", "command")]
    newest = "SELECT to_state FROM kalshi.breaker_transitions ORDER BY transition_id DESC LIMIT 1"
    assert loaded_stand.rows(newest) == [{"to_state": "closed"}]


def _with_an_unclear_order(stand: Stand) -> None:
    stand.faults.fault = OnOperation(CREATE, answering(500), times=1)
    judge_and_place(stand)


def _with_unequal_books(stand: Stand) -> None:
    judge_and_place(stand)
    stand.execute("UPDATE kalshi.fills SET fee_micros = fee_micros + 1")


def _with_a_new_halt_meanwhile(stand: Stand) -> None:
    async def halting(request: Any, proceed: Any) -> Any:
        halt_now(stand, "another")
        return await proceed()

    stand.faults.fault = OnOperation("GetPositions", halting)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_with_an_unclear_order, "not known yet what became of"),
        (_with_unequal_books, "ledger and venue do not agree"),
        (_with_a_new_halt_meanwhile, "halted again meanwhile"),
    ],
)
def test_trading_is_not_resumed_while_something_is_not_settled(
    loaded_stand: Stand, spoil: Callable[[Stand], None], why: str
) -> None:
    spoil(loaded_stand)
    halt_now(loaded_stand)

    with pytest.raises(NotReconciled, match=why):
        resume_now(loaded_stand)

    assert states(loaded_stand)[-1][0] == "halted"


def test_an_order_of_our_scheme_that_we_did_not_send_halts_and_has_to_be_accepted(
    loaded_stand: Stand,
) -> None:
    theirs = client_order_id("another host's", leg="entry", attempt=1)
    with loaded_stand.desk() as desk:
        expires = loaded_stand.now + timedelta(hours=1)
        desk.venue.create_order(OrderRequest(theirs, OVERREACTING, "yes", 20_000, 100, expires))

    judge_and_place(loaded_stand)
    judge_and_place(loaded_stand)
    assert states(loaded_stand) == [("halted", "unknown_order")]
    assert loaded_stand.order_requests() == 1, "theirs"

    with pytest.raises(NotReconciled, match="--accept-unknown"):
        resume_now(loaded_stand)
    resumed = resume_now(loaded_stand, is_unknown_accepted=True)

    assert resumed.is_changed
    assert [ended.cause for ended in resumed.halts] == ["unknown_order"]
    assert resumed.comparison.is_equal
    [row] = loaded_stand.rows(
        "SELECT changed_by, reason FROM kalshi.trading_state WHERE state = 'active'"
    )
    assert row == {"changed_by": "me@here", "reason": "all clear"}
    judge_and_place(loaded_stand)
    assert states(loaded_stand)[-1] == ("active", "command"), "it halts once"
    assert [order["status"] for order in orders(loaded_stand)] == ["filled"]


def test_an_account_that_never_stands_still_refuses_and_the_why_not_ledger_is_written(
    loaded_stand: Stand,
) -> None:
    """Without books nothing can be reconciled: that is a refusal, not a crash."""
    loaded_stand.execute("DELETE FROM kalshi.cash_movements")
    loaded_stand.patch.setattr("kalshi_assets.execution.books.PAUSE_SECONDS", 0)
    loaded_stand.patch.setattr("kalshi_assets.execution.books.LOOKS", 2)
    amounts = iter(range(1_000))

    def moving(body: Any) -> Any:
        return {**body, "balance_dollars": f"{next(amounts)}.0000"}

    loaded_stand.faults.fault = OnOperation("GetBalance", altering(moving))
    judge_and_place(loaded_stand)

    rows = loaded_stand.rows("SELECT refused_by FROM kalshi.decisions")
    assert len(rows) == 5
    assert all("live_order" in row["refused_by"] for row in rows)
    with loaded_stand.desk() as desk:
        assert stand_down(desk, within=timedelta(seconds=1)) == []
    loaded_stand.faults.fault = None
    judge_and_place(loaded_stand)
    with loaded_stand.desk() as desk:
        assert compare(desk).is_equal
