"""The processes on one database: code server, daemon and, where asked for, UI and alerts."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import ConfigurationError, ProcessError
from kalshi_assets.runtime.child import Starter, started
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.end_waiting import end_waiting
from kalshi_assets.runtime.forking import start_trunk
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import described
from kalshi_assets.runtime.processes import free_port, is_listening
from kalshi_assets.runtime.warm_launcher.processes import can_fork
from kalshi_assets.settings import Settings, environment
from kalshi_assets.storage.engine import DAEMON_LOCK, Database
from kalshi_assets.storage.migrate import DAGSTER_SCHEMA, prepare

if TYPE_CHECKING:
    import dagster as dg

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
# Sensors that wait hold a thread each, in the UI as well where somebody tries one.
CODE_SERVER_THREADS = 20
CODE, LOCATION = "kalshi_assets.definitions", "kalshi_assets"
# The path of a Unix socket is at most some hundred characters long.
LONGEST_FOLDER = 80
QUIET = {
    "GX_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "300",
    # What a run means to make is written at once, see `PooledEventLogStorage`.
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
    # A warm process may fork only while it has one thread.
    "OPENBLAS_NUM_THREADS": "1",
    # Daemon and code server have a thread a sensor: each would keep memory of its own.
    "MALLOC_ARENA_MAX": "2",
    "PYTHONWARNINGS": "ignore",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Running:
    """An installation at work: its settings, database, Dagster instance and processes.

    Attributes:
        environ: the variables of its processes.
        lock: the socket of the session by which no other daemon works on the database.
    """

    settings: Settings
    database: Database
    children: Children
    clock: VenueClock
    started_at: datetime
    environ: Mapping[str, str]
    lock: int

    @cached_property
    def instance(self) -> "dg.DagsterInstance":
        """Return the Dagster instance. Who asks for none is smaller by half."""
        import dagster as dg

        return dg.DagsterInstance.get()

    @property
    def seconds(self) -> float:
        """Return for how long it has run, wall time."""
        return (wall_now() - self.started_at).total_seconds()


@contextmanager
def running_dagster(
    children: Children, settings: Settings, home: Home, *, port: int | None, started_at: datetime
) -> Iterator[Running]:
    """Prepare the database, start Dagster on it, and yield what runs. Without a port, no UI."""
    clock = VenueClock.parse(settings.venue_clock)
    database = prepared_database(settings)
    environ = environment(settings, QUIET | dagster_variables(settings, home))
    os.environ.update(dagster_variables(settings, home))
    with (
        _only_daemon(database) as lock,
        described(settings, home, port=port, started_at=started_at),
    ):
        with _ending_dead_runs(environ):
            starter = _starter(children, environ, settings)
        workspace = _start_daemon(children, environ, starter)
        if port is not None:
            _start_webserver(children, environ, workspace=workspace, port=port)
        if settings.alert_urls is not None or settings.heartbeat_url is not None:
            words = [script("kalshi-assets"), "alerts"]
            children.start("alerts", words, environ, is_needed=False, starter=starter)
        if settings.feed == "stream":
            words = [script("kalshi-assets"), "feed"]
            children.start("feed", words, environ, is_needed=False, starter=starter)
        running = Running(settings, database, children, clock, started_at, environ, lock)
        try:
            yield running
        finally:
            end_waiting(database)
            if "instance" in vars(running):
                running.instance.dispose()
    database.dispose()


def prepared_database(settings: Settings) -> Database:
    """Return the database, migrated and checked to be this installation's."""
    database = Database(_url(settings))
    clock = VenueClock.parse(settings.venue_clock)
    prepare(database, identity=settings.identity, now=clock.now())
    # The server keeps the whole catalogue for a session that has migrated: megabytes.
    database.dispose()
    return database


def dagster_variables(settings: Settings, home: Home) -> dict[str, str]:
    """Return the variables that dagster.yaml and libraries read."""
    url = _url(settings)
    joint = "&" if "?" in url else "?"
    return {
        "DAGSTER_HOME": str(PROJECT),
        "DAGSTER_POSTGRES_URL": f"{url}{joint}options={quote(f'-c search_path={DAGSTER_SCHEMA}')}",
        "DAGSTER_ARTIFACTS_DIR": str(home.artifacts.resolve()),
        "DAGSTER_WARM_RUNS": "yes" if settings.run_launcher == "warm" else "no",
        "DAGSTER_WARM_FOLDER": str(_short_folder(home)),
        # Where it cannot write, matplotlib looks for fonts anew in every run: seconds.
        "MPLCONFIGDIR": str(home.folder("matplotlib").resolve()),
    }


