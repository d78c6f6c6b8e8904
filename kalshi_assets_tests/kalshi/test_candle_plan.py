"""Calls for candlesticks hold whole days, stay within the exchange's sizes, and are few."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.kalshi.candle_plan import candle_plan, least_calls, runs_of
from kalshi_assets.kalshi.requests import candle_calls

FIRST = date(2026, 10, 20)  # the clocks go back twelve days later
HOUR = 60


def days(count: int, first: date = FIRST) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def markets(count: int) -> list[str]:
    return [f"KXTEST-T{n}" for n in range(count)]


wanted_days = st.lists(st.sampled_from(days(60)), unique=True)
any_wanted = st.dictionaries(st.sampled_from(markets(150)), wanted_days, max_size=150)


@given(wanted=any_wanted)
def test_every_wanted_day_of_every_market_is_in_exactly_one_call_and_no_other_day_is(wanted):
    plan = candle_plan(wanted, interval_minutes=HOUR)
    told = [(ticker, day) for call in plan for ticker in call.tickers for day in call.days]
    for call in plan:  # it asks from the first to the last of its days
        assert list(call.days) == days(len(call.days), call.days[0])
    assert sorted(told) == sorted((t, day) for t, chosen in wanted.items() for day in chosen)


@given(count=st.integers(1, 300), length=st.integers(1, 400))
@example(count=101, length=1)
def test_a_call_of_the_plan_is_one_request_within_the_sizes(count, length):
    wanted = dict.fromkeys(markets(count), days(length))
    for call in candle_plan(wanted, interval_minutes=HOUR):
        start, end = day_bounds(call.days[0])[0], day_bounds(call.days[-1])[1]
        assert len(list(candle_calls(call.tickers, start, end, interval_minutes=HOUR))) == 1
        assert len(call.tickers) <= 100
        assert len(call.tickers) * ((end - start) // timedelta(hours=1) + 1) <= 10_000
        assert list(call.days) == days(len(call.days), call.days[0])


@pytest.mark.parametrize("count", [1, 5, 22, 60, 99, 100, 101, 150, 350])
@pytest.mark.parametrize("length", [1, 8, 30, 31, 90, 365])
def test_calls_are_within_a_tenth_of_the_fewest_there_can_be(count, length):
    wanted = dict.fromkeys(markets(count), days(length))
    used = len(candle_plan(wanted, interval_minutes=HOUR))
    least = least_calls(wanted, interval_minutes=HOUR)
    assert least <= used
    # Of a handful of calls, one more is more than a tenth, and cannot always be saved.
    assert used <= max(least * 1.1, least + 1)


def test_nothing_wanted_needs_no_call():
    assert candle_plan({"KXTEST-T1": []}, interval_minutes=HOUR) == []
    assert least_calls({"KXTEST-T1": []}, interval_minutes=HOUR) == 0


def test_days_come_in_runs_without_a_gap():
    assert runs_of([FIRST, FIRST + timedelta(days=2), FIRST + timedelta(days=1)]) == [
        tuple(days(3))
    ]
    assert runs_of(days(2) + days(1, FIRST + timedelta(days=5))) == [
        tuple(days(2)),
        (FIRST + timedelta(days=5),),
    ]
