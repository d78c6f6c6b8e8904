from bisect import bisect_right
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kalshi_assets.analytics.cleaning import Anchor, clean
from kalshi_assets.analytics.memory import Told
from kalshi_assets.analytics.rolling import (
    RollingAverage,
    Totals,
    rolling_average,
    totals_until,
    window_start,
)
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds, days_between, venue_day
from kalshi_assets_tests.analytics.observations import (
    LIVE_HOLD,
    MARKETS,
    MILLISECOND,
    RULES,
    Observation,
    brute_force,
    days_of,
    frame,
    histories,
    midnight,
    rounded,
)

MARKET = MARKETS[0]
DAYS = 3
ALWAYS = CollectionCalendar()
START = midnight(date(2026, 6, 10))
ANCHOR = Anchor(START + timedelta(hours=1), "poll", 500_000, LIVE_HOLD, 1_000, 10, 5)


class Ticks:
    """One market's clean ticks, in memory."""

    def __init__(
        self, first: date, observations: list[Observation], calendar: CollectionCalendar
    ) -> None:
        self.anchors: list[Anchor] = []
        self.calendar = calendar
        rules = replace(RULES, collection=calendar)
        memories: dict[str, Told] = {}
        for day in days_of(first, DAYS):
            start, end = day_bounds(day)
            raw = frame(o for o in observations if start <= o.at < end)
            before = self.before(start - MILLISECOND)
            anchors = {} if before is None else {MARKET: before}
            done = clean(raw, anchors, day_start=start, rules=rules, memories=memories)
            memories |= done.memories
            if len(done.ticks):
                self.anchors += _usable(done.ticks)

    def before(self, moment: datetime) -> Anchor | None:
        """Return the last usable tick at or before a moment."""
        position = bisect_right([a.observed_at for a in self.anchors], moment)
        return self.anchors[position - 1] if position else None

    def until(self, moment: datetime, day: date) -> Totals:
        start, end = day_bounds(day)
        last = self.before(moment if moment < end else end - MILLISECOND)
        return totals_until(last, moment, day_start=start, calendar=self.calendar)

    def average(self, as_of: datetime, window_days: int) -> RollingAverage:
        start = window_start(as_of, window_days)
        first, last = venue_day(start), venue_day(as_of)
        whole = days_between(first, last - timedelta(days=1))
        return rolling_average(
            MARKET,
            as_of,
            window_days=window_days,
            start=start,
            first_day_until_start=self.until(start, first),
            whole_days=[self.until(day_bounds(day)[1], day) for day in whole],
            last_day_until_end=self.until(as_of, last),
            calendar=self.calendar,
        )


def _usable(rows: pd.DataFrame) -> list[Anchor]:
    names = [field.name for field in fields(Anchor)]
    found = rows[rows["is_usable"]].to_dict("records")
    return [Anchor(**{name: row[name] for name in names}) for row in found]


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=histories(days=DAYS, markets=1),
    window_days=st.integers(1, 2),
    offset_ms=st.lists(st.integers(0, DAYS * 86_400_000), min_size=1, max_size=8),
    hours=st.sampled_from([(0, 24), (8, 18)]),
)
def test_the_average_equals_a_brute_force_time_weighted_mean(
    history: tuple[date, list[Observation]],
    window_days: int,
    offset_ms: list[int],
    hours: tuple[int, int],
) -> None:
    first, observations = history
    calendar = CollectionCalendar(time(hours[0]), time(hours[1] % 24))
    ticks = Ticks(first, observations, calendar)
    moments = [midnight(first) + ms * MILLISECOND for ms in offset_ms]
    moments += [o.at for o in observations] + [midnight(day) for day in days_of(first, DAYS)]
    for as_of in moments:
        found = ticks.average(as_of, window_days)
        start = as_of - timedelta(hours=24 * window_days)
        mean, covered = brute_force(observations, MARKET, start, as_of, hours=hours)
        assert (found.mean, found.covered_ms) == (rounded(mean), covered)
        expected = calendar.expected_ms(start, as_of)
        assert found.coverage == rounded(Fraction(covered, expected) if expected else Fraction(0))
        assert found.coverage <= 1
        assert found.window_start == start


def test_a_price_holds_until_its_hold_ends() -> None:
    def at(seconds: int) -> Totals:
        until = ANCHOR.observed_at + timedelta(seconds=seconds)
        return totals_until(ANCHOR, until, day_start=START)

    assert at(0) == Totals(1_000, 10, 5)
    assert at(60) == Totals(1_000 + 500_000 * 60_000, 60_010, 5)
    assert at(300) == at(301) == at(9_999) == Totals(1_000 + 500_000 * 300_000, 300_010, 5)


def test_of_a_tick_of_an_earlier_day_only_the_price_counts() -> None:
    next_day = ANCHOR.observed_at + timedelta(minutes=4)
    until = next_day + timedelta(hours=1)
    assert totals_until(ANCHOR, until, day_start=next_day) == Totals(500_000 * 60_000, 60_000, 0)
    assert totals_until(None, until, day_start=next_day) == Totals()


def test_without_covered_time_there_is_no_mean() -> None:
    assert Totals().mean is None
    assert Totals(10, 3, 1).mean == Decimal("3.333333")


def test_coverage_counts_only_the_hours_of_collection() -> None:
    found = rolling_average(
        MARKET,
        START + timedelta(days=1),
        window_days=1,
        start=START,
        first_day_until_start=Totals(),
        whole_days=[Totals(1, 6 * 3_600_000, 1)],
        last_day_until_end=Totals(),
        calendar=CollectionCalendar(time(8), time(18)),
    )
    assert found.coverage == Decimal("0.6")


@pytest.mark.parametrize(
    "other",
    [Totals(1_001, 10, 5), Totals(1_000, 11, 5), Totals(1_000, 10, 6)],
)
def test_the_content_hash_tells_other_content(other: Totals) -> None:
    def hash_of(totals: Totals) -> str:
        return rolling_average(
            MARKET,
            START,
            window_days=7,
            start=START - timedelta(days=7),
            first_day_until_start=Totals(),
            whole_days=[],
            last_day_until_end=totals,
            calendar=ALWAYS,
        ).content_hash

    assert hash_of(Totals(1_000, 10, 5)) == hash_of(Totals(1_000, 10, 5)) != hash_of(other)
