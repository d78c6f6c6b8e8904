"""The trunk: a process that has imported everything once, and of which the others are forked.

Daemon, code server, warm process and services would each hold the same hundreds of megabytes. They
share them with this one, which never writes there again: it has one thread, no connection and no
task but to fork who is asked for, and to tell how they ended. They are killed with it.
"""

import argparse
import ctypes
import gc
import importlib
import os
import random
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import yaml
from dagster import DagsterError
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import serialize_value

from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.warm_launcher import protocol, start, worker
from kalshi_assets.runtime.warm_launcher.code import CodeState
from kalshi_assets.runtime.warm_launcher.processes import (
    count_threads,
    is_own,
    open_sockets,
)
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.engine import use_driver_once

OURS = "kalshi-assets"
# The console scripts it can become, by name: where their work begins.
PROGRAMS = {
    "dagster": ("dagster._cli", "dagster._grpc.server"),
    OURS: (
        "kalshi_assets.runtime.cli",
        "kalshi_assets.runtime.alerts",
        "kalshi_assets.runtime.daemon",
        "kalshi_assets.runtime.feed",
    ),
}
WARM = "warm-process"
HOME = "DAGSTER_HOME"
# What two of them and more import when they are at work.
IMPORTED_LATE = (
    "dagster._core.instance.factory",
    "dagster._core.storage.root",
    "dagster._grpc.client",
    "kalshi_assets.runtime.warm_launcher.launcher",
    "psycopg2.extras",
    *start.IMPORTED_LATE,
)
Role = Callable[[], object]
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_PRCTL = ctypes.CDLL(None).prctl


