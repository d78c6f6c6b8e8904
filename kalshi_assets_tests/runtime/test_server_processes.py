"""A server's day with real processes: `up --no-ui`, the UI beside it, a backup, both ways to end.

The exchange is a local one that stands at the base URL; everything else is as on a server.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from kalshi_assets.runtime import keeper
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import MARK, free_port, is_listening
from kalshi_assets.runtime.warm_launcher.processes import can_fork
from kalshi_assets.settings import PREFIX

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAM = str(SCRIPTS / "kalshi-assets")
BACKUP = Path(__file__).parents[2] / "deploy" / "bin" / "backup"
WAIT_SECONDS = 90.0
HEALTH = "{ instance { daemonHealth { allDaemonStatuses { healthy } } } }"
LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX"),
]


@dataclass
class Server:
    """A home, the variables that a unit would set, and what was started on it."""

    home: Home
    variables: dict[str, str]
    folder: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def daemon(self) -> str:
        """Return the name of the process that has the daemon; forked, the code server as well."""
        is_forked = self.variables.get("KALSHI_RUN_LAUNCHER") == "warm" and can_fork()
        return "kalshi-daemon" if is_forked else "dagster-daemon"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a unit: nothing of ours but its variables."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        path = f"{SCRIPTS}:{own['PATH']}"
        return own | self.variables | {"KALSHI_HOME": str(self.home.path), "PATH": path}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command that goes on."""
        with (self.folder / f"{words[0]}.err").open("a") as errors:
            process = subprocess.Popen(  # noqa: S603  the words are ours
                [PROGRAM, *words],
                env=self.environ,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.started.append(process)
        return process

    def up(self) -> "subprocess.Popen[str]":
        """Start everything but the UI, and wait until it works."""
        process = self.start("up", "--no-ui")
        until(
            lambda: self.daemon in children_of(process).values(),
            process,
            self.folder / "up.err",
        )
        return process

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603  the words are ours
            words, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False
        )

    def marked(self) -> list[psutil.Process]:
        """Return every process that carries this home's mark."""
        run = str(self.home.run.resolve())
        return [p for p in psutil.process_iter() if is_alive(p) and _mark_of(p) == run]


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def children_of(process: "subprocess.Popen[str]") -> dict[psutil.Process, str]:
    """Return what a process and its children started, with names."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):
            found[child] = child.name()
    return found


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None


def until(found: Any, process: "subprocess.Popen[str]", log: Path) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if value := found():
            return value
        time.sleep(0.2)
    raise AssertionError(f"nothing happened within {WAIT_SECONDS:g} s: {log.read_text()}")


def ask(port: int, query: str) -> Any:
    """Ask the UI as a browser does."""
    body, kind = json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    request = Request(f"http://127.0.0.1:{port}/graphql", body, kind)
    with urlopen(request, timeout=30) as answer:  # noqa: S310  loopback
        return json.load(answer)["data"]


def are_healthy(port: int) -> bool:
    daemons = ask(port, HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
    return bool(daemons) and all(one["healthy"] for one in daemons)


@pytest.fixture(params=["default", "warm"])
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose exchange is a local one; whatever happens, it ends.

    With warm runs its processes are forked of one, otherwise each is started.
    """
    made = Server(Home(tmp_path / "home"), {"KALSHI_RUN_LAUNCHER": request.param}, tmp_path)
    exchange = Server(Home(tmp_path / "exchange"), {}, tmp_path)
    told = exchange.start("local-exchange", "--port", "0").stdout
    assert told is not None
    made.variables["KALSHI_API_URL"] = json.loads(told.readline())["rest_url"]
    yield made
    for process in (*reversed(made.started), *exchange.started):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def test_a_server_without_a_ui_shows_one_backs_up_and_ends_as_systemd_ends_it(
    server: Server, tmp_path: Path
) -> None:
    up, port = server.up(), free_port()

    ui = server.start("ui", "--port", str(port))
    log = tmp_path / "ui.err"
    until(lambda: is_listening(port), ui, log)
    until(lambda: are_healthy(port), ui, log)
    [location] = ask(port, LOCATIONS)["workspaceOrError"]["locationEntries"]
    assert location == {"loadStatus": "LOADED"}
    ui.send_signal(signal.SIGTERM)
    ui.wait(timeout=20)
    assert not is_listening(port)
    assert up.poll() is None, "the UI ends alone"
    if sys.platform == "linux":
        assert keeper.MODULE in psutil.Process(up.pid).cmdline(), "only a small program stays"

    kept = tmp_path / "backups"
    kept.mkdir()
    done = server.run(str(BACKUP), str(kept), "3")
    assert done.returncode == 0, done.stderr
    [file] = kept.iterdir()
    assert file.suffix == ".dump"

    children, log = children_of(up), server.home.run / "daemon.log"
    assert set(children.values()) >= {"postgres", server.daemon}
    up.send_signal(signal.SIGTERM)
    assert up.wait(timeout=60) == 0, (tmp_path / "up.err").read_text()
    assert "Received interrupt, shutting down daemon threads" in log.read_text(), "it was killed"
    assert [child for child in children if is_alive(child)] == server.marked() == []
    assert [*server.home.run.rglob("*.json"), *server.home.run.rglob("*.sock*")] == []

    assert server.run(str(BACKUP), str(kept), "3").returncode != 0, "nothing runs to be backed up"
    assert list(kept.iterdir()) == [file]


def test_what_a_killed_server_leaves_has_ended_when_the_next_start_works(
    server: Server, tmp_path: Path
) -> None:
    up = server.up()
    children = children_of(up)
    up.send_signal(signal.SIGKILL)
    up.wait(timeout=20)

    again = server.up()
    assert [child for child in children if is_alive(child)] == []
    assert {"postgres", server.daemon} <= set(children_of(again).values())
    again.send_signal(signal.SIGTERM)
    assert again.wait(timeout=60) == 0, (tmp_path / "up.err").read_text()
    assert server.marked() == []


def test_a_server_whose_database_is_killed_ends_and_says_so(server: Server, tmp_path: Path) -> None:
    up = server.up()
    children = children_of(up)
    [postmaster] = [p for p in psutil.Process(up.pid).children() if p.name() == "postgres"]
    postmaster.kill()

    assert up.wait(timeout=60) == 1
    assert "the database in" in (tmp_path / "up.err").read_text().splitlines()[-1]
    assert [child for child in children if is_alive(child)] == server.marked() == []

    again = server.up()
    again.send_signal(signal.SIGTERM)
    assert again.wait(timeout=60) == 0, (tmp_path / "up.err").read_text()
