"""Bring a database to the schema of this version, or say why it cannot be done.

All pending migrations run in one transaction: a crash leaves the schema as it was.
"""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import errors, sql
from sqlalchemy import Connection, make_url, text
from sqlalchemy.dialects.postgresql import insert

from kalshi_assets.errors import DatabaseMismatch, MigrationError
from kalshi_assets.storage.engine import MIGRATION_LOCK, MINIMUM_SERVER, Database, translated
from kalshi_assets.storage.roles import grant_trading
from kalshi_assets.storage.schema import SCHEMA, installation

DAGSTER_SCHEMA = "dagster"


def create_database(server_url: str, name: str) -> str:
    """Create a database on a server where it is missing, and return its URL."""
    url = make_url(server_url).set(drivername="postgresql")
    plain = url.render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, autocommit=True, connect_timeout=10) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is None:
                # Another process may have been quicker: then it is there, as wanted.
                with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as exc:
        raise translated(exc, url.render_as_string(hide_password=True)) from exc
    return url.set(database=name).render_as_string(hide_password=False)


def prepare(database: Database, *, identity: str, now: datetime) -> None:
    """Migrate our schema, make Dagster's, and check the identity stamp.

    Raises:
        DatabaseMismatch: server older than 15, data of another venue or input, or no role for
            trading.
        MigrationError: a schema this version does not know, or one half made.
    """
    with database.transaction() as connection:
        _require_server(connection, database.name)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {DAGSTER_SCHEMA}"))
        _require_known_revision(connection, database.name)
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        grant_trading(connection, database.name)
        _stamp(connection, database.name, identity=identity, now=now)


def alembic_config() -> Config:
    """Return Alembic's configuration: scripts beside this module."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def newest_revision() -> str:
    """Return the revision that this version's schema has."""
    return str(ScriptDirectory.from_config(alembic_config()).get_current_head())


def _require_server(connection: Connection, name: str) -> None:
    version = int(connection.scalar(text("SHOW server_version_num")) or 0)
    if version < MINIMUM_SERVER:
        raise DatabaseMismatch(
            f"{name} is PostgreSQL {version // 10_000}: version 15 or newer is needed"
        )


def _require_known_revision(connection: Connection, name: str) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    current = context.get_current_revision()
    known = {
        script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()
    }
    if current is not None and current not in known:
        raise MigrationError(
            f"schema {SCHEMA} of {name} is at revision {current}, unknown to this version: "
            "install the version that wrote it, or use another database"
        )
    if current is None and _has_tables(connection):
        raise MigrationError(
            f"schema {SCHEMA} of {name} has tables but no revision, a migration was left half "
            "done: restore it from a backup, or use another database"
        )


def _has_tables(connection: Connection) -> bool:
    query = text("SELECT count(*) FROM pg_tables WHERE schemaname = :s AND tablename <> :v")
    return bool(connection.scalar(query, {"s": SCHEMA, "v": "alembic_version"}))


def _stamp(connection: Connection, name: str, *, identity: str, now: datetime) -> None:
    found = connection.scalar(installation.select().with_only_columns(installation.c.identity))
    if found is None:
        connection.execute(insert(installation).values(identity=identity, created_at=now))
    elif found != identity:
        raise DatabaseMismatch(
            f"{name} holds the data of {found!r}, this start is for {identity!r}: "
            "set KALSHI_DATABASE_URL to another database"
        )
