"""The command line. Wrong settings end with one line and exit code 2; nothing was started.

A command loads what it needs, and no more: some run for months, on little memory.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.runtime.exits import (
    EXIT_FAILED,
    exit_code_of,
    interrupt_on_signals,
)
from kalshi_assets.runtime.lazy_commands import LazyGroup
from kalshi_assets.runtime.options import (
    history_options,
    input_of,
    input_options,
    past_weeks_of,
    registered_key,
    replay_of,
)
from kalshi_assets.settings import as_variables, load_settings

if TYPE_CHECKING:
    from kalshi_assets.runtime.past_weeks import PastWeeks


@click.group(cls=LazyGroup)
@click.version_option(package_name="kalshi-assets")
def cli() -> None:
    """Kalshi market data as Dagster assets, and orders only on data that is provably good."""


@cli.command()
@click.option("--once", is_flag=True, help="End when the signals of this moment are decided.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object as the last line.")
@input_options
@click.option("--port", default=3000, show_default=True, help="Port of the UI on loopback.")
@history_options
def demo(*, once: bool, as_json: bool, port: int, is_history: bool, **played: Any) -> None:
    """Run everything against a local exchange: no account, no key, no real money."""
    from kalshi_assets.runtime import demo as runner

    past = past_weeks_of(played, is_history=is_history)
    if past is not None:
        _demo_of(past, once=once, as_json=as_json, port=port)
        return
    settings, replay = load_settings(), replay_of(**played)
    if not once:
        runner.run_with_ui(settings, replay=replay, port=port)
        return
    summary, lines = runner.run_once(settings, replay=replay)
    click.echo("\n".join(lines), err=as_json)
    if as_json:
        click.echo(json.dumps(summary.as_dict()))
    else:
        for name, value in summary.as_dict().items():
            click.echo(f"{name:>20}: {value}")


def _demo_of(past: "PastWeeks", *, once: bool, as_json: bool, port: int) -> None:
    """Play past weeks; then show them, or say what came of them."""
    from kalshi_assets.runtime import demo as runner
    from kalshi_assets.runtime.past_weeks import lines_of

    settings, replay = load_settings(), past.replay()
    settings = past.settings(settings, replay)
    if not once:
        runner.run_with_ui(settings, replay=replay, port=port, past=past)
        return
    told = runner.run_weeks(settings, replay=replay, past=past)
    click.echo(json.dumps(told) if as_json else "\n".join(lines_of(told)))


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI on loopback.")
@click.option("--no-ui", is_flag=True, help="Without the UI; `kalshi-assets ui` starts it apart.")
def up(*, port: int, no_ui: bool) -> None:
    """Run on the venue of KALSHI_VENUE: paper (default), demo, or live once it is armed."""
    from kalshi_assets.runtime import up as runner

    runner.run(load_settings(), port=None if no_ui else port)


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port of the UI on loopback.")
def ui(*, port: int) -> None:
    """Show the UI of what runs here with `up --no-ui`; it can be stopped at any time."""
    from kalshi_assets.runtime import ui as runner

    runner.become(load_settings(), port=port)


@cli.command()
@click.option("--test", "is_test", is_flag=True, help="Try every channel once, and end.")
@click.pass_context
def alerts(context: click.Context, *, is_test: bool) -> None:
    """Send alerts and the heartbeat; `demo` and `up` start this where an address is set.

    With --test the exit code is 1 where a channel failed.
    """
    from kalshi_assets.runtime import alerts as service

    if not is_test:
        service.serve(load_settings())
    outcomes = service.test_channels(load_settings())
    for name, problem in outcomes.items():
        click.echo(f"{name}: {'ok' if problem is None else f'FAILED, {problem}'}")
    context.exit(EXIT_FAILED if any(outcomes.values()) else 0)


@cli.command()
@click.option("--record", type=click.Path(path_type=Path), help="Folder for the raw frames.")
def feed(*, record: Path | None) -> None:
    """Write what the exchange's stream tells; `demo` and `up` start this with KALSHI_FEED=stream.

    Needs a key. A folder of --record can be replayed by the local exchange.
    """
    from kalshi_assets.runtime import feed as service

    service.serve(load_settings(), record=record)


@click.group(cls=LazyGroup)
def db() -> None:
    """Back up and restore the database; start and stop it for a bare `dagster dev`."""


@db.command("start")
def db_start() -> None:
    """Start the embedded database and leave it running."""
    from kalshi_assets.runtime import database
    from kalshi_assets.runtime.home import Home

    settings = load_settings()
    pid = database.start(settings, Home(settings.home))
    click.echo(f"The database runs, owned by process {pid}. Next: eval $(kalshi-assets db env)")


@db.command("stop")
def db_stop() -> None:
    """Stop the database that `db start` started."""
    from kalshi_assets.runtime import database
    from kalshi_assets.runtime.home import Home

    stopped = database.stop(Home(load_settings().home))
    click.echo("The database is stopped." if stopped else "No database of `db start` runs here.")


@db.command("env")
def db_env() -> None:
    """Print the variables that lead `dagster dev` to the database, and bring it up to date."""
    from kalshi_assets.runtime import database
    from kalshi_assets.runtime.dagster_stack import QUIET, dagster_variables, prepared_database
    from kalshi_assets.runtime.home import Home

    settings = load_settings()
    home = Home(settings.home)
    placed = settings.model_copy(
        update={"database_url": SecretStr(database.running_url(settings, home))}
    )
    prepared_database(placed).dispose()
    variables = as_variables(placed) | QUIET | dagster_variables(placed, home)
    for name, value in sorted(variables.items()):
        click.echo(f"export {name}={shlex.quote(value)}")


@cli.command("local-exchange")
@input_options
@click.option("--port", default=8400, show_default=True, help="Port on loopback; 0: a free one.")
@click.option("--public-key", type=click.Path(path_type=Path), help="PEM file to register.")
@click.option("--key-id", help="The id it is registered under.")
@click.option("--faults", type=click.Path(path_type=Path), help="JSON file of fault rules.")
def local_exchange(
    *,
    port: int,
    public_key: Path | None,
    key_id: str | None,
    faults: Path | None,
    speed: float,
    **played: Any,
) -> None:
    """Run the local exchange alone; print one line of JSON when it is ready.

    Without --public-key a key of our own is registered.
    """
    from kalshi_assets.runtime import exchange
    from kalshi_assets.runtime.home import Home

    alone = exchange.Alone(
        source=input_of(**played),
        port=port,
        speed=speed,
        registered=registered_key(public_key, key_id),
        fault_file=faults,
    )
    exchange.serve_alone(Home(load_settings().home), alone)


cli.add_command(db)
db.add_later("kalshi_assets.runtime.backups", "dump", "restore")
cli.add_later("kalshi_assets.runtime.operations", "doctor", "status", "upgrade-check")
cli.add_later("kalshi_assets.runtime.daemon", "daemon")
cli.add_later("kalshi_assets.runtime.fault_command", "faults")
cli.add_later("kalshi_assets.runtime.archiving", "archive")
cli.add_later("kalshi_assets.runtime.backfill_command", "backfill", "review")
cli.add_later("kalshi_assets.runtime.import_command", "import-history")
cli.add_later("kalshi_assets.runtime.explaining", "explain", "replay")
cli.add_later(
    "kalshi_assets.runtime.trading_commands",
    *("halt", "reduce", "flatten", "resume", "book-transfer", "arm", "disarm"),
)


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    interrupt_on_signals()
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        code = exc.exit_code
    except click.Abort:
        code = exit_code_of(KeyboardInterrupt())
    except (KeyboardInterrupt, KalshiAssetsError) as exc:
        code = exit_code_of(exc)
    sys.exit(code)
