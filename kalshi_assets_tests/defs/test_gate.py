"""Each gating check closes the gate: for the feed, and for a single market.

The list of checks comes from the code: a new one without a way to break it fails here.
"""

import re
from typing import Any

import pytest

from kalshi_assets.execution.desk import limits_of
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings
from kalshi_assets_tests.defs.breaking import (
    MARKETS,
    OTHERS,
    POLLED_ROWS,
    STATEMENTS,
    break_check,
)
from kalshi_assets_tests.execution.faults import altered_markets
from kalshi_assets_tests.stand import OVERREACTING, Stand

SETTINGS = load_settings(env={}, _env_file=None)
GATING = limits_of(SETTINGS).required_checks
CHECKS = {check.name: check for check in checks(quality_limits_of(SETTINGS))}
QUIET = "KXCPIYOY-26OCT-T3.0"


def decision_on(stand: Stand, ticker: str = OVERREACTING) -> dict[str, Any]:
    query = "SELECT * FROM kalshi.decisions WHERE market_ticker = :ticker"
    [row] = stand.rows(query, ticker=ticker)
    return row


def reason_of(decision: dict[str, Any], check: str) -> str:
    [gate] = [gate for gate in decision["gates"] if gate["gate"] == check]
    return str(gate["reason"])


def ended_steps(result: Any) -> set[str]:
    return {
        event.step_key for event in result.all_events if event.event_type_value == "STEP_SUCCESS"
    }


def test_there_is_a_way_to_break_every_gating_check() -> None:
    assert set(STATEMENTS) == set(GATING)


@pytest.mark.parametrize("check", GATING)
def test_a_check_that_fails_for_the_feed_stops_the_order_of_a_good_market(
    loaded_stand: Stand, check: str
) -> None:
    broken = MARKETS if CHECKS[check].is_of_market else OTHERS
    break_check(loaded_stand, check, broken)

    result = loaded_stand.judge_and_place(expect_success=False)

    assert loaded_stand.order_requests() == 0
    decision = decision_on(loaded_stand)
    assert decision["outcome"] == "refused"
    assert decision["refused_by"] == [check, *_also_failing(check)]
    assert re.search(
        "fails for the feed: . of . markets " + CHECKS[check].bad, reason_of(decision, check)
    )
    assert not result.success
    assert "decisions" in ended_steps(result)
    assert "orders" not in ended_steps(result), "Dagster blocks the step itself"


@pytest.mark.parametrize("check", GATING)
def test_a_market_that_fails_a_check_is_refused_by_it_and_the_feed_goes_on(
    loaded_stand: Stand, check: str
) -> None:
    break_check(loaded_stand, check, [OVERREACTING])

    result = loaded_stand.judge_and_place()

    assert loaded_stand.order_requests() == 0
    decision = decision_on(loaded_stand)
    assert check in decision["refused_by"]
    assert reason_of(decision, check)
    assert "fails for the feed" not in reason_of(decision, check)
    assert "orders" in ended_steps(result)


@pytest.mark.parametrize("check", GATING)
def test_a_check_that_another_market_fails_does_not_stop_the_good_one(
    loaded_stand: Stand, check: str
) -> None:
    break_check(loaded_stand, check, [QUIET])

    loaded_stand.judge_and_place()

    assert loaded_stand.order_requests() == 1
    assert check in decision_on(loaded_stand, QUIET)["refused_by"]


@pytest.mark.parametrize("check", POLLED_ROWS)
def test_a_bad_feed_is_polled_and_nothing_is_ordered_on_it(loaded_stand: Stand, check: str) -> None:
    loaded_stand.later(90)
    loaded_stand.faults.fault = altered_markets(POLLED_ROWS[check])
    loaded_stand.poll(expect_success=False)
    loaded_stand.faults.fault = None

    loaded_stand.judge_and_place(expect_success=False)

    assert loaded_stand.order_requests() == 0
    decision = decision_on(loaded_stand)
    assert check in decision["refused_by"]
    assert reason_of(decision, check).startswith(f"{check} fails for the feed: ")


def test_a_market_that_is_tracked_since_the_last_poll_is_not_checked_and_refused(
    loaded_stand: Stand,
) -> None:
    loaded_stand.execute(
        "UPDATE kalshi.polls SET expected = array_remove(expected, :ticker)", ticker=OVERREACTING
    )
    loaded_stand.judge_and_place()

    assert loaded_stand.order_requests() == 0
    decision = decision_on(loaded_stand)
    assert decision["refused_by"] == ["ticks_are_complete", "ticks_are_unique"]
    assert "market not checked" in reason_of(decision, "ticks_are_complete")


def test_without_any_row_every_check_that_needs_rows_fails_and_nothing_is_ordered(
    loaded_stand: Stand,
) -> None:
    for table in ("live_ticks", "candle_ticks", "clean_ticks", "rolling_averages", "polls"):
        loaded_stand.execute(f"DELETE FROM kalshi.{table}")  # noqa: S608  our own names

    loaded_stand.judge_and_place(expect_success=False)

    assert loaded_stand.order_requests() == 0
    refused_by = set(decision_on(loaded_stand)["refused_by"])
    # Without a poll nothing came twice: that is what `ticks_are_unique` can say.
    assert refused_by == set(GATING) - {"markets_are_known", "ticks_are_unique"}


def test_the_judge_sees_the_verdicts_of_its_own_run(loaded_stand: Stand) -> None:
    """`decisions` depends on no check; only their priority in the one process puts them first."""
    loaded_stand.execute("DELETE FROM kalshi.verdicts")

    result = loaded_stand.judge_and_place()

    [order] = loaded_stand.rows("SELECT verdict_ids FROM kalshi.orders")
    rows = loaded_stand.rows(
        "SELECT verdict_id, check_name, run_id FROM kalshi.verdicts"
        " WHERE check_name <> 'ledger_equals_venue'"  # looks at what the order has done
    )
    assert {row["run_id"] for row in rows} == {result.run_id}
    assert sorted(order["verdict_ids"]) == sorted(row["verdict_id"] for row in rows)
    assert {row["check_name"] for row in rows} == set(GATING)
    assert len(decision_on(loaded_stand)["inputs"]["seen"]["verdict_ids"]) == len(GATING)


def _also_failing(check: str) -> list[str]:
    """Return what else the rows of a broken check fail by nature, in the gates' order."""
    return {"prices_are_in_range": ["prices_are_on_the_grid"]}.get(check, [])
