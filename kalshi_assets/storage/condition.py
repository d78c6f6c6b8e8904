"""What a database is and whether this version can work with it: read, never changed."""

from dataclasses import dataclass
from datetime import UTC, datetime

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from kalshi_assets.storage.engine import MINIMUM_SERVER, Database
from kalshi_assets.storage.migrate import DAGSTER_SCHEMA, alembic_config
from kalshi_assets.storage.schema import SCHEMA, installation


@dataclass(frozen=True)
class Condition:
    """What was found.

    Attributes:
        server: PostgreSQL's version as it states it.
        revision: of our schema; None where it was never migrated.
        newest_revision: the one this version works with.
        known_revisions: all that this version can migrate from.
        identity: whose data it is, "venue/input"; None where nothing is stamped yet.
        heartbeat_at: the newest sign of life of Dagster's daemon, wall time.
    """

    server: str
    is_server_new_enough: bool
    has_tables: bool
    revision: str | None
    newest_revision: str
    known_revisions: frozenset[str]
    identity: str | None
    heartbeat_at: datetime | None


def condition_of(database: Database) -> Condition:
    """Return what a database is.

    Raises:
        StorageError: it does not answer.
    """
    scripts = ScriptDirectory.from_config(alembic_config())
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
        tables = set(inspect(connection).get_table_names(schema=SCHEMA))
        return Condition(
            server=str(connection.scalar(text("SHOW server_version"))).split()[0],
            is_server_new_enough=_server_number(connection) >= MINIMUM_SERVER,
            has_tables=bool(tables - {"alembic_version"}),
            revision=context.get_current_revision(),
            newest_revision=scripts.get_current_head() or "",
            known_revisions=frozenset(script.revision for script in scripts.walk_revisions()),
            identity=identity_of(connection) if installation.name in tables else None,
            heartbeat_at=_heartbeat(connection),
        )


def identity_of(connection: Connection) -> str | None:
    """Return whose data a migrated database holds, "venue/input"."""
    query = installation.select().with_only_columns(installation.c.identity)
    found: str | None = connection.scalar(query)
    return found


def _server_number(connection: Connection) -> int:
    return int(connection.scalar(text("SHOW server_version_num")) or 0)


def _heartbeat(connection: Connection) -> datetime | None:
    """Return Dagster's newest heartbeat; it keeps them as UTC without a zone."""
    if not inspect(connection).has_table("daemon_heartbeats", schema=DAGSTER_SCHEMA):
        return None
    found: datetime | None = connection.scalar(
        text("SELECT max(timestamp) FROM dagster.daemon_heartbeats")
    )
    return None if found is None else found.replace(tzinfo=UTC)
