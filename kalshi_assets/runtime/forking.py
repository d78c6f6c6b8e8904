"""The owner's side of the trunk: children that are forked of it, and not started as programs."""

import logging
import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.children import Children, Process, Starter, started
from kalshi_assets.runtime.warm_launcher import protocol
from kalshi_assets.runtime.warm_launcher.processes import ONE_THREAD

START_SECONDS = 120.0
MODULE = "kalshi_assets.runtime.trunk"
_logger = logging.getLogger(__name__)


@dataclass
class Forked:
    """A process forked of the trunk: its parent is asked how it ended, once it has."""

    pid: int
    trunk: Path
    _code: int | None = None
    _handle: int | None = field(init=False)

    def __post_init__(self) -> None:
        """Hold on to it: its number may be another's once it has ended."""
        try:
            self._handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            self._handle = None

    def poll(self) -> int | None:
        """Return its exit code, or None while it works."""
        return self._code if self._has_ended(0) else None

    def wait(self) -> int | None:
        """Wait for its end, and return its exit code."""
        self._has_ended(None)
        return self._code

    def kill(self) -> None:
        """Kill it, where it works."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _has_ended(self, milliseconds: int | None) -> bool:
        if self._code is not None:
            return True
        if self._handle is not None:
            look = select.poll()
            look.register(self._handle, select.POLLIN)
            if not look.poll(milliseconds):
                return False
            os.close(self._handle)
            self._handle = None
        self._code = self._told_code()
        return True

    def _told_code(self) -> int:
        """Ask its parent. Without one it was killed, as all are with the trunk."""
        try:
            code: int | None = protocol.ask(self.trunk, what="ended", pid=self.pid)["code"]
        except (protocol.NoServer, protocol.NoAnswer):
            code = None
        return -signal.SIGKILL if code is None else code


def start_trunk(
    children: Children,
    environ: Mapping[str, str],
    *,
    folder: Path,
    code: str = "kalshi_assets.definitions",
) -> Starter:
    """Start a trunk, and return what starts children by forking them of it.

    Args:
        children: the trunk is one of them, and ended last.
        environ: the variables of all that is forked.
        folder: where its socket is: the warm launcher's, which has warm processes forked.
        code: the module of the definitions.
    """
    path = folder / protocol.TRUNK
    words = [sys.executable, "-m", MODULE, str(path), code]
    trunk = children.start("trunk", words, {**ONE_THREAD, **environ}, is_ended_last=True)
    pid = trunk.process.pid
    children.wait_for(
        lambda: _listens(path, pid),
        what="the start of the trunk",
        seconds=START_SECONDS,
    )
    return partial(_forked, path)


def _listens(path: Path, pid: int) -> bool:
    """Tell whether the trunk that we started listens, and not another."""
    try:
        return bool(protocol.ask(path, what="tell")["trunk"] == pid)
    except (protocol.NoServer, protocol.NoAnswer):
        return False


def _forked(path: Path, words: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
    """Have a program forked; where the trunk may not, start it as always."""
    told = {"words": list(words), "env": dict(env), "log": str(log)}
    try:
        answer = protocol.ask(path, what="start", **told)
    except protocol.NoServer:
        return started(words, env, log)
    except protocol.NoAnswer as exc:
        raise ProcessError(f"whether {words[0]} was started is not known: {exc}") from exc
    if "pid" not in answer:
        _logger.warning("%s is started, not forked: %s", words[0], answer.get("refused"))
        return started(words, env, log)
    return Forked(answer["pid"], path)
