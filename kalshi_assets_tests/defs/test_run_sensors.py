"""Runs that failed alert, once a job; both sensors are asked as the daemon asks them."""

from typing import Any

import dagster as dg
import yaml

from kalshi_assets.defs import run_sensors, sensors
from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets_tests.defs.test_sensors import ask
from kalshi_assets_tests.execution.faults import MARKETS, OnOperation, answering
from kalshi_assets_tests.stand import Stand

WATCHERS = (run_sensors.failed_run_sensor, run_sensors.recovered_run_sensor)


def alerts(stand: Stand) -> list[dict[str, Any]]:
    return stand.rows("SELECT * FROM kalshi.alerts WHERE kind = 'failed_run' ORDER BY alert_id")


def watching(stand: Stand, cursors: dict[str, str | None]) -> None:
    """Let both sensors tick until they have seen every run."""
    for sensor in WATCHERS:
        for _ in range(4):
            tick = ask(stand, sensor, cursor=cursors.get(sensor.name))
            cursors[sensor.name] = tick.cursor or cursors.get(sensor.name)


def failing_poll(stand: Stand) -> None:
    stand.faults.fault = OnOperation(MARKETS, answering(400))
    stand.later(90)
    stand.poll(expect_success=False)
    stand.faults.fault = None


def test_failures_of_a_job_alert_once_until_it_succeeds_again(loaded_stand: Stand) -> None:
    stand, cursors = loaded_stand, dict[str, str | None]()
    watching(stand, cursors)
    failing_poll(stand)
    failing_poll(stand)
    watching(stand, cursors)
    [alert] = alerts(stand)
    assert (alert["cause"], alert["settled_at"]) == ("job poll_job", None)
    assert "raw_ticks: " in alert["why"]
    assert "400" in alert["why"]
    runs = stand.instance.get_runs(dg.RunsFilter(job_name="poll_job"))
    assert any(run.run_id in alert["todo"] for run in runs)

    stand.run("reconcile_job")
    watching(stand, cursors)
    assert alerts(stand)[0]["settled_at"] is None, "another job says nothing of this one"

    stand.later(90)
    stand.poll()
    watching(stand, cursors)
    assert alerts(stand)[0]["settled_at"] == stand.now

    failing_poll(stand)
    watching(stand, cursors)
    assert len(alerts(stand)) == 2


def test_there_are_threads_for_every_sensor_and_two_to_spare() -> None:
    config = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    assert config["sensors"]["num_workers"] == len(sensors.SENSORS) + 2
