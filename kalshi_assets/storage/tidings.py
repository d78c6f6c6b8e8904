"""What is told to those who wait: a NOTIFY when it happens, a count for whoever did not hear it.

And which sensor has asked for a run of it: two that wait for the same must not both ask.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from selectors import EVENT_READ, DefaultSelector
from threading import Event
from time import monotonic

import psycopg
from psycopg import sql
from sqlalchemy import Connection, and_, select, text
from sqlalchemy.dialects.postgresql import insert

from kalshi_assets.storage.engine import Database, translated
from kalshi_assets.storage.schema import run_claims, tidings

# New ticks of the feed; its news of markets; signals made of this moment.
TICKS_CHANNEL = "kalshi_ticks"
MARKETS_CHANNEL = "kalshi_markets"
SIGNALS_CHANNEL = "kalshi_signals"
# Whoever waits ends at once: what they serve is being stopped.
STOP_CHANNEL = "kalshi_stop"
# Whoever waits in this process ends soon, and from now on: it ends, and waits for them.
ENDING = Event()


def tell(connection: Connection, channel: str) -> None:
    """Count one more on a channel, and wake those who listen when the transaction has ended."""
    row = insert(tidings).values(name=channel, count=1)
    counted = {"count": tidings.c.count + 1}
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=counted))
    wake(connection, channel)


def wake(connection: Connection, channel: str) -> None:
    """Wake those who listen on a channel, when the transaction has ended."""
    connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})


def count_of(connection: Connection, channel: str) -> int:
    """Return how often something was told on a channel."""
    return connection.scalar(select(tidings.c.count).where(tidings.c.name == channel)) or 0


@dataclass(frozen=True)
class Claim:
    """A run of a job that was asked for: up to which mark, and when by the wall clock."""

    mark: str
    claimed_wall_at: datetime


def newest_claim(connection: Connection, job: str) -> Claim | None:
    """Return what a run of a job was asked for last."""
    query = select(run_claims.c.mark, run_claims.c.claimed_wall_at).where(run_claims.c.job == job)
    row = connection.execute(query).one_or_none()
    return None if row is None else Claim(row.mark, row.claimed_wall_at)


def claim_run(connection: Connection, job: str, new: Claim, *, instead_of: Claim | None) -> bool:
    """Claim to ask for a run of a job; False: somebody was faster.

    Args:
        connection: the claim holds from its commit on.
        job: the job's name.
        new: what the run is about.
        instead_of: the claim that was seen when this was decided; None where none was.
    """
    row = {"job": job, **vars(new)}
    seen = {"mark": "", "claimed_wall_at": new.claimed_wall_at} | (
        {} if instead_of is None else vars(instead_of)
    )
    is_as_seen = and_(*(run_claims.c[name] == value for name, value in seen.items()))
    made = insert(run_claims).values(row)
    made = made.on_conflict_do_update(index_elements=["job"], set_=row, where=is_as_seen)
    return connection.scalar(made.returning(run_claims.c.job)) is not None


class Listening:
    """A session that listens on channels; what was told since it began is not missed."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._told = deque[str]()

    def wait(self, seconds: float) -> str | None:
        """Wait for something to be told, and return on which channel; None: nothing was.

        The driver's own way to wait wakes ten times a second, to look for signals of the process.

        Raises:
            StorageError: the database has gone.
        """
        deadline = monotonic() + seconds
        try:
            self._hear()
            while not self._told and self._is_spoken_to(deadline - monotonic()):
                self._hear()
        except psycopg.Error as exc:
            raise translated(exc, "the database") from exc
        return self._told.popleft() if self._told else None

    def _hear(self) -> None:
        self._told.extend(told.channel for told in self._connection.notifies(timeout=0))

    def _is_spoken_to(self, seconds: float) -> bool:
        """Wait until the server sends something, or closes the connection."""
        with DefaultSelector() as selector:
            selector.register(self._connection.fileno(), EVENT_READ)
            return bool(selector.select(max(0.0, seconds)))


@contextmanager
def listening(database: Database, channels: Sequence[str]) -> Iterator[Listening]:
    """Listen on channels while the block runs, on a connection of its own.

    Raises:
        StorageError: the database gives no answer.
    """
    try:
        with psycopg.connect(database.plain_url, autocommit=True, connect_timeout=10) as connection:
            for channel in channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            yield Listening(connection)
    except psycopg.Error as exc:
        raise translated(exc, database.name) from exc
