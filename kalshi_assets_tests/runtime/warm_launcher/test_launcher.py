"""Runs from a warm process, as Dagster's user sees them: started, ended, killed, told."""

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from dagster._check import CheckError
from dagster._core.launcher.base import WorkerStatus
from dagster._serdes import serialize_value

from kalshi_assets.runtime.warm_launcher import protocol
from kalshi_assets_tests.runtime.warm_launcher.conftest import Place
from kalshi_assets_tests.waiting import is_at_work, until


def process_of(place: Place, run_id: str) -> psutil.Process:
    """Wait until a run's op has begun, and return the process it is in."""
    [line] = until(lambda: [n for n in place.notes() if n[1] == run_id], "the op")
    return psutil.Process(int(line[2]))


def run_record(place: Place, run_id: str):
    run = place.instance.get_run_by_id(run_id)
    assert run is not None
    return run


def test_the_first_run_starts_cold_and_says_so_and_the_next_one_is_forked(place: Place) -> None:
    first = place.start("job_that_works")
    assert place.ended(first) == "SUCCESS"
    assert "this run starts cold: nobody listens" in place.told(first)

    server = place.warm()
    second = place.start("job_that_works")
    assert place.ended(second) == "SUCCESS"
    assert "cold" not in place.told(second)
    assert int(place.notes()[-1][3]) == server.pid, "its parent"


def test_a_run_that_fails_is_failed_and_leaves_nothing_behind(place: Place) -> None:
    server = place.warm()
    run_id = place.start("job_that_fails")
    assert place.ended(run_id) == "FAILURE"
    until(lambda: not server.children(), "the end of its process")
    assert not place.launcher.claims.is_taken(run_id)


def test_a_run_whose_process_is_killed_is_reported_as_failed(place: Place) -> None:
    server = place.warm()
    run_id = place.start("job_that_dies")
    assert place.ended(run_id) == "FAILURE"
    assert "was killed by SIGKILL before the run had ended" in place.told(run_id)
    until(lambda: not server.children(), "the end of its process")


def test_what_a_killed_run_has_started_ends_with_it(place: Place) -> None:
    """Its steps must not go on, and nobody else would end what copies its output."""
    place.warm()
    run_id = place.start("job_that_abandons")
    assert place.ended(run_id) == "FAILURE"
    until(lambda: not is_at_work(int(place.notes()[-1][4])), "the end of what it left")


def test_a_run_is_terminated_as_the_ui_and_the_daemon_do(place: Place) -> None:
    place.warm()
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    assert place.launcher.terminate(run_id)
    assert place.ended(run_id) == "CANCELED"
    process.wait(timeout=20)
    assert not place.launcher.terminate(run_id), "there is nothing to terminate any more"


def test_without_its_warm_process_a_run_goes_on_and_the_next_one_starts_cold_then_warm(
    place: Place,
) -> None:
    server = place.warm()
    going_on = place.start("job_that_waits")
    process_of(place, going_on)
    server.kill()
    server.wait(timeout=10)
    cold = place.start("job_that_works")
    assert place.ended(cold) == "SUCCESS"
    assert "this run starts cold: nobody listens" in place.told(cold)
    (place.folder / "go").touch()
    assert place.ended(going_on) == "SUCCESS"

    until(place.server, "another warm process")
    warm = place.start("job_that_works")
    assert place.ended(warm) == "SUCCESS"
    assert "cold" not in place.told(warm)


def test_a_run_that_is_killed_after_its_warm_process_is_found_by_run_monitoring(
    place: Place,
) -> None:
    server = place.warm()
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    run = run_record(place, run_id)
    assert place.launcher.supports_check_run_worker_health
    assert place.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    server.kill()
    process.kill()
    until(lambda: not psutil.pid_exists(process.pid), "its end")
    assert place.launcher.check_run_worker_health(run).status is WorkerStatus.FAILED


def test_a_run_that_started_cold_is_found_too_where_the_code_server_does_not_tell(
    place: Place,
) -> None:
    """It tells once: not at all where the database was away when the process died."""
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    run = run_record(place, run_id)
    assert place.launcher.claims.mark_of(run_id) is None, "it started cold"
    assert place.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    code_server = process.parent()
    assert code_server is not None
    code_server.suspend()
    try:
        process.kill()
        until(lambda: not is_at_work(process.pid), "its end")
        health = place.launcher.check_run_worker_health(run)
    finally:
        code_server.resume()
    assert health.status is WorkerStatus.FAILED


