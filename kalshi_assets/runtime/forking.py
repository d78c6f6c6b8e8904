"""The owner's side of the trunk: children that are forked of it, and not started as programs."""

import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.child import Process, Starter, started
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.warm_launcher import protocol
from kalshi_assets.runtime.warm_launcher.processes import ONE_THREAD
from kalshi_assets.storage.embedded import Inherited

START_SECONDS = 120.0
MODULE = "kalshi_assets.runtime.trunk"
_logger = logging.getLogger(__name__)


class Forked(Inherited):
    """A process forked of the trunk: its parent is asked how it ended, once it has.

    It is held by its handle: its number may be another's once it has ended.
    """

    def __init__(self, pid: int, trunk: Path) -> None:
        super().__init__(pid)
        self._trunk = trunk

    def _exit_code(self) -> int:
        """Ask its parent. Without one it was killed, as all are with the trunk."""
        try:
            code: int | None = protocol.ask(self._trunk, what="ended", pid=self.pid)["code"]
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
