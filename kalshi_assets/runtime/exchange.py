"""The local exchange as a child process, and the settings that lead to it."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.local_exchange import (
    Input,
    LocalExchangeError,
    Recording,
    ServerConfig,
    serve,
)
from kalshi_assets.local_exchange.tape import Tape
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.exchange_asked import LocalExchange, told_of
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home
from kalshi_assets.settings import Settings, load_settings

START_SECONDS = 60.0
RECORDED_DAYS = 30


@dataclass(frozen=True)
class Replay:
    """What a local exchange plays here, checked, at which speed, and its accounts' tier."""

    source: Input
    tape: Tape
    speed: float = 1.0
    tier: str = "basic"

    @classmethod
    def of(cls, source: Input, *, speed: float = 1.0) -> "Replay":
        """Return a replay that can be played.

        Raises:
            ConfigurationError: it cannot; the message says what is wrong with it.
        """
        if speed <= 0:
            raise ConfigurationError(f"--speed {speed:g} is not positive")
        try:
            return cls(source, source.tape(), speed)
        except LocalExchangeError as exc:
            raise ConfigurationError(str(exc)) from exc

    @property
    def name(self) -> str:
        """Return the name that state and database of this input carry."""
        return self.source.name

    def settings(self, settings: Settings) -> Settings:
        """Return the settings that fit the input: its own days, and a recording's own series."""
        fitting: dict[str, object] = {"input_name": self.name, "first_day": self._first_day}
        if isinstance(self.source.source, Recording):
            fitting |= {"series": tuple(self.tape.series), "history_days": RECORDED_DAYS}
        chosen = settings.model_fields_set - {"input_name"}
        return settings.model_copy(update={k: v for k, v in fitting.items() if k not in chosen})

    @property
    def _first_day(self) -> date:
        """Return the first day the UI offers: the one 30 days before the input begins."""
        return venue_day(_instant(self.tape.started_ms)) - timedelta(days=RECORDED_DAYS)


def start_exchange(
    children: Children, home: Home, *, replay: Replay, environ: Mapping[str, str]
) -> LocalExchange:
    """Start the local exchange on its input, or where it left off; wait until it serves."""
    ready = home.run / "exchange.ready.json"
    ready.unlink(missing_ok=True)
    options = {
        "--state": home.exchange_state(replay.name),
        "--keys": home.local_public_keys(),
        "--ready-file": ready,
        "--speed": replay.speed,
        "--tier": replay.tier,
    }
    words = [str(word) for option in options.items() for word in option]
    program = [sys.executable, "-m", "kalshi_assets.local_exchange", *replay.source.words(), *words]
    children.start("exchange", program, environ, is_ended_last=True)
    children.wait_for(ready.exists, what="the start of the local exchange", seconds=START_SECONDS)
    told = json.loads(ready.read_text())
    return told_of(told["rest_url"], told)


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


@dataclass(frozen=True)
class Alone:
    """How a local exchange is run alone.

    Attributes:
        registered: PEM of the public key by key id; None registers our own key for it.
        fault_file: rules of faults.
    """

    source: Input
    port: int
    speed: float = 1.0
    registered: Mapping[str, str] | None = None
    fault_file: Path | None = None


def serve_alone(home: Home, alone: Alone) -> None:
    """Serve the local exchange in this process until a signal; print one line of JSON when ready.

    Raises:
        ConfigurationError: input, port, speed, key, faults or state cannot be used.
    """
    if alone.speed <= 0:
        raise ConfigurationError(f"--speed {alone.speed:g} is not positive")
    keys, key = alone.registered, {}
    if keys is None:
        keys = json.loads(home.local_public_keys().read_text())
        key = {"key_id": LOCAL_KEY_ID, "private_key_path": str(home.local_key().resolve())}
    config = ServerConfig(
        source=alone.source,
        keys=keys,
        state_dir=home.exchange_state(f"{alone.source.name}-alone"),
        port=alone.port,
        speed=alone.speed,
        fault_file=alone.fault_file,
        on_ready=lambda told: click.echo(json.dumps({**told, **key})),
    )
    try:
        serve(config)
    except (LocalExchangeError, OSError, ValueError) as exc:
        raise ConfigurationError(f"the local exchange cannot start: {exc}") from exc


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms)
