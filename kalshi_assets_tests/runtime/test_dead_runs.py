"""Runs whose processes ended with an earlier start are told to have failed."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.test_utils import create_run_for_test

from kalshi_assets.runtime.dead_runs import end_dead_runs


def test_what_an_earlier_start_left_unfinished_has_failed_and_nothing_else_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        # A queued one is none that a test can make, and none that this run coordinator knows.
        given = [
            status for status in NOT_FINISHED_STATUSES if status is not dg.DagsterRunStatus.QUEUED
        ]
        left = [create_run_for_test(instance, status=status).run_id for status in given]
        ended = create_run_for_test(instance, status=dg.DagsterRunStatus.SUCCESS).run_id
        end_dead_runs()
        found = {run.run_id: run.status for run in instance.get_runs()}
    assert found == dict.fromkeys(left, dg.DagsterRunStatus.FAILURE) | {
        ended: dg.DagsterRunStatus.SUCCESS
    }
