"""What starts the jobs: each sensor asked as the daemon asks it, on a real instance."""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from sqlalchemy import text

from kalshi_assets.defs import fast_sensors, schedules, sensors
from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.storage import intake
from kalshi_assets_tests.execution.faults import MARKETS, OnOperation, answering
from kalshi_assets_tests.stand import Stand


def ask(stand: Stand, sensor: dg.SensorDefinition, *, cursor: str | None = None) -> Any:
    """Evaluate a sensor's tick, and return what it says."""
    from kalshi_assets.definitions import defs

    context = dg.build_sensor_context(
        instance=stand.instance,
        cursor=cursor,
        repository_def=defs.get_repository_def(),
        resources={"platform": Platform()},
    )
    with context:
        return sensor.evaluate_tick(context)


def requests(tick: Any) -> list[Any]:
    return list(tick.run_requests or [])


def run(stand: Stand, job: str, request: Any, *, expect_success: bool = True) -> None:
    """Start the run that a sensor asked for."""
    stand.run(
        job,
        expect_success=expect_success,
        tags=dict(request.tags),
        **({"partition_key": request.partition_key} if request.partition_key else {}),
    )


def test_the_missing_history_is_requested_once_as_one_range(stand: Stand) -> None:
    [request] = requests(ask(stand, sensors.history_sensor))
    today = venue_day(stand.now)
    first = today - timedelta(days=stand.settings.history_days)
    assert request.tags[RANGE_START_TAG] == first.isoformat()
    assert request.tags[RANGE_END_TAG] == today.isoformat()

    [again] = requests(ask(stand, sensors.history_sensor))
    assert again.run_key == request.run_key, "Dagster starts a run key once"


def test_a_history_that_is_being_loaded_is_not_requested_again(stand: Stand) -> None:
    stand.instance.add_run(
        dg.DagsterRun("history_job", "a run", status=dg.DagsterRunStatus.STARTED)
    )
    tick = ask(stand, sensors.history_sensor)
    assert requests(tick) == []
    assert "being loaded" in tick.skip_message


def test_a_history_that_could_not_be_loaded_is_requested_again_after_a_pause(stand: Stand) -> None:
    [request] = requests(ask(stand, sensors.history_sensor))
    stand.faults.fault = OnOperation("BatchGetMarketCandlesticks", answering(500))
    run(stand, "history_job", request, expect_success=False)
    assert requests(ask(stand, sensors.history_sensor)) == []

    later = wall_now() + sensors.HISTORY_RETRY
    stand.patch.setattr(sensors, "wall_now", lambda: later)

    [retry] = requests(ask(stand, sensors.history_sensor))
    assert retry.run_key != request.run_key
    assert retry.tags[RANGE_START_TAG] == request.tags[RANGE_START_TAG]


def test_loaded_history_is_not_requested_and_a_new_market_has_it_loaded(
    loaded_stand: Stand,
) -> None:
    tick = ask(loaded_stand, sensors.history_sensor)
    assert requests(tick) == []
    assert "loaded" in tick.skip_message

    loaded_stand.execute("DELETE FROM kalshi.history_loads WHERE market_ticker LIKE 'KXGDP%'")
    assert len(requests(ask(loaded_stand, sensors.history_sensor))) == 1


def test_a_slot_is_polled_once(loaded_stand: Stand) -> None:
    loaded_stand.later(95)
    [request] = requests(ask(loaded_stand, sensors.poll_sensor))
    assert loaded_stand.slot in request.run_key
    assert request.tags[SLOT_TAG] == loaded_stand.slot
    assert request.partition_key == loaded_stand.today

    loaded_stand.later(5)
    [again] = requests(ask(loaded_stand, sensors.poll_sensor))
    assert again.run_key == request.run_key

    loaded_stand.later(80)
    [following] = requests(ask(loaded_stand, sensors.poll_sensor))
    assert following.run_key != request.run_key


def test_a_slot_that_was_polled_is_skipped_and_said_so(loaded_stand: Stand) -> None:
    loaded_stand.later(95)
    cursor = ask(loaded_stand, sensors.poll_sensor).cursor
    tick = ask(loaded_stand, sensors.poll_sensor, cursor=cursor)
    assert requests(tick) == []
    assert tick.skip_message == ("slot 14:31:30 UTC is polled: the next one begins at 14:33:00 UTC")

    loaded_stand.later(90)
    assert len(requests(ask(loaded_stand, sensors.poll_sensor, cursor=cursor))) == 1


def test_a_late_slot_is_skipped_and_said_so(loaded_stand: Stand) -> None:
    loaded_stand.later(46)
    tick = ask(loaded_stand, sensors.poll_sensor)
    assert requests(tick) == []
    assert "46 s late" in tick.skip_message


