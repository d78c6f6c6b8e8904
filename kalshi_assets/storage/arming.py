"""Who let orders of real money pass, and until when. Rows are only added; the newest counts."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.schema import armings


def armed_until(connection: Connection) -> datetime | None:
    """Return until when, by the wall clock, it is armed; None where it is not, or not any more."""
    newest = select(armings).order_by(armings.c.arming_id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None or row.is_disarm or row.expires_at <= wall_now():
        return None
    until: datetime = row.expires_at
    return until


def arm(connection: Connection, *, until: datetime, by: str, override: str = "") -> None:
    """Let orders pass until a moment of the wall clock."""
    _add(connection, expires_at=until, override=override, is_disarm=False, by=by)


def disarm(connection: Connection, *, by: str) -> None:
    """Let no order pass any more."""
    _add(connection, expires_at=wall_now(), override="", is_disarm=True, by=by)


def _add(connection: Connection, **values: object) -> None:
    connection.execute(insert(armings).values(armed_at=wall_now(), **values))
