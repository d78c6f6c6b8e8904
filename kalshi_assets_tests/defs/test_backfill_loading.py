"""What one request of a backfill brings is stored whole, and on record as what it was."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from kalshi_assets.defs.market_data.backfill import Loading, load_candles, load_trades
from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.market import Candle, Trade
from kalshi_assets.kalshi.batches import Batch, CandleBatch, RejectedPayload
from kalshi_assets.kalshi.candle_plan import CandleCall
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.storage import intake
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import Lifetime
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.exchange_rest.world import (
    LATE,
    LONG,
    NOON,
    SHORT_MEMORY,
    SOON,
    World,
    quiet_world,
    write_key,
)
from kalshi_assets_tests.local_exchange.bench import TICKER
from kalshi_assets_tests.stand import DatabaseMaker

DAY = venue_day(NOON)
NEXT = DAY + timedelta(days=1)
BEGIN, END = day_bounds(DAY)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
LATER = END + timedelta(days=9)
BAD = RejectedPayload("it has no end", b'{"end_period_ts": null}', "/markets/candlesticks")
BOTH = CandleCall((TICKER, SOON), (DAY, NEXT))


@pytest.fixture
def database(make_database: DatabaseMaker) -> Iterator[Database]:
    """A migrated database of its own."""
    made = Database(make_database())
    prepare(made, identity="test", now=NOON)
    yield made
    made.dispose()


@pytest.fixture
def loading(database: Database) -> Loading:
    """A backfill nine days behind the day it loads."""
    return Loading(database, "test", LATER, lambda line: None)


@pytest.fixture
def old_world(tmp_path: Path) -> Iterator[World]:
    """An exchange on which all that is over lies in the historical tier."""
    with quiet_world(write_key(tmp_path), terms=SHORT_MEMORY) as world:
        world.wait(LONG)
        yield world


def candle(end_at: datetime, ticker: str = TICKER) -> Candle:
    """Return an hour in which nothing was traded."""
    bid, ask = (400_000, 400_000, 400_000), (420_000, 420_000, 420_000)
    nothing = (None, None, None, None)
    return Candle(ticker, 3600, end_at, bid[0], ask[0], bid, ask, *nothing, 0, 0)


def trade(created_at: datetime, name: str = "1") -> Trade:
    return Trade(name, TICKER, 100, 410_000, "yes", is_block_trade=False, created_at=created_at)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def ends(database: Database) -> list[object]:
    return [at for (at,) in rows(database, "SELECT observed_at FROM kalshi.raw_ticks ORDER BY 1")]


def asked_again(database: Database, tickers: Sequence[str] = BOTH.tickers) -> dict[str, list[date]]:
    """Return the days whose candles the next backfill asks for."""
    with database.transaction() as connection:
        return intake.days_to_load(connection, BOTH.days, tickers)


def trades_asked_again(database: Database) -> list[date]:
    with database.transaction() as connection:
        return intake.days_without_trades(connection, [DAY], [TICKER])[TICKER]


def calls(world: World, of: str) -> int:
    """Return how many calls the exchange has seen whose path has this in it."""
    return sum(times for call, times in world.counts().items() if of in call)


def test_every_market_and_day_asked_for_is_on_record_those_without_a_candle_too(
    database: Database, loading: Loading
) -> None:
    loading.store(CandleBatch((candle(NOON), candle(NOON + HOUR))), BOTH)

    found = rows(database, "SELECT day, market_ticker, candles FROM kalshi.history_loads")
    assert set(found) == {(DAY, TICKER, 2), (DAY, SOON, 0), (NEXT, TICKER, 0), (NEXT, SOON, 0)}
    assert asked_again(database) == {TICKER: [], SOON: []}


def test_what_is_of_other_days_is_not_stored_for_it_could_be_a_part_of_them_only(
    database: Database, loading: Loading
) -> None:
    """The candle that ends at midnight tells of the day before it, and is kept with that."""
    moments = [BEGIN - SECOND, BEGIN, END, END + SECOND]
    loading.store(CandleBatch(tuple(map(candle, moments))), CandleCall((TICKER,), (DAY,)))

    assert ends(database) == moments[1:3]
    assert (loading.candles, loading.added) == (2, 2)
    assert asked_again(database, [TICKER]) == {TICKER: [NEXT]}


def test_where_a_candle_could_not_be_read_its_days_are_asked_for_again(
    database: Database, loading: Loading
) -> None:
    loading.store(CandleBatch((candle(NOON),), (BAD,)), BOTH)

    assert ends(database) == [NOON], "the good one is kept"
    assert asked_again(database) == {TICKER: [DAY, NEXT], SOON: [DAY, NEXT]}
    kept = rows(database, "SELECT source, reason, payload, run_id FROM kalshi.quarantine")
    assert kept == [(BAD.source, BAD.reason, BAD.payload, "test")]
    assert loading.rejected == 1

    loading.store(CandleBatch((candle(NOON), candle(NOON + HOUR))), BOTH)
    assert asked_again(database) == {TICKER: [], SOON: []}
    assert ends(database) == [NOON, NOON + HOUR]


def test_where_a_trade_could_not_be_read_the_trades_are_asked_for_again(
    database: Database, loading: Loading
) -> None:
    loading.store(CandleBatch(), CandleCall((TICKER,), (DAY,)))
    loading.store_trades(Batch((trade(NOON),), (BAD,)), TICKER, [DAY])
    assert trades_asked_again(database) == [DAY]
    assert rows(database, "SELECT payload FROM kalshi.quarantine") == [(BAD.payload,)]

    loading.store_trades(Batch((trade(NOON), trade(NOON + SECOND, "2"))), TICKER, [DAY])
    assert trades_asked_again(database) == []
    assert rows(database, "SELECT trade_id FROM kalshi.trades ORDER BY 1") == [("1",), ("2",)]
    assert (loading.trades, loading.trades_added) == (3, 2)


def test_what_is_stored_stays_and_a_second_answer_that_differs_replaces_nothing(
    database: Database, loading: Loading
) -> None:
    loading.store(CandleBatch((candle(NOON),)), BOTH)
    loading.store(CandleBatch((replace(candle(NOON), yes_bid=10_000),)), BOTH)

    assert rows(database, "SELECT yes_bid FROM kalshi.raw_ticks") == [(400_000,)]
    assert (loading.candles, loading.added) == (2, 1)


def test_of_an_archived_market_only_the_missing_days_are_asked_for(
    loading: Loading, old_world: World
) -> None:
    days = days_between(DAY, DAY + timedelta(days=4))
    wanted = {SOON: [day for day in days if day != DAY + timedelta(days=2)]}
    known = {SOON: Lifetime("finalized", old_world.now)}

    least = load_candles(old_world.client, loading, wanted, known)

    first, last = day_bounds(DAY + timedelta(days=2))
    between = [
        at for at in ends(loading.database) if isinstance(at, datetime) and first < at < last
    ]
    assert not between
    assert loading.candles == 2 * 49, "two days each, with both midnights"
    assert calls(old_world, "candlesticks") == 2
    assert least == 3, "the tiers are two requests, and the days would fit into one"


def test_of_a_market_that_is_surely_live_the_historical_tier_is_not_asked(
    loading: Loading, old_world: World
) -> None:
    known = {TICKER: Lifetime("active", old_world.now - timedelta(days=29))}
    assert load_candles(old_world.client, loading, {TICKER: [DAY]}, known) == 1
    assert calls(old_world, "historical") == 0


@pytest.mark.parametrize(
    "seen",
    [Lifetime("finalized", LATER), Lifetime("active", LATER - timedelta(days=31))],
    ids=["seen settled", "not seen for months"],
)
def test_a_market_that_may_have_moved_is_found_where_it_went(
    loading: Loading, old_world: World, seen: Lifetime
) -> None:
    load_candles(old_world.client, loading, {LATE: [DAY], SOON: [DAY]}, {LATE: seen, SOON: seen})
    assert (loading.markets, loading.candles, loading.unknown) == ({LATE, SOON}, 50, [])


def test_every_request_counts_but_what_the_client_asks_about_its_own_limits(
    loading: Loading,
) -> None:
    for path in ("/account/limits", "/account/endpoint_costs", "/markets", "/markets/trades"):
        loading.requests.append(ApiCall(NOON, "exchange", "GET", path, 200, "", 10, 5, 1))
    assert loading.sent == 2


class Listening(KalshiClient):
    """Notes up to when candlesticks are asked for."""

    def __init__(self) -> None:
        self.ends: list[datetime] = []

    def candlesticks(
        self, tickers: Sequence[str], *, start: datetime, end: datetime, interval_minutes: int
    ) -> CandleBatch:
        self.ends.append(end)
        return CandleBatch()


def test_a_day_is_asked_for_to_its_end_and_today_up_to_now(loading: Loading) -> None:
    client, loading.now = Listening(), END + HOUR
    known = {TICKER: Lifetime("active", loading.now)}
    load_candles(client, loading, {TICKER: [DAY]}, known)
    load_candles(client, loading, {TICKER: [NEXT]}, known)
    assert client.ends == [END, END + HOUR]


def test_trades_of_the_first_and_the_last_moment_of_the_days_are_loaded(
    loading: Loading, tmp_path: Path
) -> None:
    with quiet_world(write_key(tmp_path)) as world:
        for at in (BEGIN - SECOND, BEGIN, END - timedelta(milliseconds=1), END):
            world.floor.tape.trade("bid", "0.52", "1", at=(at - NOON).total_seconds())
        world.wait(24)
        world.floor.tape.told.sort(key=lambda one: one.created_ms)
        loading.store(CandleBatch(), CandleCall((TICKER,), (DAY,)))
        load_trades(world.client, loading, {TICKER: [DAY]})

    first, last = rows(
        loading.database, "SELECT min(traded_at), max(traded_at) FROM kalshi.trades"
    )[0]
    assert (first, last) == (BEGIN, END - timedelta(milliseconds=1))


def test_trades_on_both_sides_of_the_cutoff_take_two_requests_and_come_once_each(
    loading: Loading, tmp_path: Path
) -> None:
    with quiet_world(write_key(tmp_path), terms=SHORT_MEMORY) as world:
        world.wait(3)  # the cutoff is an hour back: of ten trades so far, four lie behind it
        loading.now = world.now
        loading.store(CandleBatch(), CandleCall((TICKER,), (DAY,)))

        least = load_trades(world.client, loading, {TICKER: [DAY]})

        assert loading.trades == loading.trades_added == 10
        assert calls(world, "") == least == 3


def test_trades_that_have_all_been_archived_take_no_more_than_the_fewest_requests(
    loading: Loading, old_world: World
) -> None:
    loading.store(CandleBatch(), BOTH)
    least = load_trades(old_world.client, loading, {TICKER: [DAY], SOON: [DAY], LATE: [DAY]})

    assert loading.trades == 12
    assert calls(old_world, "") == least == 4
