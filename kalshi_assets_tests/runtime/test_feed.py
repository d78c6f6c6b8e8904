"""The live feed as a process: what the exchange tells is kept, once, whatever kills the feed."""

import os
import random
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kalshi_assets_tests.runtime.feed_bench import FeedBench, feeding
from kalshi_assets_tests.stand import DatabaseMaker

KILLS = int(os.environ.get("FEED_KILLS", "4"))
SEED = int(os.environ.get("FEED_SEED", "1"))
FAST = ("--scenario", "cpi-week", "--speed", "120")
TWICE = """
    SELECT market_ticker, date_trunc('milliseconds', observed_at), yes_bid, yes_ask, yes_bid_size,
           yes_ask_size, last_price, volume, count(*)
    FROM kalshi.raw_ticks WHERE source = 'stream'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING count(*) > 1
"""

STATE = (
    "market_ticker",
    "yes_bid",
    "yes_ask",
    "yes_bid_size",
    "yes_ask_size",
    "last_price",
    "volume",
    "open_interest",
)
KEPT = """
    SELECT 1 FROM kalshi.raw_ticks WHERE source = 'stream' AND market_ticker = :market_ticker
    AND (yes_bid, yes_ask, yes_bid_size, yes_ask_size, last_price, volume, open_interest)
      = (:yes_bid, :yes_ask, :yes_bid_size, :yes_ask_size, :last_price, :volume, :open_interest)
"""


def check_trades(bench: FeedBench, start: datetime, end: datetime) -> int:
    listed = bench.exchanges_trades(start, end)
    # What was told last may be on its way; what is lost never comes.
    bench.wait(lambda: len(bench.kept_trades(start, end)) >= len(listed))
    kept = bench.kept_trades(start, end)
    assert [tuple(row) for row in kept] == [
        (t.trade_id, t.market_ticker, t.count, t.yes_price, t.taker_side, t.created_at)
        for t in listed
    ]
    return len(kept)


def check_quotes(bench: FeedBench) -> None:
    """Wait until a state of every market is kept that the exchange itself has shown since.

    A lively market is looked at again and again: of what it was for a moment only, a slow reader
    may be told but what came next.
    """
    looks: dict[str, list[dict[str, Any]]] = {ticker: [] for ticker in bench.tickers}

    def is_all_kept() -> bool:
        for one in bench.client.markets(tickers=list(looks)).snapshots:
            shown = {name: getattr(one.quote, name) for name in STATE}
            looks[one.market.ticker].append(shown)
        for ticker in [t for t, states in looks.items() if is_any_kept(bench, states)]:
            del looks[ticker]
        return not looks

    bench.wait(is_all_kept)


def is_any_kept(bench: FeedBench, states: list[dict[str, Any]]) -> bool:
    return any(bench.rows(KEPT, **shown) for shown in states)


def check_books(bench: FeedBench) -> None:
    """Wait until the book of every market is kept as sure."""
    query = "SELECT market_ticker FROM kalshi.live_books WHERE is_sure"
    bench.wait(lambda: {row[0] for row in bench.rows(query)} == set(bench.tickers))


def check_stops(bench: FeedBench, starts: list[datetime]) -> None:
    """Every start but the first notes since when nothing was told, and until when."""
    gaps = "SELECT from_at, to_at FROM kalshi.gaps WHERE reason = 'stopped' AND channel = 'ticker'"
    found = sorted(map(tuple, bench.rows(gaps)))
    assert len(found) == KILLS
    for start in starts:
        assert any(since <= start <= until for since, until in found), start
    assert bench.rows("SELECT 1 FROM kalshi.gaps WHERE to_at IS NULL") == []


@pytest.mark.timeout(120 + 20 * KILLS)
def test_killed_at_any_moment_it_keeps_every_trade_and_state_and_no_tick_twice(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    rng = random.Random(SEED)  # noqa: S311 - seeded
    with feeding(make_database(), tmp_path, *FAST) as bench:
        starts = []
        for _ in range(KILLS):
            before = bench.row()
            with bench.feed() as process:
                bench.wait_for_change(before)
                time.sleep(rng.uniform(0.0, 2.0))  # the moment of death is what is tried here
                process.kill()
            row = bench.row()
            assert row is not None
            starts.append(row.started_at)
        with bench.feed():
            end = bench.clock.now()
            bench.wait_until_streaming()
            assert check_trades(bench, starts[0], end) > 0
            check_quotes(bench)
            check_books(bench)
            check_stops(bench, starts[1:])
        assert bench.rows(TWICE) == []
        assert len(set(starts)) == KILLS


def test_a_second_feed_does_not_write_and_says_why(
    make_database: DatabaseMaker, tmp_path: Path
) -> None:
    with feeding(make_database(), tmp_path, *FAST) as bench, bench.feed():
        owner = bench.wait_until_streaming()
        with bench.feed() as second:
            assert second.wait(30) == 2
        assert "another feed writes to" in (tmp_path / "feed.log").read_text()
        after = bench.row()
        assert after is not None
        assert owner.owner == after.owner
