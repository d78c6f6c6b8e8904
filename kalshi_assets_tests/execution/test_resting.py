"""An order that rests is renewed while all is well, and withdrawn as soon as it is not."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.execution.resting import Tended, renew
from kalshi_assets_tests.execution.desk_bench import desk_bench
from kalshi_assets_tests.execution.faults import (
    OnOperation,
    Row,
    altered_markets,
    answering,
    error_after_execution,
)
from kalshi_assets_tests.execution.trading_floor import (
    at_exchange,
    make_resting,
    orders,
    tend_once,
)
from kalshi_assets_tests.stand import DatabaseMaker, Stand

AMEND = "AmendOrderV2"


def test_a_healthy_order_is_renewed_at_its_place_and_never_lives_longer_than_its_time(
    loaded_stand: Stand,
) -> None:
    order = make_resting(loaded_stand)
    ttl = timedelta(seconds=loaded_stand.settings.order_ttl_seconds)
    assert tend_once(loaded_stand, 20) == Tended(kept=1)
    for _ in range(4):  # longer than it could live unrenewed
        assert tend_once(loaded_stand, 60) == Tended(renewed=1)

        [there] = at_exchange(loaded_stand).values()
        assert (there.order_id, there.status) == (order["venue_order_id"], "resting")
        assert there.expires_at is not None
        assert ttl - timedelta(seconds=2) <= there.expires_at - loaded_stand.now <= ttl
        [ours] = orders(loaded_stand)
        assert timedelta(0) <= ours["expires_at"] - there.expires_at < timedelta(seconds=1)
        assert (ours["count"], there.initial_count) == (order["count"], order["count"])
    noted = loaded_stand.rows("SELECT kind FROM kalshi.order_events WHERE kind = 'renew'")
    assert len(noted) == 4, "each request is written down"


def test_an_order_that_nobody_renews_is_dead_after_its_time(loaded_stand: Stand) -> None:
    make_resting(loaded_stand)
    loaded_stand.later(loaded_stand.settings.order_ttl_seconds + 1)
    assert [o.status for o in at_exchange(loaded_stand).values()] == ["canceled"]


@pytest.mark.parametrize("is_done", [True, False], ids=["answer lost", "not done"])
def test_a_renewal_without_an_answer_is_left_to_the_list(
    loaded_stand: Stand, is_done: bool
) -> None:
    before = make_resting(loaded_stand)
    answer = error_after_execution if is_done else answering(500)
    loaded_stand.faults.fault = fault = OnOperation(AMEND, answer)

    assert tend_once(loaded_stand, 60) == Tended(in_doubt=1)
    [unsure] = orders(loaded_stand)
    assert abs(unsure["expires_at"] - before["expires_at"]) < timedelta(seconds=1)
    loaded_stand.faults.fault = None
    again = tend_once(loaded_stand, 1)

    [there] = at_exchange(loaded_stand).values()
    [ours] = orders(loaded_stand)
    assert fault.calls == 1
    assert again == (Tended(kept=1) if is_done else Tended(renewed=1))
    assert there.expires_at is not None
    assert there.expires_at > before["expires_at"] + timedelta(seconds=30)
    assert abs(ours["expires_at"] - there.expires_at) < timedelta(seconds=1)


def _signal_ends(stand: Stand) -> None:
    stand.execute("UPDATE kalshi.signals SET ended_at = last_seen_at")


def _check_fails(stand: Stand) -> None:
    stand.execute(
        "UPDATE kalshi.verdicts SET is_passed = false WHERE check_name = 'ticks_are_fresh'"
    )


def _hours_end(stand: Stand) -> None:
    stand.change(trading_end=(stand.now - timedelta(hours=4, minutes=5)).time())  # New York


def _trading_only_reduces(stand: Stand) -> None:
    stand.execute(
        "INSERT INTO kalshi.trading_state (changed_at, changed_wall_at, state, cause, reason,"
        " changed_by) VALUES (now(), now(), 'reducing', 'command', '', '')"
    )


def _market_pauses(stand: Stand) -> None:
    def paused(row: Row) -> list[Row]:
        return [{**row, "status": "inactive"}]

    stand.faults.fault = altered_markets(paused)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_signal_ends, "its signal has ended"),
        (_check_fails, "ticks_are_fresh"),
        (_hours_end, "outside 08:00-10:25 ET"),
        (_trading_only_reduces, "reducing"),
        (_market_pauses, "inactive"),
    ],
)
def test_an_order_is_withdrawn_as_soon_as_something_speaks_against_it(
    loaded_stand: Stand, spoil: Callable[[Stand], None], why: str
) -> None:
    make_resting(loaded_stand)
    spoil(loaded_stand)

    assert tend_once(loaded_stand, 5) == Tended(withdrawn=1)

    [ours] = orders(loaded_stand)
    assert [o.status for o in at_exchange(loaded_stand).values()] == ["canceled"]
    assert ours["status"] == "canceled"
    assert why in ours["reason"]


def test_what_was_filled_meanwhile_is_neither_taken_back_nor_bought_again_by_a_renewal(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    """The row that the order job read is older than a fill that the venue knows of."""
    with desk_bench(make_database(), tmp_path) as bench:
        reconcile(bench.desk)
        stale = bench.buy("yes", "0.48", "3")
        bench.floor.you.rest("ask", "0.48", "1")

        assert renew(bench.desk, stale)
        reconcile(bench.desk)

        [there] = [o for o in bench.desk.venue.orders() if o.status == "resting"]
        [ours] = bench.rows("SELECT status, fill_count, count FROM kalshi.orders")
        assert (there.fill_count, there.remaining_count) == (100, 200)
        assert ours == {"status": "resting", "fill_count": 100, "count": 300}
