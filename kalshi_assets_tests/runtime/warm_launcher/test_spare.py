"""Runs that find a process forked ahead of them, and what may happen to such a process before."""

from collections.abc import Callable, Iterator

import psutil
import pytest

from kalshi_assets_tests.runtime.warm_launcher.conftest import Place, making_places
from kalshi_assets_tests.waiting import is_at_work, until

Maker = Callable[..., Place]
TELLS, WORKS = "job_that_tells_what_is_ready", "job_that_works"
WAITS, DIES = "job_that_waits", "job_that_dies"
READY = """
import os
def get_ready():
    os.environ["TOY_READY_IN"] = str(os.getpid())
"""
NEVER_READY = """
import time
def get_ready():
    while True:
        time.sleep(1)
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Yield one place for the tests that leave it as they found it."""
    with pytest.MonkeyPatch.context() as patch, making_places(patch) as make:
        yield make(spare_for=[TELLS, WAITS, DIES], ready=READY)


def executed_in(place: Place, run_id: str) -> int:
    """Return the pid of the process a run was executed in."""
    assert place.ended(run_id) == "SUCCESS"
    assert "cold" not in place.told(run_id)
    return int(note_of(place, run_id)[2])


def note_of(place: Place, run_id: str) -> list[str]:
    """Wait until a run's op has begun; return its note."""
    [line] = until(lambda: [note for note in place.notes() if note[1] == run_id], "the op")
    assert isinstance(line, list)
    return line


def test_a_run_finds_a_process_that_got_ready_before_it_and_the_next_run_another(
    place: Place,
) -> None:
    first, run_id = place.spare(), place.start(TELLS)
    assert executed_in(place, run_id) == first.pid
    assert note_of(place, run_id)[4] == str(first.pid), "where it got ready"
    until(lambda: not is_at_work(first), "its end: it executes one run")

    second, run_id = place.spare(), place.start(TELLS)
    assert executed_in(place, run_id) == second.pid != first.pid
    assert note_of(place, run_id)[4] == str(second.pid)


def test_runs_of_other_jobs_leave_it_to_those_it_is_for(place: Place) -> None:
    spare = place.spare()
    assert executed_in(place, place.start(WORKS)) != spare.pid
    assert executed_in(place, place.start(TELLS)) == spare.pid


def test_of_two_runs_at_once_one_is_executed_in_it_and_one_forked(place: Place) -> None:
    spare, server = place.spare(), place.warm()
    runs = [place.start(WAITS) for _ in range(2)]
    notes = [note_of(place, run) for run in runs]
    (place.folder / "go").touch()
    found = [executed_in(place, run) for run in runs]
    (place.folder / "go").unlink()
    assert found[0] == spare.pid != found[1]
    assert {note[3] for note in notes} == {str(server.pid)}, "their parent"


def test_a_run_in_it_is_terminated_as_any_other(place: Place) -> None:
    spare, run_id = place.spare(), place.start(WAITS)
    assert note_of(place, run_id)[2] == str(spare.pid)
    assert place.launcher.terminate(run_id)
    assert place.ended(run_id) == "CANCELED"
    until(lambda: not is_at_work(spare), "its end")


def test_a_run_that_dies_in_it_is_reported_as_failed(place: Place) -> None:
    spare, run_id = place.spare(), place.start(DIES)
    assert place.ended(run_id) == "FAILURE"
    assert f"its process {spare.pid} was killed by SIGKILL before the run" in place.told(run_id)


def test_neither_they_nor_their_runs_leave_a_process_or_file_behind(place: Place) -> None:
    spare, server = place.spare(), place.warm()
    before = server.num_fds()
    for _ in range(3):
        assert executed_in(place, place.start(TELLS)) == spare.pid
        spare = place.spare()
    for run_id in [place.start(TELLS) for _ in range(8)]:
        assert place.ended(run_id) == "SUCCESS"
    until(lambda: server.children() == [place.spare()], "the end of the runs")
    until(lambda: server.num_fds() <= before, "that it has closed the last answer too")


def test_one_that_was_killed_while_it_waited_costs_no_run(place: Place) -> None:
    """The last one here: none is forked for a minute after it."""
    spare = place.spare()
    spare.kill()
    until(lambda: not psutil.pid_exists(spare.pid), "that it is waited for")
    assert executed_in(place, place.start(TELLS)) != spare.pid


def test_a_run_does_not_wait_for_one_that_is_still_getting_ready(make_place: Maker) -> None:
    place = make_place(spare_for=[WORKS], ready=NEVER_READY)
    server = place.warm()
    [getting_ready] = until(server.children, "the fork of a spare process")
    assert executed_in(place, place.start(WORKS)) != getting_ready.pid
    assert is_at_work(getting_ready)


def test_one_that_cannot_get_ready_executes_its_run_all_the_same(make_place: Maker) -> None:
    place = make_place(spare_for=[TELLS], ready="no function at all")
    spare, run_id = place.spare(), place.start(TELLS)
    assert executed_in(place, run_id) == spare.pid
    assert note_of(place, run_id)[4] == "nowhere"


def test_one_of_old_code_executes_nothing_and_the_next_one_ends_with_the_warm_process(
    make_place: Maker,
) -> None:
    """However many were forked since: none of them holds the pipe it waits at."""
    place = make_place(spare_for=[WORKS])
    spare = place.spare()
    place.code.write_text(place.code.read_text().replace('VERSION = "one"', 'VERSION = "two"'))
    run_id = place.start(WORKS)
    assert place.ended(run_id) == "SUCCESS"
    assert note_of(place, run_id)[4] == "two"
    until(lambda: not is_at_work(spare), "its end")

    spare, server = place.spare(), place.warm()
    going_on = place.start(WAITS)
    note_of(place, going_on)
    server.kill()
    until(lambda: not is_at_work(spare), "its end")
    (place.folder / "go").touch()
    assert place.ended(going_on) == "SUCCESS"
