"""Metadata for people: spans, moments, prices and small tables, as the Dagster UI shows them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import islice

import dagster as dg

from kalshi_assets.domain.calendar import VENUE_ZONE
from kalshi_assets.domain.price import MICROS_PER_CENT

Metadata = dict[str, int | str | float | dg.MetadataValue]
MOST_ROWS = 30


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str
) -> dg.MetadataValue:
    """Return a table, or the sentence `empty` where there is no row; past `MOST_ROWS` it ends.

    A table of Dagster's own and not Markdown: the UI hides Markdown of more than 1,000 characters,
    and in check results all of it, behind a link.
    """
    records = [
        dg.TableRecord(dict(zip(columns, map(str, row), strict=True)))
        for row in islice(rows, MOST_ROWS)
    ]
    if not records:
        return dg.MetadataValue.text(empty)
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in columns])
    return dg.MetadataValue.table(records, schema=schema)


def days_text(days: Sequence[date]) -> str:
    """Return which New York days these are."""
    if len(days) == 1:
        return f"{days[0]}, New York"
    return f"{days[0]} to {days[-1]}, {len(days)} New York days"


def span_text(first: datetime | None, last: datetime | None) -> str:
    """Return the moments between which something lies, in New York's time and UTC."""
    if first is None or last is None:
        return "nothing new"
    if first == last:
        return moment_text(first)
    span = f"{new_york_text(first)} to {new_york_text(last)} New York"
    return f"{span} ({_utc(first)} to {_utc(last)} UTC)"


def span_of(moments: Sequence[datetime]) -> str:
    """Return the first and the last of these moments."""
    return span_text(min(moments, default=None), max(moments, default=None))


def moment_text(moment: datetime) -> str:
    """Return a moment in New York's time and UTC."""
    return f"{new_york_text(moment)} New York ({_utc(moment)} UTC)"


def new_york_text(moment: datetime) -> str:
    """Return a moment in New York's time."""
    return f"{moment.astimezone(VENUE_ZONE):%Y-%m-%d %H:%M}"


def cents_text(micros: float | None) -> str:
    """Return a price in cents, to the tenth of one."""
    return "-" if micros is None else f"{float(micros) / MICROS_PER_CENT:.1f}¢"


def _utc(moment: datetime) -> str:
    return f"{moment:%m-%d %H:%M}"
