from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kalshi_assets.local_exchange.faults import FaultyFeed, parse_faults
from kalshi_assets.local_exchange.tape import PriceRange
from kalshi_assets.local_exchange.units import HOUR_MS, iso
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    ScriptedTape,
    floor,
    listing,
    price,
)
from kalshi_assets_tests.local_exchange.faults_bench import (
    COUNTERS,
    CPI,
    DECI,
    PRICES,
    SIZES,
    Row,
    Week,
    every_fault,
    is_changed_only,
    is_complementary,
    running_week,
)


@pytest.fixture(scope="module")
def one_week() -> Iterator[Week]:
    with running_week() as week:
        yield week


@pytest.fixture
def week(one_week: Week) -> Iterator[Week]:
    yield one_week
    one_week.switch.feed = None


def candles(week: Week, ask: Callable[..., Any], interval: int = 60) -> dict[str, list[Row]]:
    start = week.exchange.tape.started_ms // 1000
    query = {"period_interval": interval, "start_ts": start - 7 * 3600, "end_ts": start + 1800}
    answer = ask("/markets/candlesticks", market_tickers=f"{CPI},{DECI}", **query)
    alone = ask(f"/series/KXCPIYOY/markets/{DECI}/candlesticks", **query).json()
    batch = {row["market_ticker"]: row["candlesticks"] for row in answer.json()["markets"]}
    assert alone == {"ticker": DECI, "candlesticks": batch[DECI]}
    return batch


@every_fault
def test_only_a_frozen_feed_shows_in_candles(week, name):
    week.put(name)
    assert (candles(week, week.ask) != candles(week, week.true)) == (name == "frozen-feed")


@pytest.mark.parametrize("interval", [1, 60])
def test_candles_are_flat_once_the_quote_has_frozen(week, interval):
    week.put(f"frozen-feed:{DECI}")
    quote = week.ask(f"/markets/{DECI}").json()["market"]
    shown, true = candles(week, week.ask, interval), candles(week, week.true, interval)
    assert shown[CPI] == true[CPI]
    frozen_at = week.exchange.tape.started_ms // 1000 - 4 * 3600
    assert {candle["end_period_ts"] > frozen_at for candle in shown[DECI]} == {False, True}
    for candle, moving in zip(shown[DECI], true[DECI], strict=True):
        if candle["end_period_ts"] <= frozen_at:
            assert candle == moving
            continue
        assert is_changed_only(candle, moving, "yes_bid", "yes_ask")
        assert set(candle["yes_bid"].values()) == {quote["yes_bid_dollars"]}
        assert set(candle["yes_ask"].values()) == {quote["yes_ask_dollars"]}
        assert list(candle["yes_bid"]) == list(moving["yes_bid"])


def test_candles_lead_over_into_a_frozen_quote(week):
    week.put(f"frozen-feed:{CPI}")
    start = week.exchange.tape.started_ms // 1000 - 4 * 3600
    query = {"market_tickers": CPI, "period_interval": 60, "start_ts": start, "end_ts": start + 60}
    answer = week.ask("/markets/candlesticks", include_latest_before_start="true", **query)
    (lead,) = answer.json()["markets"][0]["candlesticks"]
    quote = week.ask(f"/markets/{CPI}").json()["market"]
    assert set(lead["yes_bid"].values()) == {quote["yes_bid_dollars"]}
    assert lead["price"]["close_dollars"] is None


def scripted(tape: ScriptedTape, *faults: str) -> Any:
    return floor(tape, interceptor=FaultyFeed(parse_faults(faults, tape.listings), tape))


def market(venue: Any, ticker: str = TICKER) -> Any:
    return venue.me.get(f"/markets/{ticker}")["market"]


def test_a_frozen_quote_stands_while_the_market_moves_on():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "7")], asks=[("0.35", "8")], at=-5 * 3600)
    tape.quote(bids=[("0.40", "1")], asks=[("0.45", "1")], at=-3 * 3600)
    tape.quote(bids=[("0.60", "1")], asks=[("0.65", "1")], at=60)
    tape.trade("ask", "0.60", "2", at=61)
    with scripted(tape, "frozen-feed") as venue:
        before = market(venue)
        assert [before[name] for name in PRICES] == ["0.3000", "0.3500", "0.6500", "0.7000"]
        assert [before[name] for name in SIZES] == ["7.00", "8.00"]
        venue.me.order("bid", "0.43", "1")
        venue.wait(62)
        after = market(venue)
        assert is_changed_only(after, before, "updated_time", *COUNTERS)
        assert after["updated_time"] == iso(NOON_MS + 60_000)
        assert (after["last_price_dollars"], after["volume_fp"]) == ("0.6000", "2.00")


