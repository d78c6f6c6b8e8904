"""The way of a price from raw tick to average through a real database, against brute force."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text

from kalshi_assets.analytics.rolling import RollingAverage
from kalshi_assets.defs.market_data.averages import averages_at, summaries_of
from kalshi_assets.defs.market_data.cleaning import clean_new_ticks, reclean_day
from kalshi_assets.defs.signals.mean_reversion import signals_of_day
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds, venue_day
from kalshi_assets.storage import averages, schema, summaries, ticks, totals
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.strategy.mean_reversion import Rules
from kalshi_assets_tests.analytics.observations import (
    CENT,
    LIVE_HOLD,
    MARKETS,
    MILLISECOND,
    RULES,
    Observation,
    brute_force,
    days_of,
    histories,
    midnight,
    rounded,
)
from kalshi_assets_tests.stand import MOMENT, DatabaseMaker

ALWAYS = CollectionCalendar()
DAYS = 9
DAY = timedelta(days=1)
POLL = timedelta(seconds=90)
LATER = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
# As many as a planner needs to choose as it would for a user: in a small table any way is as cheap.
YEAR_OF_SUMMARIES = text(
    """
    INSERT INTO kalshi.daily_summaries
      (day, market_ticker, price_ms, covered_ms, coverage, tick_count, is_provisional)
    SELECT DATE '2026-01-01' + day, 'MARKET-' || market, 0, 0, 0, 0, false
    FROM generate_series(0, 364) AS day, generate_series(1, 50) AS market
    """
)
# Each example writes days to a database; the pure twin of these properties shrinks what it finds.
SLOW = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def add(connection: Connection, observations: Iterable[Observation]) -> None:
    ticks.add_raw_ticks(connection, [o.raw() for o in observations])


def clean_in_chunks(
    connection: Connection, observations: Sequence[Observation], cuts: Sequence[datetime]
) -> None:
    """Let the ticks come in as polls do: some, cleaned; then some more, cleaned."""
    for cut in [*sorted(cuts), LATER]:
        chunk = [o for o in observations if o.at <= cut]
        observations = [o for o in observations if o.at > cut]
        add(connection, chunk)
        for day in sorted({venue_day(o.at) for o in chunk}):
            clean_new_ticks(connection, day, RULES)


def clean_whole_days(connection: Connection, observations: Iterable[Observation]) -> None:
    for day in sorted({venue_day(o.at) for o in observations}):
        reclean_day(connection, day, RULES)


def summarise_days(connection: Connection, days: Iterable[date], now: datetime = LATER) -> None:
    for day in days:
        found = summaries_of(connection, day, now=now, calendar=ALWAYS)
        summaries.save_summaries(connection, day, found)


def clean_rows(connection: Connection, days: Sequence[date]) -> pd.DataFrame:
    frames = [ticks.clean_ticks_of(connection, day) for day in days]
    return pd.concat(frames, ignore_index=True)


def moments(observations: Sequence[Observation], first: date) -> list[tuple[str, datetime]]:
    """Return moments to average at: each tick, and each midnight with its neighbours."""
    ends = [midnight(day) for day in days_of(first + DAY, DAYS)]
    shifts = (-MILLISECOND, timedelta(0), MILLISECOND, LIVE_HOLD * MILLISECOND)
    return [
        *{(o.market, o.at) for o in observations},
        *((market, end + shift) for market in MARKETS for end in ends for shift in shifts),
    ]


def assert_brute_force_agrees(
    found: Sequence[RollingAverage], observations: Sequence[Observation], window_days: int
) -> None:
    for average in found:
        start = average.as_of - timedelta(hours=24 * window_days)
        mean, covered = brute_force(observations, average.market_ticker, start, average.as_of)
        share = rounded(Fraction(covered, window_days * 86_400_000))
        assert (average.covered_ms, average.mean) == (covered, rounded(mean)), average
        assert average.coverage == share


@SLOW
@given(
    history=histories(days=DAYS),
    window_days=st.sampled_from([1, 2, 7]),
    cut_hours=st.lists(st.integers(0, 24 * DAYS), max_size=4),
    final_days=st.sets(st.integers(0, DAYS - 1)),
    is_incremental=st.booleans(),
)
def test_the_average_equals_a_brute_force_time_weighted_mean(
    prepared: Database,
    history: tuple[date, list[Observation]],
    window_days: int,
    cut_hours: list[int],
    final_days: set[int],
    is_incremental: bool,
) -> None:
    first, observations = history
    days = days_of(first, DAYS)
    with prepared.engine.connect() as connection:
        if is_incremental:
            cuts = [midnight(first) + timedelta(hours=h) for h in cut_hours]
            clean_in_chunks(connection, observations, cuts)
        else:
            add(connection, observations)
            clean_whole_days(connection, observations)
        summarise_days(connection, [days[n] for n in final_days])
        found = averages_at(connection, moments(observations, first), window_days, ALWAYS)
        assert_brute_force_agrees(found, observations, window_days)
        connection.rollback()


@settings(SLOW, max_examples=12)
@given(
    history=histories(days=5),
    cut_hours=st.lists(st.integers(0, 24 * 5), max_size=6),
)
def test_cleaning_in_steps_gives_the_rows_of_cleaning_whole_days(
    prepared: Database, history: tuple[date, list[Observation]], cut_hours: list[int]
) -> None:
    first, observations = history
    days = days_of(first, 5)
    with prepared.engine.connect() as connection:
        cuts = [midnight(first) + timedelta(hours=h) for h in cut_hours]
        clean_in_chunks(connection, observations, cuts)
        in_steps = clean_rows(connection, days)
        clean_whole_days(connection, observations)
        pd.testing.assert_frame_equal(in_steps, clean_rows(connection, days))
        connection.rollback()


@settings(SLOW, max_examples=12)
@given(
    history=histories(days=5),
    is_late=st.lists(st.booleans(), min_size=1, max_size=20),
    final_days=st.sets(st.integers(0, 4)),
)
def test_a_day_loaded_late_repairs_the_days_behind_it(
    prepared: Database,
    history: tuple[date, list[Observation]],
    is_late: list[bool],
    final_days: set[int],
) -> None:
    first, observations = history
    days = days_of(first, 5)
    late = [o for n, o in enumerate(observations) if is_late[n % len(is_late)]]
    with prepared.engine.connect() as connection:
        in_time = [o for o in observations if o not in late]
        add(connection, in_time)
        clean_whole_days(connection, in_time)
        summarise_days(connection, [days[n] for n in final_days])
        add(connection, late)
        clean_whole_days(connection, late)
        found = averages_at(connection, moments(observations, first), 2, ALWAYS)
        assert_brute_force_agrees(found, observations, 2)
        connection.rollback()


def test_a_changed_close_moves_the_opening_of_the_next_day(connection: Connection) -> None:
    day = date(2026, 3, 7)
    end = day_bounds(day)[1]
    early = Observation(end - timedelta(minutes=4), bid=40)
    after = Observation(end + timedelta(minutes=1), bid=60)
    add(connection, [early, after])
    for each in (day, day + DAY):
        reclean_day(connection, each, RULES)
    summarise_days(connection, [day, day + DAY])

    late = Observation(end - timedelta(minutes=1), bid=50)
    add(connection, [late])
    reclean_day(connection, day, RULES)

    opening = ticks.clean_ticks_of(connection, day + DAY).iloc[0]
    assert (opening["covered_ms"], opening["price_ms"]) == (60_000, 51 * CENT * 60_000)
    assert not totals.final_days(connection, MARKETS, day, day + DAY), "made anew by the next job"


def test_a_daily_candle_reaches_over_a_day_without_ticks(connection: Connection) -> None:
    day = date(2026, 6, 10)
    end = day_bounds(day)[1]
    candle = Observation(end - timedelta(hours=1), source="candle", minutes=1440, bid=30)
    after = Observation(end + timedelta(hours=30), bid=60)
    add(connection, [after])
    reclean_day(connection, day + 2 * DAY - DAY, RULES)
    reclean_day(connection, venue_day(after.at), RULES)

    add(connection, [candle])
    reclean_day(connection, day, RULES)

    [found] = averages_at(connection, [(after.market, after.at)], 2, ALWAYS)
    assert found.covered_ms == 31 * 3_600_000


def test_a_poll_cleaned_after_the_summary_was_final_still_counts(connection: Connection) -> None:
    day = date(2026, 6, 10)
    end = day_bounds(day)[1]
    polls = [Observation(end - timedelta(seconds=s), bid=40) for s in (3_000, 2_000, 1_000)]
    add(connection, polls[:2])
    clean_new_ticks(connection, day, RULES)
    summarise_days(connection, [day])

    add(connection, polls[2:])
    clean_new_ticks(connection, day, RULES)

    [found] = averages_at(connection, [(MARKETS[0], end + timedelta(hours=1))], 1, ALWAYS)
    assert found.covered_ms == 3 * LIVE_HOLD


def test_whole_days_are_summed_from_their_index_alone(connection: Connection) -> None:
    """What makes a window of a month cost next to nothing more than one of a day."""
    connection.execute(YEAR_OF_SUMMARIES)
    connection.execute(text("ANALYZE kalshi.daily_summaries"))
    # VACUUM, which tells that no row need be looked up, cannot run within a test's transaction.
    connection.execute(text("SET LOCAL enable_bitmapscan = off"))
    days = {"first": date(2026, 6, 1), "last": date(2026, 6, 28), "tickers": ["MARKET-7"]}

    plan = list(connection.scalars(text(f"EXPLAIN {totals.SUMS_OF_DAYS}"), days))

    assert any("Index Only Scan using daily_summaries_by_market" in step for step in plan), plan


def test_a_day_told_of_by_its_midnight_candle_alone_has_a_summary(connection: Connection) -> None:
    day = date(2026, 6, 10)
    end = day_bounds(day)[1]
    add(connection, [Observation(end, source="candle", bid=30)])

    [summary] = summaries_of(connection, day, now=LATER, calendar=ALWAYS)

    assert (summary["market_ticker"], summary["covered_ms"]) == (MARKETS[0], 0)
    assert summary["tick_count"] == 0


@pytest.mark.parametrize("rerun", [clean_new_ticks, reclean_day])
def test_cleaning_a_day_twice_changes_nothing(connection: Connection, rerun) -> None:
    day = date(2026, 11, 1)
    start = day_bounds(day)[0]
    add(connection, [Observation(start + timedelta(minutes=n), bid=40 + n) for n in range(5)])
    reclean_day(connection, day, RULES)
    before = clean_rows(connection, [day])

    rerun(connection, day, RULES)

    pd.testing.assert_frame_equal(clean_rows(connection, [day]), before)
    assert len(before) == 5


def test_averages_of_a_day_are_the_same_after_a_second_run(connection: Connection) -> None:
    day = date(2026, 11, 1)
    start = day_bounds(day)[0]
    add(connection, [Observation(start + timedelta(minutes=n), bid=40 + n) for n in range(5)])
    reclean_day(connection, day, RULES)
    stored, changed = [], []
    for _ in range(2):
        at_ticks = totals.moments_to_average(connection, day)
        found = averages_at(connection, at_ticks, 7, ALWAYS, at_ticks=at_ticks)
        changed.append(averages.save_averages(connection, day, found, is_whole_day=True))
        stored.append(averages.averages_of(connection, day))

    assert stored[0] == stored[1]
    assert changed == [5, 0], "equal rows are left untouched"
    assert totals.moments_to_average(connection, day, behind=DAY) == {}


def test_a_poll_averages_what_has_no_average_however_long_one_failed(
    connection: Connection,
) -> None:
    day = date(2026, 6, 10)
    start = day_bounds(day)[0]
    busy = [Observation(start + timedelta(minutes=n), bid=40) for n in range(60)]
    quiet = [Observation(start + timedelta(minutes=n), MARKETS[1], bid=40) for n in range(0, 60, 9)]
    add(connection, [*busy, *quiet])
    clean_new_ticks(connection, day, RULES)

    def missing() -> list[tuple[str, datetime]]:
        return list(totals.moments_to_average(connection, day, behind=timedelta(minutes=5)))

    assert len(missing()) == len(busy) + len(quiet)
    averages.save_averages(
        connection, day, averages_at(connection, missing(), 7, ALWAYS), is_whole_day=False
    )
    assert missing() == []
    for market, since in ((MARKETS[1], 20), (MARKETS[0], 58)):  # as if they had not been averaged
        connection.execute(
            text("DELETE FROM kalshi.rolling_averages WHERE market_ticker = :m AND as_of > :at"),
            {"m": market, "at": start + timedelta(minutes=since)},
        )
    expected = [(MARKETS[1], o.at) for o in quiet if o.at > start + timedelta(minutes=20)]
    assert sorted(missing()) == sorted([(MARKETS[0], busy[-1].at), *expected])


def test_the_newest_average_of_a_market_stands_beside_its_price_however_old(
    connection: Connection,
) -> None:
    day = date(2026, 6, 10)
    start = day_bounds(day)[0]
    last = {market: start + timedelta(hours=n) for n, market in enumerate(MARKETS[:2])}
    save_markets(connection, [*MARKETS[:2], "WITHOUT-A-TICK"])
    add(connection, [Observation(at, market, bid=40) for market, at in last.items()])
    add(connection, [Observation(at + POLL, market, bid=50) for market, at in last.items()])
    clean_new_ticks(connection, day, RULES)
    wanted = list(totals.moments_to_average(connection, day))
    found = averages_at(connection, wanted, 7, ALWAYS)
    averages.save_averages(connection, day, found, is_whole_day=True)

    latest = averages.latest_averages(connection).set_index("market_ticker")

    assert list(latest.index) == sorted([*MARKETS[:2], "WITHOUT-A-TICK"])
    for market, at in last.items():
        assert (latest["as_of"][market], latest["mid"][market]) == (at + POLL, 51 * CENT)
        assert latest["mean"][market] == 41 * CENT
    assert latest.loc["WITHOUT-A-TICK"].isna().all()


@settings(SLOW, max_examples=12)
@given(history=histories(days=2), watch=st.sampled_from([1, 3 * CENT, 6 * CENT, 20 * CENT]))
def test_the_averages_far_off_give_the_episodes_that_all_of_them_give(
    prepared: Database, history: tuple[date, list[Observation]], watch: int
) -> None:
    first, observations = history
    rules = Rules(trigger=2 * watch, watch=watch)
    with prepared.engine.connect() as connection:
        add(connection, observations)
        clean_whole_days(connection, observations)
        for day in days_of(first, 2):
            wanted = list(totals.moments_to_average(connection, day))
            found = averages_at(connection, wanted, 1, ALWAYS)
            averages.save_averages(connection, day, found, is_whole_day=True)
            chosen = averages.averages_of(connection, day, watch=watch)
            every = averages.averages_of(connection, day)
            assert signals_of_day(day, chosen, rules) == signals_of_day(day, every, rules)
            assert len(every) == sum(average.mean is not None for average in found)
        connection.rollback()


def save_markets(connection: Connection, tickers: Sequence[str]) -> None:
    row = {
        "event_ticker": "E",
        "series_ticker": "S",
        "title": "A market",
        "status": "active",
        "open_at": MOMENT,
        "close_at": MOMENT,
        "grid": [],
        "result": "",
        "volume_24h": 0,
        "is_tracked": True,
        "first_seen_at": MOMENT,
        "seen_at": MOMENT,
    }
    connection.execute(insert(schema.markets), [row | {"ticker": ticker} for ticker in tickers])


def test_a_final_summary_states_the_day_as_brute_force_counts_it(connection: Connection) -> None:
    day = date(2026, 11, 1)
    start, end = day_bounds(day)
    history = [
        Observation(start - timedelta(minutes=2), bid=20),
        Observation(start + timedelta(hours=1), source="candle", bid=30),
        Observation(start + timedelta(hours=10), bid=55, flaw="no_bid"),
        Observation(end - timedelta(minutes=1), bid=70),
    ]
    add(connection, history)
    for each in (day - DAY, day):
        reclean_day(connection, each, RULES)

    [row] = summaries_of(connection, day, now=LATER, calendar=ALWAYS)

    mean, covered = brute_force(history, MARKETS[0], start, end)
    assert row["covered_ms"] == covered == (3 * 60 + 7200 + 60) * 1000
    assert row["mean"] == rounded(mean)
    assert row["coverage"] == rounded(Fraction(covered, 25 * 3_600_000))
    assert (row["mid_open"], row["mid_high"], row["mid_close"]) == (31 * CENT, 71 * CENT, 71 * CENT)
    assert row["is_provisional"] is False


def test_an_open_day_is_summarised_up_to_now_and_is_provisional(connection: Connection) -> None:
    day = date(2026, 6, 10)
    start = day_bounds(day)[0]
    add(connection, [Observation(start, source="candle", bid=30)])
    reclean_day(connection, day, RULES)

    [row] = summaries_of(connection, day, now=start + timedelta(hours=1), calendar=ALWAYS)

    assert (row["covered_ms"], row["coverage"], row["is_provisional"]) == (
        3_600_000,
        Decimal(1),
        True,
    )
    summaries.save_summaries(connection, day, [row])
    assert not totals.final_days(connection, MARKETS, day, day)


def test_a_poll_cleaned_while_its_day_is_cleaned_anew_goes_on_from_the_new_totals(
    make_database: DatabaseMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(make_database())
    prepare(database, identity="tests", now=MOMENT)
    day = date(2026, 6, 10)
    noon = midnight(day) + timedelta(hours=12)
    polls = [Observation(noon + timedelta(seconds=90 * n)) for n in (0, 1)]
    morning = [
        Observation(midnight(day) + timedelta(hours=n), source="candle", bid=30) for n in (1, 2, 3)
    ]
    with database.transaction() as connection:
        add(connection, polls[:1])
        clean_new_ticks(connection, day, RULES)
        add(connection, morning)

    def clean_the_poll() -> None:
        with database.transaction() as connection:
            clean_new_ticks(connection, day, RULES)

    meanwhile = Thread(target=clean_the_poll)
    rewrite = ticks.rewrite_clean_ticks

    def a_poll_comes_before(*args: Any) -> int:
        with database.transaction() as connection:
            add(connection, polls[1:])
        meanwhile.start()
        meanwhile.join(timeout=1)
        return rewrite(*args)

    monkeypatch.setattr(ticks, "rewrite_clean_ticks", a_poll_comes_before)
    with database.transaction() as backfill:
        reclean_day(backfill, day, RULES)
    meanwhile.join(timeout=30)
    monkeypatch.undo()

    with database.transaction() as connection:
        left = ticks.clean_ticks_of(connection, day)
        reclean_day(connection, day, RULES)
        anew = ticks.clean_ticks_of(connection, day)
    database.dispose()
    assert len(left) == 5
    pd.testing.assert_frame_equal(left, anew)


@pytest.mark.parametrize("is_incremental", [True, False])
def test_after_a_contract_roll_no_average_has_a_price_of_the_contract_before(
    connection: Connection, is_incremental: bool
) -> None:
    """The ticker stays, its volume falls: the tick that shows it is left out, the next counts."""
    start = midnight(date(2026, 6, 10)) - timedelta(hours=2)
    rows = []
    for n in range(60):  # two hours before midnight and two behind, the roll after 40 ticks
        has_rolled = n >= 40
        tick = Observation(start + n * timedelta(minutes=4), bid=80 if has_rolled else 20).raw()
        rows.append(tick | {"volume": n if has_rolled else 10_000 + n})
    for part in [[row] for row in rows] if is_incremental else [rows]:
        ticks.add_raw_ticks(connection, part)
        for day in sorted({venue_day(row["observed_at"]) for row in part}):
            (clean_new_ticks if is_incremental else reclean_day)(connection, day, RULES)

    found = averages_at(connection, [(MARKETS[0], r["observed_at"]) for r in rows], 7, ALWAYS)

    means = [average.mean for average in found]
    assert set(means[1:40]) == {Decimal("210000.000000")}
    assert means[41] is None, "the first price of the new contract has stood for no time"
    assert set(means[42:]) == {Decimal("810000.000000")}
    assert found[-1].window_start == rows[41]["observed_at"]
    assert found[-1].coverage < found[39].coverage, "a young contract is warming up"


def test_a_late_close_counts_in_the_next_days_total_though_it_changes_no_tick_there(
    connection: Connection,
) -> None:
    day = date(2026, 6, 12)
    end = day_bounds(day)[1]
    faulty = Observation(end + timedelta(minutes=1), flaw="off_grid")
    later = Observation(end + timedelta(hours=30), bid=60)
    add(connection, [faulty, later])
    clean_whole_days(connection, [faulty, later])
    summarise_days(connection, [day + DAY])

    late = Observation(end - timedelta(seconds=1), bid=24)
    add(connection, [late])
    clean_whole_days(connection, [late])

    found = averages_at(connection, [(later.market, later.at)], 2, ALWAYS)
    assert_brute_force_agrees(found, [late, faulty, later], 2)
    assert found[0].covered_ms == LIVE_HOLD
