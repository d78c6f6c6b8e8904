"""What `doctor` finds of the database: in sessions that cannot write, on servers that run."""

from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.errors import ConfigurationError, StorageError
from kalshi_assets.runtime.findings import Finding
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import Installation, database_of
from kalshi_assets.settings import Settings
from kalshi_assets.storage.condition import Condition, condition_of
from kalshi_assets.storage.embedded import require_startable, running_server
from kalshi_assets.storage.engine import Database


@dataclass(frozen=True)
class DatabaseFound:
    """The finding, and the newest sign of life of Dagster's daemon, which the database keeps."""

    finding: Finding
    heartbeat_at: datetime | None = None


def database_found(
    home: Home, running: Installation | None, *, given: Settings | None, chosen: Settings
) -> DatabaseFound:
    """Return what was found of the database.

    Args:
        home: where the embedded server is.
        running: what runs here; then it is its database.
        given: this process's settings, where they can be read.
        chosen: the settings everything is looked at with.
    """
    try:
        if running is not None:
            database = database_of(running, home, given=given)
        elif chosen.database_url is not None:
            database = Database(chosen.database_url.get_secret_value(), is_looked_at_only=True)
        else:
            return DatabaseFound(_embedded_at_rest(home))
    except (ConfigurationError, StorageError) as exc:
        return DatabaseFound(_failed(str(exc), "see above; then run doctor again"))
    return _looked_at(database, identity=chosen.identity, is_in_use=running is not None)


def _embedded_at_rest(home: Home) -> Finding:
    """Return whether the next start can start the embedded server."""
    another = "do as it says, or set KALSHI_HOME to another folder to begin with an empty database"
    try:
        address = running_server(home.postgres) if home.postgres.exists() else None
        has_data = require_startable(home.postgres)
    except (ConfigurationError, StorageError) as exc:
        return _failed(str(exc), another)
    if address is not None:
        return _looked_at(Database(address.url, is_looked_at_only=True)).finding
    found = "is usable" if has_data else "is made at the first start"
    place = home.postgres.resolve()
    return Finding(
        "database", "ok", f"not running: the next start starts the embedded one; {place} {found}"
    )


def _looked_at(
    database: Database, *, identity: str | None = None, is_in_use: bool = False
) -> DatabaseFound:
    """Return the finding on a server that should answer; without an identity, on it alone."""
    try:
        condition = condition_of(database)
    except StorageError as exc:
        remedy = "start that server, or correct KALSHI_DATABASE_URL"
        return DatabaseFound(_failed(str(exc), remedy))
    finally:
        database.dispose()
    name = f"{database.name}, PostgreSQL {condition.server}"
    finding = _server(name, condition)
    if finding.state == "ok" and identity is not None:
        finding = _schema(name, condition, is_in_use=is_in_use) or _data(name, condition, identity)
    return DatabaseFound(finding, condition.heartbeat_at)


def _server(name: str, condition: Condition) -> Finding:
    if not condition.is_server_new_enough:
        return _failed(f"{name}: 15 or newer is needed", "use a newer server, or the embedded one")
    return Finding("database", "ok", f"{name} answers")


def _schema(name: str, condition: Condition, *, is_in_use: bool) -> Finding | None:
    """Return what is wrong with the schema; None where it is of this version."""
    revision, newest = condition.revision, condition.newest_revision
    if revision == newest:
        return None
    if revision is None and condition.has_tables:
        remedy = "restore it from a backup, or use another database"
        return _failed(f"{name}: tables without a revision, half migrated", remedy)
    if revision is None:
        return Finding("database", "ok", f"{name} answers; empty, the next start makes the tables")
    if revision not in condition.known_revisions:
        remedy = "install the version that wrote it, or use another database"
        return _failed(f"{name}: schema {revision} is unknown to this version", remedy)
    found = f"{name}: schema {revision}, this version works with {newest}"
    if is_in_use:
        return _failed(found, "stop what runs here and start it again: a start migrates it")
    remedy = "back it up; the next start migrates it"
    return Finding("database", "warning", found, remedy)


def _data(name: str, condition: Condition, identity: str) -> Finding:
    if condition.identity not in (None, identity):
        found = f"{name} holds the data of {condition.identity!r}, not of {identity!r}"
        return _failed(found, "set KALSHI_DATABASE_URL to another database, or KALSHI_VENUE back")
    return Finding(
        "database", "ok", f"{name}, schema {condition.revision}, data of {condition.identity}"
    )


def _failed(found: str, remedy: str) -> Finding:
    return Finding("database", "failed", found, remedy)
