"""Verdicts of the data checks, feed-wide and by market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from kalshi_assets.risk.inputs import CheckVerdict
from kalshi_assets.storage.schema import verdicts


@dataclass(frozen=True)
class NewVerdict:
    """What one check found at one moment."""

    check_name: str
    asset: str
    as_of: datetime
    is_passed: bool
    observed: str
    threshold: str
    markets_checked: Sequence[str]
    markets_failed: Mapping[str, str]


def save_verdicts(connection: Connection, rows: Sequence[NewVerdict], *, run_id: str) -> None:
    """Store verdicts. They are never changed."""
    values = [{**vars(row), "run_id": run_id} for row in rows]
    if values:
        connection.execute(insert(verdicts).values(values))


def latest_verdicts(connection: Connection) -> dict[str, CheckVerdict]:
    """Return the newest verdict of each check."""
    query = (
        select(verdicts)
        .distinct(verdicts.c.check_name)
        .order_by(verdicts.c.check_name, verdicts.c.as_of.desc(), verdicts.c.verdict_id.desc())
    )
    return {row.check_name: _verdict(row) for row in connection.execute(query)}


def failed_since(connection: Connection, verdict_id: int) -> list[CheckVerdict]:
    """Return the verdicts after this one that fail for the feed, oldest first."""
    query = (
        select(verdicts)
        .where(verdicts.c.verdict_id > verdict_id, ~verdicts.c.is_passed)
        .order_by(verdicts.c.verdict_id)
    )
    return [_verdict(row) for row in connection.execute(query)]


def _verdict(row: Row[Any]) -> CheckVerdict:
    return CheckVerdict(
        verdict_id=row.verdict_id,
        check_name=row.check_name,
        as_of=row.as_of,
        is_passed=row.is_passed,
        observed=row.observed,
        threshold=row.threshold,
        markets_checked=frozenset(row.markets_checked),
        markets_failed=row.markets_failed,
    )
