"""Freshness policies: on the assets that are refreshed by themselves, as wide as their rhythm."""

from datetime import time, timedelta
from typing import Any

import dagster as dg
import pytest
import yaml

from kalshi_assets.definitions import defs
from kalshi_assets.defs.freshness import polled
from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets.settings import Settings, load_settings

GRAPH = defs.get_repository_def().asset_graph
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RHYTHM = {
    **dict.fromkeys(("raw_ticks", "clean_ticks", "rolling_averages", "signals"), 1.5 * MINUTE),
    "markets": HOUR,
    "daily_summaries": 25 * HOUR,
    **dict.fromkeys(("fills", "positions", "settlements", "portfolio"), 5 * MINUTE),
    **dict.fromkeys(("trade_journal", "weekly_review"), 169 * HOUR),  # when clocks go back
}


def windows(policy: Any) -> tuple[timedelta, timedelta]:
    return policy.warn_window.to_timedelta(), policy.fail_window.to_timedelta()


def settings(**values: Any) -> Settings:
    return load_settings(env={}, _env_file=None, **values)


def test_exactly_what_is_refreshed_by_itself_has_a_policy() -> None:
    with_policy = {
        key.to_user_string()
        for key in GRAPH.get_all_asset_keys()
        if GRAPH.get(key).freshness_policy is not None
    }
    assert with_policy == set(RHYTHM)


@pytest.mark.parametrize("asset", RHYTHM)
def test_one_missed_refresh_is_no_warning_and_many_are_a_failure(asset: str) -> None:
    warn, fail = windows(GRAPH.get(dg.AssetKey(asset)).freshness_policy)
    assert RHYTHM[asset] < warn < fail
    assert fail < 10 * RHYTHM[asset]


def test_the_windows_follow_the_polls_and_the_hours_of_collection() -> None:
    assert windows(polled(settings(poll_seconds=60))) == (4 * MINUTE, 8 * MINUTE)
    by_day = settings(poll_seconds=60, collection_start=time(9, 30), collection_end=time(16))
    assert windows(polled(by_day)) == (17.5 * HOUR + 4 * MINUTE, 17.5 * HOUR + 8 * MINUTE)


def test_the_shortest_slot_gives_windows_that_dagster_accepts() -> None:
    assert windows(polled(settings(poll_seconds=15))) == (MINUTE, 2 * MINUTE)


def test_the_daemon_is_told_to_look() -> None:
    assert yaml.safe_load((PROJECT / "dagster.yaml").read_text())["freshness"] == {"enabled": True}
