"""Quotes of the live feed beside polls: the next poll's run cleans them, and every check passes."""

from datetime import timedelta

import pytest

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.feed_batch import Batch, tick_of_quote
from kalshi_assets.domain.feeding import Feeding
from kalshi_assets.domain.stream import TickerUpdate
from kalshi_assets.errors import StorageError
from kalshi_assets.runtime.feed_writing import Writing
from kalshi_assets.storage.feeds import claim_feed
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
    told = [quote(loaded_stand, seconds=s) for s in (10.25, 31.5)]
    batch = Batch(ticks=[tick_of_quote(one, status="active") for one in told])
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
    assert [row["observed_at"] for row in cleaned] == [one.quoted_at for one in told]
    before = loaded_stand.contents("clean_ticks")
    loaded_stand.run("history_job", partition_key=loaded_stand.today)
    assert loaded_stand.contents("clean_ticks") == before, "a day made anew is the same"


def test_a_feed_that_was_taken_over_writes_nothing_more(loaded_stand: Stand) -> None:
    first = claimed(loaded_stand, "first")
    batch = Batch(ticks=[tick_of_quote(quote(loaded_stand, seconds=5), status="active")])
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
