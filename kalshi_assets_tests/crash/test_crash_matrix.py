"""Whatever a process of ours dies of, wherever, whatever the exchange does: our orders survive it.

`CRASH_TRIALS=1000` plays as many trials, points x troubles x seeds, in turn; by default each point
is met once. `CRASH_SEED` is the first seed, `CRASH_POINT` a part of the names of the points to be
played, `CRASH_REPORT` a file for the table.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kalshi_assets_tests.crash.points import POINTS
from kalshi_assets_tests.crash.stage import Stage, staged
from kalshi_assets_tests.crash.trial import Trial
from kalshi_assets_tests.crash.troubles import TROUBLES
from kalshi_assets_tests.stand import DatabaseMaker

PLAYED = [point for point in POINTS if os.environ.get("CRASH_POINT", "") in point.name]
TRIALS = int(os.environ.get("CRASH_TRIALS", len(PLAYED)))
FIRST_SEED = int(os.environ.get("CRASH_SEED", 1))

# The first turn meets an order that is executed late where a process dies in recording "unknown".
SHIFT = 4
# More than these tell nothing new.
MOST_FAILURES = int(os.environ.get("CRASH_FAILURES", 20))


@pytest.fixture(scope="module")
def stage(
    make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    with staged(make_database(), tmp_path_factory.mktemp("crash")) as made:
        yield made


def drawn(stage: Stage) -> Iterator[Trial]:
    """Yield the trials: every point in turn, each time round with the next trouble."""
    for number in range(TRIALS):
        turn, place = divmod(number, len(PLAYED))
        trouble = TROUBLES[(turn + place + SHIFT) % len(TROUBLES)]
        yield Trial(stage, PLAYED[place], trouble, FIRST_SEED + turn // len(TROUBLES))


@pytest.mark.timeout(3_600)
def test_no_kill_at_any_point_under_any_fault_loses_or_doubles_an_order(stage: Stage) -> None:
    failures, missed, table = [], list[str](), Counter[tuple[str, str]]()
    killed = second = 0
    for trial in drawn(stage):
        try:
            trial.play()
        except Exception as exc:
            what = f"{trial.point.name} | {trial.trouble} | seed {trial.seed} | {trial.scene}"
            failures.append(f"{what}: {type(exc).__name__}: {exc}")
        if len(failures) >= MOST_FAILURES:
            break
        table[trial.point.name, trial.trouble] += 1
        killed += trial.is_killed
        if not trial.is_killed:
            missed.append(f"not reached: {trial.point.name} | {trial.trouble} | {trial.scene}")
        second += bool(trial.second)
    _report(table, killed=killed, second=second, failures=failures, missed=missed)
    assert not failures, f"{len(failures)} of {TRIALS}:\n" + "\n".join(failures[:20])
    assert killed >= 0.7 * TRIALS, f"only {killed} of {TRIALS} processes came to their point"


def _report(
    table: Counter[tuple[str, str]],
    *,
    killed: int,
    second: int,
    failures: list[str],
    missed: list[str],
) -> None:
    path = os.environ.get("CRASH_REPORT")
    if path is None:
        return
    lines = [
        f"{TRIALS} trials from seed {FIRST_SEED}: {killed} died at their point, {second} with a "
        f"second death in recovery, {len(failures)} failed",
        "| point | " + " | ".join(TROUBLES) + " |",
        "|---" * (len(TROUBLES) + 1) + "|",
    ]
    for point in POINTS:
        counts = [str(table[point.name, trouble]) for trouble in TROUBLES]
        lines.append(f"| {point.name} | " + " | ".join(counts) + " |")
    Path(path).write_text("\n".join([*lines, *failures, *missed]) + "\n")
