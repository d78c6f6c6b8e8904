"""`up`: the installation that trades: on paper, in the exchange's demo environment, or live."""

from contextlib import suppress
from typing import NoReturn

import click

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.errors import ConfigurationError, ExchangeError, NotAuthorized
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.runtime import keeper
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import Running, require_free, running_dagster
from kalshi_assets.runtime.database import database_name, served_database
from kalshi_assets.runtime.exchange_asked import ask_local_exchange
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import description_of
from kalshi_assets.runtime.processes import end_left_overs
from kalshi_assets.runtime.warm_launcher.processes import can_fork
from kalshi_assets.settings import Settings, load_settings
from kalshi_assets.storage.embedded import EmbeddedServer

LIVE = "\nREAL MONEY: orders pass only while it is armed, see `kalshi-assets arm --help`."


def run(settings: Settings, *, port: int | None) -> None:
    """Run database, code server, daemon and, with a port, the UI until Ctrl-C."""
    require_credentials(settings)
    if port is not None:
        require_free(port)
    settings = on_local_exchange(settings)
    started_at, home = wall_now(), Home(settings.home)
    with home.owned() as ownership:
        end_left_overs(home.run)
        with (
            served_database(settings, home, name=database_name(settings.identity)) as served,
            Children(home.run) as children,
        ):
            children.need(served.require_alive)
            placed = load_settings(
                **settings.model_dump(exclude={"database_url"}) | {"database_url": served.url}
            )
            with running_dagster(
                children, placed, home, port=port, started_at=started_at
            ) as running:
                click.echo(_greeting(settings, port), err=True)
                _keep(running, home, served.server, ownership=ownership)


def _keep(
    running: Running, home: Home, server: EmbeddedServer | None, *, ownership: int
) -> NoReturn:
    """Look after everything, on little memory where this system can."""
    if can_fork():
        running.database.dispose()
        kept = keeper.Kept(running.children, server, running.environ, description_of(home))
        # An older kernel, or a container, may forbid it: then the start itself stays.
        with suppress(OSError):
            keeper.become(kept, held=[ownership, running.lock])
    keeper.look_after(running.children)


def _greeting(settings: Settings, port: int | None) -> str:
    ui = "There is no UI" if port is None else f"The UI is at http://127.0.0.1:{port}"
    return (
        f"Venue {settings.identity}, data from {settings.api_base_url}\n"
        f"{ui}. Ctrl-C stops everything." + (LIVE if settings.venue == "live" else "")
    )


def on_local_exchange(settings: Settings) -> Settings:
    """Return the settings for a local exchange where the base URL leads to one: its clock and data.

    A database of its own keeps what it plays apart from what the real exchange says.
    """
    told = ask_local_exchange(settings.api_base_url)
    if told is None:
        return settings
    found = {"venue_clock": str(told.clock), "input_name": told.input_name}
    chosen = settings.model_fields_set
    return settings.model_copy(update={k: v for k, v in found.items() if k not in chosen})


def require_credentials(settings: Settings) -> None:
    """Check that the venue can be used with these settings.

    Raises:
        ConfigurationError: it cannot; the message says what is missing.
    """
    if settings.venue == "local":
        raise ConfigurationError("KALSHI_VENUE=local is what `kalshi-assets demo` runs: use that")
    if settings.venue in ("demo", "live"):
        whose = f"the venue {settings.venue} needs a key of its own"
        if settings.api_key_id is None:
            raise ConfigurationError(f"KALSHI_API_KEY_ID is not set: {whose}")
        if settings.private_key_path is None:
            raise ConfigurationError(f"KALSHI_PRIVATE_KEY_PATH is not set: {whose}")
    if settings.feed == "stream" and (
        settings.api_key_id is None or settings.private_key_path is None
    ):
        raise ConfigurationError(
            "KALSHI_FEED=stream needs a key, also on paper (one that may only read is enough): set "
            "KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH, or KALSHI_FEED=poll"
        )
    if settings.api_key_id is not None and settings.private_key_path is not None:
        _require_accepted(settings, RequestSigner(settings.api_key_id, settings.private_key_path))


def _require_accepted(settings: Settings, signer: RequestSigner) -> None:
    """Ask the exchange whether it accepts the key. Without an answer the start goes on."""
    limits = shared_limits(settings.api_base_url, signer.key_id)
    try:
        with KalshiClient(settings.api_base_url, auth=signer, limits=limits) as client:
            client.balance()
    except NotAuthorized as exc:
        raise ConfigurationError(str(exc)) from exc
    except ExchangeError as exc:
        click.echo(f"The key could not be checked, starting all the same: {exc}", err=True)
