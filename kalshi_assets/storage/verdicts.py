"""Verdicts of the data checks, feed-wide and by market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from kalshi_assets.risk.inputs import CheckVerdict
from kalshi_assets.storage.alert_causes import alert_on_verdict, cause_of_check
from kalshi_assets.storage.alerts import open_causes
from kalshi_assets.storage.schema import verdicts

# Verdicts that orders rest on, and those that decisions have seen; the newest one of each check.
CITED = """
    SELECT unnest(verdict_ids) FROM kalshi.orders
    UNION SELECT CAST(jsonb_array_elements(inputs -> 'seen' -> 'verdict_ids') AS bigint)
    FROM kalshi.decisions"""
NEWEST = """
    SELECT DISTINCT ON (check_name) verdict_id FROM kalshi.verdicts
    ORDER BY check_name, as_of DESC, verdict_id DESC"""


@dataclass(frozen=True)
class NewVerdict:
    """What one check found at one moment; where it gates orders, its failure alerts."""

    check_name: str
    asset: str
    as_of: datetime
    is_passed: bool
    observed: str
    threshold: str
    markets_checked: Sequence[str]
    markets_failed: Mapping[str, str]
    is_gating: bool = True


def save_verdicts(connection: Connection, rows: Sequence[NewVerdict], *, run_id: str) -> None:
    """Store verdicts, which are never changed; alert where a gating check begins to fail."""
    values = [
        {name: value for name, value in vars(row).items() if name != "is_gating"}
        | {"run_id": run_id}
        for row in rows
    ]
    if values:
        connection.execute(insert(verdicts), values)  # as a list: worked out once a process
    gating = [row for row in rows if row.is_gating]
    alerting = open_causes(connection, [cause_of_check(row.check_name) for row in gating])
    # in one order, so that two savers never wait for each other
    for row in sorted(gating, key=lambda row: row.check_name):
        if not row.is_passed or cause_of_check(row.check_name) in alerting:
            alert_on_verdict(
                connection,
                row.check_name,
                is_passed=row.is_passed,
                observed=row.observed,
                threshold=row.threshold,
                at=row.as_of,
            )


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
