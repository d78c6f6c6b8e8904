"""Runs by the hundred, while everything that can die is killed: none is stuck, none runs twice.

`SOAK_RUNS=5000 SOAK_SEED=7 pytest kalshi_assets_tests/runtime/warm_launcher/test_soak.py -s`
"""

import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from kalshi_assets_tests.runtime.warm_launcher.soak_place import soaking
from kalshi_assets_tests.runtime.warm_launcher.soaking import (
    ALL_KILLS,
    GENTLE_KILLS,
    Look,
    Soak,
)

RUNS = int(os.environ.get("SOAK_RUNS", "500"))
SEED = int(os.environ.get("SOAK_SEED") or random.randrange(10**6))  # noqa: S311

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux only"),
    pytest.mark.timeout(300 + 4 * RUNS),
]


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> Iterator[Soak]:
    folder = Path(tempfile.mkdtemp(prefix="soak"))
    folder.chmod(0o755)  # Postgres is another user's where tests run as root
    print(f"SOAK_SEED={SEED} SOAK_RUNS={RUNS} in {folder}", flush=True)
    with soaking(folder, monkeypatch, seed=SEED) as made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)


def test_no_run_is_stuck_or_executed_twice_and_nothing_grows(soak: Soak) -> None:
    soak.go(RUNS * 6 // 10, ALL_KILLS)
    soak.go(RUNS // 10, GENTLE_KILLS)
    early = soak.look()
    soak.go(RUNS * 3 // 10, GENTLE_KILLS)
    late = soak.look()
    runs, executed = soak.runs(), soak.executed()
    print(f"{Counter(r.status.value for r in runs)}, killed {soak.killed}\n{early}\n{late}")

    assert {run.status for run in runs} <= ENDED
    assert not [run_id for run_id, times in executed.items() if times > 1], "executed twice"
    succeeded = {run.run_id for run in runs if run.status is dg.DagsterRunStatus.SUCCESS}
    assert succeeded <= executed.keys(), "said to have succeeded, and never executed"
    keys = Counter(run.tags["dagster/run_key"] for run in runs if "dagster/run_key" in run.tags)
    assert keys == {str(number): 1 for number in range(soak.wanted)}, "each wish is one run"
    assert len(succeeded) > RUNS // 2, "most runs are not even touched"
    require_no_growth(early, late)


ENDED = {
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
}


def require_no_growth(early: Look, late: Look) -> None:
    """Check that what lives as before is as large as before, but for what a pool may keep."""
    assert late.processes <= early.processes
    assert late.connections <= early.connections + 4
    for name in early.files:
        assert late.files[name] <= early.files[name] + 6, f"files of the {name}"
        assert late.pss_mb[name] <= early.pss_mb[name] + 12, f"memory of the {name}"
    assert late.threads["warm process"] == early.threads["warm process"] == 1
