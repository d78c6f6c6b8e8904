"""`archive list` and `archive restore`: what of dropped days is kept in files, and the way back."""

from datetime import date, datetime, timedelta

import click

from kalshi_assets.domain.calendar import days_between
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.trading import at_work
from kalshi_assets.settings import load_settings
from kalshi_assets.storage.archive import Archived, archives_of, restore_day

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def archive() -> None:
    """Days of ticks that were dropped from the database, in Parquet files."""


@archive.command("list")
def list_archives() -> None:
    """List what is archived: day, table, rows, file, and whether it is in the database."""
    with at_work(load_settings()) as (_, database), database.transaction() as connection:
        found = archives_of(connection)
    click.echo("\n".join(_line(one) for one in found) or "Nothing is archived yet.")


@archive.command()
@click.option("--from", "first", type=DAY, required=True, help="First day, as 2026-10-13.")
@click.option("--to", "last", type=DAY, help="Last day; by default only the first.")
@click.option("--keep-days", default=7, show_default=True, help="Days before it is dropped again.")
def restore(*, first: datetime, last: datetime | None, keep_days: int) -> None:
    """Bring archived days back into the database; what is there stays as it is."""
    days = list(days_between(first.date(), (last or first).date()))
    if not days:
        raise ConfigurationError(f"--to {last:%Y-%m-%d} lies before --from {first:%Y-%m-%d}")
    with at_work(load_settings()) as (settings, database):
        now = VenueClock.parse(settings.venue_clock).now()
        for day in days:
            with database.transaction() as connection:
                until = now + timedelta(days=keep_days)
                added = restore_day(connection, day, keep_until=until)
            click.echo(f"{day}: {_counted(added, day)}; kept until {until:%Y-%m-%d}")


def _counted(added: dict[str, int], day: date) -> str:
    told = ", ".join(f"{count} {name}" for name, count in added.items() if count)
    return f"added {told}" if told else "all of it is there already"


def _line(one: Archived) -> str:
    scope = "whole day" if one.is_whole_day else f"{len(one.market_tickers)} markets behind orders"
    where = "dropped" if one.dropped_at is not None else "in the database"
    return f"{one.day}  {one.dataset:<17} {one.rows:>9} rows  {scope}, {where}  {one.path}"