@dataclass
class Trunk:
    """Listens at a socket and forks; `serve` returns in forked processes only."""

    path: Path
    code: CodeState
    kept: worker.KeptInstance | None = None
    forked: dict[int, int] = field(default_factory=dict)
    codes: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Listen: the folder is ours alone, so whoever listened before is gone."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.path.unlink(missing_ok=True)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, *_: object) -> NoReturn:
        """End, and leave no socket. Those forked end with this process."""
        self.path.unlink(missing_ok=True)
        os._exit(0)

    def serve(self) -> Role:
        """Fork until killed. In a forked process, return what it is to be."""
        while True:
            listening = self._listener.fileno()
            ready, _, _ = select.select([listening, *self.forked.values()], [], [])
            for pid in [pid for pid, handle in self.forked.items() if handle in ready]:
                self._reap(pid)
            if listening in ready and (role := self._answer()) is not None:
                self._shed()
                return role

    def _reap(self, pid: int) -> None:
        os.close(self.forked.pop(pid))
        self.codes[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def _answer(self) -> Role | None:
        """Answer a request; in a process forked for it, return what it is to be, and do no more."""
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(protocol.ANSWER_SECONDS)
            try:
                if not protocol.is_own_user(connection):
                    return None
                message = protocol.receive(connection)
                role = self._role_of(message)
                refused = None if role is None else self._why_not(connection)
                if role is None or refused is not None:
                    protocol.send(connection, {"refused": refused} | self._told(message))
                    return None
                pid = _fork()
                if pid == 0:
                    return role
                self.forked[pid] = os.pidfd_open(pid)
                protocol.send(connection, {"pid": pid})
            except (OSError, ValueError, KeyError, TypeError) as exc:
                print(f"a request was not answered: {exc!r}", file=sys.stderr, flush=True)
        return None

    def _role_of(self, message: Mapping[str, Any]) -> Role | None:
        """Return what a process is asked for to be; None where none is."""
        words = message.get("words", [])
        if message["what"] == "start":
            main = getattr(sys.modules[PROGRAMS[Path(words[0]).name][0]], "main")  # noqa: B009
            env, log = message["env"], Path(message["log"])
            return partial(_become, main, words, env=env, log=log, trunk=os.getpid())
        if message["what"] == "warm" and message["program"] == sys.executable:
            words = [*words, "--parent", str(os.getpid())]
            return partial(_become_warm, words, self.code, message["instance_ref"], self.kept)
        return None

    def _told(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is told of this process, and of one that has ended."""
        return {"trunk": os.getpid(), "code": self.codes.get(message.get("pid", 0))}

    def _why_not(self, connection: socket.socket) -> str | None:
        """Return why nothing may be forked now, or None."""
        if self.code.has_changed():
            return "the code has changed"
        if count_threads() != 1:
            return "the trunk has threads: what is forked could hang"
        if open_sockets() - {self._listener.fileno(), connection.fileno()}:
            return "the trunk has open connections: two would speak on one"
        return None

    def _shed(self) -> None:
        """Let go of what is the trunk's, in a forked process."""
        self._listener.close()
        for handle in self.forked.values():
            os.close(handle)
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Where the owner was started in the background, it is ignored: see `child`.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        random.seed()


def _fork() -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fork()


def _become(
    main: Callable[[], object],
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    trunk: int,
) -> object:
    """Be a program, as if started by its words; what it says goes to its log."""
    _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != trunk:  # it ended before it could be told
        os._exit(1)
    _PRCTL(_PR_SET_NAME, _name_of(words).encode())
    with log.open("ab", buffering=0) as output, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(words)
    # Libraries name the program by it, and import it in what they spawn.
    sys.modules["__main__"] = ModuleType("__main__")
    return main()


def _name_of(words: Sequence[str]) -> str:
    """Return what a list of processes shows: our own programs by their command."""
    name = Path(words[0]).name
    return f"{name.removesuffix('assets')}{words[1]}" if name == OURS else name


def _become_warm(
    words: Sequence[str], code: CodeState, instance_ref: str, kept: worker.KeptInstance | None
) -> None:
    """Be a warm process. It ends with the trunk when its own work allows: its runs go on."""
    _PRCTL(_PR_SET_NAME, WARM.encode())
    start.main(words, code, instance_ref, kept)


def _preloaded() -> Iterable[str]:
    """Return the modules that warm processes are to have imported, as dagster.yaml says."""
    told = yaml.safe_load(Path(os.environ[HOME], "dagster.yaml").read_text())
    names: list[str] = told.get("run_launcher", {}).get("config", {}).get("preload", [])
    return names


def import_all(code: str) -> None:
    """Import what those that are forked need: the definitions, the programs, and what runs use."""
    programs = [name for names in PROGRAMS.values() for name in names]
    for name in (code, *programs, *IMPORTED_LATE, *_preloaded()):
        importlib.import_module(name)
    _resolve(sys.modules[code])


def _resolve(code: ModuleType) -> None:
    """Make the jobs of the definitions, which the definitions keep: each would make its own."""
    repository = code.defs.get_repository_def()
    for job in repository.get_all_jobs():
        repository.get_job(job.name)


def _use_once() -> None:
    """Do what takes memory at its first use, and would take it in each of them."""
    use_driver_once()
    with suppress(ConfigurationError):  # who uses the settings says what is wrong with them
        load_settings()


def _instance_of_runs() -> worker.KeptInstance | None:
    """Make the instance that runs use, if it can be made now: warm processes need not, then."""
    with suppress(DagsterError):  # who uses dagster.yaml says what is wrong with it
        return worker.keep_instance(serialize_value(InstanceRef.from_dir(os.environ[HOME])))
    return None


def main() -> None:
    """Import everything, then fork who is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket", type=Path)
    parser.add_argument("code", help="the module of the definitions")
    told = parser.parse_args()
    told.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_own(told.socket.parent):
        sys.exit(f"{told.socket.parent} must belong to this user and be open to nobody else")
    import_all(told.code)
    _use_once()
    trunk = Trunk(told.socket, CodeState.now(), _instance_of_runs())
    gc.collect()
    # What is there now stays: collecting it would copy its pages into every process.
    gc.freeze()
    # What a process does is done here, where nothing of the trunk's waits to be cleaned up.
    role = trunk.serve()
    sys.exit(role())  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
