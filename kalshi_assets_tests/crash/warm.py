"""A warm process that forks one for each job: importing takes seconds, forking nothing."""

import os
import pickle
import signal
import subprocess
import sys

from kalshi_assets_tests.crash.work import Job, run


class Warm:
    """A process that has imported everything, and forks one that does a job when told to.

    It has no thread and no connection of its own, so that what it forks begins clean.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  this module
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, job: Job) -> int:
        """Start a process, and return its id."""
        assert self._process.stdin is not None
        pickle.dump(job, self._process.stdin)
        self._process.stdin.flush()
        return self._told()

    def end(self) -> bool:
        """Wait for the end of the process, and tell whether it was killed.

        Raises:
            AssertionError: it failed otherwise.
        """
        code = self._told()
        assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
        return code != 0

    def close(self) -> None:
        """End the warm process."""
        self._process.communicate()

    def _told(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def fork_on_demand() -> None:
    """Be the warm process: read jobs, answer with the id and the end of each one's process."""
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own parent
        except EOFError:
            return
        pid = os.fork()
        if pid == 0:
            run(job)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    fork_on_demand()
