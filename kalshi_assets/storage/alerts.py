"""Alerts: raised inside the transaction of what happened, sent later, every try on record.

An alert is kept and committed with the change it tells of, or rolled back with it. Nothing here
knows a channel's address.
"""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, exc, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql

from kalshi_assets.settings import AlertKind
from kalshi_assets.storage.schema import alert_deliveries, alerts

# A message older than this, wall time, is history: it is no longer sent.
TOO_OLD = timedelta(days=1)
# So long, wall time, what is over can be read here.
KEPT_FOR = timedelta(days=90)
LONGEST_TEXT = 1_000
OVER_AT_ONCE: tuple[AlertKind, ...] = ("order_filled", "weekly_review")
_CREDENTIALS = re.compile(r"://[^/\s@]+@")
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Alert:
    """A row of `alerts`: what happened, why, what was done about it, and what to do."""

    alert_id: int
    raised_at: datetime
    kind: str
    cause: str
    what: str
    why: str
    done: str
    todo: str


@dataclass(frozen=True)
class Waiting:
    """An alert that a channel has not taken yet, after so many tries."""

    alert: Alert
    channel: str
    attempts: int


@dataclass(frozen=True)
class Delivery:
    """A try to send an alert; `detail` says in our words what went wrong."""

    alert_id: int
    channel: str
    attempt: int
    at: datetime
    is_ok: bool
    detail: str


def raise_alert(
    connection: Connection,
    *,
    kind: AlertKind,
    cause: str,
    what: str,
    why: str,
    done: str,
    todo: str,
    at: datetime,
) -> bool:
    """Raise an alert with the caller's transaction; False where one of this cause is open.

    Where another transaction is just raising the same cause, this waits for its end: if that one is
    rolled back, this one counts. What the database refuses here is logged and undone alone: the
    caller's transaction, a halt for instance, goes on.
    """
    if connection.scalar(_open(cause).limit(1)) is not None:
        return False
    texts = {"what": what, "why": why, "done": done, "todo": todo}
    row = {name: _clean(text) for name, text in texts.items()}
    statement = postgresql.insert(alerts).values(raised_at=at, kind=kind, cause=cause, **row)
    once = statement.on_conflict_do_nothing(
        index_elements=[alerts.c.cause], index_where=alerts.c.settled_at.is_(None)
    )
    try:
        with connection.begin_nested():
            return connection.scalar(once.returning(alerts.c.alert_id)) is not None
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        _logger.error("the alert on %s could not be kept: %s", cause, type(error.orig).__name__)
        return False


def settle_cause(connection: Connection, cause: str, *, at: datetime) -> bool:
    """Note that a cause is over: from now on it alerts anew. False where none was open."""
    found = connection.scalar(_open(cause).limit(1))
    if found is None:
        return False
    connection.execute(
        update(alerts)
        .where(alerts.c.alert_id == found, alerts.c.settled_at.is_(None))
        .values(settled_at=at)
    )
    return True


def open_causes(connection: Connection, causes: Collection[str]) -> set[str]:
    """Return which of these causes have alerted and go on."""
    table = alerts.c
    query = select(table.cause).where(table.cause.in_(causes), table.settled_at.is_(None))
    return set(connection.scalars(query)) if causes else set()


def undelivered(
    connection: Connection, *, channels: Sequence[str], kinds: Collection[str]
) -> list[Waiting]:
    """Return what each channel has not taken, the least tried and then the oldest first.

    Kinds that are switched off are not sent, and nothing that is older than `TOO_OLD`.
    """
    is_wanted = alerts.c.recorded_at > func.now() - TOO_OLD, alerts.c.kind.in_(kinds)
    names = [alerts.c[name] for name in Alert.__dataclass_fields__]
    found = [Alert(**row._mapping) for row in connection.execute(select(*names).where(*is_wanted))]
    tried, taken = alert_deliveries, set()
    attempts: dict[tuple[int, str], int] = {}
    query = select(
        tried.c.alert_id, tried.c.channel, func.max(tried.c.attempt), func.bool_or(tried.c.is_ok)
    ).join(alerts)
    grouped = query.where(*is_wanted).group_by(tried.c.alert_id, tried.c.channel)
    for alert_id, channel, attempt, is_ok in connection.execute(grouped):
        attempts[alert_id, channel] = attempt
        if is_ok:
            taken.add((alert_id, channel))
    waiting = [
        Waiting(alert, channel, attempts.get((alert.alert_id, channel), 0))
        for alert in found
        for channel in channels
        if (alert.alert_id, channel) not in taken
    ]
    return sorted(waiting, key=lambda w: (w.attempts, w.alert.alert_id))


def save_delivery(connection: Connection, delivery: Delivery) -> None:
    """Record a try. It is never changed."""
    connection.execute(insert(alert_deliveries).values(vars(delivery)))


def delivery_health(connection: Connection, *, since: datetime) -> list[Delivery]:
    """Return each channel's newest try since a moment of the wall clock, by channel."""
    table = alert_deliveries
    query = (
        select(table)
        .distinct(table.c.channel)
        .where(table.c.at >= since)
        .order_by(table.c.channel, table.c.at.desc(), table.c.alert_id.desc())
    )
    return [Delivery(**row._mapping) for row in connection.execute(query)]


def drop_old_alerts(connection: Connection) -> int:
    """Drop alerts of 90 days ago and earlier, and the tries to send them; return how many.

    One whose cause goes on stays: without it the cause would alert anew. A fill is over at once,
    and so is a week.
    """
    is_over = or_(alerts.c.settled_at.is_not(None), alerts.c.kind.in_(OVER_AT_ONCE))
    old = select(alerts.c.alert_id).where(alerts.c.recorded_at <= func.now() - KEPT_FOR, is_over)
    gone = list(connection.scalars(old))
    for table in (alert_deliveries, alerts):
        connection.execute(delete(table).where(table.c.alert_id.in_(gone)))
    return len(gone)


def _open(cause: str) -> Select[tuple[int]]:
    return select(alerts.c.alert_id).where(alerts.c.cause == cause, alerts.c.settled_at.is_(None))


def _clean(text: str) -> str:
    """Return a text as it may be kept and sent: storable, short, without credentials of a URL."""
    storable = text.replace("\0", "").encode(errors="replace").decode()
    plain = _CREDENTIALS.sub("://***@", storable)
    return plain if len(plain) <= LONGEST_TEXT else f"{plain[: LONGEST_TEXT - 3]}..."
