"""Runs the assets and checks as the jobs do, in this process and without Dagster's own records.

What a job of Dagster does between the steps is done here: an asset whose gating checks fail stops
the ones behind it, and `orders` is skipped where a gating check fails for the feed. The checks of a
poll that passed a few seconds ago are not run once more by the order run behind it. Advisory checks
gate nothing and store nothing; they are left out, and so are plots.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import uuid4

import dagster as dg

from kalshi_assets.defs.execution import assets as execution
from kalshi_assets.defs.execution.checks import ledger_verdict
from kalshi_assets.defs.jobs import feed_job
from kalshi_assets.defs.market_data import averages, checks, markets, ticks
from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.defs.signals import mean_reversion
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.errors import KalshiAssetsError
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.holdings import own_holdings
from kalshi_assets.quality.suites import checks as all_checks
from kalshi_assets.quality.suites import quality_limits_of
from kalshi_assets.settings import Settings, as_variables
from kalshi_assets.storage import ledger, signals
from kalshi_assets.storage.engine import Connection

TO_SIGNALS = (ticks.raw_ticks, ticks.clean_ticks, averages.rolling_averages, mean_reversion.signals)
OF_A_DAY = (
    ticks.raw_ticks,
    ticks.clean_ticks,
    averages.daily_summaries,
    averages.rolling_averages,
)
ACCOUNT = (execution.fills, execution.positions, execution.settlements, execution.portfolio)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """What a step asks about its run."""

    tags: Mapping[str, str] = field(default_factory=dict)
    run_id: str = field(default_factory=lambda: str(uuid4()))
    job_name: str = feed_job.name  # whose runs draw nothing


@dataclass(frozen=True)
class Step:
    """What an asset is handed in place of Dagster's context."""

    run: Run
    partition_keys: Sequence[str] = ()
    log: logging.Logger = _log


class Pipeline:
    """The assets and checks, at the moment at which the venue's clock stands."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        suite = all_checks(quality_limits_of(settings))
        self._gating = [check for check in suite if check.is_gating]

    def at(self, clock: VenueClock, **changes: object) -> None:
        """Take over where the venue's clock stands, and settings that somebody has changed."""
        self.settings = self.settings.model_copy(update={"venue_clock": str(clock), **changes})
        os.environ.update(as_variables(self.settings))

    def load(self, days: Sequence[date]) -> None:
        """Backfill days that are over, up to their averages, and look what markets there are."""
        keys = [day.isoformat() for day in days]
        run = Run({RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]})
        with self._platform() as platform:
            _make(markets.markets, Step(run), platform)
            for asset in OF_A_DAY:
                _make(asset, Step(run, keys), platform)

    def poll(self) -> bool:
        """Do what a poll does, up to signals; tell whether it came so far."""
        with self._platform() as platform:
            now = platform.clock.now()
            slot = slot_of(now, self.settings.poll_seconds)
            run = Run({SLOT_TAG: slot.isoformat()})
            step = Step(run, [venue_day(slot).isoformat()])
            try:
                for asset in TO_SIGNALS:
                    _make(asset, step, platform)
                    if not self._passes(asset.key.to_user_string(), platform, run):
                        return False
            except KalshiAssetsError as exc:
                _log.info("poll of %s: %s", slot, exc)
                return False
        return True

    def order_or_reconcile(self, *, is_checked: bool) -> None:
        """Judge and place where there is something to judge; bring the account up to date.

        Args:
            is_checked: a poll has just passed all its gating checks.
        """
        with self._platform() as platform:
            run = Run({SLOT_TAG: platform.clock.now().isoformat()})
            try:
                if self._has_to_judge(platform):
                    self._order(Step(run), platform, is_checked=is_checked)
                self._reconcile(Step(run), platform)
            except KalshiAssetsError as exc:
                _log.info("order run of %s: %s", platform.clock.now(), exc)

    def reconcile(self) -> None:
        """Bring the account up to what the venue states."""
        with self._platform() as platform:
            try:
                self._reconcile(Step(Run()), platform)
            except KalshiAssetsError as exc:
                _log.info("reconciliation of %s: %s", platform.clock.now(), exc)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection to look something up."""
        with self._platform() as platform, platform.database.transaction() as connection:
            yield connection

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Yield the tools of execution, for what a person does by command."""
        with self._platform() as platform, platform.desk(str(uuid4())) as desk:
            yield desk

    def _order(self, step: Step, platform: Platform, *, is_checked: bool) -> None:
        assets = dict.fromkeys(check.asset for check in self._gating)
        unchecked = [asset for asset in assets if not is_checked or asset == "markets"]
        passing = [self._passes(asset, platform, step.run) for asset in unchecked]
        _make(execution.decisions, step, platform)
        if all(passing):
            _make(execution.orders, step, platform)
        _make(execution.exits, step, platform)

    def _reconcile(self, step: Step, platform: Platform) -> None:
        for asset in ACCOUNT:
            _make(asset, step, platform)
        ledger_verdict(step.run.run_id, platform)

    def _passes(self, asset: str, platform: Platform, run: Run) -> bool:
        """Run the gating checks of an asset, store what they found, and tell whether all pass."""
        wanted = [check for check in self._gating if check.asset == asset]
        found = checks.verdicts_on(wanted, platform, days=(), run_id=run.run_id) if wanted else []
        return all(verdict.is_passed for verdict in found)

    def _has_to_judge(self, platform: Platform) -> bool:
        with platform.database.transaction() as connection:
            today = signals.open_signals(connection, venue_day(platform.clock.now()))
            live = ledger.live_orders(connection)
            held = own_holdings(connection) if platform.has_exit_rules else []
        return bool(today or live or held)

    @contextmanager
    def _platform(self) -> Iterator[Platform]:
        platform = Platform()
        try:
            yield platform
        finally:
            platform.close()


def _make(asset: dg.AssetsDefinition, step: Step, platform: Platform) -> None:
    """Call the function that an asset's step calls."""
    function: Any = asset.op.compute_fn
    function.decorated_fn(step, platform)
