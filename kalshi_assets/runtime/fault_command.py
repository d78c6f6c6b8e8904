"""`faults`: what was wrong with the data of some days, from the database alone."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import click

from kalshi_assets.analytics.fault_report import FaultReport, Span
from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.trading import at_work
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.faults import read_faults
from kalshi_assets.storage.gaps import gaps_between

DEFAULT_DAYS = timedelta(days=7)


@click.command()
@click.option("--from", "first", metavar="DAY", help="First New York day; a week ago by default.")
@click.option("--to", "last", metavar="DAY", help="Last New York day; today by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def faults(*, first: str | None, last: str | None, as_json: bool) -> None:
    """Say what was wrong with the data: faults by market, gaps, and rolls of contracts.

    Gaps are spans of which no observation tells; those noted by the stream come with a reason.
    """
    with at_work(load_settings()) as (settings, database):
        today = venue_day(VenueClock.parse(settings.venue_clock).now())
        until = _day("--to", last) or today
        since = _day("--from", first) or until - DEFAULT_DAYS
        if since > until:
            raise ConfigurationError(f"--from {since} is after --to {until}")
        start, end = day_bounds(since)[0], day_bounds(until)[1]
        with database.transaction() as connection:
            report = read_faults(connection, start, end)
            noted = gaps_between(connection, start, end)
    if as_json:
        found = asdict(report) | {"faults": report.faults, "noted_gaps": noted}
        click.echo(json.dumps({"from": str(since), "to": str(until), **found}, default=_as_text))
    else:
        click.echo("\n".join(_lines(report, noted, since, until)))


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as exc:
        raise ConfigurationError(f"{option} {text} is no day: write 2026-10-13") from exc


def _lines(
    report: FaultReport, noted: list[dict[str, Any]], since: date, until: date
) -> Iterator[str]:
    ticks = sum(market.ticks for market in report.markets)
    usable = sum(market.usable for market in report.markets)
    yield f"{since} to {until}, New York: {ticks} ticks, {usable} usable"
    for market in report.markets:
        told = ", ".join(f"{count} {name}" for name, count in market.faults.items()) or "no fault"
        yield (
            f"  {market.market_ticker:<28} {market.usable} of {market.ticks} usable: {told}; "
            f"{len(market.unpriced)} spans without a price, the longest "
            f"{market.longest_unpriced_hours:.1f} h"
        )
    yield f"Gaps       {len(report.gaps)} spans in which nothing was observed"
    yield from (f"           {_span(gap)}" for gap in report.gaps)
    yield f"Noted      {len(noted)} gaps of the stream"
    for gap in noted:
        who = ", ".join(gap["market_tickers"]) or "all markets"
        ended = "now" if gap["to_at"] is None else _at(gap["to_at"])
        what = f"{gap['channel']}, {gap['reason']}, {who}"
        yield f"           {_at(gap['from_at'])} to {ended}: {what}"
    yield f"Rolls      {len(report.rolls)}"
    for roll in report.rolls:
        yield f"           {_at(roll.at)} {roll.closing} closes, {roll.following} follows"


def _span(gap: Span) -> str:
    return f"{_at(gap.start)} to {_at(gap.end)}, {gap.length.total_seconds() / 3600:.1f} h"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