def test_a_run_that_died_while_it_was_told_to_end_ends_when_it_is_told_so_again(
    place: Place,
) -> None:
    """Each word of it puts off run monitoring: who asks every few seconds would wait for ever."""
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    assert place.launcher.claims.mark_of(run_id) is None, "it started cold"
    code_server = process.parent()
    assert code_server is not None
    code_server.suspend()
    try:
        process.kill()
        until(lambda: not is_at_work(process.pid), "its end")
        place.instance.report_run_canceling(run_record(place, run_id))
        assert place.launcher.terminate(run_id)
        assert place.status(run_id) == "CANCELED"
    finally:
        code_server.resume()


def test_a_run_that_started_cold_is_terminated(place: Place) -> None:
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    assert place.launcher.claims.mark_of(run_id) is None, "it started cold"
    assert place.launcher.terminate(run_id)
    assert place.ended(run_id) == "CANCELED"
    until(lambda: not is_at_work(process.pid), "its end")


def test_a_code_server_starts_runs_after_one_died_and_was_told_to_end(place: Place) -> None:
    """A code server that tells a process which died waiting for its word waits for ever."""
    run_id = place.start("job_that_waits")
    process = process_of(place, run_id)
    assert place.launcher.claims.mark_of(run_id) is None, "it started cold"
    process.kill()
    place.launcher.terminate(run_id)
    assert place.ended(run_id) in ("CANCELED", "FAILURE")

    place.code.write_text(place.code.read_text().replace('VERSION = "one"', 'VERSION = "two"'))
    cold = place.start("job_that_works")
    assert place.ended(cold) == "SUCCESS"
    assert "this run starts cold" in place.told(cold)


def test_a_cold_run_that_is_told_to_end_before_it_begins_is_not_executed(place: Place) -> None:
    assert not place.instance.get_runs(), "asked once, so that the tables are there"
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(place.start, "job_that_works")
        [run] = until(lambda: place.instance.get_runs(limit=1), "the run")
        until(lambda: place.launcher.claims.is_taken(run.run_id), "its start")
        assert place.launcher.claims.mark_of(run.run_id) is None, "it starts cold"
        assert place.launcher.terminate(run.run_id)
        assert starting.result() == run.run_id
    until(lambda: "Process for run exited" in place.told(run.run_id), "the end of its process")
    assert place.status(run.run_id) == "CANCELED"
    assert not place.notes()


def test_changed_code_is_picked_up_without_a_restart(place: Place) -> None:
    old = place.warm()
    place.code.write_text(place.code.read_text().replace('VERSION = "one"', 'VERSION = "two"'))
    first = place.start("job_that_works")
    assert place.ended(first) == "SUCCESS"
    assert "this run starts cold: the code has changed" in place.told(first)
    assert place.notes()[-1][4] == "two"

    new = until(lambda: (found := place.server()) and found.pid != old.pid and found, "a successor")
    second = place.start("job_that_works")
    assert place.ended(second) == "SUCCESS"
    assert place.notes()[-1][3:] == [str(new.pid), "two"]
    old.wait(timeout=10)


def test_no_more_runs_go_on_at_once_than_are_allowed(make_place: Callable[..., Place]) -> None:
    place = make_place(limit=2)
    place.warm()
    runs = [place.start("job_that_waits") for _ in range(4)]
    until(lambda: sum(n[0] == "job_that_waits" for n in place.notes()) == 2)
    assert place.launcher.terminate(runs[3]), "one that waits is taken out of the queue"
    assert place.status(runs[3]) == "CANCELED"
    assert sum(n[0] == "job_that_waits" for n in place.notes()) == 2
    (place.folder / "go").touch()
    assert [place.ended(run) for run in runs[:3]] == ["SUCCESS"] * 3
    assert {n[1] for n in place.notes()} >= set(runs[:3])
    assert runs[3] not in {n[1] for n in place.notes()}


def test_a_run_that_is_told_to_end_just_before_it_begins_is_canceled(
    make_place: Callable[..., Place],
) -> None:
    place = make_place(limit=1)
    place.warm()
    going_on, late = place.start("job_that_waits"), place.start("job_that_works")
    process_of(place, going_on)
    # As a launcher does that finds the run neither in the queue any more nor claimed yet.
    place.instance.report_run_canceling(run_record(place, late))
    (place.folder / "go").touch()
    assert place.ended(late) == "CANCELED"
    assert late not in {n[1] for n in place.notes()}