def _short_folder(home: Home) -> Path:
    """Return the folder of the warm launcher's sockets: in the home where its path is short."""
    folder = home.run / "warm"
    if len(str(folder.resolve())) <= LONGEST_FOLDER:
        return folder.resolve()
    told = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"kalshi-assets-{os.geteuid()}-{told}"


def script(name: str) -> str:
    """Return the path of a console script installed beside this Python.

    Raises:
        ConfigurationError: it is not there.
    """
    found = Path(sysconfig.get_path("scripts")) / name
    if not found.exists():
        raise ConfigurationError(f"{found} is missing: install the project's requirements")
    return str(found)


def require_free(port: int) -> None:
    """Check that the UI's port is free.

    Raises:
        ConfigurationError: something listens on it.
    """
    if is_listening(port):
        raise ConfigurationError(
            f"--port {port} is taken: stop what listens there, or name another"
        )


@contextmanager
def _ending_dead_runs(environ: Mapping[str, str]) -> Iterator[None]:
    """Have runs that died with an earlier start marked as failed, while the block does its work.

    By a process of its own, so that this one, which stays, need not import Dagster.
    """
    words = [sys.executable, "-m", "kalshi_assets.runtime.dead_runs"]
    with subprocess.Popen(words, env=dict(environ)) as process:  # noqa: S603  the words are ours
        yield
    if process.returncode != 0:
        raise ProcessError("runs of an earlier start could not be marked as failed, see above")


def _starter(children: Children, environ: Mapping[str, str], settings: Settings) -> Starter:
    """Return what starts the children: with warm runs, all are forked of one that imported all."""
    if settings.run_launcher != "warm" or not can_fork():
        return started
    return start_trunk(children, environ, folder=Path(environ["DAGSTER_WARM_FOLDER"]))


def _start_daemon(children: Children, environ: Mapping[str, str], starter: Starter) -> Path:
    """Start daemon and code server; return the workspace file that leads to the code server.

    With warm runs they are one process; otherwise Dagster's own two programs.
    """
    port = free_port()
    workspace = children.folder / "workspace.yaml"
    workspace.write_text(
        "load_from:\n  - grpc_server:\n"
        f"      host: 127.0.0.1\n      port: {port}\n      location_name: {LOCATION}\n"
    )
    is_one = starter is not started
    if is_one:
        words = [script("kalshi-assets"), "daemon", "--port", str(port)]
        children.start("daemon", words, environ, starter=starter)
    else:
        words = [script("dagster"), "api", "grpc", "--max-workers", str(CODE_SERVER_THREADS)]
        words += ["-m", CODE, "-h", "127.0.0.1", "-p", str(port)]
        children.start("code-server", [*words, "--location-name", LOCATION], environ)
    children.wait_for(
        lambda: is_listening(port), what="the start of the code server", seconds=START_SECONDS
    )
    if not is_one:
        children.start("daemon", [script("dagster-daemon"), "run", "-w", str(workspace)], environ)
    return workspace


def _start_webserver(
    children: Children, environ: Mapping[str, str], *, workspace: Path, port: int
) -> None:
    """Start the UI, on loopback only: whoever reaches it can launch jobs."""
    words = ["-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    children.start("webserver", [script("dagster-webserver"), *words], environ)
    children.wait_for(lambda: is_listening(port), what="the start of the UI", seconds=START_SECONDS)


@contextmanager
def _only_daemon(database: Database) -> Iterator[int]:
    with database.locking_session(DAEMON_LOCK) as session:
        if session is None:
            raise ConfigurationError(
                f"a daemon of another start works on {database.name}: stop that one, or set "
                "KALSHI_DATABASE_URL to another database"
            )
        yield session


def _url(settings: Settings) -> str:
    if settings.database_url is None:
        raise ConfigurationError("KALSHI_DATABASE_URL is not set")
    return settings.database_url.get_secret_value()
