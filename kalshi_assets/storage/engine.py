"""Connections: one engine a process and role, foreign errors translated once, advisory locks.

A database is stamped with its identity (venue and input) at its first use; a start for another
identity is refused, so that paper, demo and live data can never mix.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, exc, make_url, text
from sqlalchemy import Connection as Connection
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from kalshi_assets.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    DiskFull,
    StorageError,
)
from kalshi_assets.storage.shared_engines import leave, shared

# A server that is cut off is given up in a minute, not after the quarter of an hour, or the hours,
# that systems wait by themselves: a sensor would wait as long, and cancel nothing meanwhile.
GIVEN_UP = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
MINIMUM_SERVER = 150_000
RESTED_SECONDS = 1.0
# A run needs one, and two at times; the threads of daemon and code server take more for a moment.
KEPT, MORE = 2, 30
_ORDINARY: dict[str, str | int] = {"options": "-c timezone=UTC", "connect_timeout": 10}
_BRIEF_LOOK: dict[str, str | int] = {
    "options": "-c timezone=UTC -c default_transaction_read_only=on -c statement_timeout=5000",
    "connect_timeout": 5,
}
ORDER_LOCK, DAEMON_LOCK, MIGRATION_LOCK = 715_001, 715_002, 715_003
ALERT_LOCK = 715_009
FEED_LOCK = 715_012
IMPORT_LOCK = 715_020
DAGSTER_TABLES_LOCK = 715_021


class Database:
    """One Postgres database. Nothing is connected until first use.

    Args:
        url: `postgresql://…`, any driver suffix is replaced by ours.
        is_looked_at_only: sessions cannot write, and nothing is waited for longer than 5 s.
        role: what the sessions act as; by default the user of the URL.

    Raises:
        ConfigurationError: not such a URL. The message does not show it: it may hold a password.
    """

    def __init__(
        self, url: str, *, is_looked_at_only: bool = False, role: str | None = None
    ) -> None:
        self._url = _parsed(url).set(drivername="postgresql+psycopg")
        self._session = dict(_BRIEF_LOOK if is_looked_at_only else _ORDINARY)
        if role is not None:
            self._session["options"] = f"{self._session['options']} -c role={role}"

    def __repr__(self) -> str:
        return f"Database({self.name})"

    @property
    def name(self) -> str:
        """Return host, port and database name, without the password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def url(self) -> str:
        """Return the whole URL: it holds the password."""
        return self._url.render_as_string(hide_password=False)

    @property
    def plain_url(self) -> str:
        """Return the whole URL without a driver: with ours named, Dagster would use it and fail."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def dbname(self) -> str:
        """Return the name of the database on its server."""
        return self._url.database or ""

    @cached_property
    def engine(self) -> Engine:
        """Return the engine, which others of this process may share; sessions speak UTC."""
        make = partial(pooled_engine, self._url, connect_args=self._session)
        return shared(self, (self._url, *sorted(self._session.items())), make)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose work is committed as one, or not at all.

        Raises:
            StorageError: what the database refused, as one of its kinds.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except exc.DBAPIError as error:
            raise translated(error.orig, self.name) from error
        except psycopg.Error as error:  # of a COPY, which bypasses SQLAlchemy
            raise translated(error, self.name) from error

    @contextmanager
    def advisory_lock(self, key: int) -> Iterator[bool]:
        """Yield whether this session holds the lock `key` while the block runs.

        The lock is the session's: it is gone with the process, however that ends. The session is
        not left inside a transaction: servers that end idle transactions would take the lock away.
        """
        with self.locking_session(key) as session:
            yield session is not None

    @contextmanager
    def locking_session(self, key: int) -> Iterator[int | None]:
        """Yield the socket of the session that holds the lock `key`, None where another does.

        As long as the socket is open, in whatever program, the session lives and holds it.
        """
        with self._autocommitting() as connection:
            held = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}))
            unlock = text("SELECT pg_advisory_unlock(:key)")
            try:
                yield _socket_of(connection) if held else None
            except BaseException:
                # Where the session is lost, its locks are: what went wrong before says more.
                with suppress(exc.DBAPIError):
                    if held:
                        connection.execute(unlock, {"key": key})
                raise
            if held:
                connection.execute(unlock, {"key": key})

    @contextmanager
    def _autocommitting(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection.execution_options(isolation_level="AUTOCOMMIT")
        except exc.DBAPIError as error:
            raise translated(error.orig, self.name) from error

    def dispose(self) -> None:
        """Close all connections that nobody else of this process may use."""
        if "engine" in self.__dict__:
            leave(self, self.__dict__.pop("engine"))


@contextmanager
def joined_as_sets(connection: Connection) -> Iterator[None]:
    """Let the server join whole sets meanwhile, and look no row up for each row of another.

    For the newest ticks: its statistics are older than they, so it expects one where thousands are.
    """
    connection.execute(text("SET LOCAL enable_nestloop = off"))
    yield
    connection.execute(text("SET LOCAL enable_nestloop = on"))


def pooled_engine(url: URL | str, **options: Any) -> Engine:
    """Make an engine that keeps connections, and tries one that has rested before it hands it out.

    The server may have been started anew meanwhile: then it connects anew. One that was in use a
    moment ago needs no trial: every second statement of a run would be one. What the URL says of a
    server that is cut off stands.
    """
    url = make_url(url)
    given_up = {name: value for name, value in GIVEN_UP.items() if name not in url.query}
    engine = create_engine(
        url,
        connect_args=given_up | options.pop("connect_args", {}),
        poolclass=QueuePool,
        pool_size=KEPT,
        max_overflow=MORE,
        pool_use_lifo=True,
        **options,
    )

    @event.listens_for(engine, "checkin")
    def _note(_dbapi: object, record: ConnectionPoolEntry) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def _try(dbapi: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        since = record.info.get("rests_since")
        if since is None or monotonic() - since < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(dbapi)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool throws its resting connections away, and connects anew.
            raise exc.InvalidatePoolError(str(error)) from error

    return engine


def use_driver_once() -> None:
    """Let the driver's libraries do what each process has to do once, without a connection.

    OpenSSL lists what it can when it is used first, as for the hash of a password: six megabytes
    and some milliseconds that those forked of this process need not spend themselves.
    """
    nobody = psycopg.pq.PGconn.connect(b"host=/nowhere")
    nobody.encrypt_password(b"", b"", b"scram-sha-256")
    nobody.finish()


def _socket_of(connection: Connection) -> int:
    session = connection.connection.driver_connection
    assert isinstance(session, psycopg.Connection)  # noqa: S101  the engine is made for psycopg
    return session.fileno()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise ConfigurationError(
            "KALSHI_DATABASE_URL is no URL: write postgresql://user:password@host:5432/name"
        ) from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            f"KALSHI_DATABASE_URL is for {parsed.get_backend_name()}: "
            "write postgresql://user:password@host:5432/name"
        )
    return parsed


def translated(error: BaseException | None, name: str) -> StorageError:
    """Return our error for one of the driver's."""
    if isinstance(error, psycopg.errors.DiskFull):
        return DiskFull(f"no room left on the disk of {name}: free some, then start again")
    if isinstance(error, psycopg.errors.UniqueViolation):
        return StorageError(f"{name} holds this row already: {_first_line(error)}")
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailable(f"{name} does not answer: {_first_line(error)}")
    return StorageError(f"{name} refused: {_first_line(error)}")


def _first_line(error: BaseException | None) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
