"""The warm process: it has imported the code, has one thread and no connection, and forks runs.

It keeps no state that matters: a run that was forked goes on without it. It ends with the process
that started it, and starts itself anew where the code on disk has changed.
"""

import logging
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from kalshi_assets.runtime.warm_launcher import protocol, worker
from kalshi_assets.runtime.warm_launcher.claims import Claims
from kalshi_assets.runtime.warm_launcher.code import CodeState
from kalshi_assets.runtime.warm_launcher.processes import (
    count_threads,
    next_ended,
    open_sockets,
)
from kalshi_assets.runtime.warm_launcher.queue import Job, Queue
from kalshi_assets.runtime.warm_launcher.spare import Pipes, Spare
from kalshi_assets.runtime.warm_launcher.spare import serve as serve_as_spare

STEP_SECONDS = 1.0
SWEEP_SECONDS = 3_600.0
# The next spare process gets ready when the run that took the last one has had the time it needs.
SPARE_PAUSE_SECONDS = 1.0
# One that died by itself might do so again.
SPARE_DIED_PAUSE_SECONDS = 60.0
# A report that fails, of a run that died, is tried again so often, with pauses between.
REPORT_TRIES, REPORT_PAUSE_SECONDS = 20, 3.0
_logger = logging.getLogger("warm_launcher")


@dataclass
class Report:
    """A run that died, still to be told."""

    job: Job
    why: str
    due_at: float
    tries_left: int = REPORT_TRIES


