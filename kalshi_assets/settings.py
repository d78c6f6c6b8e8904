"""Every setting, read once from `KALSHI_*` variables or `.env`. The only reader of the environment.

Unknown keys and impossible values are refused with one line that names the key and the value.
"""

import os
import re
from collections.abc import Hashable, Mapping
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kalshi_assets.errors import ConfigurationError

PREFIX = "KALSHI_"
ECONOMICS_SERIES = (
    "KXCPI",
    "KXCPIYOY",
    "KXCPICORE",
    "KXCPICOREYOY",
    "KXFED",
    "KXFEDDECISION",
    "KXRATECUTCOUNT",
    "KXPAYROLLS",
    "KXU3",
    "KXGDP",
    "KXPCECORE",
    "KXJOBLESSCLAIMS",
    "KXRECSSNBER",
)
PRODUCTION_URL = "https://external-api.kalshi.com/trade-api/v2"
DEMO_URL = "https://external-api.demo.kalshi.co/trade-api/v2"
# No setting goes below this: a market trading less cannot be left again at a known price.
VOLUME_FLOOR_CONTRACTS = 200

Venue = Literal["local", "paper", "demo", "live"]
AlertKind = Literal[
    "halt",
    "daily_loss",
    "unknown_order",
    "feed_down",
    "check_failed",
    "order_filled",
    "failed_run",
    "weekly_review",
]
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)
# A comma inside an address separates nothing: only one before the next `scheme://` does.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BETWEEN_ADDRESSES = re.compile(rf"[\s,]+(?={_ADDRESS.pattern})")
CommaList = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """All settings of one installation. Frozen; see README.md for what each one does."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="forbid", frozen=True, env_ignore_empty=True
    )

    venue: Venue = "paper"
    home: Path = Path(".kalshi")
    database_url: SecretStr | None = None
    api_url: str | None = None
    api_key_id: str | None = None
    private_key_path: Path | None = None
    venue_clock: str = "wall"
    input_name: str = ""

    series: CommaList = ECONOMICS_SERIES
    categories: CommaList = ()
    include_markets: CommaList = ()
    exclude_markets: CommaList = ()
    min_tracked_volume: int = Field(0, ge=0)
    max_markets: int = Field(22, ge=1, le=100)
    feed: Literal["poll", "stream"] = "poll"
    sensor_wait_seconds: int = Field(150, ge=0, le=240)
    run_launcher: Literal["warm", "default"] = "warm"
    feed_run_seconds: int = Field(10, ge=0, le=900)
    poll_seconds: int = Field(90, ge=15, le=900)
    poll_lateness_seconds: int = Field(45, ge=5, le=900)
    collection_start: time = time(0)
    collection_end: time = time(0)
    first_day: date = date(2025, 1, 1)
    history_days: int = Field(8, ge=1, le=30)
    backfill_trades: bool = True

    tick_retention_days: int = Field(30, ge=2, le=3650)
    run_retention_days: int = Field(7, ge=2, le=3650)
    quiet_run_retention_hours: int = Field(24, ge=1, le=87_600)
    archive_dir: Path | None = None

    window_days: int = Field(7, ge=1, le=28)
    min_coverage: float = Field(0.6, gt=0, le=1)
    deviation_points: float = Field(12, gt=0, lt=100)
    max_trade_pct: Decimal = Field(Decimal(2), gt=0, le=10)
    max_event_pct: Decimal | None = Field(None, gt=0, le=20)
    max_category_pct: Decimal = Field(Decimal(20), gt=0, le=100)
    max_shard_pct: Decimal = Field(Decimal(50), gt=0, le=100)
    max_total_pct: Decimal = Field(Decimal(50), gt=0, le=100)
    max_daily_loss_pct: Decimal = Field(Decimal(5), gt=0, le=100)
    max_order_usd: Decimal = Field(Decimal(250), gt=0, decimal_places=2)
    max_day_notional_usd: Decimal = Field(Decimal(2500), gt=0, decimal_places=2)
    max_orders_per_minute: int = Field(5, ge=1)
    max_orders_per_day: int = Field(50, ge=1)
    max_spread_cents: Decimal = Field(Decimal(10), gt=0, lt=100)
    min_edge_points: Decimal = Field(Decimal(1), ge=0, lt=100)
    max_slippage_cents: Decimal = Field(Decimal(2), ge=0, le=10)
    min_volume_contracts: int = Field(500, ge=VOLUME_FLOOR_CONTRACTS)
    min_hours_to_close: float = Field(4, ge=1)
    trading_start: time = time(8)
    trading_end: time = time(18)
    closed_days: CommaList = ()
    order_ttl_seconds: int = Field(180, ge=30, le=600)
    exit_take_profit_points: Decimal | None = Field(None, ge=0, lt=100)
    exit_stop_points: Decimal | None = Field(None, gt=0, lt=100)
    exit_hours_before_close: Decimal | None = Field(None, gt=0)
    paper_cash_usd: Decimal = Field(Decimal(5000), gt=0, le=100_000_000, decimal_places=2)

    max_quote_age_seconds: int = Field(300, ge=10)
    max_verdict_age_seconds: int = Field(180, ge=10)
    max_balance_age_seconds: int = Field(120, ge=1, le=120)
    max_bad_market_share: float = Field(0.5, gt=0, lt=1)
    frozen_after_seconds: int = Field(10_800, ge=600)
    max_quiet_jump_points: float = Field(10, gt=0, lt=100)
    max_leg_sum_difference: float = Field(0.1, gt=0, lt=1)
    max_bar_difference_points: float = Field(2, gt=0, lt=100)
    max_bar_volume_difference: float = Field(0.05, ge=0, lt=1)

    review_time: time = time(9)

    alerts: CommaList = tuple(kind for kind in ALERT_KINDS if kind != "weekly_review")
    alert_urls: SecretStr | None = None
    heartbeat_url: SecretStr | None = None
    heartbeat_seconds: int = Field(60, ge=10, le=86_400)

    @field_validator(
        "series",
        "categories",
        "include_markets",
        "exclude_markets",
        "closed_days",
        "alerts",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return (
            tuple(p.strip() for p in value.split(",") if p.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("closed_days")
    @classmethod
    def _are_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            date.fromisoformat(day)
        return value

    @model_validator(mode="after")
    def _trading_hours_are_a_span(self) -> Self:
        if self.trading_start >= self.trading_end:
            raise ValueError(f"trading_start {self.trading_start} is not before {self.trading_end}")
        return self

    @model_validator(mode="after")
    def _ticks_outlast_the_window(self) -> Self:
        needed = max(self.window_days, self.history_days) + 1
        if self.tick_retention_days <= needed:
            raise ValueError(
                f"tick_retention_days {self.tick_retention_days} is not above {needed}: "
                "the averages' window and the history that is loaded would be dropped"
            )
        return self

    @model_validator(mode="after")
    def _every_share_holds_a_trade(self) -> Self:
        for name in ("max_event_pct", "max_category_pct", "max_shard_pct", "max_total_pct"):
            share = getattr(self, name)
            if share is not None and share < self.max_trade_pct:
                raise ValueError(
                    f"{name} {share} is below max_trade_pct {self.max_trade_pct}: "
                    "nothing could be traded"
                )
        return self

    @model_validator(mode="after")
    def _collection_hours_are_a_span(self) -> Self:
        opens, closes = self.collection_start, self.collection_end
        if opens > closes or (opens != closes and closes == time(0)):
            raise ValueError(
                f"collection_start {opens} is not before collection_end {closes}; "
                "equal hours mean round the clock"
            )
        return self

    @field_validator("series")
    @classmethod
    def _has_a_series(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one series")
        return value

    @field_validator("alerts")
    @classmethod
    def _are_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= set(ALERT_KINDS):
            raise ValueError(f"write one or more of {', '.join(ALERT_KINDS)}")
        return value

    @field_validator("alert_urls")
    @classmethod
    def _are_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        if not all(_ADDRESS.match(address) for address in _addresses(value)):
            raise ValueError("an address has no scheme: write mailto://..., tgram://..., and so on")
        return value

    @field_validator("heartbeat_url")
    @classmethod
    def _is_of_the_web(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match(r"https?://\w\S*$", value.get_secret_value(), re.I):
            raise ValueError("write an address that begins with https:// or http://")
        return value

    @property
    def alert_addresses(self) -> list[SecretStr]:
        """Return the address of each channel that alerts go to."""
        return [SecretStr(address) for address in _addresses(self.alert_urls)]

    @property
    def archive_folder(self) -> Path:
        """Return where dropped days are kept: all of them if asked for, else those of orders."""
        return self.archive_dir or self.home / "archive"

    @property
    def review_folder(self) -> Path:
        """Return where the files of the weekly reviews are."""
        return self.home / "reviews"

    @property
    def api_base_url(self) -> str:
        """Return the REST base URL of the venue, with `/trade-api/v2`."""
        if self.api_url is not None:
            return self.api_url.rstrip("/")
        if self.venue == "local":
            raise ConfigurationError(
                "KALSHI_API_URL is not set: the local venue needs the local exchange's address; "
                "`kalshi-assets demo` sets it"
            )
        return DEMO_URL if self.venue == "demo" else PRODUCTION_URL

    @property
    def stream_url(self) -> str:
        """Return the address of the exchange's WebSocket; Kalshi's has a host of its own."""
        url = urlsplit(self.api_base_url)
        host = url.netloc.replace("external-api.", "external-api-ws.", 1)
        scheme = "ws" if url.scheme == "http" else "wss"
        return f"{scheme}://{host}{url.path.removesuffix('/v2')}/ws/v2"

    @property
    def api_host(self) -> str:
        """Return the exchange's host, with the port where the address names one."""
        return urlsplit(self.api_base_url).netloc

    @property
    def identity(self) -> str:
        """Return what a database is stamped with: data of two identities never mix."""
        return f"{self.venue}/{self.input_name}" if self.input_name else self.venue


