"""One child process: how it is started, and started again.

It leads a session of its own, so that Ctrl-C reaches only the owner. On Linux it is killed when its
owner is: everything it keeps is durable.
"""

import ctypes
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Protocol

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.processes import last_lines
from kalshi_assets.storage.embedded import Inherited, ProcessMark

LONGEST_PAUSE_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class Process(Protocol):
    """A process we started, in whatever way."""

    @property
    def pid(self) -> int:
        """Return its number."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it works."""

    def wait(self) -> int | None:
        """Wait for its end."""

    def kill(self) -> None:
        """Kill it."""


Starter = Callable[[Sequence[str], Mapping[str, str], Path], Process]


def started(words: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
    """Start a program that ends with its owner."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  the words are ours
            list(words),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before_program(),
        )


@dataclass
class Child:
    """A process we started, and where it writes what it says. Not all are needed to go on."""

    name: str
    words: Sequence[str]
    env: Mapping[str, str]
    log: Path
    starter: Starter = started
    is_ended_last: bool = False
    is_needed: bool = True
    process: Process = field(init=False)
    started_at: float = field(default_factory=monotonic)
    restarts: int = 0
    restart_at: float | None = None

    def start(self) -> None:
        """Start it, and write down which process it is."""
        self.process = self.starter(self.words, self.env, self.log)
        mark = ProcessMark.of(self.process.pid) or ProcessMark(self.process.pid, "")
        self.log.with_suffix(".json").write_text(json.dumps(asdict(mark)))

    def handed_over(self) -> "Child":
        """Return it for the program that this process becomes by exec."""
        kept, process = copy(self), self.process
        if not isinstance(process, Inherited):
            kept.process = Inherited(process.pid, process.poll())
        return kept

    def require_alive(self) -> None:
        """Check that it still runs.

        Raises:
            ProcessError: it ended; the message ends with its last words.
        """
        code = self.process.poll()
        if code is not None:
            raise ProcessError(
                f"{self.name} ended with exit code {code}; its log {self.log} ends with:\n"
                + last_lines(self.log)
            )

    def restart_where_ended(self) -> bool:
        """Start it again some time after it ended, and tell whether it was.

        The pause doubles with every early end.
        """
        if self.process.poll() is None:
            return False
        now = monotonic()
        if self.restart_at is None:
            was_early = now - self.started_at < LONGEST_PAUSE_SECONDS
            self.restarts = self.restarts + 1 if was_early else 0
            self.restart_at = now + min(LONGEST_PAUSE_SECONDS, 2.0**self.restarts)
        if now < self.restart_at:
            return False
        self.start()
        self.started_at, self.restart_at = now, None
        return True


def _before_program() -> Callable[[], None] | None:
    """Return what a child does before its program, so that it ends when it should.

    It is killed with its owner. And it can be interrupted: a shell lets what it starts in the
    background ignore that, and Dagster ends on nothing else.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return bind
