from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.domain.calendar import (
    CollectionCalendar,
    TradingCalendar,
    day_bounds,
    days_between,
    venue_day,
)

NEW_YORK = ZoneInfo("America/New_York")


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 6, 10), 24)],
)
def test_a_day_has_the_hours_that_clocks_leave_it(day: date, hours: int) -> None:
    start, end = day_bounds(day)
    assert end - start == timedelta(hours=hours)
    assert [venue_day(m) for m in (start, end - timedelta(microseconds=1), end)] == [
        day,
        day,
        day + timedelta(days=1),
    ]
    assert start.tzinfo is UTC


def test_days_between_names_both_ends_and_none_backwards() -> None:
    first, last = date(2026, 2, 27), date(2026, 3, 1)
    assert list(days_between(first, last)) == [first, date(2026, 2, 28), last]
    assert list(days_between(last, first)) == []


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-10-13T07:59:59.999999", "07:59 ET is outside 08:00-18:00 ET"),
        ("2026-10-13T08:00:00", None),
        ("2026-10-13T17:59:59.999999", None),
        ("2026-10-13T18:00:00", "18:00 ET is outside 08:00-18:00 ET"),
        ("2026-11-26T10:00:00", "2026-11-26 is a day without trading"),
        ("2026-11-27T10:00:00", None),
    ],
)
def test_new_orders_are_for_trading_hours_only(moment: str, expected: str | None) -> None:
    calendar = TradingCalendar(closed_days=frozenset({date(2026, 11, 26)}))
    assert calendar.closed_because(new_york(moment)) == expected


@pytest.mark.parametrize(
    ("moment", "is_paused"),
    [
        ("2026-10-15T02:59:59", False),
        ("2026-10-15T03:00:00", True),
        ("2026-10-15T04:59:59", True),
        ("2026-10-15T05:00:00", False),
        ("2026-10-14T04:00:00", False),
    ],
)
def test_the_exchange_pauses_on_thursday_mornings(moment: str, is_paused: bool) -> None:
    why = TradingCalendar(time(0), time(23, 59)).closed_because(new_york(moment))
    assert (why is not None) is is_paused
    assert why is None or "Thursday" in why


MINUTE = timedelta(minutes=1)
HOURS = st.sampled_from([time(0), time(3), time(8), time(9, 30), time(18), time(23, 59)])


@settings(deadline=None, max_examples=60)
@given(
    start=st.integers(0, 4 * 1440),
    length=st.integers(0, 3 * 1440),
    base=st.sampled_from(["2026-03-06T05:00", "2026-10-30T04:00"]),
    opens=HOURS,
    closes=HOURS,
)
def test_expected_time_equals_a_count_of_open_minutes(
    start: int, length: int, base: str, opens: time, closes: time
) -> None:
    calendar = CollectionCalendar(min(opens, closes), max(opens, closes))
    first = datetime.fromisoformat(base).replace(tzinfo=UTC) + start * MINUTE
    minutes = [first + n * MINUTE for n in range(length)]
    local = [m.astimezone(NEW_YORK).time() for m in minutes]
    is_open = [opens == closes or calendar.opens <= at < calendar.closes for at in local]

    assert calendar.expected_ms(first, first + length * MINUTE) == sum(is_open) * 60_000
    assert [calendar.is_open(m) for m in minutes[::7]] == is_open[::7]


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
@pytest.mark.parametrize("opens", [time(1, 30), time(2, 30)])
def test_open_and_expected_agree_where_clocks_change(day: date, opens: time) -> None:
    calendar = CollectionCalendar(opens, time(4))
    start, end = day_bounds(day)
    minutes = [start + n * MINUTE for n in range(round((end - start) / MINUTE))]
    assert sum(map(calendar.is_open, minutes)) * 60_000 == calendar.expected_ms(start, end)


def test_round_the_clock_counts_every_millisecond_of_a_long_day() -> None:
    start, end = day_bounds(date(2026, 11, 1))
    assert CollectionCalendar().expected_ms(start, end) == 25 * 3_600_000