def test_a_stale_market_stands_as_an_hour_before_the_start():
    tape = ScriptedTape()
    tape.trade("ask", "0.47", "2", at=-7200)
    tape.quote(bids=[("0.30", "7")], asks=[("0.35", "8")], at=-4000)
    tape.trade("ask", "0.30", "2", at=-3000)
    tape.quote(bids=[("0.60", "1")], asks=[("0.65", "1")], at=60)
    with scripted(tape, "stale-feed") as venue:
        venue.me.order("bid", "0.47", "1", time_in_force="immediate_or_cancel")
        before = market(venue)
        venue.wait(62)
        assert market(venue) == before
        assert before["updated_time"] == iso(NOON_MS - 4_000_000)
        assert [before[n] for n in (*PRICES[:2], *SIZES)] == ["0.3000", "0.3500", "7.00", "8.00"]
        assert (before["last_price_dollars"], before["volume_fp"]) == ("0.4700", "2.00")


@pytest.mark.parametrize("is_open", [False, True], ids=["not yet open", "not quoted"])
def test_what_was_not_quoted_four_hours_before_freezes_at_the_start(is_open):
    late = listing() if is_open else listing(open_ms=NOON_MS - HOUR_MS)
    tape = ScriptedTape(listings={TICKER: late})
    tape.quote(bids=[], asks=[], at=-5 * 3600)
    tape.quote(bids=[("0.30", "7")], asks=[("0.35", "8")], at=-3600)
    tape.quote(bids=[("0.60", "1")], asks=[("0.65", "1")], at=60)
    with scripted(tape, "frozen-feed") as venue:
        venue.wait(62)
        assert [market(venue)[name] for name in PRICES[:2]] == ["0.3000", "0.3500"]


@pytest.mark.parametrize(
    ("bids", "asks", "shown"),
    [
        ([("0.94", "3")], [("0.96", "3")], ["0.9800", "0.9600", "3.00", "3.00"]),
        ([("0.94", "3")], [("0.98", "3")], ["0.9900", "0.9700", "3.00", "3.00"]),
        ([("0.94", "3")], [], ["0.9900", "0.9700", "3.00", "1.00"]),
        ([], [("0.01", "3")], ["0.0300", "0.0100", "1.00", "3.00"]),
        ([], [], ["0.9900", "0.9700", "1.00", "1.00"]),
    ],
)
def test_a_crossed_book_has_two_prices_on_the_grid_and_two_sizes(bids, asks, shown):
    tape = ScriptedTape()
    tape.quote(bids=bids, asks=asks, at=-60)
    with scripted(tape, "crossed-book") as venue:
        row = market(venue)
        assert [row[name] for name in (*PRICES[:2], *SIZES)] == shown
        assert is_complementary(row)


# Tenths of a cent below ten cents, half cents above; and the finest grid there is.
UNEVEN = (PriceRange(0, 1_000, 10), PriceRange(1_000, 10_000, 50))
FINEST = (PriceRange(0, 10_000, 1),)


@pytest.mark.parametrize(
    ("grid", "bid", "ask", "crossed_bid", "off"),
    [
        (UNEVEN, "0.081", "0.083", "0.1050", ("0.0805", "0.0825")),
        (UNEVEN, "0.10", "0.105", "0.1250", ("0.0995", "0.1025")),
        (FINEST, "0.0047", "0.0048", "0.0248", ("0.004650", "0.004750")),
    ],
)
def test_prices_are_on_and_off_the_grid_of_where_they_stand(grid, bid, ask, crossed_bid, off):
    tape = ScriptedTape(listings={TICKER: listing(price_ranges=grid)})
    tape.quote(bids=[(bid, "3")], asks=[(ask, "3")], at=-60)
    with scripted(tape, "crossed-book") as venue:
        assert market(venue)["yes_bid_dollars"] == crossed_bid
        assert tape.listings[TICKER].is_on_grid(price(crossed_bid))
    with scripted(tape, "off-grid") as venue:
        assert tuple(market(venue)[name] for name in PRICES[:2]) == off


def test_a_quote_of_one_side_freezes_too():
    tape = ScriptedTape()
    tape.quote(bids=[("0.30", "7")], asks=[], at=-5 * 3600)
    tape.quote(bids=[("0.40", "1")], asks=[("0.45", "1")], at=-3 * 3600)
    with scripted(tape, "frozen-feed") as venue:
        assert [market(venue)[name] for name in PRICES[:2]] == ["0.3000", "1.0000"]


def test_a_side_without_orders_is_not_off_grid():
    tape = ScriptedTape()
    tape.quote(bids=[("0.47", "3")], asks=[], at=-60)
    with scripted(tape, "off-grid") as venue:
        row = market(venue)
        assert [row[name] for name in PRICES] == ["0.4650", "1.0000", "0.0000", "0.5350"]
