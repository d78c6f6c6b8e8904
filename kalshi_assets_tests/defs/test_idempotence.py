"""A rerun gives the same rows: of a poll, of the history, of one old day, of the order job."""

from collections.abc import Callable
from datetime import timedelta

import dagster as dg
import pytest

from kalshi_assets.defs.partitions import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets_tests.stand import MOMENT, Stand

# Tables of the data assets, each with the columns that say when a row was written.
DATA = {
    "markets": ("seen_at",),
    "raw_ticks": ("received_at",),
    "clean_ticks": (),
    "rolling_averages": (),
    "daily_summaries": (),
    "signals": (),
    "polls": ("received_at",),
    "history_loads": ("loaded_until",),
}
LEDGER = ("decisions", "orders", "order_events", "fills", "settlements")
OLD_DAY = (venue_day(MOMENT) - timedelta(days=3)).isoformat()


def data(stand: Stand) -> dict[str, list[str]]:
    return {table: stand.contents(table, without=columns) for table, columns in DATA.items()}


def ledger(stand: Stand) -> dict[str, list[str]]:
    return {table: stand.contents(table) for table in LEDGER}


def rerun_poll(stand: Stand) -> None:
    stand.poll()


def rerun_history(stand: Stand) -> None:
    stand.load_history()


def rerun_markets(stand: Stand) -> None:
    stand.run("markets_job")


def backfill_today(stand: Stand) -> None:
    """Compute today anew as a whole: what polls added bit by bit must come out the same."""
    stand.run("history_job", tags={PARTITION_TAG: stand.today})


def backfill_old_day(stand: Stand) -> None:
    stand.run("history_job", tags={RANGE_START_TAG: OLD_DAY, RANGE_END_TAG: OLD_DAY})


def rerun_poll_of_an_old_slot(stand: Stand) -> None:
    """Its slot is over, and so its checks find the feed stale: the run fails, as it should."""
    slot = stand.slot
    stand.later(3600)
    tags = {SLOT_TAG: slot}
    stand.run("poll_job", partition_key=stand.today, tags=tags, expect_success=False)


def poll_a_slot_that_was_never_polled_too_late(stand: Stand) -> None:
    """The quotes of now are not those of then."""
    slot = (stand.now - timedelta(seconds=900)).isoformat()
    stand.run("poll_job", partition_key=stand.today, tags={SLOT_TAG: slot})


RERUNS = [
    rerun_poll,
    rerun_history,
    rerun_markets,
    backfill_today,
    backfill_old_day,
    rerun_poll_of_an_old_slot,
    poll_a_slot_that_was_never_polled_too_late,
]


@pytest.mark.parametrize("rerun", RERUNS, ids=lambda rerun: rerun.__name__)
def test_a_rerun_gives_the_same_rows(loaded_stand: Stand, rerun: Callable[[Stand], None]) -> None:
    loaded_stand.run(
        "daily_summaries_job", partition_key=loaded_stand.today
    )  # with the poll's tick
    before = data(loaded_stand)
    assert all(before.values())

    rerun(loaded_stand)

    after = data(loaded_stand)
    for table in DATA:
        assert after[table] == before[table], table


def test_what_polls_add_bit_by_bit_is_what_a_backfill_of_the_day_computes(
    loaded_stand: Stand,
) -> None:
    for seconds in (90, 90, 90 * 21):  # the last one after a gap, over the end of a candle
        loaded_stand.later(seconds)
        loaded_stand.poll()
    added = {table: loaded_stand.contents(table) for table in ("clean_ticks", "rolling_averages")}

    loaded_stand.run(
        "history_job",
        asset_selection=[dg.AssetKey(name) for name in ("clean_ticks", "rolling_averages")],
        tags={PARTITION_TAG: loaded_stand.today},
    )

    for table, rows in added.items():
        assert loaded_stand.contents(table) == rows, table


def test_a_backfill_of_old_days_and_the_order_job_change_no_row_of_the_ledger_and_place_nothing(
    loaded_stand: Stand,
) -> None:
    loaded_stand.creep()
    loaded_stand.judge_and_place()
    loaded_stand.later(1)
    loaded_stand.judge_and_place()
    before = ledger(loaded_stand)
    assert loaded_stand.order_requests() == 1

    loaded_stand.load_history(days=2)
    loaded_stand.later(1)
    loaded_stand.judge_and_place()

    assert ledger(loaded_stand) == before
    assert loaded_stand.order_requests() == 1


def test_a_rerun_of_the_order_job_keeps_every_row_and_only_adds_why_it_placed_nothing(
    loaded_stand: Stand,
) -> None:
    loaded_stand.creep()
    loaded_stand.judge_and_place()
    before = ledger(loaded_stand)
    loaded_stand.later(1)

    loaded_stand.judge_and_place()

    after = ledger(loaded_stand)
    for table in LEDGER:
        assert set(before[table]) <= set(after[table]), table
    [added] = set(after["decisions"]) - set(before["decisions"])
    assert '"refused_by": ["existing_position", "attempts"]' in added
    assert {t: rows for t, rows in after.items() if t != "decisions"} == {
        t: rows for t, rows in before.items() if t != "decisions"
    }
    assert loaded_stand.order_requests() == 1
