"""How a week went: checks, gaps, halts, calls to the exchange, settings that changed."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, func, select

from kalshi_assets.domain.week_inputs import (
    Calls,
    CheckCount,
    SettingChange,
    Stretch,
    outcome_of,
)
from kalshi_assets.storage import schema
from kalshi_assets.storage.gaps import gaps_between

Span = tuple[datetime, datetime]
CODE = "code version"


def checks_of(connection: Connection, span: Span) -> list[CheckCount]:
    """Return how often each check was made for the feed in a span, and how often it failed."""
    row = schema.verdicts.c
    query = (
        select(row.check_name, func.count(), func.count().filter(~row.is_passed))
        .where(row.as_of >= span[0], row.as_of < span[1])
        .group_by(row.check_name)
        .order_by(row.check_name)
    )
    return [CheckCount(*each) for each in connection.execute(query)]


def gaps_of(connection: Connection, span: Span) -> list[Stretch]:
    """Return the gaps of the feed that reach into a span."""
    found = gaps_between(connection, *span)
    return [Stretch(row["from_at"], row["to_at"], row["reason"]) for row in found]


def halts_of(connection: Connection, *, until: datetime) -> list[Stretch]:
    """Return every halt before a moment; one lasts until trading is resumed, whatever its cause."""
    row = schema.trading_state.c
    query = select(row.changed_at, row.state, row.cause).where(row.changed_at < until)
    halts: list[Stretch] = []
    lasting: list[Stretch] = []
    for at, state, cause in connection.execute(query.order_by(row.state_id)):
        if state == "halted":
            lasting.append(Stretch(at, None, cause))
        else:
            halts += [Stretch(halt.begin, at, halt.reason) for halt in lasting]
            lasting = []
    return [*halts, *lasting]


def calls_of(connection: Connection, span: Span) -> list[Calls]:
    """Return the calls of a span by outcome and latency."""
    row = schema.api_calls.c
    query = (
        select(row.status, row.error, row.latency_ms, func.count())
        .where(row.venue_at >= span[0], row.venue_at < span[1])
        .group_by(row.status, row.error, row.latency_ms)
        .order_by(row.status, row.error, row.latency_ms)
    )
    return [
        Calls(outcome_of(status, error), latency, count)
        for status, error, latency, count in connection.execute(query)
    ]


def changes_of(connection: Connection, span: Span) -> list[SettingChange]:
    """Return the settings that changed in a span, the version of the code among them."""
    row = schema.settings_history.c
    query = select(row.venue_at, row.settings, row.code_version).where(row.venue_at < span[1])
    in_force = [
        (at, {**settings, CODE: code})
        for at, settings, code in connection.execute(query.order_by(row.row_id))
    ]
    return [
        change
        for (_, before), (at, after) in pairwise(in_force)
        if at >= span[0]
        for change in _differences(at, before, after)
    ]


def _differences(
    at: datetime, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[SettingChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield SettingChange(at, name, before.get(name), after.get(name))
