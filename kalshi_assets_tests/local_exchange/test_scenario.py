"""The five stories of `cpi-week`, told from what a client can see: quotes, candles, counters."""

import itertools
from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.local_exchange.errors import UnknownScenario
from kalshi_assets.local_exchange.scenarios import cpi_week, load_scenario
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS, iso

MINUTE_MS = 60_000
OVERREACTS = "KXCPI-26OCT-T0.3"
DRIFTS = "KXCPIYOY-26OCT-T3.0"
ILLIQUID = "KXGDP-26Q3-T2.5"
CLOSES_SOON = "KXPAYROLLS-26SEP-T75000"
FROZEN = "KXFED-26OCT-T3.75"
ALL = [OVERREACTS, DRIFTS, ILLIQUID, CLOSES_SOON, FROZEN]


@lru_cache
def tape():
    return load_scenario("cpi-week")


START = cpi_week.build().started_ms


def mid(ticker, ms):
    quote = tape().quote_at(ticker, ms)
    return (quote.bids[0].price + quote.asks[0].price) / 2


def week_mean(ticker, ms):
    """Mean of the mid over the hourly closes of the seven days before."""
    hours = tape().candles(ticker, 60, ms - 7 * DAY_MS + 1, ms)
    assert len(hours) == 168
    return sum(candle.bid.close + candle.ask.close for candle in hours) / 2 / 168


def points_over_mean(ticker, ms=START):
    return (mid(ticker, ms) - week_mean(ticker, ms)) / 100


def contracts_24h(ticker):
    return tape().activity_at(ticker, START).volume_24h / 100


def touch(ticker, ms):
    quote = tape().quote_at(ticker, ms)
    return quote.bids[0].price, quote.asks[0].price


def test_the_scenario_starts_on_a_tuesday_morning():
    assert iso(START) == "2026-10-13T14:30:00Z"
    assert list(tape().listings) == ALL
    assert {series.category for series in tape().series.values()} == {"Economics"}
    assert {series.fees.fee_type for series in tape().series.values()} == {"quadratic"}
    structures = [one.price_level_structure for one in tape().listings.values()]
    assert structures.count("linear_cent") == 4
    assert structures.count("deci_cent") == 1
    assert len({one.event_ticker for one in tape().listings.values()}) == 5


def test_unknown_scenario_names_itself_and_the_known_ones():
    with pytest.raises(UnknownScenario, match=r"'cpi-weak'.*cpi-week"):
        load_scenario("cpi-weak")


def test_overreacts_jumps_from_its_mean_75_minutes_ago():
    assert 0.53 <= week_mean(OVERREACTS, START) / 10_000 <= 0.55
    assert touch(OVERREACTS, START) == (6_800, 6_900)
    assert 13.5 <= points_over_mean(OVERREACTS) <= 15
    before, after = (mid(OVERREACTS, START - m * MINUTE_MS) for m in (76, 72))
    assert before <= 5_600
    assert after >= 6_700
    calm = [mid(OVERREACTS, START - hour * HOUR_MS) for hour in range(2, 168)]
    assert min(calm) >= 5_200
    assert max(calm) <= 5_600


def test_overreacts_can_be_sold_at_the_bid():
    quote = tape().quote_at(OVERREACTS, START)
    assert quote.bids[0].count >= 500 * 100
    assert len(quote.bids) >= 3
    assert 7_500 <= contracts_24h(OVERREACTS) <= 8_500
    assert tape().listings[OVERREACTS].close_ms > START + 3 * DAY_MS
    jump = tape().candles(OVERREACTS, 60, START - 30 * MINUTE_MS, START - 30 * MINUTE_MS)[0]
    calm = tape().candles(OVERREACTS, 60, START - 26 * HOUR_MS, START - 2 * HOUR_MS)
    assert jump.volume > 5 * max(candle.volume for candle in calm)


def test_overreacts_holds_for_minutes_and_fades_over_hours():
    for second in range(0, 301, 5):
        assert touch(OVERREACTS, START + second * 1000) == (6_800, 6_900)
    for second in range(300, 601, 5):
        bid, ask = touch(OVERREACTS, START + second * 1000)
        assert abs(bid - 6_800) <= 100
        assert abs(ask - 6_900) <= 100
    course = [mid(OVERREACTS, START + hour * HOUR_MS) for hour in (0, 1, 2, 3, 5)]
    assert course == sorted(course, reverse=True)
    assert 5_300 <= mid(OVERREACTS, START + 6 * HOUR_MS) <= 5_700


def test_drifts_stays_below_eleven_points_always():
    assert 8 <= points_over_mean(DRIFTS) <= 9.3
    assert 2_700 <= contracts_24h(DRIFTS) <= 3_300
    for hour in range(-72, 48, 2):
        assert abs(points_over_mean(DRIFTS, START + hour * HOUR_MS)) < 11
    halves = [mid(DRIFTS, START - day * DAY_MS) for day in range(7, -1, -1)]
    assert halves == sorted(halves)


def test_illiquid_is_far_off_but_hardly_traded():
    assert 13.5 <= points_over_mean(ILLIQUID) <= 16.5
    assert 100 <= contracts_24h(ILLIQUID) < 200
    bid, ask = touch(ILLIQUID, START)
    assert 200 <= ask - bid <= 300


def test_closes_soon_closes_within_four_hours():
    assert -17.5 <= points_over_mean(CLOSES_SOON) <= -14.5
    assert 2_200 <= contracts_24h(CLOSES_SOON) <= 2_800
    assert tape().listings[CLOSES_SOON].close_ms == START + 3 * HOUR_MS


