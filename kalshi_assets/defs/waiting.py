"""Sensors that wait inside their tick for what they act on, so that nobody waits for the next tick.

A tick is followed by up to five seconds in which the daemon asks nobody: a twin of each sensor on
the way to an order waits meanwhile. Which of the two asks for a run is settled by a claim in the
database.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.storage.tidings import (
    ENDING,
    STOP_CHANNEL,
    Claim,
    Listening,
    claim_run,
    listening,
    newest_claim,
)

# What nobody is told of is looked at so often while a sensor waits; what is urgent, more often.
LOOK_SECONDS = 15.0
URGENT_SECONDS = 5.0
# While a run is under way its end is looked for.
BUSY_SECONDS = 0.25
STEP_SECONDS = 1.0
# A run that was asked for and is not there so long after was lost with whoever asked.
LOST_AFTER = timedelta(seconds=15)
# Of these threads of Dagster's code server the first ends when the server is told to stop.
SERVER_THREAD, STOPPING_THREAD = "grpc-server-cleanup", "grpc-server-termination"


@dataclass(frozen=True)
class Wait:
    """There is nothing to do yet: look again when something is told, or after some seconds."""

    reason: str
    seconds: float | None = None


Answer = dg.SensorResult | dg.SkipReason


def wait_for(
    platform: Platform, channels: Sequence[str], look: Callable[[], Answer | Wait]
) -> Answer:
    """Look until there is something to do, for as long as settings say; once where that is 0."""
    limit = platform.settings.sensor_wait_seconds
    if not limit:
        found = look()
        return dg.SkipReason(found.reason) if isinstance(found, Wait) else found
    deadline = monotonic() + limit
    # It listens before it looks: what is told in between is heard.
    with listening(platform.database, [*channels, STOP_CHANNEL]) as news:
        while True:
            found = look()
            if not isinstance(found, Wait):
                return found
            if not _is_told(
                news, until=min(deadline, monotonic() + (found.seconds or LOOK_SECONDS))
            ):
                return dg.SkipReason(found.reason)
            if monotonic() >= deadline:
                return dg.SkipReason(found.reason)


def _is_told(news: Listening, *, until: float) -> bool:
    """Wait until something is told, or until then; False: everything is being stopped."""
    while (left := until - monotonic()) > 0:
        if _is_stopping():
            return False
        told = news.wait(min(left, STEP_SECONDS))
        if told is not None:
            return told != STOP_CHANNEL
    return True


def _is_stopping() -> bool:
    """Tell whether the process that asks is being stopped, ours or Dagster's code server."""
    names = {thread.name for thread in threading.enumerate()}
    return ENDING.is_set() or (STOPPING_THREAD in names and SERVER_THREAD not in names)


def is_unfinished(instance: dg.DagsterInstance, job: str) -> bool:
    """Tell whether a run of a job waits, is under way or is being cancelled."""
    wanted = dg.RunsFilter(job_name=job, statuses=NOT_FINISHED_STATUSES)
    return bool(instance.get_runs(wanted, limit=1))


@dataclass(frozen=True)
class Asking:
    """Asks for runs of a job, each mark once, whoever of the twins is faster."""

    instance: dg.DagsterInstance
    platform: Platform
    job: str

    def open_claim(self, mark: str) -> Callable[[], bool] | None:
        """Return how to claim a run up to a mark; None: it was asked for, and has come.

        What is returned tells whether the claim is ours, or a twin's who was faster.
        """
        with self.platform.database.transaction() as connection:
            seen = newest_claim(connection, self.job)
        if seen is not None and seen.mark == mark and not self._is_lost(seen):
            return None

        def claim() -> bool:
            with self.platform.database.transaction() as connection:
                return claim_run(connection, self.job, Claim(mark, wall_now()), instead_of=seen)

        return claim

    def busy_with(self, *jobs: str) -> str | None:
        """Return the first of this job and these of which a run is asked for or not ended."""
        with self.platform.database.transaction() as connection:
            seen = newest_claim(connection, self.job)
        if seen is not None and self._is_awaited(seen):
            return self.job
        return next((j for j in (self.job, *jobs) if is_unfinished(self.instance, j)), None)

    def _is_awaited(self, seen: Claim) -> bool:
        """Tell whether a run was asked for a moment ago, and is not there yet."""
        return wall_now() - seen.claimed_wall_at < LOST_AFTER and not self._has_come(seen)

    def _is_lost(self, seen: Claim) -> bool:
        """Tell whether a run that was asked for has not come: whoever asked has died."""
        return wall_now() - seen.claimed_wall_at >= LOST_AFTER and not self._has_come(seen)

    def _has_come(self, seen: Claim) -> bool:
        newest = self.instance.get_run_records(dg.RunsFilter(job_name=self.job), limit=1)
        return bool(newest) and newest[0].create_timestamp >= seen.claimed_wall_at
