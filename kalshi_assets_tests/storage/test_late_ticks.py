"""Ticks that come late take their place, also across midnight: as if they had come in time."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.defs.market_data.averages import averages_at
from kalshi_assets.defs.market_data.cleaning import (
    clean_new_ticks,
    reclean_day,
)
from kalshi_assets.domain.calendar import CollectionCalendar, days_between, venue_day
from kalshi_assets.domain.tick import LATEST
from kalshi_assets.storage import averages, ticks, totals
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets_tests.analytics.observations import (
    MARKETS,
    MILLISECOND,
    RULES,
    SECOND,
    Observation,
    midnight,
)
from kalshi_assets_tests.storage.test_rolling_path import SLOW

DAY = date(2026, 6, 11)
DAYS = [DAY - timedelta(days=1), DAY]
ALWAYS = CollectionCalendar()


def raw(o: Observation, number: int) -> dict[str, Any]:
    return o.raw() | {"quoted_at": o.at, "volume": 100 * number, "last_price": 410_000}


@st.composite
def deliveries(draw: st.DrawFn) -> list[tuple[dict[str, Any], timedelta]]:
    """Draw ticks from some minutes before a midnight on, each with how late it came."""
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(1, 90 * SECOND),
                st.sampled_from(MARKETS),
                st.sampled_from(["stream", "poll"]),
                st.integers(30, 34),
                st.sampled_from(["", "", "", "no_bid", "crossed"]),
                st.sampled_from([0, 0, 0, 1, 30 * SECOND, 120 * SECOND, 240 * SECOND]),
            ),
            min_size=2,
            max_size=30,
        )
    )
    at = midnight(DAY) - timedelta(minutes=draw(st.integers(0, 12)))
    found = []
    for number, (gap, market, source, bid, flaw, delay) in enumerate(steps):
        at += gap * MILLISECOND
        o = Observation(at, market, source, bid=bid, flaw=flaw)
        found.append((raw(o, number), delay * MILLISECOND))
    return found


def average(connection: Connection, days: list[date], *, only_missing: bool) -> None:
    for day in days:
        behind = LATEST if only_missing else None
        at_ticks = totals.moments_to_average(connection, day, behind=behind)
        found = averages_at(connection, at_ticks, 7, ALWAYS, at_ticks=at_ticks)
        averages.save_averages(connection, day, found, is_whole_day=not only_missing)


def state(connection: Connection) -> list[pd.DataFrame]:
    cleaned = [ticks.clean_ticks_of(connection, day) for day in DAYS]
    averaged = [pd.DataFrame(averages.averages_of(connection, day)) for day in DAYS]
    return [*cleaned, *averaged]


@settings(SLOW, max_examples=60)
@given(told=deliveries(), every=st.integers(1, 5))
def test_whatever_comes_late_the_rows_are_those_of_the_days_cleaned_whole(
    prepared: Database, told: list[tuple[dict[str, Any], timedelta]], every: int
) -> None:
    arriving = sorted(told, key=lambda pair: pair[0]["observed_at"] + pair[1])
    with prepared.engine.connect() as connection:
        for n in range(0, len(arriving), every):
            part = arriving[n : n + every]
            ticks.add_raw_ticks(connection, [row for row, _ in part])
            now = part[-1][0]["observed_at"] + part[-1][1]
            clean_new_ticks(connection, venue_day(now), RULES)
            days = list(days_between(venue_day(now - LATEST), venue_day(now)))
            average(connection, days, only_missing=True)
        live = state(connection)
        for day in DAYS:
            reclean_day(connection, day, RULES)
        average(connection, DAYS, only_missing=False)
        for ours, whole in zip(live, state(connection), strict=True):
            pd.testing.assert_frame_equal(ours, whole)
        connection.rollback()


def clean_at(connection: Connection, o: Observation, number: int, now: datetime) -> int:
    ticks.add_raw_ticks(connection, [raw(o, number)])
    return clean_new_ticks(connection, venue_day(now), RULES)


def test_a_late_tick_rewrites_only_its_own_market_and_only_what_lies_behind_it(
    prepared: Database,
) -> None:
    noon = midnight(DAY) + timedelta(hours=12)
    with prepared.engine.connect() as connection:
        for n in range(4):
            at = noon + timedelta(seconds=30 * n)
            for market in MARKETS:
                clean_at(connection, Observation(at, market, "stream"), n, at)
        late = Observation(noon + timedelta(seconds=70), MARKETS[0], "stream", bid=42)
        written = clean_at(connection, replace(late), 2, noon + timedelta(seconds=95))
        assert written == 2, "the late one, and the one behind it"
        connection.rollback()


def kinds_of(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind.kind) for name, kind in frame.dtypes.items()}


def test_numbers_flags_and_moments_have_the_same_types_where_there_is_no_tick(
    prepared: Database,
) -> None:
    """An empty frame is worked with like any other: its flag picks rows, its moments compare."""
    noon = midnight(DAY) + timedelta(hours=12)
    with prepared.engine.connect() as connection:
        clean_at(connection, Observation(noon, MARKETS[0], "stream"), 0, noon)
        for read in (ticks.raw_ticks_of, ticks.clean_ticks_of):
            full, empty = (read(connection, day) for day in (DAY, DAYS[0]))
            assert (len(full), len(empty)) == (1, 0)
            assert list(empty.columns) == list(full.columns)
            kinds = {name: kind for name, kind in kinds_of(full).items() if kind in "iubM"}
            assert {"observed_at", "yes_bid"} <= set(kinds)
            assert kinds.items() <= kinds_of(empty).items()
        connection.rollback()
