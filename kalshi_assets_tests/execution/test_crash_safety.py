"""One order for a signal, whatever breaks: lost answers, refusals, kills, two jobs at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kalshi_assets.defs.execution.assets import OrderJobRunning
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.execution import reconcile
from kalshi_assets.execution.judge import LEG, judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.storage import ledger
from kalshi_assets.storage.engine import ORDER_LOCK
from kalshi_assets_tests.execution import faults
from kalshi_assets_tests.execution.faults import CREATE, OnOperation, answering
from kalshi_assets_tests.stand import Stand

CREATE_ORDER, MOVE_ORDER = KalshiClient.create_order, ledger.move_order


class Kill(BaseException):
    """The process is gone: no code of ours catches it."""


def judge_and_place(stand: Stand) -> None:
    """Do what the order job does between its checks and its reports, a second later."""
    stand.creep()
    stand.later(1)
    with stand.desk() as desk:
        judge_open_signals(desk)
        place_approved(desk)


def settle(stand: Stand) -> None:
    with stand.desk() as desk:
        reconcile.reconcile(desk)


def orders(stand: Stand) -> list[dict[str, Any]]:
    return stand.rows("SELECT * FROM kalshi.orders ORDER BY attempt")


def at_exchange(stand: Stand) -> list[Any]:
    with stand.desk() as desk:
        return list(desk.venue.orders())


def id_of_attempt(stand: Stand, attempt: int) -> str:
    [order, *_] = orders(stand)
    return client_order_id(order["signal_id"], leg=LEG, attempt=attempt)


@contextmanager
def killed_in(
    patch: pytest.MonkeyPatch, owner: Any, name: str, *, after: Any = None
) -> Iterator[None]:
    """Let the process die in a function: before it does anything, or after it has done it."""

    def dies(*args: Any, **kwargs: Any) -> Any:
        if after is not None:
            after(*args, **kwargs)
        raise Kill

    with patch.context() as killing:
        killing.setattr(owner, name, dies)
        with pytest.raises(Kill):
            yield


def grace_is_over(stand: Stand) -> None:
    """Let both clocks pass the grace: the wall's, and the one that the venue's list is told by."""
    later = reconcile.GRACE + timedelta(seconds=1)
    stand.patch.setattr(reconcile, "wall_now", lambda: wall_now() + later)
    stand.later(later.total_seconds())


@pytest.mark.parametrize(
    "answer",
    [
        faults.broken_off_after_execution,
        faults.error_after_execution,
        faults.nonsense_after_execution,
        faults.silence_after_execution,
    ],
    ids=lambda answer: answer.__name__,
)
def test_a_lost_answer_after_execution_is_reconciled_not_resent(
    loaded_stand: Stand, answer: Any
) -> None:
    faults.impatient(loaded_stand.patch)
    loaded_stand.faults.fault = fault = OnOperation(CREATE, answer)

    judge_and_place(loaded_stand)
    judge_and_place(loaded_stand)

    [order] = orders(loaded_stand)
    [executed] = at_exchange(loaded_stand)
    assert fault.calls == loaded_stand.order_requests() == 1
    assert (order["status"], order["fill_count"]) == ("filled", executed.fill_count)
    assert order["client_order_id"] == executed.client_order_id
    assert order["venue_order_id"] == executed.order_id
    events = loaded_stand.rows("SELECT status FROM kalshi.order_events ORDER BY event_id")
    assert [event["status"] for event in events] == ["intent", "unknown", "filled"]


def test_an_error_without_execution_stays_unknown_until_the_grace_is_over_and_lapses_then(
    loaded_stand: Stand,
) -> None:
    loaded_stand.faults.fault = fault = OnOperation(CREATE, answering(500), times=1)

    judge_and_place(loaded_stand)
    judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["unknown"]
    assert fault.calls == 1, "while it may still be under way, nothing is sent"

    grace_is_over(loaded_stand)
    judge_and_place(loaded_stand)

    lapsed, second = orders(loaded_stand)
    assert (lapsed["status"], lapsed["attempt"]) == ("lapsed", 1)
    assert (second["status"], second["attempt"]) == ("filled", 2)
    assert second["client_order_id"] == id_of_attempt(loaded_stand, 2)
    assert [o.client_order_id for o in at_exchange(loaded_stand)] == [second["client_order_id"]]
    assert fault.calls == 2


def test_a_duplicate_is_looked_up_and_found(loaded_stand: Stand) -> None:
    """A gateway sent our request twice: the first was carried out, we get the second's answer."""

    async def twice(request: Any, proceed: Any) -> Any:
        await proceed()
        return await proceed()

    loaded_stand.faults.fault = OnOperation(CREATE, twice)
    judge_and_place(loaded_stand)

    [order] = orders(loaded_stand)
    [executed] = at_exchange(loaded_stand)
    assert order["status"] == "filled"
    assert order["client_order_id"] == executed.client_order_id


