"""The processes of one installation: database, local exchange, code server, daemon, webserver."""

import json
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kalshi_assets.domain.clock import VenueClock, parse_instant
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home
from kalshi_assets.runtime.processes import Child, Children, free_port, is_listening
from kalshi_assets.settings import Settings, environment, load_settings
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.engine import DAEMON_LOCK, Database
from kalshi_assets.storage.migrate import DAGSTER_SCHEMA, create_database, prepare

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
QUIET = {
    "GX_ANALYTICS_ENABLED": "false",
    "DAGSTER_DISABLE_TELEMETRY": "yes",
    "DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS": "300",
    # A warm process may fork only while it has one thread.
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Exchange:
    """The running local exchange."""

    url: str
    clock: VenueClock


@contextmanager
def database_url(settings: Settings, home: Home, *, name: str) -> Iterator[str]:
    """Yield the URL of a database: the external one if set, else `name` on the embedded server."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    home.folder()
    with EmbeddedServer(home.postgres) as server:
        yield create_database(server.start().url, name)


def start_exchange(
    children: Children, home: Home, *, scenario: str, environ: Mapping[str, str]
) -> Exchange:
    """Start the local exchange on a scenario and wait until it serves."""
    ready = home.run / "exchange.ready.json"
    ready.unlink(missing_ok=True)
    options = {
        "--scenario": scenario,
        "--state": home.exchange_state(scenario),
        "--keys": home.local_public_keys(),
        "--port": 0,
        "--ready-file": ready,
    }
    words = [str(word) for option in options.items() for word in option]
    children.start(
        "exchange", [sys.executable, "-m", "kalshi_assets.local_exchange", *words], environ
    )
    children.wait_for(ready.exists, what="the start of the local exchange", seconds=START_SECONDS)
    told = json.loads(ready.read_text())
    clock = VenueClock(
        parse_instant(told["venue_at"]), parse_instant(told["wall_at"]), float(told["speed"])
    )
    return Exchange(told["url"], clock)


def local_settings(settings: Settings, home: Home, *, url: str, exchange: Exchange) -> Settings:
    """Return the settings of the venue `local`, for this exchange and database."""
    return load_settings(
        **settings.model_dump(exclude={"venue", "database_url", "api_url", "venue_clock"})
        | {
            "venue": "local",
            "database_url": url,
            "api_url": exchange.url,
            "api_key_id": LOCAL_KEY_ID,
            "private_key_path": home.local_key(),
            "venue_clock": str(exchange.clock),
        }
    )


def prepare_database(settings: Settings) -> Database:
    """Migrate the database and check that it is this installation's."""
    if settings.database_url is None:
        raise ConfigurationError("KALSHI_DATABASE_URL is not set")
    database = Database(settings.database_url.get_secret_value())
    clock = VenueClock.parse(settings.venue_clock)
    prepare(database, identity=settings.identity, now=clock.now())
    return database


def child_environment(settings: Settings, home: Home) -> dict[str, str]:
    """Return the environment that gives Dagster's processes these settings and this database."""
    return environment(settings, QUIET | dagster_variables(settings, home))


def dagster_variables(settings: Settings, home: Home) -> dict[str, str]:
    """Return what dagster.yaml reads."""
    if settings.database_url is None:
        raise ConfigurationError("KALSHI_DATABASE_URL is not set")
    url = settings.database_url.get_secret_value()
    joint = "&" if "?" in url else "?"
    options = quote(f"-c search_path={DAGSTER_SCHEMA}")
    return {
        "DAGSTER_HOME": str(PROJECT),
        "DAGSTER_POSTGRES_URL": f"{url}{joint}options={options}",
        "DAGSTER_ARTIFACTS_DIR": str(home.artifacts.resolve()),
    }


def start_dagster(children: Children, environ: Mapping[str, str]) -> Path:
    """Start code server and daemon; return the workspace file that leads to the code server."""
    port = free_port()
    words = ["api", "grpc", "-m", "kalshi_assets.definitions", "-h", "127.0.0.1", "-p"]
    children.start(
        "code-server",
        [script("dagster"), *words, str(port), "--location-name", "kalshi_assets"],
        environ,
    )
    children.wait_for(
        lambda: is_listening(port), what="the start of the code server", seconds=START_SECONDS
    )
    workspace = children.folder / "workspace.yaml"
    workspace.write_text(
        "load_from:\n  - grpc_server:\n"
        f"      host: 127.0.0.1\n      port: {port}\n      location_name: kalshi_assets\n"
    )
    children.start("daemon", [script("dagster-daemon"), "run", "-w", str(workspace)], environ)
    return workspace


def start_webserver(
    children: Children, environ: Mapping[str, str], *, workspace: Path, port: int
) -> Child:
    """Start the UI, on loopback only: whoever reaches it can launch jobs."""
    words = ["-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    child = children.start("webserver", [script("dagster-webserver"), *words], environ)
    children.wait_for(lambda: is_listening(port), what="the start of the UI", seconds=START_SECONDS)
    return child


@contextmanager
def only_daemon(database: Database) -> Iterator[None]:
    """Hold the database's daemon lock while the block runs.

    Raises:
        ConfigurationError: another start runs a daemon on this database.
    """
    with database.advisory_lock(DAEMON_LOCK) as is_ours:
        if not is_ours:
            raise ConfigurationError(
                f"a daemon of another start works on {database.name}: stop that one, or set "
                "KALSHI_DATABASE_URL to another database"
            )
        yield


def script(name: str) -> str:
    """Return the path of a console script installed beside this Python."""
    found = Path(sysconfig.get_path("scripts")) / name
    if not found.exists():
        raise ConfigurationError(f"{found} is missing: install the project's requirements")
    return str(found)
