"""After house-keeping old days are in files and claimed no more."""

from datetime import timedelta

import dagster as dg
import pytest

from kalshi_assets.defs.house_keeping import DROPPED
from kalshi_assets.domain.calendar import venue_day
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
