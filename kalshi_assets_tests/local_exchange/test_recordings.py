"""Replay of made-up recordings: what a bar, a gap, a zero and a missing side become."""

from fractions import Fraction

import pytest

from kalshi_assets.local_exchange.scenarios.candles import fold
from kalshi_assets.local_exchange.tape import Bar, Tape
from kalshi_assets.local_exchange.units import DAY_MS
from kalshi_assets_tests.local_exchange.recorded_folders import (
    APRIL,
    DAYS,
    LONG_MARKET,
    MARCH,
    RAIN,
    at,
    load,
    record,
    write_long,
    write_markets,
    write_wide,
)

MINUTE_MS = 60_000


@pytest.fixture
def tape(tmp_path):
    return load(write_wide(tmp_path))


def touch(tape, ticker, ms):
    quote = tape.quote_at(ticker, ms)
    return tuple(side[0].price if side else None for side in (quote.bids, quote.asks))


def test_a_column_holds_one_contract_after_the_other(tape):
    whole: Tape = tape
    assert list(whole.listings) == [MARCH, APRIL]
    march, april = whole.listings.values()
    assert (march.open_ms, march.close_ms) == (at("12:00"), at("17:59"))
    assert march.settled_ms == march.determined_ms == at("18:05")
    assert (april.open_ms, april.status_at(at("17:59:59"))) == (at("18:00"), "initialized")
    assert (march.title, march.rules_primary) == (f"Rain, {MARCH}?", 'It "rains".')
    assert (march.floor_strike, march.price_ranges[0].step) == (None, 100)
    (series,) = whole.series.values()
    assert (series.ticker, series.fees.fee_type, series.fees.multiplier) == (
        *("KXRAIN", "quadratic"),
        Fraction(1),
    )


def test_an_hour_is_dated_with_its_end_and_counts_from_its_start(tmp_path):
    closing = record(MARCH, close_time="2026-03-10T18:00:01Z")
    tape = load(write_wide(tmp_path, records=[closing, record(APRIL)]))
    assert [one.end_ms for one in tape.candles(MARCH, 60, 0, at("23:00"))][-1] == at("19:00")
    assert tape.listings[APRIL].open_ms == at("19:00")
    assert tape.activity_at(MARCH, at("18:00:01")).volume == 720_00 + 1_800_50 + 360_00


