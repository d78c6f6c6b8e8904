"""How server processes end: at a stop, or as left-overs found by the next start."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from kalshi_assets.errors import DatabaseInUse, ProcessError
from kalshi_assets.storage.embedded.cluster import Cluster
from kalshi_assets.storage.embedded.inherited import Inherited
from kalshi_assets.storage.embedded.processes import (
    PidFile,
    ProcessMark,
    Timer,
    is_running,
    is_written_down,
    pid_file_path,
    server_processes,
)

_FAST, _IMMEDIATE = "INT", "QUIT"
_FAST_SECONDS, _IMMEDIATE_SECONDS = 60.0, 15.0


def shut_down(child: "subprocess.Popen[bytes] | Inherited") -> None:
    """Shut our own postmaster down: fast, then immediately (recovery makes good), then by force."""
    for name, seconds in ((_FAST, _FAST_SECONDS), (_IMMEDIATE, _IMMEDIATE_SECONDS)):
        if child.poll() is None:
            _send(child, name)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return
    child.kill()
    child.wait()


def end_left_overs(cluster: Cluster, *, last: ProcessMark | None, timer: Timer) -> None:
    """End what a dead owner left running on this cluster. The caller holds the folder's lock.

    Raises:
        DatabaseInUse: a server runs on it that is neither in our record nor in its pid file.
        ProcessError: a left-over did not end.
    """
    postmasters, others = server_processes(cluster.path, cluster.account)
    for process in postmasters:
        if not is_written_down(process, cluster.path, last=last):
            raise DatabaseInUse(
                f"process {process.pid} is a PostgreSQL server on {cluster.path} that was not "
                f"started from here: end it (kill -INT {process.pid}), or choose another folder"
            )
    if postmasters:
        _end(postmasters, _FAST, seconds=_FAST_SECONDS, timer=timer)
    # What is left now has lost its postmaster or does not listen: asking slowly would gain nothing.
    processes = postmasters + others
    if not _end(processes, _IMMEDIATE, seconds=_IMMEDIATE_SECONDS, timer=timer):
        pids = " ".join(str(process.pid) for process in processes if is_running(process))
        raise ProcessError(f"server processes on {cluster.path} do not end: kill -KILL {pids}")
    _remove_misleading_pid_file(cluster.path)


def _end(processes: list[psutil.Process], name: str, *, seconds: float, timer: Timer) -> bool:
    for process in filter(is_running, processes):
        _send(process, name)
    return timer.wait_for(lambda: not any(map(is_running, processes)), seconds=seconds)


def _remove_misleading_pid_file(cluster: Path) -> None:
    """Remove a pid file that is corrupt or names a living stranger: it would prevent the start."""
    written = PidFile.read(cluster)
    if written is None or psutil.pid_exists(written.pid):
        pid_file_path(cluster).unlink(missing_ok=True)


def _send(process: "psutil.Process | subprocess.Popen[bytes] | Inherited", name: str) -> None:
    try:
        if sys.platform == "win32":
            pg_ctl = Path(psutil.Process(process.pid).exe()).with_name("pg_ctl.exe")
            words = [str(pg_ctl), "kill", name, str(process.pid)]
            subprocess.run(words, check=False)  # noqa: S603 - a program of ours, and no shell
        else:
            process.send_signal(signal.Signals[f"SIG{name}"])
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    except (psutil.AccessDenied, PermissionError) as exc:
        raise ProcessError(
            f"server process {process.pid} may not be signalled: kill -{name} {process.pid}"
        ) from exc