def load_settings(env: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings of this process.

    Args:
        env: variables to check for unknown names; the process's own by default.
        overrides: values that win over variables and `.env`, by field name.

    Raises:
        ConfigurationError: an unknown key or an impossible value, named in the message; or `.env`
            cannot be read.
    """
    _refuse_unknown(os.environ if env is None else env)
    return _read(overrides) if overrides else _read_once(*_sources())


def _sources() -> tuple[Hashable, ...]:
    """Return what settings are made of: while it is the same, so are they."""
    told = (item for item in os.environ.items() if item[0].upper().startswith(PREFIX))
    try:
        found = Path(".env").stat()
    except OSError as exc:
        return Path.cwd(), exc.errno, *sorted(told)
    state = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return Path.cwd(), state, *sorted(told)


@lru_cache(maxsize=1)
def _read_once(*_sources: Hashable) -> Settings:
    return _read({})


def _read(overrides: Mapping[str, Any]) -> Settings:
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise ConfigurationError("; ".join(_explain(error) for error in exc.errors())) from exc
    except OSError as exc:
        raise ConfigurationError(
            f"{exc.filename} cannot be read by this user: {exc.strerror}"
        ) from exc


class _HomeOnly(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", env_ignore_empty=True
    )

    home: Path = Path(".kalshi")


def home_folder() -> Path:
    """Return the home folder, also where other settings cannot be read."""
    try:
        return _HomeOnly().home
    except OSError:  # of `.env`
        return _HomeOnly(_env_file=None).home


def environment(settings: Settings, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child process: this one's, the settings, and `extra`."""
    own = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    return own | as_variables(settings) | dict(extra)


def as_variables(settings: Settings) -> dict[str, str]:
    """Return the `KALSHI_*` variables that give these settings again, secrets included."""
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple):
            value = ",".join(value)
        if value is not None:
            variables[f"{PREFIX}{name.upper()}"] = str(value)
    return variables


