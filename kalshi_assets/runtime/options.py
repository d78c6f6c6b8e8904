"""The options that say what the local exchange plays and whom it knows, and their reading."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kalshi_assets.errors import ConfigurationError

if TYPE_CHECKING:
    from kalshi_assets.local_exchange import Input
    from kalshi_assets.runtime.exchange import Replay
    from kalshi_assets.runtime.past_weeks import PastWeeks

DEFAULT_SCENARIO = "cpi-week"
MAX_SPREAD = 5_000  # in $0.0001


def input_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what the local exchange plays."""
    options = [
        click.option(
            "--scenario", help=f"Scenario to play; {DEFAULT_SCENARIO} if nothing else is."
        ),
        click.option("--recording", type=click.Path(path_type=Path), help="Folder to replay."),
        click.option("--at", help="Moment of the recording to begin at: 2025-11-22T15:00:00Z."),
        click.option(
            "--spread",
            default="2",
            show_default=True,
            help="Cents between bid and ask, where only traded prices were recorded.",
        ),
        click.option("--speed", default=1.0, show_default=True, help="Venue seconds a second."),
        click.option(
            "--fault", multiple=True, help="Break the feed: NAME, or NAME:TICKER for one market."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def history_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which past weeks are played first."""
    options = [
        click.option(
            "--history",
            "is_history",
            is_flag=True,
            help="First play 13 weeks of trading in fast motion; with --once nothing else.",
        ),
        click.option("--weeks", type=int, help="With --history: how many weeks, 13 at most."),
        click.option("--seed", type=int, help="With --history: another seed, another history."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def past_weeks_of(played: dict[str, Any], *, is_history: bool) -> "PastWeeks | None":
    """Return which past weeks are to be played, None for none; their options are taken out.

    Raises:
        ConfigurationError: the options contradict each other, or there are no such weeks.
    """
    given = {name: played.pop(name) for name in ("weeks", "seed")}
    chosen = {name: value for name, value in given.items() if value is not None}
    if not is_history:
        if chosen:
            raise ConfigurationError(f"--{next(iter(chosen))} belongs to --history: add it")
        return None
    if played["scenario"] or played["recording"] or played["fault"] or played["speed"] != 1:
        raise ConfigurationError(
            "--history has markets, speed and faults of its own: leave --scenario, --recording, "
            "--speed and --fault out"
        )
    from kalshi_assets.runtime.past_weeks import PastWeeks

    return PastWeeks(**chosen)


def replay_of(*, speed: float, **played: Any) -> "Replay":
    """Return what the options say the local exchange plays, checked.

    Raises:
        ConfigurationError: the options contradict each other, or it cannot be played.
    """
    from kalshi_assets.runtime.exchange import Replay

    return Replay.of(input_of(**played), speed=speed)


def input_of(
    *,
    scenario: str | None,
    recording: Path | None,
    at: str | None,
    spread: str,
    fault: tuple[str, ...],
) -> "Input":
    """Return what the options name, not opened yet.

    Raises:
        ConfigurationError: the options contradict each other.
    """
    from kalshi_assets.local_exchange import Input, Recording

    if recording is None and at is not None:
        raise ConfigurationError("--at belongs to --recording: name the folder to replay")
    if recording is None:
        return Input(scenario or DEFAULT_SCENARIO, fault)
    if scenario is not None:
        raise ConfigurationError("--scenario and --recording exclude each other: give one of them")
    if at is None:
        raise ConfigurationError("--at is missing: the moment of the recording to begin at")
    return Input(Recording(recording, _milliseconds(at), _spread(spread)), fault)


def registered_key(public_key: Path | None, key_id: str | None) -> dict[str, str] | None:
    """Return the key to register by its id, None where the options name none.

    Raises:
        ConfigurationError: one option comes without the other, or the file cannot be read.
    """
    if public_key is None and key_id is None:
        return None
    if public_key is None:
        raise ConfigurationError(f"--key-id {key_id} belongs to --public-key: name the PEM file")
    if not key_id:
        raise ConfigurationError(
            f"--public-key {public_key} needs --key-id: the id that requests are signed with"
        )
    try:
        return {key_id: public_key.read_text(encoding="utf-8")}
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"--public-key {public_key} cannot be read: {exc}") from exc


def _milliseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigurationError(f"--at {text}: not a moment like 2025-11-22T15:00:00Z") from exc
    if moment.tzinfo is None:
        raise ConfigurationError(f"--at {text} has no offset: add Z for UTC, or -05:00")
    return int(moment.timestamp() * 1000)


def _spread(cents: str) -> int:
    """Return a spread in $0.0001."""
    try:
        spread = Decimal(cents) * 100
    except InvalidOperation as exc:
        raise ConfigurationError(f"--spread {cents} is not a number of cents") from exc
    if spread != spread.to_integral_value() or not 1 <= spread <= MAX_SPREAD:
        raise ConfigurationError(f"--spread {cents} is not between 0.01 and 50 cents")
    return int(spread)
