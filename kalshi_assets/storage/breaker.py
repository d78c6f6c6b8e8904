"""The breaker's transitions: each one is kept, and the newest of a host is its state.

A breaker that opens halts trading in the same transaction: the third failure in a row, in whichever
process it is seen, is the last one anybody trades on.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or

from kalshi_assets.domain.calls import BreakerTransition
from kalshi_assets.domain.clock import Clock, wall_now
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.schema import breaker_failures, breaker_transitions
from kalshi_assets.storage.trading_state import halt


class StoredBreaker:
    """The state of one host's breaker, shared by all processes that use the database."""

    def __init__(self, database: Database, host: str, *, clock: Clock) -> None:
        self._database = database
        self._host = host
        self._clock = clock

    def newest(self) -> BreakerTransition | None:
        """Return the newest transition; None before the first.

        Raises:
            StorageError: the database gives no answer.
        """
        with self._database.transaction() as connection:
            return newest_transition(connection, self._host)

    def record(
        self, transition: BreakerTransition, *, after: BreakerTransition | None
    ) -> BreakerTransition | None:
        """Add a transition and return it with its number; None where `after` is not the newest.

        Raises:
            StorageError: the database gives no answer.
        """
        with self._database.transaction() as connection:
            connection.execute(
                text("LOCK TABLE kalshi.breaker_transitions IN SHARE ROW EXCLUSIVE MODE")
            )
            newest = newest_transition(connection, self._host)
            if _number(newest) != _number(after):
                return None
            row = {k: v for k, v in vars(transition).items() if k != "number"}
            added = insert(breaker_transitions).values(row)
            number = connection.scalar(added.returning(breaker_transitions.c.transition_id))
            if transition.to_state == "open":
                self._halt(connection, transition.reason)
            return replace(transition, number=number)

    def add_failure(self) -> int:
        """Count one more failed call, and return how many were in a row, in all processes.

        Raises:
            StorageError: the database gives no answer.
        """
        added = insert_or(breaker_failures).values(host=self._host, failures=1, at=wall_now())
        counted = added.on_conflict_do_update(
            index_elements=[breaker_failures.c.host],
            set_={"failures": breaker_failures.c.failures + 1, "at": added.excluded["at"]},
        )
        with self._database.transaction() as connection:
            return int(connection.scalar(counted.returning(breaker_failures.c.failures)) or 0)

    def failures(self) -> int:
        """Return how many calls in a row failed, in all processes.

        Raises:
            StorageError: the database gives no answer.
        """
        query = select(breaker_failures.c.failures).where(breaker_failures.c.host == self._host)
        with self._database.transaction() as connection:
            return int(connection.scalar(query) or 0)

    def end_failures(self) -> None:
        """Note that a call got through: the row of failures is over.

        Raises:
            StorageError: the database gives no answer.
        """
        with self._database.transaction() as connection:
            connection.execute(
                delete(breaker_failures).where(breaker_failures.c.host == self._host)
            )

    def _halt(self, connection: Connection, reason: str) -> None:
        why = f"the exchange does not answer as it should: {reason}"
        halt(connection, "breaker", why=why, at=self._clock.now())


def newest_transition(connection: Connection, host: str) -> BreakerTransition | None:
    """Return the newest transition of a host's breaker; None where it was never open."""
    table = breaker_transitions
    query = select(table).where(table.c.host == host).order_by(table.c.transition_id.desc())
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else _transition(row)


def _transition(row: Row[Any]) -> BreakerTransition:
    values = dict(row._mapping)
    return BreakerTransition(number=values.pop("transition_id"), **values)


def _number(transition: BreakerTransition | None) -> int | None:
    return None if transition is None else transition.number
