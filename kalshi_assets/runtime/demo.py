"""The demo: a whole trading day in a box, from a local exchange to an order, at any hour."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic, sleep

import click
import dagster as dg

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.errors import ConfigurationError
from kalshi_assets.local_exchange.scenarios import known_scenarios
from kalshi_assets.runtime import stack
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import Children, end_left_overs
from kalshi_assets.runtime.summary import Summary, story, summarise
from kalshi_assets.settings import Settings, environment
from kalshi_assets.storage import ledger, overview, signals
from kalshi_assets.storage.engine import Database

HISTORY_SECONDS = 300.0
DECISION_SECONDS = 300.0
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    settings: Settings
    database: Database
    instance: dg.DagsterInstance
    children: Children
    clock: VenueClock
    started_at: float

    def summary(self) -> Summary:
        """Return what has happened so far."""
        return summarise(
            self.database,
            venue=self.settings.venue,
            input_name=self.settings.input_name,
            dagster_runs=self.instance.get_runs_count(),
            seconds=monotonic() - self.started_at,
        )


def run_once(settings: Settings, *, scenario: str) -> tuple[Summary, list[str]]:
    """Run until the signals of this moment are decided and settled into orders; then end.

    Returns:
        The summary, and what became of each signal, a line each.
    """
    with running(settings, scenario=scenario, port=None) as demo:
        load_history(demo)
        wait_for_orders(demo)
        return demo.summary(), story(demo.database)


def run_with_ui(settings: Settings, *, scenario: str, port: int) -> None:
    """Run with the UI until Ctrl-C."""
    with running(settings, scenario=scenario, port=port) as demo:
        click.echo(_tour(port), err=True)
        load_history(demo)
        click.echo("Loaded. A poll follows every 90 seconds. Ctrl-C stops everything.", err=True)
        told: list[str] = []
        while True:
            demo.children.require_alive()
            lines = story(demo.database)
            for line in lines:
                if line not in told:
                    click.echo(line, err=True)
            told = lines
            sleep(2)


@contextmanager
def running(settings: Settings, *, scenario: str, port: int | None) -> Iterator[Demo]:
    """Start everything, yield the demo, and stop everything. Without a port there is no UI."""
    if scenario not in known_scenarios():
        known = ", ".join(known_scenarios())
        raise ConfigurationError(f"{scenario!r} is no scenario; known: {known}")
    started_at, home = monotonic(), Home(settings.home)
    with home.owned():
        end_left_overs(home.run)
        children = Children(home.run)
        name = "kalshi_" + scenario.replace("-", "_")
        with stack.database_url(settings, home, name=name) as url:
            try:
                yield from _started(settings, home, children, url, scenario, port, started_at)
            finally:
                children.stop()


def _started(
    settings: Settings,
    home: Home,
    children: Children,
    url: str,
    scenario: str,
    port: int | None,
    started_at: float,
) -> Iterator[Demo]:
    named = settings.model_copy(update={"input_name": scenario})
    exchange = stack.start_exchange(
        children, home, scenario=scenario, environ=environment(named, stack.QUIET)
    )
    local = stack.local_settings(named, home, url=url, exchange=exchange)
    database = stack.prepare_database(local)
    with stack.only_daemon(database):
        environ = stack.child_environment(local, home)
        os.environ.update(stack.dagster_variables(local, home))
        with dg.DagsterInstance.get() as instance:
            workspace = stack.start_dagster(children, environ)
            if port is not None:
                stack.start_webserver(children, environ, workspace=workspace, port=port)
            yield Demo(local, database, instance, children, exchange.clock, started_at)
    database.dispose()


def load_history(demo: Demo) -> None:
    """Show how the history comes in, until the first poll of this start was made."""
    days = demo.settings.history_days + 1
    steps = {"raw_ticks", "clean_ticks", "daily_summaries", "rolling_averages"}
    with click.progressbar(
        length=days * len(steps), label="Loading history", file=_stderr()
    ) as bar:

        def is_loaded() -> bool:
            with demo.database.transaction() as connection:
                done = overview.days_done(connection)
            total = sum(min(days, done[step]) for step in steps)
            bar.update(total - bar.pos)
            return total >= days * len(steps)

        demo.children.wait_for(is_loaded, what="loading the history", seconds=HISTORY_SECONDS)


def wait_for_orders(demo: Demo) -> None:
    """Wait until a poll of this start has ended, and the judgement of its signals too."""
    first = slot_of(demo.clock.venue_at or demo.clock.now(), demo.settings.poll_seconds)
    demo.children.wait_for(
        lambda: _is_decided(demo, first),
        what="the decision on the signals of this moment",
        seconds=DECISION_SECONDS,
    )


def _is_decided(demo: Demo, first: datetime) -> bool:
    """Tell whether the newest ended poll of this start has been judged and its orders settled."""
    slot = _newest_slot(demo.instance, "poll_job")
    if slot is None or slot < first.isoformat():
        return False
    with demo.database.transaction() as connection:
        open_signals = signals.open_signals(connection, venue_day(demo.clock.now()))
        live = [o for o in ledger.live_orders(connection) if o.status != "resting"]
    if not open_signals and not live:
        return True
    judged = _newest_slot(demo.instance, "order_job")
    return judged is not None and judged >= slot and not live


def _newest_slot(instance: dg.DagsterInstance, job: str) -> str | None:
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(ENDED)), limit=20)
    return max((run.tags[SLOT_TAG] for run in runs if SLOT_TAG in run.tags), default=None)


def _stderr():  # type: ignore[no-untyped-def]
    return click.get_text_stream("stderr")


def _tour(port: int) -> str:
    return f"""
  The UI is at http://127.0.0.1:{port}

  Look at   Lineage             how a tick becomes an order
            rolling_averages    each market's 7-day average and its coverage
            decisions           every signal, and why it was traded or not
            Automation          the sensors that poll, judge and place
"""
