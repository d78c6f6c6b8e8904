"""`backfill`, `review`: one run over days or weeks, in what runs here, and how far it has come."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from time import sleep
from uuid import uuid4

import dagster as dg
from pydantic import SecretStr

from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.tick import AGAIN_TAG, RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.domain.week import Week
from kalshi_assets.errors import ConfigurationError, ProcessError
from kalshi_assets.runtime.dagster_stack import QUIET, dagster_variables, script
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import database_of, run_folder, running_installation
from kalshi_assets.settings import Settings, environment

HISTORY_JOB, REVIEW_JOB = "history_job", "review_job"
LAUNCH_SECONDS = 120
LOOK_SECONDS = 1.0
RECORDS_A_LOOK = 1_000
TOLD = {
    dg.DagsterEventType.STEP_SUCCESS: "done",
    dg.DagsterEventType.STEP_FAILURE: "FAILED",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}


@dataclass(frozen=True)
class Site:
    """What runs here, as far as a run is launched in it and looked at."""

    settings: Settings
    home: Home
    port: int | None

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables that lead Dagster to its database and artifacts."""
        return dagster_variables(self.settings, self.home)


def site_of(given: Settings) -> Site:
    """Return what runs on this home.

    Raises:
        ConfigurationError: nothing does.
    """
    home = Home(given.home)
    installation = running_installation(home)
    if installation is None:
        raise ConfigurationError(
            f"nothing runs on {given.home} that a run could be launched in: `kalshi-assets up` or "
            "`demo` starts it"
        )
    database = database_of(installation, home, given=given)
    database.dispose()
    url = {"database_url": SecretStr(database.plain_url)}
    return Site(installation.settings.model_copy(update=url), home, installation.port)


def days_of_range(settings: Settings, first: date, last: date) -> list[date]:
    """Return the days from the first to the last one.

    Raises:
        ConfigurationError: they are none, or some of them are no partitions.
    """
    today = venue_day(VenueClock.parse(settings.venue_clock).now())
    if first > last:
        raise ConfigurationError(f"--from {first} lies behind --to {last}: exchange them")
    if first < settings.first_day:
        raise ConfigurationError(
            f"--from {first} lies before the first day, {settings.first_day}: "
            "KALSHI_FIRST_DAY sets it"
        )
    if last > today:
        raise ConfigurationError(f"--to {last} is still to come: today is {today} in New York")
    return list(days_between(first, last))


def weeks_of_range(settings: Settings, first: date | None, last: date | None) -> list[date]:
    """Return the Sundays of the weeks from that of one day to that of another.

    Without a first day it is the week that ended last, without a last one the week of the first.

    Raises:
        ConfigurationError: they are none, or some of them are no partitions.
    """
    now = VenueClock.parse(settings.venue_clock).now()
    begin = Week.of(now).shifted(-1) if first is None else Week.of_day(first)
    end = begin if last is None else Week.of_day(last)
    if begin.first_day > end.first_day:
        raise ConfigurationError(f"--from {first} lies behind --to {last}: exchange them")
    if begin.last_day < settings.first_day:
        raise ConfigurationError(
            f"--from {first} lies before the first day, {settings.first_day}: "
            "KALSHI_FIRST_DAY sets it"
        )
    if end.first_day > venue_day(now):
        raise ConfigurationError(
            f"--to {last} is still to come: today is {venue_day(now)} in New York"
        )
    weeks = (end.first_day - begin.first_day).days // 7
    return [begin.shifted(number).first_day for number in range(weeks + 1)]


def launch(site: Site, job: str, keys: list[date], *, is_again: bool = False) -> str:
    """Launch one run of a job over the partitions from the first to the last, and return its id.

    Raises:
        ProcessError: Dagster did not take it; the message says what it answered.
    """
    run_id = str(uuid4())
    tags = {RANGE_START_TAG: keys[0].isoformat(), RANGE_END_TAG: keys[-1].isoformat()}
    again = {AGAIN_TAG: "true"} if is_again else {}
    workspace = run_folder(site.home) / "workspace.yaml"
    words = [script("dagster"), "job", "launch", "-w", str(workspace), "-j", job]
    answer = subprocess.run(  # noqa: S603  the words are ours
        [*words, "--run-id", run_id, "--tags", json.dumps(tags | again)],
        env=environment(site.settings, QUIET | site.variables),
        capture_output=True,
        text=True,
        timeout=LAUNCH_SECONDS,
        check=False,
    )
    if answer.returncode:
        said = (answer.stderr.strip() or answer.stdout.strip()).splitlines()
        raise ProcessError(f"the run could not be launched: {said[-1] if said else 'no answer'}")
    return run_id


def follow(site: Site, run_id: str, tell: Callable[[str], None]) -> bool:
    """Tell how a run comes on until it has ended, and return whether it ended well."""
    cursor: str | None = None
    with _instance(site) as instance:
        while True:
            run = instance.get_run_by_id(run_id)
            while True:
                found = instance.get_records_for_run(run_id, cursor, limit=RECORDS_A_LOOK)
                cursor = found.cursor
                for line in map(_line, found.records):
                    if line is not None:
                        tell(line)
                if not found.has_more:
                    break
            if run is not None and run.is_finished:
                return run.status == dg.DagsterRunStatus.SUCCESS
            sleep(LOOK_SECONDS)


def _line(record: dg.EventLogRecord) -> str | None:
    """Return what a person wants to read of a record."""
    entry = record.event_log_entry
    if not entry.is_dagster_event:
        return f"{entry.step_key}: {entry.user_message}"
    event = entry.get_dagster_event()
    word = TOLD.get(event.event_type)
    return None if word is None else f"{event.step_key}: {word}"


@contextmanager
def _instance(site: Site) -> Iterator[dg.DagsterInstance]:
    os.environ.update(site.variables)
    with dg.DagsterInstance.get() as instance:
        yield instance
