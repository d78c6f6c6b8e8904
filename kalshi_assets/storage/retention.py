"""Drops days of ticks that are past retention, each archived first; one that cannot be is kept."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from kalshi_assets.errors import StorageError
from kalshi_assets.storage.archive import (
    archive_day,
    days_to_drop,
    drop_day,
    markets_behind_orders,
    why_kept,
)
from kalshi_assets.storage.engine import Database


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
