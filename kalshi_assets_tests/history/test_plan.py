"""The plan of a history: the same for the same seed, within trading hours, and understood."""

from datetime import date, time, timedelta

import pytest

from kalshi_assets.domain.calendar import VENUE_ZONE, TradingCalendar
from kalshi_assets.history.plan import FIXED, INCIDENTS, Day, days_of
from kalshi_assets.local_exchange.faults.rules import Stage
from kalshi_assets.local_exchange.faults.vocabulary import read_rules

FIRST = date(2026, 8, 9)
DAYS = days_of(FIRST, 13, 1)
MARKETS = [f"KXM-T{number}" for number in range(22)]


def test_weeks_go_from_sunday_to_saturday() -> None:
    assert len(DAYS) == 91
    assert all(day.day.strftime("%w") == str(day.weekday) for day in DAYS)
    assert {day.week for day in DAYS} == set(range(13))


def test_the_market_is_looked_at_in_trading_hours_also_where_the_clocks_change() -> None:
    calendar = TradingCalendar()
    for day in DAYS:
        assert day.morning < day.at(day.times[0])
        for clock in day.times:
            assert calendar.closed_because(day.at(clock)) is None
            assert day.at(clock).astimezone(VENUE_ZONE).time() == clock
    change = next(day for day in DAYS if day.day == date(2026, 11, 1))
    before = Day(FIRST, change.number - 1, 1)
    assert change.at(time(12)) - before.at(time(12)) == timedelta(hours=25)


def test_looks_fall_into_the_steady_half_of_twenty_seconds() -> None:
    seconds = {day.at(clock).timestamp() % 20 for day in DAYS for clock in day.times}
    assert seconds == {10.5}


def test_the_same_seed_is_the_same_plan_and_another_one_another() -> None:
    def deeds(seed: int) -> list[list[str]]:
        days = days_of(FIRST, 13, seed)
        return [list(day.deeds(clock)) for day in days for clock in day.times]

    assert deeds(1) == deeds(1) != deeds(2)
    some = [deed for found in deeds(1) for deed in found]
    assert {"buy", "sell", "close early", "double", "deposit", "halt", "resume"} <= set(some)


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.fault["fault"])
def test_the_exchange_understands_each_incident(incident) -> None:
    number = incident.week * 7 + incident.weekday
    rules = Day(FIRST, number, 1).faults(MARKETS)
    assert rules == Day(FIRST, number, 1).faults(list(reversed(MARKETS)))
    assert len(rules) >= (incident.markets or 1)
    stage = Stage([], MARKETS, 0)
    feed = [rule for rule in rules if rule["fault"] not in ("connection-reset", "error-burst")]
    read_rules(feed, stage, place="the plan")
    assert all(str(rule["from"]) < str(rule["until"]) for rule in rules)


def test_what_is_fixed_falls_on_moments_that_are_looked_at() -> None:
    for week, weekday, clock in FIXED:
        assert clock in Day(FIRST, week * 7 + weekday, 1).times
