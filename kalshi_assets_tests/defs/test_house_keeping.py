"""After house-keeping old days are in files and claimed no more, and old runs are forgotten."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.definitions import defs
from kalshi_assets.defs.house_keeping import DROPPED
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.runtime.dagster_stack import dagster_variables
from kalshi_assets.runtime.home import Home
from kalshi_assets.storage.archive import restore_day
from kalshi_assets_tests.stand import MOMENT, Stand

DAY = venue_day(MOMENT)


@pytest.fixture
def aged(stand: Stand) -> Stand:
    """A history, a poll and an order, of ten days ago; nine days of ticks may stay."""
    stand.load_history()
    stand.poll()
    stand.judge_and_place()
    stand.change(history_days=7, tick_retention_days=9)
    stand.later(timedelta(days=10).total_seconds())
    stand.run("daily_summaries_job", partition_key=DAY.isoformat())
    return stand


def claimed(stand: Stand, asset: str) -> set[str]:
    return stand.instance.get_materialized_partitions(dg.AssetKey(asset))


def counted(stand: Stand, table: str) -> int:
    [row] = stand.rows(f"SELECT count(*) AS n FROM kalshi.{table}")  # noqa: S608  our own names
    return int(row["n"])


def test_dropped_days_are_claimed_no_more_and_every_summary_is(aged: Stand) -> None:
    days = claimed(aged, "raw_ticks")
    summaries, signals = claimed(aged, "daily_summaries"), claimed(aged, "signals")
    rows = counted(aged, "daily_summaries"), counted(aged, "signals"), counted(aged, "orders")
    assert DAY.isoformat() in days

    aged.run("house_keeping_job")

    first_kept = venue_day(aged.now) - timedelta(days=9)
    assert {d for name in DROPPED for d in claimed(aged, name)} == {
        day for day in days if day >= first_kept.isoformat()
    }
    assert claimed(aged, "daily_summaries") == summaries
    assert claimed(aged, "signals") >= signals
    assert (counted(aged, "daily_summaries"), counted(aged, "signals")) == rows[:2]
    assert counted(aged, "orders") == rows[2]
    assert counted(aged, "raw_ticks") == counted(aged, "clean_ticks") == 0
    assert aged.instance.get_runs(dg.RunsFilter(job_name="order_job")), "the ledger's runs stay"


def test_what_told_of_dropped_ticks_is_gone_and_what_an_order_rests_on_is_not(aged: Stand) -> None:
    [order] = aged.rows("SELECT verdict_ids FROM kalshi.orders")
    before = counted(aged, "verdicts")

    aged.run("house_keeping_job")

    left = {row["verdict_id"] for row in aged.rows("SELECT verdict_id FROM kalshi.verdicts")}
    assert set(order["verdict_ids"]) <= left
    assert len(left) < before


def test_the_ticks_behind_an_order_come_back_from_the_archive(aged: Stand) -> None:
    [order] = aged.rows("SELECT market_ticker FROM kalshi.orders")
    ours = "SELECT t::text FROM kalshi.raw_ticks t WHERE market_ticker = :ticker ORDER BY 1"
    before = aged.rows(ours, ticker=order["market_ticker"])
    aged.run("house_keeping_job")
    for day in {one["day"] for one in aged.rows("SELECT day FROM kalshi.archives")}:
        with aged.database.transaction() as connection:
            restore_day(connection, day, keep_until=aged.now + timedelta(days=1))
    assert aged.rows(ours, ticker=order["market_ticker"]) == before
    others = "SELECT 1 FROM kalshi.raw_ticks WHERE market_ticker <> :ticker"
    assert aged.rows(others, ticker=order["market_ticker"]) == []


def test_a_day_without_final_summaries_stays_whole_and_the_run_is_red(aged: Stand) -> None:
    aged.execute("UPDATE kalshi.daily_summaries SET is_provisional = true WHERE day = :d", d=DAY)
    before = counted(aged, "raw_ticks")
    result = aged.run("house_keeping_job", expect_success=False)
    [failure] = [e for e in result.all_events if e.is_step_failure]
    assert f"{DAY}: " in str(failure.step_failure_data.error)
    assert "materialise daily_summaries" in str(failure.step_failure_data.error)
    assert 0 < counted(aged, "raw_ticks") < before
    assert DAY.isoformat() in claimed(aged, "raw_ticks")


@pytest.fixture
def recorded(stand: Stand, tmp_path: Path) -> Iterator[Stand]:
    """A stand whose Dagster keeps its record beside our tables, as that of an installation does."""
    url = dagster_variables(stand.settings, Home(stand.settings.home))["DAGSTER_POSTGRES_URL"]
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"storage": {"postgres": {"postgres_url": url}}}
    ) as instance:
        stand.instance = instance
        yield stand


def age(stand: Stand, days: int = 8) -> None:
    """Let all that Dagster has recorded be of some days ago."""
    past = f"interval '{days} days'"
    for statement in (
        f"runs SET end_time = end_time - {days * 86_400}, "
        f"create_timestamp = create_timestamp - {past}, "
        f"update_timestamp = update_timestamp - {past}",
        f"event_logs SET timestamp = timestamp - {past}",
        f"asset_check_executions SET create_timestamp = create_timestamp - {past}",
    ):
        stand.execute(f"UPDATE dagster.{statement}")


def jobs_left(stand: Stand) -> dict[str, list[str]]:
    """Return the ids of the runs that are recorded, by job, oldest first."""
    left: dict[str, list[str]] = {}
    for run in reversed(stand.instance.get_runs()):
        left.setdefault(run.job_name, []).append(run.run_id)
    return left


def newest_words(stand: Stand) -> dict[str, Any]:
    """Return what the UI says of every asset, partition and check."""
    record, graph = stand.instance.event_log_storage, defs.resolve_asset_graph()
    checks = record.get_latest_asset_check_execution_by_key(list(graph.asset_check_keys))
    words: dict[str, Any] = {str(key): (one.run_id, one.status) for key, one in checks.items()}
    for key in graph.materializable_asset_keys:
        newest = stand.instance.get_latest_materialization_event(key)
        partitions = stand.instance.get_materialized_partitions(key)
        words[key.to_user_string()] = (newest and newest.run_id, partitions)
    return words


def leavings(stand: Stand) -> list[dict[str, Any]]:
    """Return what is recorded of runs that are not."""
    left: list[dict[str, Any]] = []
    for name in ("event_logs", "run_tags", "asset_check_executions"):
        missing = "SELECT FROM dagster.runs r WHERE r.run_id = t.run_id"
        query = f"SELECT * FROM dagster.{name} t WHERE run_id <> '' AND NOT EXISTS ({missing})"  # noqa: S608
        left += stand.rows(query)
    events = "SELECT FROM dagster.event_logs e WHERE e.id = event_id"
    query = f"SELECT * FROM dagster.asset_event_tags WHERE NOT EXISTS ({events})"  # noqa: S608
    return left + stand.rows(query)


def test_old_runs_are_forgotten_and_the_newest_word_on_everything_stays(recorded: Stand) -> None:
    recorded.load_history()
    recorded.poll()
    ordering = recorded.judge_and_place().run_id
    for _ in range(2):
        recorded.later(90)
        recorded.poll()
        recorded.judge_and_place()
        recorded.run("reconcile_job")
    age(recorded)
    before, words = jobs_left(recorded), newest_words(recorded)
    assert [order["run_id"] for order in recorded.rows("SELECT run_id FROM kalshi.orders")] == [
        ordering
    ]

    recorded.run("house_keeping_job")

    left = jobs_left(recorded)
    assert newest_words(recorded) == words
    assert left.pop("house_keeping_job")
    assert left == {
        "history_job": before["history_job"],
        "poll_job": before["poll_job"][-1:],
        "order_job": [ordering, before["order_job"][-1]],
        "reconcile_job": before["reconcile_job"][-1:],
    }, "summaries and orders keep theirs, of others only the newest says something"
    assert leavings(recorded) == []
    logs = Path(recorded.instance.storage_directory())
    assert not (logs / before["poll_job"][0]).exists()
    assert (logs / ordering).is_dir()


def test_a_day_that_is_still_there_stays_claimed_by_a_run_that_is_old(recorded: Stand) -> None:
    recorded.load_history()
    recorded.poll()
    before = recorded.today
    recorded.later(timedelta(days=1).total_seconds())
    recorded.poll()
    age(recorded)
    recorded.run("house_keeping_job")
    assert {before, recorded.today} <= claimed(recorded, "raw_ticks")
    assert len(jobs_left(recorded)["poll_job"]) == 2


def test_what_is_young_or_under_way_is_not_forgotten(recorded: Stand) -> None:
    for _ in range(4):
        recorded.run("reconcile_job")
    _, under_way, old, _ = jobs_left(recorded)["reconcile_job"]
    age(recorded, days=6)
    recorded.run("house_keeping_job")
    assert len(jobs_left(recorded)["reconcile_job"]) == 4
    age(recorded, days=2)
    recorded.execute("UPDATE dagster.runs SET status = 'STARTED' WHERE run_id = :id", id=under_way)
    recorded.run("house_keeping_job")
    left = jobs_left(recorded)["reconcile_job"]
    assert under_way in left
    assert old not in left
    assert len(left) == 2


def test_what_ticks_of_sensors_left_among_the_logs_goes_once_it_is_old(recorded: Stand) -> None:
    folder = Path(recorded.instance.storage_directory()) / "__repository__" / "failed_run_sensor"
    folder.mkdir(parents=True)
    old, young = folder / "7.err", folder / "8.err"
    for path, days in ((old, 8), (young, 6)):
        path.touch()
        moment = wall_now().timestamp() - timedelta(days=days).total_seconds()
        os.utime(path, (moment, moment))
    recorded.run("house_keeping_job")
    assert list(folder.iterdir()) == [young]
