"""The database of an installation: the external one, or the embedded server and who owns it.

`kalshi-assets db start` leaves an owner process behind, for a bare `dagster dev`; this module run
as a program is that owner.
"""

import hashlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import psutil

from kalshi_assets.errors import ConfigurationError, KalshiAssetsError, ProcessError
from kalshi_assets.runtime.home import Home
from kalshi_assets.settings import Settings, environment, load_settings
from kalshi_assets.storage.embedded import EmbeddedServer, running_server
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import create_database

NAME = "kalshi"
MAX_NAME = 63
START_SECONDS = 150.0
STOP_SECONDS = 60.0


def database_name(input_name: str) -> str:
    """Return the name of an input's own database, within the 63 bytes PostgreSQL gives a name."""
    plain = re.sub("[^a-z0-9]+", "_", input_name.lower())
    name = f"{NAME}_{plain}"
    if len(name) > MAX_NAME or not re.fullmatch("[a-z0-9/-]+", input_name):
        name = f"{name[: MAX_NAME - 9]}_{hashlib.sha256(input_name.encode()).hexdigest()[:8]}"
    return name


@dataclass(frozen=True)
class Served:
    """A database that answers, and the server where it is ours."""

    url: str
    server: EmbeddedServer | None = None

    def require_alive(self) -> None:
        """Check that a server of ours has not ended."""
        if self.server is not None:
            self.server.require_alive()


@contextmanager
def served_database(settings: Settings, home: Home, *, name: str) -> Iterator[Served]:
    """Yield a database: the external one if set, else `name` on the embedded server."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        _require_answer(url)
        yield Served(url)
        return
    home.folder()
    with EmbeddedServer(home.postgres) as server:
        yield Served(create_database(server.start().url, name), server)


def _require_answer(url: str) -> None:
    """Connect once, so that nothing is started on a database that is not there."""
    database = Database(url)
    with database.transaction():
        pass
    database.dispose()


def running_url(settings: Settings, home: Home) -> str:
    """Return the URL of the database that runs.

    Raises:
        ConfigurationError: none does.
    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    address = running_server(home.postgres) if home.postgres.exists() else None
    if address is None:
        raise ConfigurationError("no database runs here: `kalshi-assets db start` starts one")
    return create_database(address.url, NAME)


def start(settings: Settings, home: Home) -> int:
    """Start the embedded server under an owner process of its own; return that one's pid.

    Raises:
        ConfigurationError: an external database is set, there is nothing to start.
        ProcessError: it did not start; the message has its last words.
    """
    if settings.database_url is not None:
        raise ConfigurationError("KALSHI_DATABASE_URL is set: that database is not ours to start")
    log = home.folder() / "database-owner.log"
    with log.open("wb") as output:
        owner = subprocess.Popen(
            [sys.executable, "-m", "kalshi_assets.runtime.database"],
            env=environment(settings, {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = monotonic() + START_SECONDS
    while _owner(home) != owner.pid:
        if owner.poll() is not None or monotonic() > deadline:
            raise ProcessError(log.read_text().strip() or "the database's owner did not start")
        sleep(0.1)
    return owner.pid


def stop(home: Home) -> bool:
    """Stop what `start` started; return False where nothing of it runs."""
    pid = _owner(home)
    if pid is None:
        return False
    process = psutil.Process(pid)
    process.terminate()
    process.wait(timeout=STOP_SECONDS)
    return True


def own(home: Home) -> None:
    """Own the embedded server until SIGTERM or SIGINT."""
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    record = _record(home)
    with home.owned(), EmbeddedServer(home.postgres) as server:
        create_database(server.start().url, NAME)
        me = psutil.Process()
        record.write_text(json.dumps({"pid": me.pid, "started_at": me.create_time()}))
        ended.wait()
        record.unlink()


def _owner(home: Home) -> int | None:
    """Return the pid of the living owner, verified by its start time."""
    try:
        told = json.loads(_record(home).read_text())
        process = psutil.Process(told["pid"])
        return process.pid if process.create_time() == told["started_at"] else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


def _record(home: Home) -> Path:
    return home.path / "database-owner.json"


if __name__ == "__main__":
    try:
        own(Home(load_settings().home))
    except KalshiAssetsError as exc:
        sys.exit(str(exc))