def test_a_ledger_that_lost_rows_halts_at_the_order_it_does_not_know_and_sends_nothing(
    loaded_stand: Stand,
) -> None:
    """A database restored from a backup: the exchange has an order of ours that we have not."""
    judge_and_place(loaded_stand)
    later = loaded_stand.now + timedelta(minutes=12)
    for table in ("orders", "order_events", "decisions"):
        loaded_stand.execute(f"DELETE FROM kalshi.{table}")  # noqa: S608  our own names
    loaded_stand.faults.fault = OnOperation("GetPositions", faults.altering(_no_positions))
    loaded_stand.execute("UPDATE kalshi.signals SET last_seen_at = :at", at=later)
    loaded_stand.execute("UPDATE kalshi.verdicts SET as_of = :at", at=later)
    loaded_stand.later(12 * 60)

    judge_and_place(loaded_stand)

    [state] = loaded_stand.rows("SELECT state, cause, reason FROM kalshi.trading_state")
    [executed] = at_exchange(loaded_stand)
    assert (state["state"], state["cause"]) == ("halted", "unknown_order")
    assert executed.client_order_id in state["reason"]
    assert orders(loaded_stand) == []
    assert loaded_stand.order_requests() == 1


def _no_positions(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "market_positions": []}


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "too_many_requests"), (400, "insufficient_balance"), (401, "unauthorized"), (409, "?")],
)
def test_a_refused_order_is_rejected_and_tried_again_under_a_new_id_at_most_three_times(
    loaded_stand: Stand, status: int, code: str
) -> None:
    loaded_stand.faults.fault = fault = OnOperation(CREATE, answering(status, code))

    for _ in range(5):
        judge_and_place(loaded_stand)

    rows = orders(loaded_stand)
    assert [(row["status"], row["attempt"]) for row in rows] == [
        ("rejected", 1),
        ("rejected", 2),
        ("rejected", 3),
    ]
    assert str(status) in rows[0]["reason"]
    assert fault.calls == len({row["client_order_id"] for row in rows}) == 3
    [last] = loaded_stand.rows("SELECT * FROM kalshi.decisions ORDER BY judged_at DESC LIMIT 1")
    assert last["refused_by"] == ["attempts"]


def test_a_redirect_of_an_order_leaves_it_unknown_and_is_not_followed(loaded_stand: Stand) -> None:
    loaded_stand.faults.fault = fault = OnOperation(CREATE, answering(302))

    judge_and_place(loaded_stand)

    assert [order["status"] for order in orders(loaded_stand)] == ["unknown"]
    assert fault.calls == 1


def test_killed_after_the_intent_nothing_was_sent_and_the_next_id_waits_for_the_grace(
    loaded_stand: Stand,
) -> None:
    with killed_in(loaded_stand.patch, KalshiClient, "create_order"):
        judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["intent"]

    judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["intent"]
    assert loaded_stand.order_requests() == 0

    grace_is_over(loaded_stand)
    judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["lapsed", "filled"]
    assert len(at_exchange(loaded_stand)) == loaded_stand.order_requests() == 1


def test_killed_after_the_send_the_order_is_found_and_not_sent_again(loaded_stand: Stand) -> None:
    with killed_in(loaded_stand.patch, KalshiClient, "create_order", after=CREATE_ORDER):
        judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["intent"]

    grace_is_over(loaded_stand)
    judge_and_place(loaded_stand)

    assert [order["status"] for order in orders(loaded_stand)] == ["filled"]
    assert len(at_exchange(loaded_stand)) == loaded_stand.order_requests() == 1


