"""`demo --history`: weeks of trading played in fast motion, before the demo goes on from there."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.errors import ConfigurationError, ProcessError
from kalshi_assets.local_exchange import Input
from kalshi_assets.local_exchange.scenarios import history
from kalshi_assets.runtime.dagster_stack import QUIET, dagster_variables, prepared_database
from kalshi_assets.runtime.exchange import Replay
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import MARK
from kalshi_assets.settings import Settings, environment

MOST_WEEKS, MOST_SEED = history.WEEKS, 999_999_999
# In an hour of the wall lie the calls of months.
TIER = "prime"
# What the account's rules are in these weeks, where nothing else was set.
RULES: Mapping[str, object] = {
    "exit_take_profit_points": Decimal(3),
    "exit_stop_points": Decimal(15),
    "backfill_trades": False,
    "tick_retention_days": 120,
}


@dataclass(frozen=True)
class PastWeeks:
    """Which weeks are played: how many, and drawn from which seed."""

    weeks: int = MOST_WEEKS
    seed: int = history.SEED

    def __post_init__(self) -> None:
        if not 1 <= self.weeks <= MOST_WEEKS:
            raise ConfigurationError(f"--weeks {self.weeks} is not between 1 and {MOST_WEEKS}")
        if not 0 <= self.seed <= MOST_SEED:
            raise ConfigurationError(f"--seed {self.seed} is not between 0 and {MOST_SEED}")

    def replay(self) -> Replay:
        """Return what the local exchange plays."""
        is_usual = self.seed == history.SEED
        source = Input(history.NAME if is_usual else f"{history.NAME}-{self.seed}")
        return replace(Replay.of(source), tier=TIER)

    def settings(self, settings: Settings, replay: Replay) -> Settings:
        """Return the settings of these weeks: series, exits, as far as nobody has set them."""
        chosen = settings.model_fields_set
        fitting = {"series": tuple(replay.tape.series), **RULES}
        return settings.model_copy(update={k: v for k, v in fitting.items() if k not in chosen})

    def play(self, settings: Settings, home: Home) -> dict[str, Any]:
        """Play them on a running exchange, go on with what was begun; return what came of it.

        Raises:
            ProcessError: they could not be played to their end.
        """
        prepared_database(settings).dispose()
        # Marked as a child: should this process be killed, the next start ends what is left.
        marked = {MARK: str(home.run.resolve())}
        environ = environment(settings, QUIET | dagster_variables(settings, home) | marked)
        first = venue_day(history.STARTED_AT).isoformat()
        words = ["--first", first, "--weeks", str(self.weeks), "--seed", str(self.seed)]
        with subprocess.Popen(  # noqa: S603  the words are ours
            [sys.executable, "-m", "kalshi_assets.history", *words],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                told, _ = process.communicate()
            finally:
                process.terminate()
        if process.returncode:
            raise ProcessError(f"the history ended with exit code {process.returncode}, see above")
        found: dict[str, Any] = json.loads(told.splitlines()[-1])
        return found


def next_step(told: Mapping[str, Any]) -> str:
    """Say how the reviews of these weeks are made."""
    words = f"kalshi-assets review --from {told['first_day']} --to {told['last_day']} --wait"
    return f"  Review them:   {words}\n  or in the UI:  Lineage, trade_journal and weekly_review\n"


def lines_of(told: Mapping[str, Any]) -> list[str]:
    """Say what came of these weeks, a line each."""
    trips = ", ".join(f"{count} {kind}" for kind, count in told["trips"].items()) or "none"
    hands = ", ".join(f"{count} {kind}" for kind, count in told["overrides"].items()) or "none"
    return [
        f"  played         {told['first_day']} to {told['last_day']}, in {told['seconds']} s",
        f"  trades         {trips}; {told['won']} won; {told['open_trips']} still open",
        f"  by hand        {hands} of the bot's",
        f"  orders, fills  {told['orders']}, {told['fills']}",
        f"  halts          {told['halts']}",
        f"  {told['sentence']}",
    ]
