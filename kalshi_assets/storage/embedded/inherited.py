"""A child process that was started by the program this process was before. POSIX, with pidfd."""

import os
import select
import signal
import subprocess
from contextlib import suppress


class Inherited:
    """A child of this process, known by its pid: what `subprocess.Popen` is to one it started.

    It may be pickled for the program that this process becomes by exec.

    Args:
        pid: nobody else's until it is waited for.
        code: its exit code, where it was waited for.
    """

    def __init__(self, pid: int, code: int | None = None) -> None:
        self.pid = pid
        self._code = code
        self._handle = _opened(pid) if code is None else None

    def poll(self) -> int | None:
        """Return its exit code, or None while it works."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it still works after so many seconds.
        """
        code = self._ended(None if timeout is None else int(timeout * 1000))
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, where it works."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Kill it, where it works."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, milliseconds: int | None) -> int | None:
        """Wait so long at most, or for ever; return its exit code, or None while it works."""
        if self._code is None and self._handle is not None:
            look = select.poll()
            look.register(self._handle, select.POLLIN)
            if not look.poll(milliseconds):
                return None
            os.close(self._handle)
            self._handle = None
        if self._code is None:
            self._code = self._exit_code()
        return self._code

    def _exit_code(self) -> int:
        # Who ends many waits for all of them: as with Popen, what it was told is not known then.
        with suppress(ChildProcessError):
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return 0


def _opened(pid: int) -> int | None:
    """Return a handle of a process, which stays open in a program that this one becomes."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    os.set_inheritable(handle, True)
    return handle
