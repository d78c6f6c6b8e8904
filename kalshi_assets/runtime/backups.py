"""`db dump` and `db restore`: a backup of what runs here, and a new database made of one."""

from pathlib import Path

import click

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.trading import at_work, operator
from kalshi_assets.runtime.up import on_local_exchange
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage import backup
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.migrate import create_database

FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@FILE
def dump(*, file: Path) -> None:
    """Write the database of what runs here to FILE, a new one; trading goes on meanwhile."""
    with at_work(load_settings()) as (_, database):
        backup.dump(database.url, file)
        click.echo(f"{database.dbname} is in {file}, {file.stat().st_size / 2**20:.1f} MiB.")


@click.command()
@FILE
def restore(*, file: Path) -> None:
    """Make a new database of FILE: embedded here, or the empty one at KALSHI_DATABASE_URL.

    It starts halted. Nothing may run here, and nothing is written over: move the old `postgres`
    folder away first.
    """
    settings, name = on_local_exchange(load_settings()), backup.name_in(file)
    home = Home(settings.home)
    with home.owned():
        restored = _restore(settings, home, file, name=name)
    click.echo(f"{restored} is restored, and halted: start it, then `kalshi-assets resume`.")


def _restore(settings: Settings, home: Home, file: Path, *, name: str) -> str:
    now = VenueClock.parse(settings.venue_clock).now()
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        backup.restore(url, file, at=now, by=operator())
        return "The database at KALSHI_DATABASE_URL"
    if home.postgres.exists():
        kept = home.postgres.with_name("postgres-broken")
        raise ConfigurationError(
            f"{home.postgres} is there, and nothing is written over: mv {home.postgres} {kept}"
        )
    with EmbeddedServer(home.postgres) as server:
        backup.restore(create_database(server.start().url, name), file, at=now, by=operator())
    return f"{name} in {home.postgres}"
