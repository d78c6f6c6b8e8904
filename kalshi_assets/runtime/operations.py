"""The commands that look and change nothing: `doctor` and `status`."""

import json
import logging

import click

from kalshi_assets.errors import ConfigurationError, KalshiAssetsError
from kalshi_assets.settings import load_settings

EXIT_NOT_NOW = 3


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Say whether everything is there that this needs, and if not, what to do.

    Exit code 0: nothing failed; 1: something did; 2: the settings cannot be read.
    """
    from kalshi_assets.runtime.doctor import examine

    _quiet()
    diagnosis = examine()
    click.echo(json.dumps(diagnosis.as_dict()) if as_json else diagnosis.as_text())
    context.exit(diagnosis.exit_code)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; a line a look.")
@click.option("--watch", "is_watched", is_flag=True, help="Stay, and look again until Ctrl-C.")
@click.option(
    "--every",
    "seconds",
    type=click.FloatRange(min=1),
    default=5,
    show_default=True,
    help="Seconds between two looks.",
)
@click.pass_context
def status(context: click.Context, *, as_json: bool, is_watched: bool, seconds: float) -> None:
    """Say whether it can trade now, why not, and what it holds.

    With --watch it is one screen of 80 x 24 that is shown anew, in a pipe one text after the other.

    Exit code 0: an order could pass now; 3: the gate is closed; 1: nothing runs here, or its
    database gives no answer; 2: the settings cannot be read. With --watch it is 0 at the end.
    """
    from kalshi_assets.runtime import status as state
    from kalshi_assets.runtime.status_screen import screen

    _quiet()
    if is_watched:
        from kalshi_assets.runtime.watching import watch

        settings = load_settings()
        watch(lambda: state.look(settings), seconds=seconds, as_json=as_json)
        return
    try:
        found = state.look(load_settings())
    except KalshiAssetsError as exc:
        if not as_json:
            raise
        is_settings = isinstance(exc, ConfigurationError)
        click.echo(json.dumps({"is_open": False, "error": str(exc)}))
        context.exit(state.EXIT_SETTINGS if is_settings else state.EXIT_NOT_RUNNING)
    click.echo(json.dumps(found.as_dict()) if as_json else screen(found))
    context.exit(found.exit_code)


@click.command("upgrade-check")
@click.pass_context
def upgrade_check(context: click.Context) -> None:
    """Say whether another version may be installed now: no order is live, no run under way.

    It changes nothing; halt first, so that it stays so. Exit code 0: it may; 3: not now; 1: the
    database gives no answer; 2: nothing runs here, or the settings cannot be read.
    """
    from kalshi_assets.runtime.upgrading import obstacles

    found = obstacles(load_settings())
    for line in found:
        click.echo(f"NOT NOW: {line}")
    if not found:
        click.echo("Nothing is live: back up, stop, install, start. docs/deploy.md has the steps.")
    context.exit(EXIT_NOT_NOW if found else 0)


def _quiet() -> None:
    """Keep retries from being told on the terminal: what failed in the end is told anyway."""
    logging.getLogger("kalshi_assets").addHandler(logging.NullHandler())