def test_polls_wait_while_the_window_is_loaded_but_not_for_ever(loaded_stand: Stand) -> None:
    loaded_stand.execute("DELETE FROM kalshi.history_loads")
    tick = ask(loaded_stand, sensors.poll_sensor)
    assert requests(tick) == []
    assert "warming up" in tick.skip_message

    loaded_stand.later(intake.HISTORY_PATIENCE.total_seconds() + 30)
    assert len(requests(ask(loaded_stand, sensors.poll_sensor))) == 1


def test_nothing_is_polled_outside_the_collection_hours(loaded_stand: Stand) -> None:
    loaded_stand.change(collection_start=time(11), collection_end=time(20))
    tick = ask(loaded_stand, sensors.poll_sensor)
    assert requests(tick) == []
    assert "collection hours" in tick.skip_message


def polled(stand: Stand, *, is_good: bool = True) -> None:
    """Let the next slot be polled by a run that the poll sensor asked for."""
    stand.later(90)
    [request] = requests(ask(stand, sensors.poll_sensor))
    if not is_good:
        stand.faults.fault = OnOperation(MARKETS, answering(500))
    run(stand, "poll_job", request, expect_success=is_good)
    stand.faults.fault = None


def has_come(stand: Stand, job: str) -> None:
    """Let a run that was asked for be there, and be over."""
    run = dg.DagsterRun(job, f"{job} {uuid4()}", status=dg.DagsterRunStatus.STARTED)
    stand.instance.report_run_failed(stand.instance.add_run(run))


def test_after_a_poll_the_open_signals_are_judged_once(loaded_stand: Stand) -> None:
    assert requests(ask(loaded_stand, fast_sensors.order_sensor)), "of the poll before"
    has_come(loaded_stand, "order_job")
    assert requests(ask(loaded_stand, fast_sensors.order_sensor)) == [], "no poll since"

    polled(loaded_stand)
    tick = ask(loaded_stand, fast_sensors.order_sensor)
    [request] = requests(tick)
    assert request.tags[SLOT_TAG] == loaded_stand.now.isoformat()

    assert requests(ask(loaded_stand, fast_sensors.order_sensor)) == []
    run(loaded_stand, "order_job", request)
    assert loaded_stand.order_requests() == 1


def test_after_a_failed_poll_it_is_judged_too_and_the_ledger_says_why_nothing_is_ordered(
    loaded_stand: Stand,
) -> None:
    polled(loaded_stand)
    assert requests(ask(loaded_stand, fast_sensors.order_sensor))
    has_come(loaded_stand, "order_job")
    for _ in range(4):
        polled(loaded_stand, is_good=False)

    [request] = requests(ask(loaded_stand, fast_sensors.order_sensor))
    run(loaded_stand, "order_job", request, expect_success=False)

    assert loaded_stand.order_requests() == 0
    rows = loaded_stand.rows("SELECT * FROM kalshi.decisions")
    assert rows
    assert all({"ticks_are_fresh", "signal_fresh"} <= set(row["refused_by"]) for row in rows)


def test_a_poll_that_leaves_no_open_signal_and_no_live_order_asks_for_no_judgement(
    loaded_stand: Stand,
) -> None:
    polled(loaded_stand)
    loaded_stand.execute("UPDATE kalshi.signals SET ended_at = last_seen_at")

    assert requests(ask(loaded_stand, fast_sensors.order_sensor)) == []


def test_yesterday_is_made_final_by_its_schedule(loaded_stand: Stand) -> None:
    loaded_stand.later(3600 * 14)
    from kalshi_assets.definitions import defs

    context = dg.build_schedule_context(
        resources={"platform": Platform()}, repository_def=defs.get_repository_def()
    )
    with context:
        tick = schedules.daily_summaries_schedule.evaluate_tick(context)
    [request] = requests(tick)
    assert request.partition_key == "2026-10-13"


@pytest.fixture
def connections(loaded_stand: Stand) -> Callable[[], int]:
    """Count the connections to the database that are not the stand's own."""
    loaded_stand.database.dispose()

    def count() -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        with loaded_stand.database.transaction() as connection:
            found = int(connection.scalar(text(query)) or 0)
        return found - 1

    return count


def test_a_tick_of_a_sensor_and_a_run_leave_no_connection_behind(
    loaded_stand: Stand, connections: Any
) -> None:
    for _ in range(3):
        ask(loaded_stand, sensors.history_sensor)
    loaded_stand.run("reconcile_job")

    assert connections() == 0


def test_whatever_was_killed_the_next_start_reconciles_once_before_anything_else(
    stand: Stand,
) -> None:
    tick = ask(stand, sensors.reconcile_sensor)
    [request] = requests(tick)
    stand.run("reconcile_job")
    assert not requests(ask(stand, sensors.reconcile_sensor, cursor=tick.cursor))

    sensors.started_at.cache_clear()
    [after_restart] = requests(ask(stand, sensors.reconcile_sensor, cursor=tick.cursor))
    assert after_restart.run_key != request.run_key
