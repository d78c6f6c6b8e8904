"""Drops days of ticks that are past retention, each archived first; one that cannot be is kept.

What tells of these ticks goes with them: verdicts, polls, gaps, payloads nobody could read, books.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from kalshi_assets.domain.calendar import VENUE_TIMEZONE, day_bounds, venue_day
from kalshi_assets.errors import StorageError
from kalshi_assets.storage.archive import (
    archive_day,
    days_to_drop,
    drop_day,
    markets_behind_orders,
    why_kept,
)
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.evidence import CHECK as RECONCILED
from kalshi_assets.storage.verdicts import CITED, NEWEST


@dataclass(frozen=True)
class Outcome:
    """What became of a day: `rows` archived, or the problem for which it stays."""

    day: date
    rows: int
    problem: str | None = None


@dataclass(frozen=True)
class Retention:
    """How long ticks stay, and what is kept of them in files.

    Attributes:
        days: so many days before today stay.
        folder: of the archives.
        is_whole_day: all of a day is archived; else the days of the markets behind orders only.
        window_days: how far back an order's average looks.
    """

    days: int
    folder: Path
    is_whole_day: bool
    window_days: int


def drop_old_days(database: Database, now: datetime, rules: Retention) -> list[Outcome]:
    """Archive and drop every day past retention, oldest first; `now` is the venue's moment."""
    with database.transaction() as connection:
        days = days_to_drop(connection, now, retention_days=rules.days)
    outcomes = []
    for day in days:
        try:
            outcomes.append(Outcome(day, _archive_and_drop(database, day, rules, now=now)))
        except StorageError as exc:
            outcomes.append(Outcome(day, 0, str(exc)))
    return outcomes


def _archive_and_drop(database: Database, day: date, rules: Retention, *, now: datetime) -> int:
    with database.transaction() as connection:
        if problem := why_kept(connection, day):
            raise StorageError(problem)
        behind = markets_behind_orders(connection, day, window_days=rules.window_days)
        markets = None if rules.is_whole_day else behind
        archived = archive_day(connection, day, rules.folder, markets=markets, now=now)
    with database.transaction() as connection:
        drop_day(connection, day, now=now)
    return sum(one.rows for one in archived)


# What tells of the ticks of a time and is of no use without them. What stays is what the ledger
# rests on, what arming asks for, and the newest word on anything.
_FORGET = {
    "verdicts": f"""
        DELETE FROM kalshi.verdicts WHERE as_of < :before
        AND verdict_id NOT IN ({CITED}) AND verdict_id NOT IN ({NEWEST})
        AND verdict_id NOT IN (
            SELECT DISTINCT ON (CAST(timezone(:zone, as_of) AS date)) verdict_id
            FROM kalshi.verdicts WHERE check_name = :reconciled
            ORDER BY CAST(timezone(:zone, as_of) AS date), as_of DESC, verdict_id DESC)""",  # noqa: S608  ours
    "polls": """
        DELETE FROM kalshi.polls
        WHERE slot < :before AND slot < (SELECT max(slot) FROM kalshi.polls)""",
    "quarantine": "DELETE FROM kalshi.quarantine WHERE received_at < :before",
    "gaps": "DELETE FROM kalshi.gaps WHERE to_at < :before",
    "live_books": """
        DELETE FROM kalshi.live_books b
        WHERE received_at < :before AND NOT EXISTS (
            SELECT FROM kalshi.markets m WHERE m.ticker = b.market_ticker AND m.is_tracked)""",
}
BESIDE_TICKS = tuple(_FORGET)


def forget_beside_ticks(
    connection: Connection, now: datetime, *, retention_days: int
) -> dict[str, int]:
    """Delete what tells of ticks past retention; return how many rows of each table.

    Where a day past retention is still whole, what tells of it and of all later ones stays.
    """
    first_kept = venue_day(now) - timedelta(days=retention_days)
    whole = days_to_drop(connection, now, retention_days=retention_days)
    before = day_bounds(min([first_kept, *whole]))[0]
    values = {"before": before, "zone": VENUE_TIMEZONE, "reconciled": RECONCILED}
    return {
        table: connection.execute(text(statement), values).rowcount
        for table, statement in _FORGET.items()
    }
