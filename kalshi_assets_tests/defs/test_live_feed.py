"""Quotes of the live feed beside polls: the next poll's run cleans them, and every check passes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from kalshi_assets.defs import fast_sensors, sensors
from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.feed_batch import Batch
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.stream import TickerUpdate
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.errors import StorageError
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.storage.feeds import claim_feed
from kalshi_assets_tests.defs.test_sensors import ask, has_come, requests, run
from kalshi_assets_tests.stand import OVERREACTING, Stand


def claimed(stand: Stand, owner: str) -> Writing:
    with stand.database.transaction() as connection:
        claim_feed(connection, owner, now=stand.now, wall=wall_now())
    return Writing(stand.database, owner)


def write(stand: Stand, writing: Writing, batch: Batch) -> None:
    writing.write(batch, now=stand.now, is_streaming=True, sure_until=stand.now, newest_at=None)


def quote(stand: Stand, *, seconds: float) -> TickerUpdate:
    """The last polled quote, told again by the stream some seconds later."""
    (polled,) = stand.rows(
        "SELECT yes_bid, yes_ask, yes_bid_size, yes_ask_size, last_price, volume, open_interest"
        " FROM kalshi.raw_ticks WHERE market_ticker = :ticker AND source = 'poll'"
        " ORDER BY observed_at DESC LIMIT 1",
        ticker=OVERREACTING,
    )
    at = stand.now + timedelta(seconds=seconds)
    return TickerUpdate(OVERREACTING, quoted_at=at, received_at=at, **polled)


def test_the_next_poll_cleans_what_the_stream_told_and_all_checks_pass(loaded_stand: Stand) -> None:
    streamed = [quote(loaded_stand, seconds=s) for s in (10.25, 31.5)]
    batch = Batch(ticks=[(one, "active") for one in streamed])
    writing = claimed(loaded_stand, "feed")
    for _ in range(2):
        write(loaded_stand, writing, batch)
    loaded_stand.later(90)
    loaded_stand.poll()
    verdicts = loaded_stand.rows(
        "SELECT DISTINCT ON (check_name) * FROM kalshi.verdicts"
        " ORDER BY check_name, verdict_id DESC"
    )
    assert {v["check_name"] for v in verdicts} >= {"feed_is_not_frozen", "newest_ticks_are_usable"}
    assert all(verdict["is_passed"] for verdict in verdicts)
    assert not [v["check_name"] for v in verdicts if OVERREACTING in v["markets_failed"]]
    cleaned = loaded_stand.rows(
        "SELECT observed_at FROM kalshi.clean_ticks WHERE source = 'stream' AND is_usable"
        " ORDER BY observed_at"
    )
    assert [row["observed_at"] for row in cleaned] == [one.quoted_at for one in streamed]
    before = loaded_stand.contents("clean_ticks")
    loaded_stand.run("history_job", partition_key=loaded_stand.today)
    assert loaded_stand.contents("clean_ticks") == before, "a day made anew is the same"


def told(stand: Stand, *seconds: float, bid: int | None = None) -> list[TickerUpdate]:
    """Let the stream tell the last polled quote again, some seconds later, and write it."""
    found = [quote(stand, seconds=s) for s in seconds]
    if bid is not None:
        found = [replace(one, yes_bid=bid, yes_ask=bid + 20_000) for one in found]
    write(stand, claimed(stand, "feed"), Batch(ticks=[(one, "active") for one in found]))
    return found


def verdict(stand: Stand, check: str) -> dict[str, Any]:
    query = "SELECT * FROM kalshi.verdicts WHERE check_name = :name ORDER BY verdict_id DESC"
    return stand.rows(f"{query} LIMIT 1", name=check)[0]


def feed_run(stand: Stand) -> Any:
    tags = {SLOT_TAG: stand.now.isoformat()}
    return stand.run("feed_job", partition_key=stand.today, tags=tags)


def test_what_the_stream_told_is_cleaned_averaged_and_judged_without_waiting_for_a_poll(
    loaded_stand: Stand,
) -> None:
    loaded_stand.poll()
    fresh = told(loaded_stand, 3, 7, bid=100_000)
    loaded_stand.later(8)
    feed_run(loaded_stand)
    [newest] = loaded_stand.rows(
        "SELECT c.observed_at, c.is_usable, a.mean FROM kalshi.clean_ticks c"
        " JOIN kalshi.rolling_averages a ON a.market_ticker = c.market_ticker"
        " AND a.as_of = c.observed_at WHERE c.market_ticker = :t ORDER BY 1 DESC LIMIT 1",
        t=OVERREACTING,
    )
    assert newest["observed_at"] == fresh[-1].quoted_at
    [signal] = loaded_stand.rows(
        "SELECT * FROM kalshi.signals WHERE market_ticker = :t AND ended_at IS NULL",
        t=OVERREACTING,
    )
    assert (signal["last_seen_at"], signal["mid"]) == (fresh[-1].quoted_at, 110_000)
    for check in ("ticks_are_fresh", "ticks_are_complete", "feed_is_not_frozen"):
        assert verdict(loaded_stand, check)["as_of"] >= loaded_stand.now - timedelta(seconds=1)


def test_a_bad_quote_of_the_stream_closes_the_gate_of_its_market_at_once(
    loaded_stand: Stand,
) -> None:
    loaded_stand.poll()
    [crossed] = [replace(quote(loaded_stand, seconds=3), yes_bid=600_000, yes_ask=500_000)]
    write(loaded_stand, claimed(loaded_stand, "feed"), Batch(ticks=[(crossed, "active")]))
    loaded_stand.later(4)
    feed_run(loaded_stand)
    for check in ("bids_do_not_exceed_asks", "newest_ticks_are_usable"):
        assert OVERREACTING in verdict(loaded_stand, check)["markets_failed"]


def test_quotes_that_came_before_a_poll_was_answered_are_kept_in_its_place(
    loaded_stand: Stand,
) -> None:
    loaded_stand.poll()
    loaded_stand.later(90)
    fresh = told(loaded_stand, 1.5)
    loaded_stand.later(2)
    loaded_stand.poll()
    observed = loaded_stand.rows(
        "SELECT source, observed_at, faults FROM kalshi.clean_ticks"
        " WHERE market_ticker = :t ORDER BY observed_at DESC LIMIT 2",
        t=OVERREACTING,
    )
    assert [(row["source"], row["faults"]) for row in observed] == [("stream", []), ("poll", [])]
    assert observed[0]["observed_at"] == fresh[0].quoted_at
    assert observed[1]["observed_at"] < fresh[0].quoted_at - timedelta(seconds=60)
    assert not verdict(loaded_stand, "ticks_are_complete")["markets_failed"]


def test_one_run_takes_all_that_the_feed_told_and_the_next_one_what_came_since(
    loaded_stand: Stand,
) -> None:
    stand = loaded_stand
    assert not requests(ask(stand, fast_sensors.feed_sensor)), "no feed"
    stand.poll()
    told(stand, 0.5)
    stand.execute("DELETE FROM kalshi.polls")
    assert not requests(ask(stand, fast_sensors.feed_sensor)), "polls know the quiet markets"
    stand.later(90)
    stand.poll()
    for seconds in (1, 2, 3):
        told(stand, seconds)
    tick = ask(stand, fast_sensors.feed_sensor)
    [request] = requests(tick)
    assert not requests(ask(stand, fast_sensors.feed_sensor, cursor=tick.cursor)), "nothing new"
    run(stand, "feed_job", request)
    told(stand, 4)
    assert not requests(ask(stand, fast_sensors.feed_sensor, cursor=tick.cursor)), "too soon"
    stand.change(feed_run_seconds=0)
    [following] = requests(ask(stand, fast_sensors.feed_sensor, cursor=tick.cursor))
    assert following.run_key != request.run_key


@pytest.mark.parametrize(
    ("job", "status"),
    [("poll_job", "STARTED"), ("feed_job", "STARTED"), ("poll_job", "CANCELING")],
)
def test_while_a_run_is_cleaning_no_other_is_started_for_the_feed(
    loaded_stand: Stand, job: str, status: str
) -> None:
    loaded_stand.poll()
    told(loaded_stand, 1)
    run = dg.DagsterRun(job, "under way", status=dg.DagsterRunStatus(status))
    loaded_stand.instance.add_run(run)
    assert not requests(ask(loaded_stand, fast_sensors.feed_sensor))
    run_ = loaded_stand.instance.get_run_by_id("under way")
    assert run_ is not None
    loaded_stand.instance.report_run_failed(run_)
    loaded_stand.change(feed_run_seconds=0)
    assert requests(ask(loaded_stand, fast_sensors.feed_sensor)), "when that run has ended"


def test_after_a_run_of_the_feed_the_open_signals_are_judged_once(loaded_stand: Stand) -> None:
    stand = loaded_stand
    stand.poll()
    assert requests(ask(stand, fast_sensors.order_sensor)), "of the poll"
    has_come(stand, "order_job")
    told(stand, 3)
    stand.later(4)
    feed_run(stand)
    tick = ask(stand, fast_sensors.order_sensor)
    [request] = requests(tick)
    assert request.tags[SLOT_TAG] == stand.now.isoformat()
    run(stand, "order_job", request)
    assert stand.order_requests() == 1
    assert not requests(ask(stand, fast_sensors.order_sensor, cursor=tick.cursor))


def test_shortly_after_midnight_a_run_about_two_days_tells_of_its_signals_once(
    loaded_stand: Stand,
) -> None:
    stand = loaded_stand
    counted = "SELECT count FROM kalshi.tidings WHERE name = 'kalshi_signals'"
    stand.at(day_bounds(venue_day(stand.now))[1] + timedelta(minutes=2))
    [before] = stand.rows(counted)
    stand.poll(expect_success=False)
    [after] = stand.rows(counted)
    assert after["count"] == before["count"] + 1


def test_news_of_a_tracked_series_refresh_the_universe_once(loaded_stand: Stand) -> None:
    stand = loaded_stand
    writing = claimed(stand, "feed")
    write(stand, writing, Batch())
    assert not requests(ask(stand, sensors.markets_sensor))
    write(stand, writing, Batch(has_market_news=True))
    tick = ask(stand, sensors.markets_sensor)
    [request] = requests(tick)
    run(stand, "markets_job", request)
    assert not requests(ask(stand, sensors.markets_sensor, cursor=tick.cursor))


def test_a_feed_that_was_taken_over_writes_nothing_more(loaded_stand: Stand) -> None:
    first = claimed(loaded_stand, "first")
    batch = Batch(ticks=[(quote(loaded_stand, seconds=5), "active")])
    claimed(loaded_stand, "second")
    with pytest.raises(StorageError, match="another feed has taken over"):
        write(loaded_stand, first, batch)
    assert not loaded_stand.rows("SELECT 1 FROM kalshi.raw_ticks WHERE source = 'stream'")


def test_a_feed_that_follows_another_reads_from_where_that_one_was_sure(loaded_stand: Stand):
    write(loaded_stand, claimed(loaded_stand, "first"), Batch())
    sure_until = loaded_stand.now
    loaded_stand.later(600)
    with loaded_stand.database.transaction() as connection:
        row = claim_feed(connection, "second", now=loaded_stand.now, wall=wall_now())
    assert Feeding(row.trades_sure_until).begin_catch_up() == sure_until
