"""Is this process ours? Identity of processes, and nothing that ends one.

A server process of a cluster shows it in its command line: the postmaster by program and data
folder, its children by the title `postgres: <cluster name>: …`. (The executable and the working
folder of another user's process are closed to root in a container without CAP_SYS_PTRACE, so they
cannot be relied on. PostgreSQL's own check of shared memory still stands behind all this.)
"""

import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

import psutil

from kalshi_assets.storage.embedded.account import Account

_PID_LIMIT = 1 << 31
# postmaster.pid has whole seconds of the wall clock, psutil derives them from the time of boot.
_PID_FILE_SLACK_SECONDS = 3.0


@dataclass(frozen=True)
class Timer:
    """The clock of a waiting loop, in seconds of any origin."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait_for(self, condition: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until the condition holds; tell whether it did in time."""
        end = self.now() + seconds
        while not condition():
            if self.now() >= end:
                return False
            self.sleep(0.02)
        return True


@dataclass(frozen=True)
class PidFile:
    """What a `postmaster.pid` says.

    Attributes:
        started_at: start of the postmaster, in seconds since 1970.
    """

    pid: int
    started_at: float
    is_ready: bool

    @classmethod
    def read(cls, cluster: Path) -> "PidFile | None":
        """Read it; None where it is missing or corrupt."""
        try:
            lines = pid_file_path(cluster).read_text(errors="replace").splitlines()
            status = lines[7].strip() if len(lines) > 7 else ""
            pid = int(lines[0])
            return cls(pid, float(lines[2]), status == "ready") if 0 < pid < _PID_LIMIT else None
        except (FileNotFoundError, ValueError, IndexError):
            return None


@dataclass(frozen=True)
class ProcessMark:
    """A process id, and what tells its process from a later one with the same id."""

    pid: int
    mark: str

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """Return the mark of a running process; None if there is none.

        On Linux it is counted from boot, so that a step of the clock does not change it.
        """
        try:
            if sys.platform == "linux":
                boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                return cls(pid, f"{boot} {fields[19]}")
            return cls(pid, f"{psutil.Process(pid).create_time():.2f}")
        except (OSError, psutil.Error):
            return None

    def is_alive(self) -> bool:
        """Tell whether the same process still runs."""
        return ProcessMark.of(self.pid) == self


def pid_file_path(cluster: Path) -> Path:
    """Return the path of a cluster's `postmaster.pid`."""
    return cluster / "postmaster.pid"


def cluster_name(cluster: Path) -> str:
    """Return the name that marks a cluster's server processes in the process list."""
    return "kalshi-" + hashlib.sha256(str(cluster).encode()).hexdigest()[:16]


def server_processes(
    cluster: Path, account: Account
) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return the postmasters that run on a cluster, and the other server processes of it.

    A child keeps its postmaster's command line for a moment, so a postmaster's child is never one.
    """
    title = f"postgres: {cluster_name(cluster)}: "
    postmasters, others = [], []
    for process in psutil.process_iter():
        try:
            if not is_running(process) or not _belongs_to(process, account):
                continue
            if "".join(process.cmdline()[:1]).startswith(title):
                others.append(process)
            elif _is_postmaster(process, cluster):
                postmasters.append(process)
        except psutil.Error:
            continue
    pids = {process.pid for process in postmasters}
    young = [process for process in postmasters if _parent_pid(process) in pids]
    return [process for process in postmasters if process not in young], others + young


def is_written_down(process: psutil.Process, cluster: Path, *, last: ProcessMark | None) -> bool:
    """Tell whether a postmaster is that of our record, or by pid and start that of its pid file."""
    if last is not None and last.pid == process.pid and last.is_alive():
        return True
    written = PidFile.read(cluster)
    if written is None or written.pid != process.pid:
        return False
    return abs(process.create_time() - written.started_at) <= _PID_FILE_SLACK_SECONDS


def is_running(process: psutil.Process) -> bool:
    """Tell whether a process still does anything; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _parent_pid(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _belongs_to(process: psutil.Process, account: Account) -> bool:
    return sys.platform == "win32" or process.uids().real == account.uid


def _is_postmaster(process: psutil.Process, cluster: Path) -> bool:
    words = process.cmdline()
    if len(words) < 3 or PurePath(words[0]).stem != "postgres" or words[1] != "-D":
        return False
    return words[2] == str(cluster) or _works_in(process, cluster)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether a process is known to work in a folder: one that was moved since it started."""
    try:
        return process.cwd() == str(folder)
    except psutil.AccessDenied:
        return False
