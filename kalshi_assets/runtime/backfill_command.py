"""`backfill` and `review` on the command line."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from kalshi_assets.settings import load_settings

if TYPE_CHECKING:
    from kalshi_assets.runtime.backfill import Site

EXIT_RED = 1
DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "first", type=DAY, required=True, help="First New York day: 2026-09-14.")
@click.option("--to", "last", type=DAY, required=True, help="Last New York day.")
@click.option("--wait", "is_awaited", is_flag=True, help="Show how it comes on until it has ended.")
@click.option("--again", "is_again", is_flag=True, help="Ask for days that are loaded, too.")
@click.pass_context
def backfill(
    context: click.Context,
    *,
    first: datetime,
    last: datetime,
    is_awaited: bool,
    is_again: bool,
) -> None:
    """Load the past of all tracked markets in one run, from candlesticks up to signals.

    Exit code 0: launched, or with --wait ended green; 1: it ended red; 2: the days are wrong or
    nothing runs here.
    """
    from kalshi_assets.runtime import backfill as runner

    site = runner.site_of(load_settings())
    days = runner.days_of_range(site.settings, first.date(), last.date())
    run_id = runner.launch(site, runner.HISTORY_JOB, days, is_again=is_again)
    click.echo(f"Run {run_id} loads {len(days)} days, {days[0]} to {days[-1]}.")
    _tell_of(context, site, run_id, is_awaited=is_awaited)


@click.command()
@click.option("--from", "first", type=DAY, help="A day of the first week; else the last one ended.")
@click.option("--to", "last", type=DAY, help="A day of the last week; else the week of --from.")
@click.option("--wait", "is_awaited", is_flag=True, help="Show how it comes on until it has ended.")
@click.pass_context
def review(
    context: click.Context, *, first: datetime | None, last: datetime | None, is_awaited: bool
) -> None:
    """Review weeks, in one run: their journals, reviews and files, made anew where they are.

    Exit code 0: launched, or with --wait ended green; 1: it ended red; 2: the weeks are wrong or
    nothing runs here.
    """
    from kalshi_assets.runtime import backfill as runner

    site = runner.site_of(load_settings())
    weeks = runner.weeks_of_range(
        site.settings, first.date() if first else None, last.date() if last else None
    )
    run_id = runner.launch(site, runner.REVIEW_JOB, weeks)
    count = "1 week" if len(weeks) == 1 else f"{len(weeks)} weeks"
    click.echo(f"Run {run_id} reviews {count}, from {weeks[0]} on to {weeks[-1]}.")
    click.echo(f"Their pages: {site.settings.review_folder.resolve()}")
    _tell_of(context, site, run_id, is_awaited=is_awaited)


def _tell_of(context: click.Context, site: "Site", run_id: str, *, is_awaited: bool) -> None:
    """Say where the run is seen, and where it is awaited how it comes on, until it has ended."""
    from kalshi_assets.runtime import backfill as runner

    if site.port is not None:
        click.echo(f"In the UI: http://127.0.0.1:{site.port}/runs/{run_id}")
    if not is_awaited:
        return
    is_green = runner.follow(site, run_id, click.echo)
    click.echo("Green: every step ended well." if is_green else "RED: the run did not end well.")
    context.exit(0 if is_green else EXIT_RED)
