"""Old partitions, as the UI starts them: with all their checks, and without a poll slot."""

from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.defs.partitions import (
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    days_of_tags,
)
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets_tests.stand import MOMENT, Stand

OLD = (venue_day(MOMENT) - timedelta(days=5)).isoformat()
OLDER = (venue_day(MOMENT) - timedelta(days=12)).isoformat()
LIVE_CHECKS = {
    "ticks_are_fresh",
    "ticks_are_complete",
    "feed_is_not_frozen",
    "averages_are_covered",
}
DATA_ASSETS = ("raw_ticks", "clean_ticks", "rolling_averages", "signals")


def materialise_as_the_ui_does(stand: Stand, tags: dict[str, str], **options: Any) -> Any:
    """Run the data assets with every check of theirs, in Dagster's job for such runs."""
    from kalshi_assets.definitions import defs

    job = defs.get_repository_def().get_implicit_job_def_for_assets(
        [dg.AssetKey(name) for name in DATA_ASSETS]
    )
    assert job is not None
    assert {key.name for key in job.asset_layer.asset_graph.asset_check_keys} >= LIVE_CHECKS
    return job.get_subset(
        asset_selection={dg.AssetKey(name) for name in DATA_ASSETS}, asset_check_selection=None
    ).execute_in_process(instance=stand.instance, tags=tags, **options)


@pytest.mark.parametrize(
    "tags",
    [{PARTITION_TAG: OLD}, {RANGE_START_TAG: OLDER, RANGE_END_TAG: OLD}],
    ids=["one partition", "a range of partitions in one run"],
)
def test_old_partitions_with_all_their_checks_are_green_and_store_no_verdict(
    loaded_stand: Stand, tags: dict[str, str]
) -> None:
    verdicts = loaded_stand.contents("verdicts")

    result = materialise_as_the_ui_does(loaded_stand, tags)

    evaluated = {evaluation.check_name for evaluation in result.get_asset_check_evaluations()}
    assert result.success
    assert evaluated
    assert not evaluated & LIVE_CHECKS, "nothing can be said of now by old data"
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    assert loaded_stand.contents("verdicts") == verdicts


def test_an_integrity_check_still_stops_the_backfill_of_a_bad_day(loaded_stand: Stand) -> None:
    loaded_stand.execute(
        "UPDATE kalshi.candle_ticks SET yes_bid = yes_ask + 10000 WHERE observed_at::date = :day",
        day=OLD,
    )

    result = materialise_as_the_ui_does(loaded_stand, {PARTITION_TAG: OLD}, raise_on_error=False)

    [failed] = [e for e in result.get_asset_check_evaluations() if not e.passed]
    assert failed.check_name == "bids_do_not_exceed_asks"
    assert not result.success
    assert result.asset_materializations_for_node("clean_ticks") == []


def test_a_loaded_day_counts_what_was_traded_on_it_up_to_midnight(loaded_stand: Stand) -> None:
    loaded_stand.run("history_job", tags={PARTITION_TAG: OLDER})

    found = loaded_stand.rows(
        "SELECT s.day, s.market_ticker, s.volume, s.trade_close,"
        " sum(t.count)::bigint AS traded, (array_agg(t.yes_price ORDER BY t.traded_at DESC))[1]"
        "   AS last_price"
        " FROM kalshi.daily_summaries s JOIN kalshi.trades t ON t.market_ticker = s.market_ticker"
        " AND (t.traded_at AT TIME ZONE 'America/New_York')::date = s.day"
        " WHERE NOT s.is_provisional GROUP BY 1, 2, 3, 4"
    )

    assert {row["day"].isoformat() for row in found} >= {OLD, OLDER}, "alone, and among others"
    assert [row for row in found if row["volume"] != row["traded"]] == []
    assert [row for row in found if row["trade_close"] != row["last_price"]] == []


def test_a_day_backfilled_before_the_first_one_fills_the_window_of_the_days_behind_it(
    loaded_stand: Stand,
) -> None:
    loaded_stand.run("history_job", tags={PARTITION_TAG: OLDER})

    [count] = loaded_stand.rows(
        "SELECT count(*) AS n FROM kalshi.daily_summaries WHERE day = :day", day=OLDER
    )
    assert count["n"] == 5


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({PARTITION_TAG: OLD, SLOT_TAG: MOMENT.isoformat()}, []),
        ({SLOT_TAG: MOMENT.isoformat()}, []),
        ({}, []),
        ({PARTITION_TAG: OLD}, [date.fromisoformat(OLD)]),
        (
            {RANGE_START_TAG: "2026-10-30", RANGE_END_TAG: "2026-11-01"},
            [date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 1)],
        ),
    ],
)
def test_a_run_is_about_days_only_where_it_has_partitions_and_no_slot(
    tags: dict[str, str], days: list[date]
) -> None:
    assert days_of_tags(tags) == days
