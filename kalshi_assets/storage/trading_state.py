"""Whether this installation may trade: ACTIVE, REDUCING or HALTED, seen by every process.

Every change is kept. Whoever halts only adds a row; nothing here leads out of a halt but the row
that `kalshi-assets resume` adds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Row, insert, select, text

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.alert_causes import alert_on_halt
from kalshi_assets.storage.schema import trading_state as table

State = Literal["active", "reducing", "halted"]
# Two processes that change the state wait for each other: of one cause there is one halt.
STATE_LOCK = 715_013


@dataclass(frozen=True)
class TradingState:
    """A row of `trading_state`.

    Attributes:
        changed_at: by the venue's clock; `changed_wall_at` by the wall.
        cause: what changed it, in a word, as `breaker`, `daily_loss`, `command`, `ledger_mismatch`.
        reason: the same in a sentence.
        changed_by: the process or person, where it is known.
    """

    state: State
    changed_at: datetime
    changed_wall_at: datetime
    cause: str
    reason: str
    changed_by: str


def current_state(connection: Connection) -> State:
    """Return the state; an installation starts active."""
    newest = newest_change(connection)
    return "active" if newest is None else newest.state


def lock_state(connection: Connection) -> None:
    """Keep everybody else from changing the state until this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STATE_LOCK})


def held_state(connection: Connection) -> State:
    """Return the state, and keep it from changing until this transaction ends.

    An intent is committed under it: a halt comes before the intent, which is then not sent, or
    after it, and finds it in the ledger to be cancelled.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": STATE_LOCK})
    return current_state(connection)


def newest_change(connection: Connection) -> TradingState | None:
    """Return the newest change; None before the first."""
    row = connection.execute(select(table).order_by(table.c.state_id.desc()).limit(1)).first()
    return None if row is None else _of(row)


def change_state(
    connection: Connection, state: State, *, cause: str, why: str, at: datetime, by: str = ""
) -> bool:
    """Change the state, and tell whether that was a change: nothing is written where it was not.

    A halt of another cause than the present one is written too: both have to be looked at.
    """
    lock_state(connection)
    newest = newest_change(connection)
    before, because = ("active", "") if newest is None else (newest.state, newest.cause)
    if before == state and (state != "halted" or because == cause):
        return False
    if before == "halted" and state == "reducing":
        return False  # a halt is only ended by `resume`
    connection.execute(
        insert(table).values(
            state=state,
            changed_at=at,
            changed_wall_at=wall_now(),
            cause=cause,
            reason=why,
            changed_by=by,
        )
    )
    return True


def halt(connection: Connection, cause: str, *, why: str, at: datetime, by: str = "") -> bool:
    """Halt trading for a cause and alert, in one; False where it was halted for it before."""
    if not change_state(connection, "halted", cause=cause, why=why, at=at, by=by):
        return False
    alert_on_halt(connection, cause, why=why, at=at)
    return True


def halts_since_active(connection: Connection) -> list[TradingState]:
    """Return the halts, oldest first, that no `active` has followed."""
    last = select(table.c.state_id).where(table.c.state == "active")
    newest_active = connection.scalar(last.order_by(table.c.state_id.desc()).limit(1)) or 0
    query = select(table).where(table.c.state_id > newest_active, table.c.state == "halted")
    return [_of(row) for row in connection.execute(query.order_by(table.c.state_id))]


def _of(row: Row[tuple[object, ...]]) -> TradingState:
    values = dict(row._mapping)
    values.pop("state_id")
    return TradingState(**values)