def test_frozen_quotes_stand_still_while_volume_moves():
    assert 14 <= points_over_mean(FROZEN) <= 16
    assert 3_500 <= contracts_24h(FROZEN) <= 4_500
    moments = range(START - 5 * HOUR_MS + 20_000, START + 2 * HOUR_MS, 97_000)
    quotes = [tape().quote_at(FROZEN, ms) for ms in moments]
    counters = [tape().activity_at(FROZEN, ms) for ms in moments]
    assert len({(quote.bids, quote.asks) for quote in quotes}) == 1
    assert len({counter.last_price for counter in counters}) == 1
    assert all(a.volume < b.volume for a, b in zip(counters, counters[4:], strict=False))
    assert all(a.updated_ms < b.updated_ms for a, b in itertools.pairwise(quotes))


def test_frozen_candles_are_flat_but_traded():
    hours = tape().candles(FROZEN, 60, START - 4 * HOUR_MS, START)
    assert all(candle.volume > 0 for candle in hours)
    minutes = tape().candles(FROZEN, 1, START - 4 * HOUR_MS, START)
    shapes = {(candle.bid, candle.ask) for candle in [*hours[1:], *minutes]}
    assert len(shapes) == 1
    (bid, ask) = shapes.pop()
    assert bid.open == bid.low == bid.high == bid.close
    assert ask.open == ask.low == ask.high == ask.close
    assert sum(candle.volume > 0 for candle in minutes) > 0.7 * len(minutes)


@pytest.mark.parametrize("ticker", [OVERREACTS, DRIFTS, ILLIQUID, CLOSES_SOON])
def test_a_healthy_feed_is_refreshed_every_few_seconds(ticker):
    moments = tape().changes(ticker, START, START + HOUR_MS)
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert min(gaps) >= 10_000
    assert max(gaps) <= 30_000
    quotes = [tape().quote_at(ticker, ms) for ms in moments]
    assert [quote.updated_ms for quote in quotes] == moments
    assert all(a.bids != b.bids for a, b in itertools.pairwise(quotes))


@pytest.mark.parametrize("ticker", ALL)
def test_quotes_are_on_the_grid_and_never_crossed(ticker):
    one = tape().listings[ticker]
    for ms in range(START - 2 * DAY_MS, one.close_ms if ticker == CLOSES_SOON else START, 617_000):
        quote = tape().quote_at(ticker, ms)
        assert quote.bids[0].price < quote.asks[0].price
        for side in (quote.bids, quote.asks):
            assert all(one.is_on_grid(level.price) and level.count > 0 for level in side)


@pytest.mark.parametrize("ticker", ALL)
def test_volume_is_the_sum_of_the_trades(ticker):
    first, last = START - 26 * HOUR_MS - 12_345, START - 54_321
    trades = tape().trades(ticker, first, last)
    grown = tape().activity_at(ticker, last).volume - tape().activity_at(ticker, first).volume
    assert sum(trade.count for trade in trades) == grown
    assert [t.created_ms for t in trades] == sorted(t.created_ms for t in trades)
    assert tape().activity_at(ticker, last).last_price == trades[-1].price
    for trade in trades[::7]:
        bid, ask = touch(ticker, trade.created_ms)
        assert trade.price == (ask if trade.taker_side == "bid" else bid)


def test_the_trading_pause_is_quiet():
    pause = START - 5 * DAY_MS - 14 * HOUR_MS - 30 * MINUTE_MS + 7 * HOUR_MS  # Thu 03:00 New York
    assert iso(pause) == "2026-10-08T07:00:00Z"
    for ticker in ALL:
        assert tape().changes(ticker, pause, pause + 2 * HOUR_MS - 1) == []
        assert tape().trades(ticker, pause, pause + 2 * HOUR_MS) == []


def test_the_same_seed_gives_the_same_tape_in_any_order_of_questions():
    other = cpi_week.build()
    moments = [START + step * 3_333_333 for step in range(-40, 20)]
    backwards = {ms: other.quote_at(OVERREACTS, ms) for ms in reversed(moments)}
    assert all(tape().quote_at(OVERREACTS, ms) == backwards[ms] for ms in moments)
    assert other.trades(FROZEN, START - HOUR_MS, START) == tape().trades(
        FROZEN, START - HOUR_MS, START
    )
    reseeded = cpi_week.build(seed=7)
    assert reseeded.quote_at(OVERREACTS, START) != tape().quote_at(OVERREACTS, START)


@given(
    st.sampled_from(ALL),
    st.integers(-3 * DAY_MS, 2 * DAY_MS),
    st.one_of(st.integers(0, 2 * MINUTE_MS), st.integers(0, 3 * HOUR_MS)),
)
@settings(max_examples=300, deadline=None)
def test_the_trades_of_any_span_are_those_of_its_hours_and_add_up_to_the_volume(
    ticker, start, length
):
    first, last = START + start, START + start + length
    hours = range(first // HOUR_MS, last // HOUR_MS + 1)
    whole = [tape().trades(ticker, hour * HOUR_MS - 1, (hour + 1) * HOUR_MS - 1) for hour in hours]
    trades = tape().trades(ticker, first, last)
    assert trades == [one for one in itertools.chain(*whole) if first < one.created_ms <= last]
    before, after = (tape().activity_at(ticker, ms).volume for ms in (first, last))
    assert sum(one.count for one in trades) == after - before
