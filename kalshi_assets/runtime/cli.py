"""The command line. Wrong settings end with one line and exit code 2; nothing was started."""

import json
import signal
import sys
from types import FrameType

import click

from kalshi_assets.errors import ConfigurationError, KalshiAssetsError
from kalshi_assets.settings import load_settings

EXIT_FAILED, EXIT_USAGE = 1, 2


@click.group()
@click.version_option(package_name="kalshi-assets")
def cli() -> None:
    """Kalshi market data as Dagster assets, and orders only on data that is provably good."""


@cli.command()
@click.option("--once", is_flag=True, help="End when the signals of this moment are decided.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object as the last line.")
@click.option("--scenario", default="cpi-week", show_default=True, help="What the exchange plays.")
@click.option("--port", default=3000, show_default=True, help="Port of the UI on loopback.")
def demo(*, once: bool, as_json: bool, scenario: str, port: int) -> None:
    """Run everything against a local exchange: no account, no key, no real money."""
    from kalshi_assets.runtime import demo as runner

    settings = load_settings()
    if not once:
        runner.run_with_ui(settings, scenario=scenario, port=port)
        return
    summary, lines = runner.run_once(settings, scenario=scenario)
    click.echo("\n".join(lines), err=as_json)
    if as_json:
        click.echo(json.dumps(summary.as_dict()))
    else:
        for name, value in summary.as_dict().items():
            click.echo(f"{name:>20}: {value}")


def main() -> None:
    """Run the command line; the one place where errors become exit codes."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as exc:
        exc.show()
        code = exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        code = 0
    except KalshiAssetsError as exc:
        click.echo(f"kalshi-assets: {exc}", err=True)
        code = EXIT_USAGE if isinstance(exc, ConfigurationError) else EXIT_FAILED
    sys.exit(code)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
