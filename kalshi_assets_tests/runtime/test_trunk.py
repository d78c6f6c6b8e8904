"""Children forked of a trunk are what children started as programs are, to owner and user."""

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.child import Process, Starter, started
from kalshi_assets.runtime.children import Children, recorded_children
from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets.runtime.forking import start_trunk
from kalshi_assets.runtime.processes import MARK, free_port, is_listening
from kalshi_assets_tests.waiting import is_at_work, until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="a trunk is on Linux only"),
]
SCRIPTS = Path(sysconfig.get_path("scripts"))
OURS, DAGSTER = str(SCRIPTS / "kalshi-assets"), str(SCRIPTS / "dagster")


def of_no_installation() -> dict[str, str]:
    """Return the variables of this process without those of an installation that it started."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER_")}


def code_server(toy: Path, port: int) -> list[str]:
    return [DAGSTER, "api", "grpc", "-f", str(toy), "-h", "127.0.0.1", "-p", str(port)]


class Stand:
    """An owner's children, a trunk that has imported a small project, and that project."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.toy = folder, folder / "toy.py"
        self.children = Children(folder / "run")
        self.children.folder.mkdir()
        self.environ = {
            **of_no_installation(),
            "PYTHONPATH": os.pathsep.join([str(folder), str(PROJECT)]),
            "DAGSTER_HOME": str(PROJECT),
            "TOLD_BY_OWNER": "yes",
        }
        self.starter: Starter

    def grow(self, code: str = "") -> None:
        """Start the trunk, with such code in the project."""
        self.toy.write_text(f"import dagster as dg\n{code}\ndefs = dg.Definitions()\n")
        warm = self.folder / "warm"
        self.starter = start_trunk(self.children, self.environ, folder=warm, code="toy")

    def start(self, name: str, *words: str, needed: bool = True) -> Process:
        child = self.children.start(
            name, words, self.environ, is_needed=needed, starter=self.starter
        )
        return child.process

    def serve(self, name: str = "code-server") -> Process:
        """Start a code server, and wait until it listens."""
        port = free_port()
        process = self.start(name, *code_server(self.toy, port))
        until(lambda: is_listening(port), "the start of a code server")
        return process

    def said(self, name: str) -> str:
        return (self.children.folder / f"{name}.log").read_text()

    @property
    def trunk(self) -> int:
        return self.children._children[0].process.pid


@pytest.fixture
def stand() -> Iterator[Stand]:
    with tempfile.TemporaryDirectory(prefix="trunk") as folder:
        made = Stand(Path(folder))
        with made.children:
            yield made


@pytest.fixture
def grown(stand: Stand) -> Stand:
    stand.grow()
    return stand


def test_a_forked_program_is_the_program_with_its_log_its_variables_and_its_exit_code(
    grown: Stand,
) -> None:
    ended = grown.start("version", OURS, "--version")
    assert ended.wait() == 0
    assert grown.said("version").startswith("kalshi-assets, version")
    assert grown.start("nonsense", OURS, "nonsense").wait() == 2

    server = psutil.Process(grown.serve().pid)
    assert server.ppid() == grown.trunk, "it is forked, or the test shows nothing"
    assert server.name() == "dagster"
    assert os.getsid(server.pid) == server.pid, "Ctrl-C does not reach it"
    assert server.environ()[MARK] == str(grown.children.folder.resolve())
    assert recorded_children(grown.children.folder)["code-server"]


def test_one_that_is_needed_ends_the_owner_with_its_last_words(grown: Stand) -> None:
    grown.serve()
    grown.children.look_after()
    grown.start("nonsense", OURS, "nonsense").wait()
    with pytest.raises(ProcessError, match=r"(?s)nonsense ended with exit code 2.*No such command"):
        grown.children.look_after()


def test_one_that_is_killed_is_told_so(grown: Stand) -> None:
    process = grown.serve()
    assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert process.poll() == -signal.SIGKILL


def test_one_that_is_not_needed_is_forked_again(grown: Stand) -> None:
    first = grown.start("feed", *code_server(grown.toy, free_port()), needed=False)
    [child] = [c for c in grown.children._children if c.name == "feed"]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()

    def is_new() -> bool:
        grown.children.look_after()
        return child.process is not first

    until(is_new, "its restart")
    assert psutil.Process(child.process.pid).ppid() == grown.trunk
    assert child.process.poll() is None


def test_all_end_in_order_and_nothing_is_left(grown: Stand) -> None:
    process, trunk = grown.serve(), grown.trunk
    grown.children.stop()
    assert process.poll() == 0, "it was told to end, and ended by itself"
    assert "Shutting down Dagster code server" in grown.said("code-server")
    assert not is_at_work(trunk)
    assert not list(grown.children.folder.glob("*.json"))


@pytest.mark.parametrize("is_forked", [True, False], ids=["forked", "started"])
def test_a_code_server_ends_by_itself_where_all_was_started_in_the_background(
    stand: Stand, is_forked: bool
) -> None:
    """A shell lets what it starts there ignore Ctrl-C, and Dagster ends on nothing else."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        stand.grow()
        if not is_forked:
            stand.starter = started
        process = stand.serve()
    finally:
        signal.signal(signal.SIGINT, before)
    assert is_at_work(process.pid)
    stand.children.stop()
    assert "Shutting down Dagster code server" in stand.said("code-server"), "it was killed"


def test_with_the_trunk_all_end_and_the_owner_is_told(grown: Stand) -> None:
    process = grown.serve()
    os.kill(grown.trunk, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not is_at_work(process.pid)
    with pytest.raises(ProcessError, match="trunk ended with exit code -9"):
        grown.children.look_after()


OWNER = """
import sys
from pathlib import Path
from kalshi_assets_tests.runtime.test_trunk import Stand
stand = Stand(Path(sys.argv[1]))
stand.grow()
print(stand.trunk, stand.serve().pid, flush=True)
sys.stdin.read()
"""


def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env=of_no_installation(),
    )
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert [is_at_work(pid) for pid in pids] == [True, True]
    owner.kill()
    owner.communicate()
    until(lambda: not any(is_at_work(pid) for pid in pids), "the end of all")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a thread", "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), "
         "daemon=True).start()"),
        ("a connection", "import socket\nleft = socket.socketpair()"),
    ],
)  # fmt: skip
def test_a_trunk_that_could_not_be_forked_safely_is_not(stand: Stand, name: str, code: str) -> None:
    stand.grow(code)
    process = stand.serve()
    assert psutil.Process(process.pid).ppid() == os.getpid(), f"started, because of {name}"


def test_after_a_change_of_the_code_a_child_is_started_from_the_new_code(grown: Stand) -> None:
    grown.toy.write_text(grown.toy.read_text() + "print('the new code')\n")
    process = grown.serve()
    assert psutil.Process(process.pid).ppid() == os.getpid()
    assert "the new code" in grown.said("code-server")


def sockets(pid: int) -> set[str]:
    links = [path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir()]
    return {str(link) for link in links if str(link).startswith("socket:")}


def test_no_two_of_them_hold_one_connection(grown: Stand) -> None:
    first, second = grown.serve("first"), grown.serve("second")
    held = [sockets(pid) for pid in (grown.trunk, first.pid, second.pid)]
    assert all(held), "each listens at one of its own"
    assert sum(map(len, held)) == len(set.union(*held))
