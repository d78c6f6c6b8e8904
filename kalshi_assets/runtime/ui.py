"""`ui`: the UI as a process of its own, beside what runs here without one."""

import os
from typing import NoReturn

import click

from kalshi_assets.runtime.backfill import site_of
from kalshi_assets.runtime.dagster_stack import QUIET, require_free, script
from kalshi_assets.runtime.installation import run_folder
from kalshi_assets.runtime.processes import MARK
from kalshi_assets.settings import Settings, environment


def become(given: Settings, *, port: int) -> NoReturn:
    """Become the UI of what runs on this home, on loopback only.

    It is marked as what it belongs to, and so ends with it at the latest.

    Raises:
        ConfigurationError: nothing runs here, or the port is taken.
    """
    site = site_of(given)
    require_free(port)
    folder = run_folder(site.home).resolve()
    mark = {MARK: str(folder)}
    words = ["-h", "127.0.0.1", "-p", str(port), "-w", str(folder / "workspace.yaml")]
    click.echo(f"The UI is at http://127.0.0.1:{port}. Ctrl-C stops it alone.", err=True)
    program = script("dagster-webserver")
    os.execve(program, [program, *words], environment(site.settings, QUIET | site.variables | mark))  # noqa: S606
