"""`import-history` on the command line."""

import json
from functools import partial

import click

from kalshi_assets.settings import load_settings

EXIT_NOT_WHOLE = 3


@click.command("import-history")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; progress to stderr.")
@click.pass_context
def import_history(context: click.Context, *, as_json: bool) -> None:
    """Read the account's orders, fills and settlements of before the bot, as the baseline.

    It reads both tiers of the exchange, places nothing, and lets whatever trades here go first. It
    can be stopped at any time: another run goes on where it ended, and later asks for what is new.

    Exit code 0: all of it is there and adds up; 3: rows could not be read, or something does not
    add up; 1: it ended early, run it again; 2: nothing runs here, or the settings are wrong.
    """
    from kalshi_assets.runtime import importing

    report = importing.import_history(load_settings(), tell=partial(click.echo, err=as_json))
    click.echo(json.dumps(report.as_dict()) if as_json else report.as_text())
    context.exit(0 if report.imported.is_whole else EXIT_NOT_WHOLE)
