"""A backfill asks for no more than it needs, goes on where it was, changes only what differs."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kalshi_assets.defs.market_data.backfill import Loading, load_candles, load_trades
from kalshi_assets.defs.partitions import PARTITION_TAG
from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.tick import AGAIN_TAG, RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.kalshi import candle_plan
from kalshi_assets.local_exchange.gate import Endpoint
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import Lifetime
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.exchange_rest.world import (
    HOUR,
    LATE,
    LONG,
    NOON,
    SHORT_MEMORY,
    SOON,
    quiet_world,
    write_key,
)
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker, Proceed, Stand

TODAY = venue_day(MOMENT)
THIRTY = (TODAY - timedelta(days=30), TODAY - timedelta(days=1))
OLD = TODAY - timedelta(days=5)
WRITTEN = (
    "candle_ticks",
    "trades",
    "clean_ticks",
    "cleaning_memories",
    "rolling_averages",
    "daily_summaries",
    "signals",
    "history_loads",
    "universe_changes",
)


def load(
    stand: Stand, first: date, last: date, *, is_green: bool = True, is_again: bool = False
) -> Any:
    span = {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat()}
    tags = {AGAIN_TAG: "true"} if is_again else {}
    return stand.run("history_job", expect_success=is_green, tags=span | tags)


def told(result: Any) -> dict[str, Any]:
    [made] = result.asset_materializations_for_node("raw_ticks")[:1]
    return {name: value.value for name, value in made.metadata.items()}


def versions(stand: Stand, table: str) -> list[tuple[str, str]]:
    """Return each row with the transaction that wrote it: a row written again shows."""
    found = stand.rows(f"SELECT xmin::text AS x, t::text AS row FROM kalshi.{table} t")  # noqa: S608
    return sorted((row["row"], row["x"]) for row in found)


def candle_requests(stand: Stand) -> int:
    counts = stand.seen_by_exchange()["counts"]
    return sum(n for call, n in counts.items() if call.endswith("/markets/candlesticks"))


def test_thirty_days_take_the_fewest_requests_and_a_second_run_none_and_changes_no_row(
    stand: Stand,
) -> None:
    first = told(load(stand, *THIRTY))
    assert first["requests"] <= first["least_requests"] * 1.1
    assert first["added"] == first["candles"] > 3_000
    assert first["trades"] == first["trades_added"] > 0
    assert candle_requests(stand) == 1
    before = {table: versions(stand, table) for table in WRITTEN}
    assert before["history_loads"]

    again = told(load(stand, *THIRTY))

    assert again["requests"] == 0
    assert again["market_days_loaded_before"] == 30 * 5
    for table, rows in before.items():
        assert versions(stand, table) == rows, table


def test_asked_again_for_loaded_days_it_asks_the_exchange_and_still_changes_no_row(
    stand: Stand,
) -> None:
    first = told(load(stand, OLD, OLD))
    before = {table: versions(stand, table) for table in WRITTEN if table != "history_loads"}

    again = told(load(stand, OLD, OLD, is_again=True))

    for asked_for in ("candles", "trades", "requests", "least_requests"):
        assert again[asked_for] == first[asked_for] > 0
    assert (again["added"], again["trades_added"]) == (0, 0)
    for table, rows in before.items():
        assert versions(stand, table) == rows, table


class FailsAfter:
    """Refuses candlesticks after some calls: what a broken connection looks like to a run."""

    def __init__(self, good: int) -> None:
        self.good = good

    async def __call__(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        if endpoint.operation != "BatchGetMarketCandlesticks":
            return await proceed()
        self.good -= 1
        if self.good < 0:
            return JSONResponse({"error": {"code": "bad_request", "message": "no"}}, 400)
        return await proceed()


def test_an_interrupted_backfill_goes_on_behind_its_last_request(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candle_plan, "MOST_CANDLES", 1_000)
    stand.faults.fault = FailsAfter(2)
    load(stand, *THIRTY, is_green=False)
    [kept] = stand.rows("SELECT count(*) AS n FROM kalshi.candle_ticks")
    assert kept["n"] > 0
    stand.faults.fault = None
    before = candle_requests(stand)

    rest = told(load(stand, *THIRTY))

    assert 0 < rest["market_days_loaded_before"] < 150
    # The hour that ends at midnight is of the day before, its price of the next: both ask for it.
    assert rest["candles"] - rest["added"] == 2 * 5, "where the three requests meet, and no more"
    assert candle_requests(stand) - before == 2
    [all_of_it] = stand.rows("SELECT count(*) AS n FROM kalshi.history_loads")
    assert all_of_it["n"] == 150


def test_today_is_asked_for_again_for_it_has_not_ended(stand: Stand) -> None:
    load(stand, TODAY, TODAY)
    stand.later(3600)
    again = told(load(stand, TODAY, TODAY))
    assert again["market_days_loaded_before"] == 0
    assert again["added"] > 0


def test_a_changed_old_day_changes_the_averages_behind_it_and_nothing_else(
    loaded_stand: Stand,
) -> None:
    stand = loaded_stand
    day = OLD.isoformat()
    each = "SELECT xmin::text AS x, t::text AS row FROM kalshi."
    summaries = f"{each}daily_summaries t WHERE day > :d"
    earlier = f"{each}rolling_averages t WHERE as_of < :d"
    later = "SELECT t::text AS row FROM kalshi.rolling_averages t WHERE as_of >= :d ORDER BY 1"
    before = [stand.rows(q, d=OLD + timedelta(days=n)) for q, n in ((summaries, 1), (earlier, 0))]
    averages = stand.rows(later, d=OLD + timedelta(days=2))
    signals = versions(stand, "signals")
    stand.execute(
        "UPDATE kalshi.candle_ticks SET yes_bid = yes_bid - 10000"
        " WHERE observed_at >= :noon AND observed_at < :noon + interval '3 hours'"
        " AND yes_bid > 50000",
        noon=MOMENT - timedelta(days=5),
    )

    stand.run("history_job", tags={PARTITION_TAG: day})

    assert [
        stand.rows(q, d=OLD + timedelta(days=n)) for q, n in ((summaries, 1), (earlier, 0))
    ] == before
    assert stand.rows(later, d=OLD + timedelta(days=2)) != averages
    assert stand.rows("SELECT * FROM kalshi.averages_due") == []
    assert [s for s in versions(stand, "signals") if f",{day}," not in s[0]] == [
        s for s in signals if f",{day}," not in s[0]
    ]
    made = versions(stand, "rolling_averages")
    stand.load_history()  # all of them from the ticks there are
    assert versions(stand, "rolling_averages") == made


@pytest.fixture
def database(make_database: DatabaseMaker) -> Iterator[Database]:
    made = Database(make_database())
    prepare(made, identity="test", now=NOON)
    yield made
    made.dispose()


def test_markets_of_both_tiers_come_whole_and_each_once(database: Database, tmp_path: Path) -> None:
    days = list(days_between(venue_day(NOON), venue_day(NOON + 30 * HOUR)))
    with quiet_world(write_key(tmp_path), terms=SHORT_MEMORY) as world:
        world.wait(LONG)
        said: list[str] = []
        loading = Loading(database, "test", world.now, said.append)
        known = {
            TICKER: Lifetime("active", world.now),
            SOON: Lifetime("finalized", world.now),
            LATE: Lifetime("active", world.now - timedelta(days=90)),
            "KXNONE-26OCT-T1": Lifetime("active", NOON),
        }
        wanted = dict.fromkeys(known, days)
        load_candles(world.client, loading, wanted, known)
        load_trades(world.client, loading, {TICKER: days})
    with database.transaction() as connection:
        from sqlalchemy import text

        counts = dict(
            connection.execute(
                text("SELECT market_ticker, count(*) FROM kalshi.raw_ticks GROUP BY 1")
            )
            .tuples()
            .all()
        )
        trades = connection.scalar(text("SELECT count(*) FROM kalshi.trades"))
    assert counts[SOON] == counts[LATE] == len(days) * 24 + 1, "both midnights at the ends"
    assert loading.unknown == ["KXNONE-26OCT-T1"]
    assert any("no such market" in line for line in said)
    assert trades == 12