def test_a_run_that_was_lost_before_it_began_can_be_terminated(
    make_place: Callable[..., Place],
) -> None:
    place = make_place(limit=1)
    place.warm()
    going_on, lost = place.start("job_that_waits"), place.start("job_that_works")
    process_of(place, going_on)
    [file] = (place.folder / "warm").glob("*.queued")
    file.unlink()  # as if the warm process had been killed between taking and forking it
    assert place.launcher.terminate(lost)
    assert place.status(lost) == "CANCELED"
    assert not place.launcher.claims.is_taken(lost)


def test_runs_that_wait_outlive_the_warm_process(make_place: Callable[..., Place]) -> None:
    place = make_place(limit=1)
    server = place.warm()
    going_on, waiting = place.start("job_that_waits"), place.start("job_that_works")
    process_of(place, going_on)
    server.kill()
    server.wait(timeout=10)
    assert place.ended(place.start("job_that_works")) == "SUCCESS", "cold; a successor starts"
    assert place.ended(waiting) == "SUCCESS"
    assert "cold" not in place.told(waiting)
    (place.folder / "go").touch()
    assert place.ended(going_on) == "SUCCESS"
    assert len({n[1] for n in place.notes()}) == len(place.notes()), "each once"


def test_a_run_that_was_claimed_is_not_executed_a_second_time(place: Place) -> None:
    """As if the warm process had been asked, and its answer had been lost."""
    place.warm()
    run_id = place.start("job_that_waits")
    process_of(place, run_id)
    [socket] = (place.folder / "warm").glob("*.sock")
    told = serialize_value(place.instance.get_ref())
    protocol.ask(socket, what="launch", run_id=run_id, instance_ref=told)
    (place.folder / "go").touch()
    assert place.ended(run_id) == "SUCCESS"
    assert sum(n[1] == run_id for n in place.notes()) == 1


def test_a_run_that_the_launcher_took_back_is_not_executed_by_the_warm_process(
    make_place: Callable[..., Place],
) -> None:
    """As if no answer had come, and the launcher started the run cold."""
    place = make_place(limit=1)
    place.warm()
    runs = [place.start(job) for job in ("job_that_waits", "job_that_works", "job_that_works")]
    process_of(place, runs[0])
    assert place.launcher.claims.take(runs[1], None)
    (place.folder / "go").touch()
    assert place.ended(runs[2]) == "SUCCESS", "it waited behind"
    assert runs[1] not in {n[1] for n in place.notes()}


def test_fifty_runs_leave_no_process_file_or_connection_behind(place: Place) -> None:
    server = place.warm()
    assert place.ended(place.start("job_that_works")) == "SUCCESS"
    before = (server.num_fds(), server.num_threads(), len(server.net_connections("unix")))
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: place.start("job_that_works"), range(50)))
    assert {place.ended(run) for run in runs} == {"SUCCESS"}
    until(lambda: not server.children(), "the end of all")
    assert (server.num_fds(), server.num_threads(), len(server.net_connections("unix"))) == before
    assert not [run for run in runs if place.launcher.claims.is_taken(run)]
    assert len({n[1] for n in place.notes()}) == len(place.notes()), "each once"


STARTS_ANOTHER = """
import os, subprocess, sys, time
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
print(subprocess.Popen([*sys.argv[2:], "--parent", str(os.getpid())], **quiet).pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("seconds", [0.0, 15.0], ids=["before it serves", "while it serves"])
def test_the_warm_process_ends_with_the_one_that_started_it(place: Place, seconds: float) -> None:
    words = place.warm().cmdline()
    words = words[: words.index("--parent")]
    other = place.folder / "other"
    other.mkdir(mode=0o700)
    words[words.index("-m") + 2] = str(other / "x.sock")
    starter = [sys.executable, "-c", STARTS_ANOTHER, str(seconds), *words]
    told = subprocess.run(starter, check=True, capture_output=True, text=True)  # noqa: S603  ours
    until(lambda: not is_at_work(int(told.stdout)), "its end")


def test_a_warm_process_that_is_told_to_end_leaves_its_socket_to_nobody(place: Place) -> None:
    server = place.warm()
    server.send_signal(signal.SIGTERM)
    until(lambda: place.server() is None, "its end")
    assert not list((place.folder / "warm").glob("*.sock"))


def test_a_folder_that_others_may_enter_is_refused(place: Place) -> None:
    place.warm()
    (place.folder / "warm").chmod(0o755)
    [run] = place.instance.get_runs(limit=1)
    assert run.job_code_origin is not None
    origin = run.job_code_origin.repository_origin
    with pytest.raises(CheckError, match="open to nobody else"):
        place.launcher._socket_of(origin)
