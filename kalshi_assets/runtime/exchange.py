"""The local exchange as a child process, and the settings that lead to it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import click

from kalshi_assets.domain.clock import VenueClock, parse_instant
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.local_exchange import LocalExchangeError, ServerConfig, serve
from kalshi_assets.local_exchange.scenarios import known_scenarios
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home
from kalshi_assets.runtime.processes import Children, free_port
from kalshi_assets.settings import Settings, load_settings

START_SECONDS = 60.0


@dataclass(frozen=True)
class LocalExchange:
    """A running local exchange."""

    url: str
    clock: VenueClock


def require_scenario(name: str) -> None:
    """Check that a scenario exists.

    Raises:
        ConfigurationError: it does not; the message names those that do.
    """
    if name not in known_scenarios():
        known = ", ".join(known_scenarios())
        raise ConfigurationError(f"--scenario {name!r} is not known; known scenarios: {known}")


def start_exchange(
    children: Children, home: Home, *, scenario: str, environ: Mapping[str, str]
) -> LocalExchange:
    """Start the local exchange on a scenario, or where it left off; wait until it serves."""
    ready = home.run / "exchange.ready.json"
    ready.unlink(missing_ok=True)
    options = {
        "--scenario": scenario,
        "--state": home.exchange_state(scenario),
        "--keys": home.local_public_keys(),
        "--ready-file": ready,
    }
    words = [str(word) for option in options.items() for word in option]
    program = [sys.executable, "-m", "kalshi_assets.local_exchange", *words]
    children.start("exchange", program, environ)
    children.wait_for(ready.exists, what="the start of the local exchange", seconds=START_SECONDS)
    told = json.loads(ready.read_text())
    clock = VenueClock(
        parse_instant(told["venue_at"]), parse_instant(told["wall_at"]), float(told["speed"])
    )
    return LocalExchange(told["url"], clock)


def local_settings(
    settings: Settings, home: Home, *, database_url: str, exchange: LocalExchange
) -> Settings:
    """Return these settings for the venue `local`: this exchange, this database, our own key."""
    changed = {
        "venue": "local",
        "database_url": database_url,
        "api_url": exchange.url,
        "api_key_id": LOCAL_KEY_ID,
        "private_key_path": home.local_key().resolve(),
        "venue_clock": str(exchange.clock),
    }
    return load_settings(**settings.model_dump(exclude=set(changed)) | changed)


def serve_alone(home: Home, *, scenario: str, port: int, speed: float) -> None:
    """Serve the local exchange in this process until Ctrl-C.

    Raises:
        ConfigurationError: port, speed or state cannot be used.
    """
    chosen = port or free_port()
    url = f"http://127.0.0.1:{chosen}/trade-api/v2"
    config = ServerConfig(
        scenario=scenario,
        keys=json.loads(home.local_public_keys().read_text()),
        state_dir=home.exchange_state(f"{scenario}-alone"),
        port=chosen,
        speed=speed,
    )
    click.echo(
        f"The local exchange plays {scenario}. Ctrl-C stops it.\n"
        f"KALSHI_API_URL={url}\n"
        f"KALSHI_API_KEY_ID={LOCAL_KEY_ID}\n"
        f"KALSHI_PRIVATE_KEY_PATH={home.local_key().resolve()}"
    )
    try:
        serve(config)
    except (LocalExchangeError, OSError, ValueError) as exc:
        raise ConfigurationError(f"the local exchange cannot start: {exc}") from exc