@dataclass
class Server:
    """Listens at a socket and forks.

    `limit` is how many runs may go on at once, 0: any number. `spare_calls` are what a process
    calls that is forked ahead; None: none is.
    """

    path: Path
    limit: int
    code: CodeState
    lock: int
    parent: int
    kept: worker.KeptInstance | None = None
    spare_calls: Sequence[str] | None = None
    running: dict[int, Job] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    reporting: dict[int, Report] = field(default_factory=dict)
    spare: Spare | None = None
    is_ending: bool = False
    is_retiring: bool = False

    def __post_init__(self) -> None:
        """Listen; whoever held the socket before is gone, or the lock would be taken."""
        self.claims = Claims(self.path.parent)
        self.queued = Queue(self.path.parent, self.path.stem)
        self._sweep_at = monotonic()
        self._spare_at = monotonic() + SPARE_PAUSE_SECONDS
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(self._woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def serve(self) -> None:
        """Serve until told to end, or until the process that started this one has ended."""
        while not self._is_over():
            self._wait()
            self._reap()
            self._report()
            if not self.is_retiring:
                self._start_queued()
                self._keep_spare()
            self._sweep()
        if not self.is_retiring:
            self.path.unlink(missing_ok=True)

    def _is_over(self) -> bool:
        """A process that retires stays until its runs have ended, to tell of those that die."""
        is_idle = not (self.running or self.reports or self.reporting)
        return self.is_ending or os.getppid() != self.parent or (self.is_retiring and is_idle)

    def _wait(self) -> None:
        """Wait for a request, or for the end of a forked process, and answer the request."""
        sources = [self._wake] if self.is_retiring else [self._wake, self._listener.fileno()]
        ready, _, _ = select.select(sources, [], [], STEP_SECONDS)
        if self._wake in ready:
            with suppress(BlockingIOError):
                os.read(self._wake, 4_096)
        if len(sources) > 1 and sources[1] in ready:
            self._answer()

    def _retire(self) -> None:
        """Leave the socket to a successor."""
        self.is_retiring = True
        self.path.unlink(missing_ok=True)
        self._listener.close()
        os.close(self.lock)
        if self.spare is not None:
            self.spare.close()
            self.spare = None

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(protocol.ANSWER_SECONDS)
            try:
                if not protocol.is_own_user(connection):
                    return
                message = protocol.receive(connection)
                protocol.send(connection, self._do(message, connection))
            except (OSError, ValueError, KeyError, TypeError) as exc:
                _logger.warning("a request was not answered: %r", exc)

    def _do(self, message: dict[str, Any], connection: socket.socket) -> dict[str, Any]:
        if message["what"] != "launch":
            return self._told()
        if self.code.has_changed():
            self._retire()
            return {"refused": "the code has changed", "is_retiring": True}
        refused = self._why_not(connection)
        if refused is not None:
            return {"refused": refused}
        job = Job(message["run_id"], message["instance_ref"])
        if self.limit and len(self.running) >= self.limit:
            return {"queued": self.queued.add(job)}
        if message.get("is_for_spare") and (pid := self._hand_over(job)) is not None:
            return {"pid": pid}
        return {"pid": self._fork_run(job, connection)}

    def _told(self) -> dict[str, Any]:
        """Return what is told of this process: `spare` is the process that waits for a run."""
        return {
            "pid": os.getpid(),
            "running": len(self.running),
            "queued": len(self.queued),
            "spare": self.spare.pid if self.spare is not None and self.spare.is_ready() else None,
        }

    def _why_not(self, connection: socket.socket | None = None) -> str | None:
        """Return why nothing may be forked now, or None."""
        threads = count_threads()
        if threads != 1:
            return f"the warm process has {threads} threads: what is forked could hang"
        known = {one.fileno() for one in (self._listener, connection) if one is not None}
        strange = open_sockets() - known
        if strange:
            return f"the warm process has {len(strange)} open connections: two would speak on one"
        return None

    def _start_queued(self) -> None:
        while len(self.running) < self.limit and (job := self.queued.next()) is not None:
            self._fork_run(job)

    def _keep_spare(self) -> None:
        """Fork a process ahead, where there shall be one and is none."""
        is_wanted = self.spare_calls is not None and self.spare is None
        if not is_wanted or monotonic() < self._spare_at or self._why_not() is not None:
            return
        pipes, calls = Pipes.made(), self.spare_calls or ()
        pid = self._fork(lambda: serve_as_spare(pipes, calls, self.claims, self.kept))
        self.spare = Spare.of(pid, pipes)

    def _hand_over(self, job: Job) -> int | None:
        """Let the spare process execute a run; return its pid, or None where none is ready."""
        spare = self.spare
        if spare is None or not spare.is_ready():
            return None
        self.spare, self._spare_at = None, monotonic() + SPARE_PAUSE_SECONDS
        if not spare.hand(job):
            return None
        self.running[spare.pid] = job
        return spare.pid

    def _fork_run(self, job: Job, connection: socket.socket | None = None) -> int:
        pid = self._fork(
            lambda: worker.execute(job.run_id, job.instance_ref, self.claims, self.kept), connection
        )
        self.running[pid] = job
        return pid

    def _fork(self, work: Callable[[], int], connection: socket.socket | None = None) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            self._shed(connection)
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            # Not `sys.exit`: what the parent would do at its end is not this process's to do.
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _shed(self, connection: socket.socket | None) -> None:
        """Let go of what is the parent's, in a forked process."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        self._listener.close()
        if connection is not None:
            connection.close()
        os.close(self._wake)
        os.close(self._woken)
        if self.spare is not None:
            self.spare.close()

    def _reap(self) -> None:
        """Take note of forked processes that have ended; a run that died has to be told."""
        while (ended := next_ended()) is not None:
            pid, code = ended
            if self.spare is not None and pid == self.spare.pid:
                self.spare.close()
                self.spare, self._spare_at = None, monotonic() + SPARE_DIED_PAUSE_SECONDS
            if (job := self.running.pop(pid, None)) is not None and code != 0:
                self.reports.append(Report(job, _told_end(job, pid, code), monotonic()))
            if (report := self.reporting.pop(pid, None)) is not None and code != 0:
                report.tries_left -= 1
                report.due_at = monotonic() + REPORT_PAUSE_SECONDS
                self.reports += [report] if report.tries_left else []

    def _report(self) -> None:
        """Tell of runs that died, each by a process of its own: this one has no connection."""
        due = [report for report in self.reports if report.due_at <= monotonic()]
        self.reports = [report for report in self.reports if report not in due]
        for report in due:
            job, why = report.job, report.why
            pid = self._fork(
                lambda job=job, why=why: worker.report_dead(  # type: ignore[misc]
                    job.run_id, job.instance_ref, why, self.claims
                )
            )
            self.reporting[pid] = report

    def _sweep(self) -> None:
        if monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP_SECONDS
            self.claims.sweep()

    def _end(self, *_: object) -> None:
        self.is_ending = True


def _told_end(job: Job, pid: int, code: int) -> str:
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"Run {job.run_id}: its process {pid} {how} before the run had ended."