def public_values(settings: Settings) -> dict[str, str]:
    """Return the settings that decide what is traded: no secrets, no clock of a replay."""
    names = [n for n in Settings.model_fields if n not in ("venue_clock", "home")]
    values = {name: getattr(settings, name) for name in names}
    return {n: str(v) for n, v in values.items() if not isinstance(v, SecretStr) and v is not None}


def _addresses(listed: SecretStr | None) -> list[str]:
    text = "" if listed is None else listed.get_secret_value().strip(" \t\r\n,")
    return _BETWEEN_ADDRESSES.split(text) if text else []


def _refuse_unknown(env: Mapping[str, str]) -> None:
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    for key in env:
        if key.startswith(PREFIX) and key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else "; README.md lists the settings"
            raise ConfigurationError(f"{key} is not a setting{hint}")


def _explain(error: Any) -> str:
    where = "_".join(str(part) for part in error["loc"]).upper()
    key = where if where.startswith(PREFIX) else f"{PREFIX}{where}" if where else "settings"
    if error["type"] == "extra_forbidden":
        return f"{where} in .env is not a setting; README.md lists the settings"
    message = error["msg"].removeprefix("Value error, ")
    if key.removeprefix(PREFIX).lower() in _SECRETS:
        return f"{key}: {message}"
    return f"{key}={error['input']!s}: {message}" if where else message


_SECRETS = {n for n, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
