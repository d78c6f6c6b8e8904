"""A process forked ahead: it gets ready, connects, and waits at a pipe for the run it executes.

A run that is handed to it finds done what else it would do first. It executes one run only, and
ends where the warm process closes the pipe or is gone. It may connect: nothing is forked of it.
"""

import gc
import json
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pkgutil import resolve_name

from kalshi_assets.runtime.warm_launcher import worker
from kalshi_assets.runtime.warm_launcher.claims import Claims
from kalshi_assets.runtime.warm_launcher.queue import Job

READY = b"."
_logger = logging.getLogger("warm_launcher")


@dataclass(frozen=True)
class Pipes:
    """What a warm process and its spare one speak through, as descriptors; made before the fork."""

    jobs_in: int
    jobs_out: int
    ready_in: int
    ready_out: int

    @classmethod
    def made(cls) -> "Pipes":
        """Make them; the warm process never waits for its spare one."""
        pipes = cls(*os.pipe(), *os.pipe())
        os.set_blocking(pipes.ready_in, False)
        return pipes


@dataclass
class Spare:
    """A spare process, as the warm one knows it."""

    pid: int
    pipes: Pipes
    _is_ready: bool = False

    @classmethod
    def of(cls, pid: int, pipes: Pipes) -> "Spare":
        """Let go of the ends that are the other's."""
        os.close(pipes.jobs_in)
        os.close(pipes.ready_out)
        return cls(pid, pipes)

    def is_ready(self) -> bool:
        """Tell whether it waits for its run; one that is still getting ready would delay it."""
        with suppress(BlockingIOError):
            self._is_ready = self._is_ready or os.read(self.pipes.ready_in, 1) == READY
        return self._is_ready

    def hand(self, job: Job) -> bool:
        """Hand it its run; tell whether it was still there to take it."""
        try:
            _write(self.pipes.jobs_out, json.dumps(asdict(job)).encode())
        except BrokenPipeError:
            return False
        finally:
            self.close()
        return True

    def close(self) -> None:
        """Let go of it: without a run it ends."""
        os.close(self.pipes.jobs_out)
        os.close(self.pipes.ready_in)


def serve(
    pipes: Pipes, calls: Iterable[str], claims: Claims, kept: worker.KeptInstance | None
) -> int:
    """Be a spare process: get ready, wait, and execute what comes; return the exit code."""
    os.close(pipes.jobs_out)
    os.close(pipes.ready_in)
    kept_open = _got_ready(calls, kept)  # noqa: F841  while the run goes on
    try:
        os.write(pipes.ready_out, READY)
    except BrokenPipeError:
        return 0
    os.close(pipes.ready_out)
    told = b""
    while part := os.read(pipes.jobs_in, 65_536):
        told += part
    os.close(pipes.jobs_in)
    if not told:
        return 0
    job = Job(**json.loads(told))
    return worker.execute(job.run_id, job.instance_ref, claims, kept)


def _got_ready(calls: Iterable[str], kept: worker.KeptInstance | None) -> list[object]:
    """Do what can be done before the run is known, and return what is to be kept for it.

    It only saves time: what fails here, the run does itself.
    """
    found: list[object] = []
    try:
        if kept is not None:
            worker.ask_as_runs_do(kept.instance)
        found += [resolve_name(name)() for name in calls]
    except Exception:
        _logger.warning("a spare process did not get ready: its run does it all", exc_info=True)
    # What is there now stays, as what was forked: the run need not look through it.
    gc.freeze()
    return found


def _write(descriptor: int, message: bytes) -> None:
    while message:
        message = message[os.write(descriptor, message) :]
