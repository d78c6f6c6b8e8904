import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets.local_exchange.history_view import archived_candle_view, latest_before
from kalshi_assets.local_exchange.hours import day_bounds
from kalshi_assets.local_exchange.scenarios import load_scenario
from kalshi_assets.local_exchange.scenarios.candles import fold
from kalshi_assets.local_exchange.tape import Bar, Candle
from kalshi_assets.local_exchange.units import DAY_MS, HOUR_MS
from kalshi_assets_tests.local_exchange.bench import ScriptedTape, listing

TAPE = load_scenario("cpi-week")
START = TAPE.started_ms
NOON = START - 150 * 60_000
TICKERS = list(TAPE.listings)


@pytest.mark.parametrize("ticker", TICKERS)
def test_an_hour_is_the_fold_of_its_minutes(ticker):
    for end in range(NOON - 6 * HOUR_MS, NOON + 2 * HOUR_MS, HOUR_MS):
        (hour,) = TAPE.candles(ticker, 60, end, end)
        minutes = TAPE.candles(ticker, 1, end - HOUR_MS + 60_000, end)
        assert len(minutes) == 60
        assert fold(minutes, end) == hour


@pytest.mark.parametrize("ticker", TICKERS)
def test_a_day_runs_from_midnight_to_midnight_in_new_york(ticker):
    days = TAPE.candles(ticker, 1440, START - 30 * DAY_MS, START)
    assert len(days) == 30
    start, end = day_bounds(START - 3 * DAY_MS)
    assert end in [day.end_ms for day in days]
    hours = TAPE.candles(ticker, 60, start + 1, end)
    assert len(hours) == 24
    assert fold(hours, end) in days


@pytest.mark.parametrize("ticker", TICKERS)
def test_candles_join_up(ticker):
    minutes = TAPE.candles(ticker, 1, START - 3 * HOUR_MS, START)
    for earlier, later in itertools.pairwise(minutes):
        assert later.bid.open == earlier.bid.close
        assert later.ask.open == earlier.ask.close
        assert later.previous == (earlier.price.close if earlier.price else earlier.previous)
        assert later.open_interest >= earlier.open_interest


@pytest.mark.parametrize("ticker", TICKERS)
def test_a_candle_says_what_quotes_and_trades_said(ticker):
    for candle in TAPE.candles(ticker, 1, START - 30 * 60_000, START):
        begin = candle.end_ms - 60_000
        moments = [begin, *TAPE.changes(ticker, begin, candle.end_ms - 1)]
        bids = [TAPE.quote_at(ticker, ms).bids[0].price for ms in moments]
        assert (candle.bid.open, candle.bid.close) == (bids[0], bids[-1])
        assert (candle.bid.low, candle.bid.high) == (min(bids), max(bids))
        trades = TAPE.trades(ticker, begin, candle.end_ms)
        assert candle.volume == sum(trade.count for trade in trades)
        assert (candle.price is None) == (not trades)
        if candle.price is not None:
            assert candle.price.close == trades[-1].price


def test_history_covers_thirty_days_of_hours():
    for ticker in TICKERS:
        assert len(TAPE.candles(ticker, 60, START - 30 * DAY_MS + 1, START)) == 720


def test_a_market_has_candles_up_to_its_close_only():
    ticker = "KXPAYROLLS-26SEP-T75000"
    close = TAPE.listings[ticker].close_ms
    minutes = TAPE.candles(ticker, 1, close - 10 * 60_000, close + DAY_MS)
    assert minutes[-1].end_ms == close
    (last,) = TAPE.candles(ticker, 60, close, close + DAY_MS)
    whole = TAPE.candles(ticker, 1, last.end_ms - HOUR_MS + 60_000, last.end_ms)
    assert fold(whole, last.end_ms) == last


@dataclass
class GappyTape(ScriptedTape):
    """A tape that has candles at the given ends only, and counts how many it is asked for."""

    ends: tuple[int, ...] = ()
    questions: int = 0

    def candles(self, ticker, minutes, from_ms, to_ms):
        self.questions += 1
        quiet = Bar(1, 1, 1, 1)
        return [
            Candle(end, quiet, quiet, None, None, 0, 0, 0)
            for end in self.ends
            if from_ms <= end <= to_ms
        ]


MINUTES_OPEN = 24 * 60


@given(
    ends=st.sets(st.integers(1, MINUTES_OPEN), max_size=8),
    asked=st.integers(-5, MINUTES_OPEN + 5),
)
def test_the_latest_candle_is_found_across_any_gap_in_few_questions(ends, asked):
    one = listing()
    tape = GappyTape(ends=tuple(sorted(one.open_ms + end * 60_000 for end in ends)))
    before_ms = one.open_ms + asked * 60_000
    found = latest_before(tape, one, 1, before_ms=before_ms)
    earlier = [end for end in tape.ends if end < before_ms]
    assert (found and found.end_ms) == (earlier[-1] if earlier else None)
    assert tape.questions <= 12
    for end in tape.ends:
        found = latest_before(tape, one, 1, before_ms=end)
        assert found is None or found.end_ms < end


def test_a_candle_before_a_long_gap_in_a_real_tape_is_found():
    ticker = "KXPAYROLLS-26SEP-T75000"
    one = TAPE.listings[ticker]
    long_after = one.close_ms + 10 * DAY_MS
    for minutes in (1, 60):
        found = latest_before(TAPE, one, minutes, before_ms=long_after)
        assert found is not None
        assert found.end_ms >= one.close_ms
    assert latest_before(TAPE, one, 60, before_ms=one.open_ms) is None


def test_archived_candles_have_names_without_units():
    (hour,) = TAPE.candles(TICKERS[0], 60, NOON, NOON)
    view = archived_candle_view(hour)
    assert {"volume", "open_interest", "end_period_ts"} <= set(view)
    assert set(view["yes_bid"]) == {"open", "low", "high", "close"}
    assert set(view["price"]) == {"open", "low", "high", "close", "mean", "previous"}