@pytest.mark.parametrize("after", [None, MOVE_ORDER], ids=["before", "uncommitted"])
def test_killed_in_recording_the_answer_the_order_is_found_and_not_sent_again(
    loaded_stand: Stand, after: Any
) -> None:
    with killed_in(loaded_stand.patch, ledger, "move_order", after=after):
        judge_and_place(loaded_stand)
    assert [order["status"] for order in orders(loaded_stand)] == ["intent"]

    judge_and_place(loaded_stand)

    assert [order["status"] for order in orders(loaded_stand)] == ["filled"]
    assert len(at_exchange(loaded_stand)) == loaded_stand.order_requests() == 1


def test_killed_before_the_intent_is_committed_nothing_is_left_and_the_next_run_orders_once(
    loaded_stand: Stand,
) -> None:
    with killed_in(loaded_stand.patch, ledger, "add_intent", after=ledger.add_intent):
        judge_and_place(loaded_stand)
    assert orders(loaded_stand) == []

    judge_and_place(loaded_stand)

    assert [(o["status"], o["attempt"]) for o in orders(loaded_stand)] == [("filled", 1)]
    assert loaded_stand.order_requests() == 1


def test_a_whole_order_job_that_was_killed_is_made_good_by_the_next_one(
    loaded_stand: Stand,
) -> None:
    with killed_in(loaded_stand.patch, KalshiClient, "create_order", after=CREATE_ORDER):
        loaded_stand.judge_and_place()
    loaded_stand.creep()
    loaded_stand.later(1)

    loaded_stand.judge_and_place()

    [order] = orders(loaded_stand)
    [fill] = loaded_stand.rows("SELECT * FROM kalshi.fills")
    assert order["status"] == "filled"
    assert fill["client_order_id"] == order["client_order_id"]
    assert loaded_stand.order_requests() == 1


def test_a_second_order_job_stops_while_one_is_at_work(loaded_stand: Stand) -> None:
    with loaded_stand.database.advisory_lock(ORDER_LOCK) as is_ours:
        assert is_ours
        result = loaded_stand.judge_and_place(expect_success=False)

    assert not result.success
    failure = result.failure_data_for_node("decisions")
    assert OrderJobRunning.__name__ in failure.error.cause.cls_name
    assert loaded_stand.order_requests() == 0
    assert loaded_stand.rows("SELECT * FROM kalshi.decisions") == []


def test_two_that_place_at_the_same_moment_send_one_order(loaded_stand: Stand) -> None:
    """Even without the lock: the intent's row is one, and only who wrote it sends."""
    loaded_stand.later(1)
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
    both_judged = threading.Barrier(2, timeout=30)
    intent = ledger.add_intent

    def at_once(*args: Any) -> bool:
        both_judged.wait()
        return intent(*args)

    loaded_stand.patch.setattr(ledger, "add_intent", at_once)
    failures: list[BaseException] = []

    def job() -> None:
        try:
            with loaded_stand.desk() as mine:
                place_approved(mine)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=job) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert [order["status"] for order in orders(loaded_stand)] == ["filled"]
    assert loaded_stand.order_requests() == 1


def test_an_order_is_not_sent_where_another_one_is_live_in_its_market_since_the_judgement(
    loaded_stand: Stand,
) -> None:
    """The partial unique index keeps the second intent out, and so nothing may be sent."""
    loaded_stand.creep()
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
    intent = ledger.add_intent

    def second(connection: Any, order: ledger.Order) -> bool:
        intent(connection, replace(order, client_order_id="another", signal_id="another"))
        return intent(connection, order)

    loaded_stand.patch.setattr(ledger, "add_intent", second)
    with loaded_stand.desk() as desk:
        assert place_approved(desk) == []

    assert [order["client_order_id"] for order in orders(loaded_stand)] == ["another"]
    assert loaded_stand.order_requests() == 0


def test_an_order_that_another_job_has_moved_since_the_list_was_read_is_left_alone(
    loaded_stand: Stand,
) -> None:
    """Reconcile asks while the order rests; before it writes, the order job records the fill."""
    with killed_in(loaded_stand.patch, ledger, "move_order"):
        judge_and_place(loaded_stand)
    listing = KalshiClient.orders

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = listing(*args, **kwargs)
        loaded_stand.execute("UPDATE kalshi.orders SET status = 'canceled'")
        return found

    loaded_stand.patch.setattr(KalshiClient, "orders", meanwhile)
    settle(loaded_stand)

    assert [order["status"] for order in orders(loaded_stand)] == ["canceled"]
