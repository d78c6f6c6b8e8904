"""Processes that are known again for sure: by pid and start time, which no later one shares."""

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Read by libraries that would otherwise start threads when they are imported.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Of pyarrow, which pandas imports where it is installed.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_STARTED_AT = 19  # the field of /proc/<pid>/stat behind the name, counted from 0
_STATE = 0
CLOCK_SLACK_SECONDS = 300.0


@dataclass(frozen=True)
class ProcessMark:
    """A process; `started` is its start in clock ticks since the boot named `boot`."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """Return the mark of a running process, or None where there is none."""
        fields = _stat(pid)
        return None if fields is None else cls(pid, int(fields[_STARTED_AT]), _boot())

    def is_alive(self) -> bool:
        """Tell whether this very process still does anything; a zombie does not."""
        fields = _stat(self.pid)
        return (
            fields is not None
            and fields[_STATE] != "Z"
            and (int(fields[_STARTED_AT]), _boot()) == (self.started, self.boot)
        )

    def interrupt(self) -> bool:
        """Interrupt it as Ctrl-C would; tell whether it was there to be interrupted."""
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            # Between the look and the signal nothing can take the pid over: the handle holds it.
            if not self.is_alive():
                return False
            signal.pidfd_send_signal(handle, signal.SIGINT)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True


def living_since(pid: int, moment: float) -> ProcessMark | None:
    """Return the process with a pid, if it was there at a moment of the wall clock and is still.

    The wall clock may have been set since, by less than the slack; no pid is used anew so soon.
    """
    mark = ProcessMark.of(pid)
    if mark is None or not mark.is_alive():
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - mark.started / os.sysconf("SC_CLK_TCK")
    return mark if time.time() - age <= moment + CLOCK_SLACK_SECONDS else None


def next_ended() -> tuple[int, int] | None:
    """Return the pid and exit code of a forked process that has ended, or None.

    What a killed one had started is ended with it: the steps of a run that is told to have failed
    must not go on, and nobody else ends what copies its output.
    """
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        if ended.si_code != os.CLD_EXITED:
            # It leads its group, whose number is nobody else's until it is waited for.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(ended.si_pid, signal.SIGKILL)
        pid, status = os.waitpid(ended.si_pid, 0)
    except ChildProcessError:
        return None
    return pid, os.waitstatus_to_exitcode(status)


def can_fork() -> bool:
    """Tell whether this system can fork safely: threads and connections can be looked for."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")


def is_own(folder: Path) -> bool:
    """Tell whether a folder belongs to this user and is open to nobody else."""
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o077


def count_threads() -> int:
    """Return how many threads this process has, those of C libraries included."""
    return len(list(Path("/proc/self/task").iterdir()))


def open_sockets() -> set[int]:
    """Return the descriptors of this process that are sockets."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            if str(path.readlink()).startswith("socket:"):
                found.add(int(path.name))
        except FileNotFoundError:  # of the listing itself
            continue
    return found


def _stat(pid: int) -> list[str] | None:
    """Return the fields of a process behind its name, which may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
