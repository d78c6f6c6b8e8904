"""Backups: a database into a file, and back into an empty one, with PostgreSQL's own programs.

The file is of `pg_dump`'s custom format, so that any `pg_restore` reads it. It has everything:
ledger, market data, Dagster's runs. Roles and grants are not restored; the next start makes them.
"""

import os
import re
import subprocess
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, make_url, text

from kalshi_assets.errors import ConfigurationError, StorageError
from kalshi_assets.storage.embedded import binaries
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import DAGSTER_SCHEMA
from kalshi_assets.storage.schema import SCHEMA
from kalshi_assets.storage.trading_state import halt

RESTORED = "a backup was restored: what happened since it was made is not in this database"


def dump(url: str, target: Path) -> None:
    """Write a database to a new file, which only this user can read; it may be in use meanwhile.

    Raises:
        ConfigurationError: the file is there already, or cannot be made.
        StorageError: `pg_dump` failed; then there is no file.
    """
    try:
        target.touch(mode=0o600, exist_ok=False)
    except OSError as exc:
        raise ConfigurationError(f"{target} cannot be made: {exc.strerror}") from exc
    try:
        _run("pg_dump", "--format=custom", f"--file={target}", "--no-password", url=url)
    except BaseException:
        target.unlink()
        raise


def name_in(source: Path) -> str:
    """Return the name of the database that a backup was made of.

    Raises:
        ConfigurationError: the file is no such backup.
    """
    try:
        listing = _run("pg_restore", "--list", str(source))
    except StorageError as exc:
        raise ConfigurationError(f"{source} is no backup: {exc}") from exc
    found = re.search(r"^; +dbname: (\S+)$", listing, re.MULTILINE)
    if found is None:
        raise ConfigurationError(f"{source} does not say which database it was made of")
    return found[1]


def restore(url: str, source: Path, *, at: datetime, by: str) -> None:
    """Bring a backup into an empty database, halted: it does not know what was ordered since.

    Args:
        url: of the database.
        source: the backup.
        at: venue time.
        by: who restores.

    Raises:
        ConfigurationError: the database holds data of ours already.
        StorageError: it gives no answer, or `pg_restore` failed, or what it holds cannot be halted;
            then nothing was changed.
    """
    _require_empty(url)
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--no-password")
    plain = _without_password(url)
    _run("pg_restore", *options, f"--dbname={plain}", str(source), url=url)
    database = Database(url)
    try:
        _halt_or_undo(database, at=at, by=by)
    finally:
        database.dispose()


def _halt_or_undo(database: Database, *, at: datetime, by: str) -> None:
    try:
        with database.transaction() as connection:
            halt(connection, "restore", why=RESTORED, at=at, by=by)
    except StorageError:
        with database.transaction() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA}, {DAGSTER_SCHEMA} CASCADE"))
        raise


def _require_empty(url: str) -> None:
    database = Database(url, is_looked_at_only=True)
    try:
        with database.transaction() as connection:
            found = connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA})
    finally:
        database.dispose()
    if found is not None:
        raise ConfigurationError(
            f"{database.name} holds data already, and a backup goes into an empty database only"
        )


def _run(program: str, *words: str, url: str | None = None) -> str:
    """Run a program and return what it printed. A password goes by its environment, not its words.

    Raises:
        StorageError: it failed.
    """
    environ, command = dict(os.environ), [str(binaries.locate().program(program)), *words]
    if url is not None:
        environ["PGPASSWORD"] = make_url(url).password or environ.get("PGPASSWORD", "")
        if program == "pg_dump":
            command.append(_without_password(url))
    done = subprocess.run(  # noqa: S603  a program of ours, and no shell
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StorageError(f"{program} failed: {done.stderr.strip()}")
    return done.stdout


def _without_password(url: str) -> str:
    """Return the URL as PostgreSQL's programs read it."""
    given = make_url(url)
    plain = URL.create(
        "postgresql",
        username=given.username,
        host=given.host,
        port=given.port,
        database=given.database,
        query=given.query,
    )
    return plain.render_as_string()
