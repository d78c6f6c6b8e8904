"""Child processes that never outlive their owner for long.

Ctrl-C reaches only the owner, which stops them in order. All descendants carry the run folder in
their environment: the next start finds what was left over by it, and by nothing else.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Self

import psutil

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.child import Child, Starter, started
from kalshi_assets.runtime.processes import MARK, end, end_left_overs, is_alive
from kalshi_assets.storage.embedded import ProcessMark

_logger = logging.getLogger(__name__)


@dataclass
class Children:
    """The children of this process. Used as a context manager it stops them, last one first.

    Attributes:
        folder: the run folder: one file a child with pid and start time, and the logs.
    """

    folder: Path
    _children: list[Child] = field(default_factory=list)
    _checks: list[Callable[[], None]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(
        self,
        name: str,
        words: Sequence[str],
        env: Mapping[str, str],
        *,
        is_ended_last: bool = False,
        is_needed: bool = True,
        starter: Starter | None = None,
    ) -> Child:
        """Start a program, or have it started; its output goes to `<folder>/<name>.log`.

        One that others call is ended last: a run that still works must not take our own end for an
        outage of the exchange, and halt trading. Without one that is not needed, the rest goes on,
        and it is started again.
        """
        log = self.folder / f"{name}.log"
        log.write_bytes(b"")
        marked = {**env, MARK: str(self.folder.resolve())}
        child = Child(name, words, marked, log, starter or started, is_ended_last, is_needed)
        child.start()
        self._children.append(child)
        return child

    def need(self, require_alive: Callable[[], None]) -> None:
        """Need something else as well, which is started elsewhere: it is asked at every look."""
        self._checks.append(require_alive)

    def look_after(self) -> None:
        """Check that every child that is needed still runs; start the others again that ended.

        Raises:
            ProcessError: one that is needed ended.
        """
        for require_alive in self._checks:
            require_alive()
        for child in self._children:
            if child.is_needed:
                child.require_alive()
            elif child.restart_where_ended():
                _logger.warning("%s had ended and is started again, see %s", child.name, child.log)

    def handed_over(self) -> "Children":
        """Return them for the program that this process becomes by exec; what else is needed, not.

        Raises:
            ProcessError: one that is needed has ended.
        """
        self.look_after()
        return Children(self.folder, [child.handed_over() for child in self._children])

    def wait_for(self, condition: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Wait until a condition holds, while every child lives.

        Raises:
            ProcessError: a child ended, or the time is over.
        """
        deadline = monotonic() + seconds
        while not condition():
            self.look_after()
            if monotonic() > deadline:
                raise ProcessError(
                    f"{what} did not happen within {seconds:.0f} s: see {self.folder}"
                )
            sleep(0.1)

    def stop(self) -> None:
        """End the children, last one first, and whatever they started; then those ended last."""
        called = [child for child in self._children if child.is_ended_last]
        _end_children([child for child in self._children if not child.is_ended_last])
        end_left_overs(self.folder, but_for={child.process.pid for child in called})
        _end_children(called)
        self._children.clear()
        end_left_overs(self.folder)
        for record in self.folder.glob("*.json"):
            record.unlink()


def recorded_children(folder: Path) -> dict[str, bool]:
    """Return, by name, whether each child written down in a run folder still runs."""
    return {
        path.stem: is_alive(mark)
        for path in sorted(folder.glob("*.json"))
        if (mark := _read_mark(path)) is not None
    }


def _read_mark(path: Path) -> ProcessMark | None:
    """Return the mark in a child's file; None for files of another kind."""
    try:
        return ProcessMark(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _end_children(children: Sequence[Child]) -> None:
    alive = []
    for child in reversed(children):
        # One that was forked elsewhere may be gone at any moment: its parent waits for it.
        with suppress(psutil.NoSuchProcess):
            if child.process.poll() is None:
                alive.append(psutil.Process(child.process.pid))
    end(alive)
    for child in children:
        child.process.wait()
