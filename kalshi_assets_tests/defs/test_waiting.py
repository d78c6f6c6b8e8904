"""Sensors that wait: nothing told is missed, one run for a burst, none twice, an end at once."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from time import monotonic, sleep
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.defs import fast_sensors, sensors, waiting
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.storage.tidings import STOP_CHANNEL, TICKS_CHANNEL, tell, wake
from kalshi_assets.storage.trading_state import halt
from kalshi_assets_tests.defs.test_sensors import ask, has_come, requests
from kalshi_assets_tests.execution.trading_floor import make_resting
from kalshi_assets_tests.stand import Stand
from kalshi_assets_tests.waiting import until

LONG = 30


@pytest.fixture
def waiting_stand(loaded_stand: Stand) -> Stand:
    """A stand whose sensors wait, and look by themselves only after the wait is over."""
    loaded_stand.poll()
    loaded_stand.change(sensor_wait_seconds=LONG, feed_run_seconds=0)
    loaded_stand.patch.setattr(waiting, "LOOK_SECONDS", 2.0 * LONG)
    return loaded_stand


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def tells(stand: Stand, times: int = 1) -> None:
    for _ in range(times):
        with stand.database.transaction() as connection:
            tell(connection, TICKS_CHANNEL)


def listeners(stand: Stand) -> int:
    """Return how many sessions listen; they are idle, and LISTEN was the last they said."""
    return len(
        stand.rows(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"
            " AND datname = current_database()"
        )
    )


def begun(stand: Stand, pool: ThreadPoolExecutor, *sensors: dg.SensorDefinition) -> list[Any]:
    """Let these sensors wait, each in a thread, and return their answers to come."""
    found: list[Future[Any]] = [pool.submit(ask, stand, sensor) for sensor in sensors]
    deadline = monotonic() + LONG
    while listeners(stand) < len(sensors) and monotonic() < deadline:
        sleep(0.05)
    return found


def test_a_sensor_that_waits_asks_for_a_run_when_something_is_told(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    [answer] = begun(waiting_stand, pool, fast_sensors.feed_sensor)
    tells(waiting_stand)
    assert len(requests(answer.result())) == 1


def test_what_was_told_between_two_ticks_is_found_by_the_next_one(waiting_stand: Stand) -> None:
    tells(waiting_stand)
    assert len(requests(ask(waiting_stand, fast_sensors.feed_sensor))) == 1


def test_of_twins_that_wait_for_the_same_one_asks(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    twins = (fast_sensors.feed_sensor, fast_sensors.feed_sensor_twin)
    answers = begun(waiting_stand, pool, *twins)
    tells(waiting_stand)
    sleep(1)
    with waiting_stand.database.transaction() as connection:
        wake(connection, STOP_CHANNEL)
    assert sum(len(requests(answer.result())) for answer in answers) == 1


def test_a_burst_is_one_run_and_what_comes_meanwhile_another_when_it_has_ended(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    tells(waiting_stand, 20)
    [request] = requests(ask(waiting_stand, fast_sensors.feed_sensor))
    instance = waiting_stand.instance
    run = dg.DagsterRun("feed_job", "a run", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    [answer] = begun(waiting_stand, pool, fast_sensors.feed_sensor_twin)
    tells(waiting_stand, 20)
    sleep(1)
    assert not answer.done()
    instance.report_run_failed(run)
    [following] = requests(answer.result())
    assert following.run_key != request.run_key


def test_while_a_run_was_asked_for_and_is_not_there_yet_the_twin_asks_for_no_other(
    waiting_stand: Stand,
) -> None:
    waiting_stand.change(sensor_wait_seconds=0)
    tells(waiting_stand)
    assert requests(ask(waiting_stand, fast_sensors.feed_sensor))
    tells(waiting_stand)
    assert not requests(ask(waiting_stand, fast_sensors.feed_sensor_twin))
    has_come(waiting_stand, "feed_job")
    assert requests(ask(waiting_stand, fast_sensors.feed_sensor_twin)), "when that one has ended"


def test_a_run_that_was_asked_for_and_never_came_is_asked_for_again(waiting_stand: Stand) -> None:
    waiting_stand.change(sensor_wait_seconds=0)
    tells(waiting_stand)
    assert requests(ask(waiting_stand, fast_sensors.feed_sensor))
    assert not requests(ask(waiting_stand, fast_sensors.feed_sensor_twin))
    later = wall_now() + waiting.LOST_AFTER + timedelta(seconds=1)
    waiting_stand.patch.setattr(waiting, "wall_now", lambda: later)
    assert requests(ask(waiting_stand, fast_sensors.feed_sensor_twin))
    assert not requests(ask(waiting_stand, fast_sensors.feed_sensor))


def test_a_wait_ends_at_once_when_everything_is_stopped(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    [answer] = begun(waiting_stand, pool, fast_sensors.feed_sensor)
    before = monotonic()
    with waiting_stand.database.transaction() as connection:
        wake(connection, STOP_CHANNEL)
    tick = answer.result()
    assert not requests(tick)
    assert monotonic() - before < LONG / 2, "long before its time is over"


def test_a_wait_ends_soon_when_the_process_ends_in_which_it_is(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    ending = Event()
    waiting_stand.patch.setattr(waiting, "ENDING", ending)
    [answer] = begun(waiting_stand, pool, fast_sensors.feed_sensor)
    before = monotonic()
    ending.set()
    assert not requests(answer.result())
    assert not requests(ask(waiting_stand, fast_sensors.feed_sensor)), "and none begins"
    assert monotonic() - before < LONG / 2, "long before its time is over"


def test_signals_are_judged_when_they_are_told(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    waiting_stand.change(sensor_wait_seconds=0)
    [earlier] = requests(ask(waiting_stand, fast_sensors.order_sensor))
    has_come(waiting_stand, "order_job")
    waiting_stand.change(sensor_wait_seconds=LONG)
    [answer] = begun(waiting_stand, pool, fast_sensors.order_sensor)
    waiting_stand.later(90)
    waiting_stand.poll()
    [request] = requests(answer.result())
    assert request.run_key != earlier.run_key


def test_a_slot_is_polled_as_soon_as_it_begins(waiting_stand: Stand) -> None:
    waiting_stand.change(sensor_wait_seconds=0)
    waiting_stand.later(95)
    polled = ask(waiting_stand, sensors.poll_sensor).cursor
    waiting_stand.change(sensor_wait_seconds=LONG)
    waiting_stand.speed = 60.0  # the next slot begins in a second and a half
    waiting_stand.later(0)
    tick = ask(waiting_stand, sensors.poll_sensor, cursor=polled)
    [request] = requests(tick)
    following = datetime.fromisoformat(polled) + timedelta(seconds=90)
    assert request.tags[SLOT_TAG] == tick.cursor == following.isoformat()


def test_cancelling_begins_where_trading_is_halted_while_the_sensor_waits(
    waiting_stand: Stand, pool: ThreadPoolExecutor
) -> None:
    make_resting(waiting_stand)
    waiting_stand.patch.setattr(sensors, "URGENT_SECONDS", 0.2)
    started = sensors.started_at()
    answer = pool.submit(ask, waiting_stand, sensors.reconcile_sensor, cursor=started)
    until(lambda: listeners(waiting_stand) == 1, "the wait")
    with waiting_stand.database.transaction() as connection:
        halt(connection, "command", why="the news", at=waiting_stand.now)
    [request] = requests(answer.result())
    assert request.run_key.startswith("halted")
