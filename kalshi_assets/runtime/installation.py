"""What runs here: a start writes it down, other commands read it and find the very same database.

The file holds no secret: of the database only the name, of a key only its id and path. It says that
something runs only as long as the process that wrote it lives.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from os import getpid
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from kalshi_assets.domain.clock import parse_instant
from kalshi_assets.errors import DatabaseMismatch, DatabaseUnavailable, ProcessError
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import is_alive
from kalshi_assets.settings import PREFIX, Settings, as_variables, load_settings
from kalshi_assets.storage.embedded import ProcessMark, ServerAddress, running_server
from kalshi_assets.storage.embedded.folder import write_whole
from kalshi_assets.storage.engine import Database

_FILE = "installation.json"


@dataclass(frozen=True)
class Installation:
    """A running installation, as its owner described it.

    Attributes:
        owner: the process that started everything and ends it.
        started_at: wall time.
        database: the name of the database on its server.
        is_embedded: the server is the embedded one of this home.
        port: of the UI; None where there is none.
        variables: the settings it works with, without secrets.
    """

    owner: ProcessMark
    started_at: datetime
    database: str
    is_embedded: bool
    port: int | None
    variables: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """Return the settings it works with, whatever this process's environment says.

        Raises:
            ConfigurationError: another version of this program started it.
        """
        unset = {n: None for n, field in Settings.model_fields.items() if field.default is None}
        told = {k.removeprefix(PREFIX).lower(): value for k, value in self.variables.items()}
        return load_settings(env=self.variables, _env_file=None, **unset | told)


@contextmanager
def described(
    settings: Settings, home: Home, *, port: int | None, started_at: datetime
) -> Iterator[None]:
    """Leave a description of this start in the run folder while the block runs.

    Raises:
        ProcessError: this process cannot be told from others.
    """
    owner = ProcessMark.of(getpid())
    if owner is None:
        raise ProcessError(f"the start time of process {getpid()} cannot be read")
    url = "" if settings.database_url is None else settings.database_url.get_secret_value()
    facts = {
        "owner": asdict(owner),
        "started_at": started_at.isoformat(),
        "database": Database(url).dbname,
        "is_embedded": _is_on(_server(home), url),
        "port": port,
        "variables": public_variables(settings),
    }
    write_whole(description_of(home), json.dumps(facts))
    try:
        yield
    finally:
        description_of(home).unlink(missing_ok=True)


def description_of(home: Home) -> Path:
    """Return the path of the file that describes what runs."""
    return home.run / _FILE


def running_installation(home: Home) -> Installation | None:
    """Return what runs on this home; None where nothing does. Nothing is made or changed."""
    try:
        facts = json.loads((run_folder(home) / _FILE).read_text())
        facts["owner"] = ProcessMark(**facts["owner"])
        facts["started_at"] = parse_instant(facts["started_at"])
        found = Installation(**facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if is_alive(found.owner) else None


def run_folder(home: Home) -> Path:
    """Return the run folder, which may not exist."""
    return home.path / "run"


def database_of(installation: Installation, home: Home, *, given: Settings | None) -> Database:
    """Return the database that an installation works on, to be looked at only.

    Args:
        installation: the one that runs.
        home: where its embedded server is.
        given: this process's settings; they lead to an external database.

    Raises:
        StorageError: the way to it is not known, or its embedded server does not run.
        ConfigurationError: KALSHI_DATABASE_URL is none of a database.
    """
    if installation.is_embedded:
        address = _server(home)
        if address is None:
            raise DatabaseUnavailable(
                f"the embedded server in {home.postgres} does not run, though its owner, process "
                f"{installation.owner.pid}, does: stop that one and start again"
            )
        url = address.with_database(installation.database)
        return Database(url, is_looked_at_only=True)
    return _external(installation, given)


def _external(installation: Installation, given: Settings | None) -> Database:
    if given is None or given.database_url is None:
        raise DatabaseUnavailable(
            f"what runs here works on the external database {installation.database!r}: set "
            "KALSHI_DATABASE_URL as it was set there"
        )
    database = Database(given.database_url.get_secret_value(), is_looked_at_only=True)
    if database.dbname != installation.database:
        raise DatabaseMismatch(
            f"KALSHI_DATABASE_URL leads to {database.dbname!r}, what runs here works on "
            f"{installation.database!r}: set it as it was set there"
        )
    return database


def public_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that may be written down: no secrets, and paths from the root."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    paths = {n: value.resolve() for n, value in values.items() if isinstance(value, Path)}
    variables = as_variables(settings.model_copy(update=paths))
    secret = {f"{PREFIX}{n.upper()}" for n, v in values.items() if isinstance(v, SecretStr)}
    return {key: value for key, value in variables.items() if key not in secret}


def _server(home: Home) -> ServerAddress | None:
    return running_server(home.postgres) if home.postgres.exists() else None


def _is_on(server: ServerAddress | None, url: str) -> bool:
    return server is not None and urlsplit(server.url).netloc == urlsplit(url).netloc
