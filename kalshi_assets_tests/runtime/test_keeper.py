"""What stays of a start is small, and is to everything it started what the start was."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime import keeper
from kalshi_assets.runtime.children import Children, recorded_children
from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets.runtime.exits import interrupt_on_signals
from kalshi_assets.runtime.home import Home
from kalshi_assets.storage.embedded import EmbeddedServer, running_server
from kalshi_assets.storage.embedded.locking import try_lock
from kalshi_assets.storage.engine import DAEMON_LOCK, Database
from kalshi_assets.storage.tidings import STOP_CHANNEL
from kalshi_assets_tests.waiting import WAIT_SECONDS, is_at_work, until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the start itself stays"),
]
SLEEPER = [sys.executable, "-c", "import time; print('sleeps', flush=True); time.sleep(600)"]
SMALL_MEGABYTES = 20


def own(folder: Path, moment: str) -> None:
    """Start a server and children; once a line is read, become what stays of that."""
    home = Home(folder)
    interrupt_on_signals()
    with (
        home.owned() as ownership,
        EmbeddedServer(home.postgres) as server,
        Children(home.run) as children,
    ):
        database = Database(server.start().url)
        environ = {**os.environ, "KALSHI_DATABASE_URL": database.plain_url}
        with database.locking_session(DAEMON_LOCK) as lock:
            assert lock is not None
            children.start("exchange", SLEEPER, environ, is_ended_last=True)
            children.start("daemon", SLEEPER, environ)
            children.start("feed", SLEEPER, environ, is_needed=False)
            description = home.run / "installation.json"
            description.write_text("{}")
            print("all runs", flush=True)
            sys.stdin.readline()
            if moment == "told to end while it becomes the other":
                _tell_to_end_at_exec()
            kept = keeper.Kept(children, server, environ, description)
            keeper.become(kept, held=[ownership, lock])


def _tell_to_end_at_exec() -> None:
    execute = os.execv

    def told_to_end(*words: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        execute(*words)

    os.execv = told_to_end  # type: ignore[assignment]


@dataclass
class Owner:
    """An owner that has started everything."""

    process: "subprocess.Popen[str]"
    home: Home
    errors: Path

    def __post_init__(self) -> None:
        """Remember what it started, and how the database is reached."""
        self.owned = psutil.Process(self.process.pid).children(recursive=True)
        address = running_server(self.home.postgres)
        assert address is not None
        self.url = address.url

    @property
    def is_keeper(self) -> bool:
        """Tell whether it has become what stays."""
        return keeper.MODULE in psutil.Process(self.process.pid).cmdline()

    @property
    def is_blocking(self) -> bool:
        """Tell whether what tells it to end has to wait."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [blocked] = [line.split()[1] for line in status.splitlines() if "SigBlk" in line]
        return bool(int(blocked, 16) & 1 << (signal.SIGTERM - 1))

    def become(self, *, meanwhile: Callable[[], None] = lambda: None) -> "Owner":
        """Let it become what stays, and wait until that looks after things."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

        def looks() -> bool:
            meanwhile()
            return self.is_keeper and not self.is_blocking

        until(looks, "its first look")
        return self

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return its exit code, and what it said."""
        return self.process.wait(timeout=WAIT_SECONDS), self.errors.read_text()

    def child(self, name: str) -> int:
        """Return the process that is written down as a child."""
        with suppress(ValueError):  # it is being written
            return int(json.loads((self.home.run / f"{name}.json").read_text())["pid"])
        return 0

    def require_nothing_left(self) -> None:
        """Check that all it started has ended, in order, and that nothing describes it any more."""
        assert [process for process in self.owned if is_at_work(process)] == []
        assert list(self.home.run.glob("*.json")) == []
        assert not (self.home.postgres / "server" / "cluster" / "postmaster.pid").exists()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the database's user can reach, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(prefix="keeper-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def owner(folder: Path, request: pytest.FixtureRequest) -> Iterator[Owner]:
    moment = getattr(request, "param", "later")
    words = f"from {__name__} import *; own(Path({str(folder)!r}), {moment!r})"
    errors = folder / "owner.err"
    with errors.open("w") as output:
        process = subprocess.Popen(  # noqa: S603  the words are ours
            [sys.executable, "-W", "ignore", "-c", words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            cwd=PROJECT,
        )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "all runs\n", errors.read_text()
        made = Owner(process, Home(folder), errors)
        yield made
    finally:
        process.kill()
        process.communicate()
    until(lambda: not any(map(is_at_work, made.owned)), "the end of all")


def test_it_is_the_same_process_and_small(owner: Owner) -> None:
    before = psutil.Process(owner.process.pid)
    held = before.memory_full_info().uss / 2**20
    owner.become()
    assert before.is_running(), "by pid and start time it is the same"
    assert before.name() == "kalshi-assets"
    assert all(map(is_at_work, owner.owned))
    now = psutil.Process(owner.process.pid).memory_full_info().uss / 2**20
    assert now < SMALL_MEGABYTES < held, f"{held:.0f} MB became {now:.0f} MB"
    assert running_server(owner.home.postgres) is not None, "clients find the server"
    assert set(recorded_children(owner.home.run).values()) == {True}


def test_nobody_can_take_a_lock_while_it_becomes_what_stays_or_later(owner: Owner) -> None:
    tries = []
    with psycopg.connect(owner.url, autocommit=True) as another:

        def try_all() -> None:
            taken = another.execute("SELECT pg_try_advisory_lock(%s)", [DAEMON_LOCK]).fetchone()
            for path in (
                owner.home.path / "owner.lock",
                owner.home.postgres / "kalshi-postgres.lock",
            ):
                with path.open("r+") as file:
                    assert not try_lock(file.fileno()), path
            assert taken == (False,)
            tries.append(taken)

        owner.become(meanwhile=try_all)
        assert len(tries) > 5, "it was tried often, or the test shows nothing"
        try_all()
        owner.process.send_signal(signal.SIGTERM)
        until(lambda: owner.process.poll() is not None, "its end")


def test_it_ends_everything_in_order_and_wakes_the_sensors_that_wait(owner: Owner) -> None:
    owner.become()
    with psycopg.connect(owner.url, autocommit=True) as waiting:
        waiting.execute(f"LISTEN {STOP_CHANNEL}".encode())
        owner.process.send_signal(signal.SIGTERM)
        [told] = waiting.notifies(timeout=WAIT_SECONDS, stop_after=1)
    assert told.channel == STOP_CHANNEL
    code, said = owner.ended()
    assert (code, said.splitlines()[-1:]) == (0, ["Stopped."]), said
    owner.require_nothing_left()
    with owner.home.owned():
        pass


def test_one_that_is_not_needed_is_started_again(owner: Owner) -> None:
    owner.become()
    first = owner.child("feed")
    os.kill(first, signal.SIGKILL)
    now = until(lambda: owner.child("feed") not in (0, first) and owner.child("feed"), "a new one")
    owner.owned.append(psutil.Process(now))
    until(lambda: "sleeps" in (owner.home.run / "feed.log").read_text(), "its work")
    assert owner.process.poll() is None
    owner.process.send_signal(signal.SIGINT)
    assert owner.ended()[0] == 0
    owner.require_nothing_left()


@pytest.mark.parametrize("when", ["before", "after"])
def test_one_that_is_needed_ends_it_with_its_last_words(owner: Owner, when: str) -> None:
    if when == "after":
        owner.become()
    os.kill(owner.child("daemon"), signal.SIGKILL)
    if when == "before":
        assert owner.process.stdin is not None
        owner.process.stdin.write("\n")
        owner.process.stdin.flush()
    code, said = owner.ended()
    assert code == 1
    assert "daemon ended with exit code -9" in said
    assert when == "before" or said.splitlines()[-1] == "sleeps"
    owner.require_nothing_left()


def test_the_database_ends_it_and_it_says_so(owner: Owner) -> None:
    owner.become()
    [postmaster] = [p for p in psutil.Process(owner.process.pid).children() if "postg" in p.name()]
    postmaster.kill()
    code, said = owner.ended()
    assert code == 1
    assert "the database in" in said.splitlines()[-1]
    assert [process for process in owner.owned if is_at_work(process)] == []


def test_nothing_outlives_it_where_it_is_killed(owner: Owner) -> None:
    owner.become()
    owner.process.kill()
    until(lambda: not any(map(is_at_work, owner.owned)), "the end of all")


@pytest.mark.parametrize("owner", ["told to end while it becomes the other"], indirect=True)
def test_who_is_told_to_end_meanwhile_ends_in_order(owner: Owner) -> None:
    assert owner.process.stdin is not None
    owner.process.stdin.write("\n")
    owner.process.stdin.flush()
    code, said = owner.ended()
    assert (code, said.splitlines()[-1:]) == (0, ["Stopped."]), said
    owner.require_nothing_left()


def test_where_it_cannot_become_another_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError("no other program here")

    with Children(tmp_path) as children:
        children.start("daemon", SLEEPER, os.environ)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        monkeypatch.setattr(os, "execv", refused)
        with pytest.raises(PermissionError):
            keeper.become(keeper.Kept(children, None, {}, tmp_path / "none"), held=[])
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == blocked
        children.look_after()
        os.kill(json.loads((tmp_path / "daemon.json").read_text())["pid"], signal.SIGKILL)
        with pytest.raises(ProcessError, match="exit code -9"):
            until(children.look_after, "its end")


GROWN = """
import sys
from pathlib import Path
from kalshi_assets.runtime import keeper
from kalshi_assets_tests.runtime.test_trunk import *
stand = Stand(Path(sys.argv[1]))
stand.grow()
server = [DAGSTER, "api", "grpc", "-f", str(stand.toy), "-h", "127.0.0.1", "-p"]
for name, needed in (("code-server", True), ("feed", False)):
    stand.start(name, *server, str(free_port()), needed=needed)
print(stand.trunk, flush=True)
keeper.become(keeper.Kept(stand.children, None, stand.environ, Path("none")), held=[])
"""


def test_what_was_forked_of_a_trunk_is_forked_again_of_it(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603  the words are ours
        [sys.executable, "-W", "ignore", "-c", GROWN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        env={n: v for n, v in os.environ.items() if not n.startswith("DAGSTER_")},
    ) as owner:
        assert owner.stdout is not None
        try:
            trunk = psutil.Process(int(owner.stdout.readline()))
            until(lambda: keeper.MODULE in psutil.Process(owner.pid).cmdline(), "the exec")
            first = trunk.children()
            first[-1].kill()
            now = until(lambda: (now := trunk.children()) != first and len(now) > 1 and now, "one")
            assert owner.poll() is None
            now[0].kill()
            assert owner.wait(timeout=WAIT_SECONDS) == 1, "the code server is needed"
        finally:
            owner.kill()
    until(lambda: not any(map(is_at_work, [trunk, *first, *now])), "the end of all")
