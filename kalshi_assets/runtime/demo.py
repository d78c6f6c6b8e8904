"""The demo: a whole trading day in a box, from a local exchange to an order, at any hour."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import sleep
from typing import Any

import click
import dagster as dg

from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.errors import ProcessError
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import QUIET, Running, require_free, running_dagster
from kalshi_assets.runtime.database import database_name, served_database
from kalshi_assets.runtime.exchange import Replay, local_settings, start_exchange
from kalshi_assets.runtime.exchange_asked import ask_local_exchange
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.past_weeks import PastWeeks, lines_of, next_step
from kalshi_assets.runtime.processes import end_left_overs
from kalshi_assets.runtime.summary import Summary, story, summarise
from kalshi_assets.settings import Settings, environment
from kalshi_assets.storage import intake, ledger, markets, overview, signals

HISTORY_SECONDS = 300.0
HISTORY_ATTEMPTS = 2
DECISION_SECONDS = 300.0
HISTORY_STEPS = ("raw_ticks", "clean_ticks", "daily_summaries", "rolling_averages")
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def run_once(settings: Settings, *, replay: Replay) -> tuple[Summary, list[str]]:
    """Run until the signals of this moment are decided and settled into orders; then end.

    Returns:
        The summary, and what became of each signal, a line each.
    """
    with running_demo(settings, replay=replay, port=None) as demo:
        load_history(demo)
        wait_for_orders(demo)
        return summarise(demo), story(demo.database)


def run_weeks(settings: Settings, *, replay: Replay, past: PastWeeks) -> dict[str, Any]:
    """Play past weeks and nothing else; return what came of them."""
    with _exchange_at_work(settings, replay) as (_, home, local):
        return past.play(local, home)


def run_with_ui(
    settings: Settings, *, replay: Replay, port: int, past: PastWeeks | None = None
) -> None:
    """Run with the UI, and tell what happens, until Ctrl-C; first play past weeks, if any."""
    with running_demo(settings, replay=replay, port=port, past=past) as demo:
        click.echo(_tour(port), err=True)
        load_history(demo)
        click.echo("A poll follows every 90 seconds. Ctrl-C stops everything.\n", err=True)
        told = set(story(demo.database)) if past is not None else set()
        while True:
            demo.children.look_after()
            for line in story(demo.database):
                if line not in told:
                    click.echo(line, err=True)
                    told.add(line)
            sleep(2)


@contextmanager
def running_demo(
    settings: Settings, *, replay: Replay, port: int | None, past: PastWeeks | None = None
) -> Iterator[Running]:
    """Start everything, yield it, and stop everything. Without a port there is no UI."""
    if port is not None:
        require_free(port)
    started_at = wall_now()
    with _exchange_at_work(settings, replay) as (children, home, local):
        if past is not None:
            told = past.play(local, home)
            click.echo("\n".join([*lines_of(told), next_step(told)]), err=True)
            local = _at_present(local)
        with running_dagster(children, local, home, port=port, started_at=started_at) as running:
            yield running


@contextmanager
def _exchange_at_work(
    settings: Settings, replay: Replay
) -> Iterator[tuple[Children, Home, Settings]]:
    """Start database and exchange; yield who looks after them, and the settings that lead there."""
    home, named = Home(settings.home), replay.settings(settings)
    with home.owned():
        end_left_overs(home.run)
        with (
            served_database(settings, home, name=database_name(replay.name)) as served,
            Children(home.run) as children,
        ):
            children.need(served.require_alive)
            environ = environment(named, QUIET)
            exchange = start_exchange(children, home, replay=replay, environ=environ)
            yield (
                children,
                home,
                local_settings(named, home, database_url=served.url, exchange=exchange),
            )


def _at_present(local: Settings) -> Settings:
    """Return the settings with the venue's clock as it stands now."""
    exchange = ask_local_exchange(local.api_base_url)
    if exchange is None:
        raise ProcessError(f"{local.api_base_url} is no local exchange any more")
    return local.model_copy(update={"venue_clock": str(exchange.clock)})


def load_history(demo: Running) -> None:
    """Show how the history comes in, until all of it is there."""
    today = venue_day(demo.clock.now())
    days = list(days_between(today - timedelta(days=demo.settings.history_days), today))
    total = len(days) * len(HISTORY_STEPS)
    with click.progressbar(length=total, label="Loading history", file=sys.stderr) as bar:

        def is_loaded() -> bool:
            _require_history_to_load(demo)
            with demo.database.transaction() as connection:
                tracked = list(markets.tracked_markets(connection))
                is_complete = tracked and not intake.days_not_loaded(connection, days, tracked)
                done = overview.days_done(connection)
            now_done = sum(min(len(days), done[step]) for step in HISTORY_STEPS)
            bar.update((total if is_complete else min(now_done, total - 1)) - bar.pos)
            return bool(is_complete)

        demo.children.wait_for(is_loaded, what="loading the history", seconds=HISTORY_SECONDS)


def _require_history_to_load(demo: Running) -> None:
    """Check that the history was not tried twice in vain.

    Raises:
        ProcessError: it was; the message says why.
    """
    failed = dg.RunsFilter(
        job_name="history_job",
        statuses=[dg.DagsterRunStatus.FAILURE],
        created_after=demo.started_at,
    )
    runs = demo.instance.get_runs(failed, limit=HISTORY_ATTEMPTS)
    if len(runs) < HISTORY_ATTEMPTS:
        return
    steps = demo.instance.all_logs(runs[0].run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    errors = [s.dagster_event.step_failure_data.error for s in steps if s.dagster_event is not None]
    why = "; ".join(error.message.strip() for error in errors if error is not None)
    raise ProcessError(f"the history could not be loaded: {why or 'its runs were killed'}")


def wait_for_orders(demo: Running) -> None:
    """Wait until a poll of this start has ended, and the judgement of its signals too."""
    first = slot_of(demo.clock.venue_at or demo.clock.now(), demo.settings.poll_seconds)
    demo.children.wait_for(
        lambda: _is_decided(demo, first),
        what="the decision on the signals of this moment",
        seconds=DECISION_SECONDS,
    )


def _is_decided(demo: Running, first: datetime) -> bool:
    """Tell whether a poll from `first` on was judged in this start, and its orders are settled."""
    polled = _newest_slot(demo, "poll_job")
    if polled is None or polled < first.isoformat():
        return False
    with demo.database.transaction() as connection:
        open_signals = signals.open_signals(connection, venue_day(demo.clock.now()))
        unsettled = [o for o in ledger.live_orders(connection) if o.status != "resting"]
    if not open_signals and not unsettled:
        return True
    judged = _newest_slot(demo, "order_job", since=demo.started_at)
    return judged is not None and judged >= polled and not unsettled


def _newest_slot(demo: Running, job: str, *, since: datetime | None = None) -> str | None:
    """Return the newest slot for which a run of a job, made since then, has ended."""
    wanted = dg.RunsFilter(job_name=job, statuses=list(ENDED), created_after=since)
    slots = [run.tags.get(SLOT_TAG) for run in demo.instance.get_runs(wanted, limit=20)]
    return max((slot for slot in slots if slot is not None), default=None)


def _tour(port: int) -> str:
    return f"""
  The UI is at http://127.0.0.1:{port}

  Look at   Lineage             how a tick becomes an order
            rolling_averages    each market's 7-day average and its coverage
            decisions           every signal, and why it was traded or not
            Automation          the sensors that poll, judge and place
"""
