"""After house-keeping old runs are forgotten, quiet ones first; what tells something stays."""

import os
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus

from kalshi_assets.definitions import defs
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.runtime.dagster_stack import dagster_variables
from kalshi_assets.runtime.home import Home
from kalshi_assets_tests.defs.test_house_keeping import claimed
from kalshi_assets_tests.stand import Stand


@pytest.fixture
def recorded(stand: Stand, tmp_path: Path) -> Iterator[Stand]:
    """A stand whose Dagster keeps its record beside our tables, as that of an installation does."""
    url = dagster_variables(stand.settings, Home(stand.settings.home))["DAGSTER_POSTGRES_URL"]
    with dg.DagsterInstance.local_temp(
        str(tmp_path), overrides={"storage": {"postgres": {"postgres_url": url}}}
    ) as instance:
        stand.instance = instance
        yield stand


def age(stand: Stand, days: float = 8) -> None:
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


def feed_and_judge(stand: Stand) -> tuple[str, str]:
    """Let ten seconds pass, the feed be cleaned, and be judged; return the two runs."""
    stand.later(10)
    tags = {SLOT_TAG: stand.now.isoformat()}
    feed = stand.run("feed_job", partition_key=stand.today, tags=tags).run_id
    return feed, stand.judge_and_place().run_id


def runs_in(stand: Stand, column: str) -> set[str]:
    """Return the runs that made what decisions rest on, or the decisions."""
    seen = (
        "SELECT CAST(jsonb_array_elements(inputs -> 'seen' -> 'verdict_ids') AS bigint)"
        " FROM kalshi.decisions"
    )
    queries = {
        "decisions": "SELECT run_id FROM kalshi.decisions",
        "seen": f"SELECT run_id FROM kalshi.verdicts WHERE verdict_id IN ({seen})",  # noqa: S608
    }
    return {row["run_id"] for row in stand.rows(queries[column])}


@pytest.fixture
def fed(recorded: Stand) -> tuple[Stand, list[tuple[str, str]]]:
    """Six times the feed ran and was judged: refused, ordered, held, thrice without a word.

    The third run of the feed failed.
    """
    recorded.load_history()
    recorded.poll()
    recorded.change(trading_end=time(10))
    pairs = [feed_and_judge(recorded)]
    recorded.change(trading_end=time(18))
    pairs += [feed_and_judge(recorded) for _ in range(5)]
    recorded.execute("UPDATE dagster.runs SET status = 'FAILURE' WHERE run_id = :r", r=pairs[2][0])
    assert runs_in(recorded, "decisions") == {judged for _, judged in pairs[:3]}
    assert [r["run_id"] for r in recorded.rows("SELECT run_id FROM kalshi.orders")] == [pairs[1][1]]
    return recorded, pairs


def test_quiet_runs_of_the_feed_go_after_a_day_and_what_tells_something_stays(
    fed: tuple[Stand, list[tuple[str, str]]],
) -> None:
    stand, (refused, ordered, held, *quiet, newest) = fed
    seen, of_quiet = runs_in(stand, "seen"), [run for pair in quiet for run in pair]
    age(stand, days=23 / 24)
    before, words = jobs_left(stand), newest_words(stand)
    stand.run("house_keeping_job")
    assert jobs_left(stand) | {"house_keeping_job": []} == before | {"house_keeping_job": []}

    age(stand, days=2 / 24)
    stand.execute(
        'UPDATE kalshi.verdicts SET markets_failed = \'{"A": "too old"}\''
        " WHERE run_id = :r AND check_name = 'ticks_are_fresh'",
        r=quiet[0][0],
    )
    stand.run("house_keeping_job")

    left = jobs_left(stand)
    told = {*refused, *ordered, *held, *newest}
    assert {*left["feed_job"], *left["order_job"]} == told
    assert left["poll_job"] == before["poll_job"]
    assert told.isdisjoint(of_quiet)
    assert newest_words(stand) == words
    assert leavings(stand) == []
    assert runs_in(stand, "seen") >= seen, "what decisions rest on is still to be read"
    wrong = stand.rows("SELECT * FROM kalshi.verdicts WHERE run_id = ANY(:runs)", runs=of_quiet)
    assert "ticks_are_fresh" in {row["check_name"] for row in wrong}, "what was wrong is kept"
    kept_well = [v for v in wrong if v["is_passed"] and not v["markets_failed"]]
    assert {v["check_name"] for v in kept_well} <= {"ledger_equals_venue"}

    age(stand, days=7)
    stand.run("house_keeping_job")
    left = jobs_left(stand)
    assert left["feed_job"] == [newest[0]], "the run behind a refusal and a failed one go as all do"
    assert left["order_job"] == [ordered[1], newest[1]]


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


def ticked(stand: Stand, sensor: str, status: TickStatus, *, days: float) -> int:
    """Record a tick of some days ago, as the daemon does; return its number."""
    data = TickData(
        instigator_origin_id=sensor,
        instigator_name=sensor,
        instigator_type=InstigatorType.SENSOR,
        status=status,
        timestamp=(wall_now() - timedelta(days=days)).timestamp(),
        selector_id=sensor,
        run_ids=["of this tick"] if status is TickStatus.SUCCESS else [],
    )
    return int(stand.instance.create_tick(data).tick_id)


def test_old_ticks_go_those_that_found_nothing_to_do_first_and_the_newest_of_each_stays(
    recorded: Stand,
) -> None:
    asked, skipped = TickStatus.SUCCESS, TickStatus.SKIPPED
    for status, days in ((asked, 8), (skipped, 2)):
        ticked(recorded, "poll_sensor", status, days=days)
    young = [
        ticked(recorded, "poll_sensor", status, days=days)
        for status, days in ((asked, 6), (skipped, 0.9))
    ]
    only = ticked(recorded, "once_sensor", asked, days=30)
    recorded.run("house_keeping_job")
    left = {row["id"] for row in recorded.rows("SELECT id FROM dagster.job_ticks")}
    assert left == {*young, only}