def test_the_price_walks_low_then_high_where_the_bar_rises(tape):
    walk = [touch(tape, MARCH, at("12:00") + slot * 20_000) for slot in range(180)]
    mids = [(bid + ask) // 2 for bid, ask in walk]
    assert (mids[0], mids[59], mids[119], mids[179]) == (4_000, 3_800, 4_600, 4_400)
    assert mids[:60] == sorted(mids[:60], reverse=True)
    assert mids[59:120] == sorted(mids[59:120])
    assert {ask - bid for bid, ask in walk} == {200}


def test_the_price_walks_high_then_low_where_the_bar_falls(tape):
    prices = [tape.activity_at(MARCH, at("13:00") + s * 20_000).last_price for s in range(180)]
    assert (prices[0], prices[59], prices[119], prices[179]) == (4_400, 4_400, 3_000, 3_200)


def test_quotes_are_refreshed_every_twenty_seconds_and_never_in_a_gap(tape):
    moments = tape.changes(MARCH, at("12:00"), at("13:00"))
    assert moments == list(range(at("12:00:20"), at("13:00") + 1, 20_000))
    for ms in moments[::17]:
        for seen in (tape.quote_at(MARCH, ms), tape.quote_at(MARCH, ms + 19_999)):
            assert (seen.version, seen.changed_ms, seen.updated_ms) == (ms, ms, ms)
    assert tape.changes(APRIL, at("20:00") - 1, at("23:00")) == []
    assert tape.trades(APRIL, at("20:00"), at("23:00")) == []


def test_in_a_gap_the_last_quote_stands_with_its_old_date(tape):
    last, stale = (tape.quote_at(APRIL, at(when)) for when in ("19:59:59", "22:17"))
    assert (stale.bids, stale.asks, stale.version) == (last.bids, last.asks, last.version)
    assert (last.updated_ms, stale.updated_ms) == (at("19:59:40"), at("20:00"))
    assert tape.activity_at(APRIL, at("22:17")).volume == 365_00


def test_before_the_first_bar_there_is_nothing(tape):
    quote, activity = tape.quote_at(APRIL, at("17:00")), tape.activity_at(APRIL, at("17:00"))
    assert (quote.bids, quote.asks, quote.updated_ms) == ((), (), at("2026-03-01T10:00:00.123"))
    assert (activity.last_price, activity.volume, activity.open_interest) == (0, 0, 0)
    assert tape.candles(APRIL, 1, 0, at("18:00")) == []


def test_counters_reach_the_recorded_sums_at_the_end_of_a_bar(tape):
    seen = [tape.activity_at(MARCH, at(when)) for when in ("12:30", "13:00", "13:59", "14:00")]
    assert [one.volume for one in seen] == [360_00, 720_00, 720_00 + 1_770_00, 2_520_50]
    assert [one.open_interest for one in seen] == [0, 1_000_00, 1_000_00, 1_300_00]
    tomorrow = tape.activity_at(APRIL, at("18:30") + DAY_MS)
    assert (tomorrow.volume, tomorrow.volume_24h) == (365_00, 185_00)


def test_zeros_stand_for_missing_values_and_nobody_trades_at_them(tape):
    quote = tape.quote_at(MARCH, at("14:30"))
    assert (quote.bids, quote.asks, quote.is_zero_coded) == ((), (), True)
    assert tape.activity_at(MARCH, at("14:30")).last_price == 3_200
    assert tape.trades(MARCH, at("14:00"), at("15:00")) == []
    zeros = Bar(0, 0, 0, 0)
    candles = [*tape.candles(MARCH, 60, at("15:00"), at("15:00"))]
    candles += tape.candles(MARCH, 1, at("14:01"), at("15:00"))
    assert len(candles) == 61
    for candle in candles:
        assert (candle.price, candle.bid, candle.ask, candle.volume) == (zeros, zeros, zeros, 0)
        assert (candle.previous, candle.open_interest) == (3_200, 1_300_00)


@pytest.mark.parametrize(
    ("price", "spread", "expected"),
    [
        ("0.4", 200, (3_900, 4_100)),
        ("0.4", 100, (3_900, 4_000)),
        ("0.4", 0, (3_900, 4_000)),
        ("0.4", 150, (3_900, 4_100)),
        ("0.01", 200, (None, 200)),
        ("0.99", 200, (9_800, None)),
        ("0.02", 600, (None, 500)),
    ],
)
def test_the_spread_lies_on_the_grid_and_leaves_the_outermost_side_empty(
    tmp_path, price, spread, expected
):
    hour = {"2026-03-10T13:00:00Z": (*[price] * 5, "100", "1")}
    tape = load(write_wide(tmp_path, hour), spread=spread)
    assert touch(tape, MARCH, at("12:10")) == expected


def test_a_finer_grid_is_walked_in_its_own_ticks(tmp_path):
    fine = record(MARCH, price_level_structure="deci_cent")
    tape = load(write_wide(tmp_path, records=[fine, record(APRIL)]), spread=10)
    steps = {touch(tape, MARCH, ms)[0] for ms in tape.changes(MARCH, at("12:00"), at("12:20"))}
    assert len(steps) == 21
    assert touch(tape, MARCH, at("12:00")) == (3_990, 4_000)


def test_levels_are_five_and_sized_by_what_trades_in_an_hour(tape):
    quote = tape.quote_at(MARCH, at("12:00"))
    assert [level.price for level in quote.asks] == [4_100, 4_200, 4_300, 4_400, 4_500]
    assert {level.count for level in (*quote.bids, *quote.asks)} == {84_00}
    assert {level.count for level in tape.quote_at(APRIL, at("18:30")).asks} == {18_00}


def test_trades_follow_the_walk_with_steady_ids(tape, tmp_path):
    trades = tape.trades(MARCH, at("12:00"), at("13:00"))
    assert len(trades) == 180
    assert {trade.count for trade in trades} == {4_00}
    assert all(t.price == tape.activity_at(MARCH, t.created_ms).last_price for t in trades)
    assert [t.taker_side for t in (trades[3], trades[90], trades[150])] == ["ask", "bid", "ask"]
    again = load(tmp_path).trades(MARCH, at("12:30"), at("13:00"))
    assert again == trades[90:]
    assert len({trade.trade_id for trade in trades}) == 180


def test_candles_of_the_recorded_length_are_those_recorded(tape):
    first, second, zero = tape.candles(MARCH, 60, at("12:00"), at("20:00"))
    assert first.price == Bar(4_000, 3_800, 4_600, 4_400)
    assert first.bid == Bar(3_900, 3_700, 4_500, 4_300)
    assert first.ask == Bar(4_100, 3_900, 4_700, 4_500)
    assert (first.previous, second.previous) == (None, 4_400)
    assert Fraction(first.notional, first.volume) == 4_213
    assert [one.end_ms for one in (first, second, zero)] == [at("13:00"), at("14:00"), at("15:00")]


def test_gaps_have_no_candles_at_any_interval(tape):
    ends = [one.end_ms for one in tape.candles(MARCH, 1, 0, at("23:00"))]
    assert ends == list(range(at("12:01"), at("15:00") + 1, MINUTE_MS))
    (day,) = tape.candles(APRIL, 1440, 0, at("23:00") + DAY_MS)
    assert (day.end_ms, day.volume, day.previous) == (at("2026-03-11T04:00"), 365_00, None)
    assert day == fold(tape.candles(APRIL, 60, 0, at("23:00")), day.end_ms)
    assert tape.candles(APRIL, 1440, day.end_ms, day.end_ms) == [day]
    assert tape.candles(APRIL, 1440, day.end_ms + 1, day.end_ms + DAY_MS) == []


@pytest.fixture
def days(tmp_path):
    return load(write_long(tmp_path, *DAYS), start="00:00")


def test_a_long_recording_without_records_is_told_by_its_comment(days):
    (market,) = days.listings.values()
    assert (market.ticker, market.event_ticker, market.title) == (
        *(RAIN, "KXRAIN-26MAR"),
        "Will it rain?",
    )
    assert (market.floor_strike, market.result) == (0.5, "yes")
    assert market.open_ms == market.created_ms == at("2026-03-07T05:00")
    assert market.close_ms == market.settled_ms == at("2026-03-11T15:30:00.500")


def test_records_win_over_the_comment(tmp_path):
    write_markets(write_long(tmp_path, *DAYS), record(RAIN, close_time="2026-03-12T00:00:00Z"))
    (market,) = load(tmp_path).listings.values()
    assert (market.close_ms, market.title) == (at("2026-03-12T00:00"), f"Rain, {RAIN}?")


def test_recorded_quotes_change_at_half_time_and_may_lack_a_side(days):
    assert touch(days, RAIN, at("2026-03-07T05:00")) == (100, 3_100)
    assert touch(days, RAIN, at("2026-03-08T16:29:59")) == (100, 3_100)
    assert touch(days, RAIN, at("2026-03-08T16:30")) == (100, 3_200)
    assert touch(days, RAIN, at("2026-03-10T15:59")) == (100, 3_200)
    assert touch(days, RAIN, at("16:00")) == (None, None)
    assert touch(days, RAIN, at("2026-03-11T15:00")) == (None, 1_700)
    stale = days.quote_at(RAIN, at("2026-03-09T20:00"))
    assert stale.updated_ms == at("2026-03-09T04:00")


def test_a_bar_without_trades_keeps_the_last_price(days):
    assert days.activity_at(RAIN, at("2026-03-07T12:00")).last_price == 0
    assert days.activity_at(RAIN, at("2026-03-11T12:00")).last_price == 1_800
    first, *_, last = days.candles(RAIN, 1440, 0, at("2026-03-12T04:00"))
    assert (first.price, first.previous, last.price, last.previous) == (None, None, None, 1_800)
    assert (last.bid, last.ask) == (Bar(0, 0, 0, 0), Bar(10_000, 1_700, 10_000, 1_700))


def test_shorter_candles_are_read_off_the_walk_up_to_the_close(days):
    hours = days.candles(RAIN, 60, at("2026-03-10T05:00"), at("2026-03-11T04:00"))
    assert len(hours) == 24
    assert sum(hour.volume for hour in hours) == 375_28
    assert [hours[0].open_interest, hours[-1].open_interest] == [13_00, 284_00]
    after = days.candles(RAIN, 60, at("2026-03-11T15:00"), at("2026-03-12T10:00"))
    assert [one.end_ms for one in after] == [at("2026-03-11T15:00"), at("2026-03-11T16:00")]


@pytest.mark.parametrize(("step", "minutes"), [(60, 1), (3_600, 60)])
def test_the_length_of_bars_is_read_off_their_ends(tmp_path, step, minutes):
    ends = [1_773_144_000 + step * number for number in (1, 2, 3, 5)]
    lines = [f"{end},0.5,0.5,0.5,0.5,0.5,,10,10,0.4,0.6" for end in ends]
    tape = load(write_long(tmp_path, *lines, comments=[LONG_MARKET]), start="12:01")
    (start, *_) = tape.changes(RAIN, 0, ends[0] * 1000)
    assert start == (ends[0] - step) * 1000
    assert len(tape.candles(RAIN, minutes, 0, ends[-1] * 1000)) == 4
    assert [day.volume for day in tape.candles(RAIN, 1440, 0, ends[-1] * 1000 + DAY_MS)] == [40_00]
