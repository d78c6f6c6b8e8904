from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from kalshi_assets.analytics.cleaning import Anchor, clean
from kalshi_assets_tests.analytics.observations import (
    CENT,
    LIVE_HOLD,
    MARKETS,
    RULES,
    Flaw,
    Observation,
    Source,
    frame,
    midnight,
)

START = midnight(date(2026, 6, 10))
NOON = START + timedelta(hours=12)
SECOND = timedelta(seconds=1)
ANCHOR = Anchor(
    observed_at=START - 60 * SECOND,
    source="poll",
    mid=500_000,
    hold_ms=LIVE_HOLD,
    price_ms=999,
    covered_ms=999,
    tick_count=999,
)


def cleaned(
    *observations: Observation, anchor: Anchor | None = None, after: Observation | None = None
) -> list[dict[str, Any]]:
    """Return what cleaning makes of observations, behind a usable tick or another observation."""
    anchors = {} if anchor is None else {MARKETS[0]: anchor}
    memories = clean(frame([after] if after else []), {}, day_start=START, rules=RULES).memories
    raw = frame(observations)
    rows = clean(raw, anchors, day_start=START, rules=RULES, memories=memories).ticks
    return [{str(name): row[name] for name in row} for row in rows.to_dict("records")]


def candle(at: datetime, minutes: int = 60, **values: Any) -> Observation:
    return Observation(at, source="candle", minutes=minutes, **values)


@pytest.mark.parametrize(
    ("flaw", "fault"),
    [
        ("no_bid", "one_sided_book"),
        ("no_ask", "one_sided_book"),
        ("empty", "empty_book"),
        ("crossed", "crossed_book"),
        ("off_grid", "off_grid"),
        ("stale", "stale_quote"),
    ],
)
def test_a_faulty_tick_is_kept_flagged_and_not_used(flaw: Flaw, fault: str) -> None:
    first, second = cleaned(Observation(NOON, flaw=flaw), Observation(NOON + 60 * SECOND))
    assert (first["faults"], first["is_usable"]) == ([fault], False)
    assert (first["price_ms"], first["covered_ms"], first["tick_count"]) == (0, 0, 0)
    assert (second["faults"], second["is_usable"]) == ([], True)
    assert (second["covered_ms"], second["tick_count"]) == (0, 1), (
        "a faulty price holds for no time"
    )


@pytest.mark.parametrize("flaw", ["no_bid", "no_ask", "empty", "crossed", "off_grid"])
def test_a_faulty_candle_is_flagged_by_its_prices_alone(flaw: Flaw) -> None:
    [row] = cleaned(candle(NOON, flaw=flaw))
    assert row["is_usable"] is False


@pytest.mark.parametrize(("column", "fault"), [("yes_bid_size", "one"), ("yes_ask_size", "one")])
def test_a_side_of_a_poll_is_empty_by_its_size_whatever_its_price(column: str, fault: str) -> None:
    for size in (0, None):
        raw = frame([Observation(NOON)])
        raw[column] = pd.array([size], dtype="Int64")
        [faults] = clean(raw, {}, day_start=START, rules=RULES).ticks["faults"]
        assert faults == [f"{fault}_sided_book"]


def test_a_quote_is_stale_beyond_the_limit_and_not_at_it() -> None:
    at_limit, beyond = Observation(NOON), Observation(NOON + SECOND, flaw="stale")
    assert [row["faults"] for row in cleaned(at_limit, beyond)] == [[], ["stale_quote"]]


def test_a_market_without_a_known_grid_is_not_off_it() -> None:
    rules = replace(RULES, grids={})
    raw = frame([Observation(NOON, flaw="off_grid")])
    rows = clean(raw, {}, day_start=START, rules=rules).ticks
    assert list(rows["is_usable"]) == [True]


def test_mid_and_spread_are_exact() -> None:
    [row] = cleaned(Observation(NOON, bid=40, spread=3))
    assert (row["mid"], row["spread"]) == (415_000, 3 * CENT)


def test_of_one_moment_the_live_source_counts_and_of_candles_the_shortest() -> None:
    rows = cleaned(
        candle(NOON, 1440, bid=10),
        candle(NOON, 60, bid=20),
        candle(NOON, 1, bid=30),
        Observation(NOON, bid=40),
    )
    assert [(row["source"], row["yes_bid"]) for row in rows] == [("poll", 40 * CENT)]
    [row] = cleaned(candle(NOON, 60, bid=10), candle(NOON, 1440, bid=30), candle(NOON, 1, bid=20))
    assert (row["yes_bid"], row["hold_ms"]) == (20 * CENT, 2 * 60_000)


@pytest.mark.parametrize(
    ("seconds", "faults"), [(1, ["superseded"]), (299, ["superseded"]), (300, [])]
)
def test_a_candle_in_time_that_polls_cover_is_superseded(seconds: int, faults: list[str]) -> None:
    rows = cleaned(Observation(NOON), candle(NOON + seconds * SECOND))
    assert rows[1]["faults"] == faults


def test_an_unusable_poll_covers_no_time_and_supersedes_no_candle() -> None:
    rows = cleaned(Observation(NOON, flaw="no_bid"), candle(NOON + SECOND))
    assert rows[1]["faults"] == []


def test_a_poll_of_another_market_supersedes_nothing() -> None:
    rows = cleaned(Observation(NOON, market=MARKETS[1]), candle(NOON + SECOND))
    assert [row["faults"] for row in rows] == [[], []]


@pytest.mark.parametrize(("source", "faults"), [("poll", ["superseded"]), ("candle", [])])
def test_a_poll_before_midnight_supersedes_a_candle_at_midnight(
    source: Source, faults: list[str]
) -> None:
    [row] = cleaned(candle(START), after=Observation(START - 60 * SECOND, source=source))
    assert row["faults"] == faults


def test_running_totals_are_price_times_time_up_to_each_tick() -> None:
    rows = cleaned(
        Observation(NOON, bid=40),
        Observation(NOON + 90 * SECOND, bid=50),
        Observation(NOON + 100 * SECOND, bid=60, flaw="crossed"),
        Observation(NOON + 1_000 * SECOND, bid=70),
    )
    mids = [410_000, 510_000]
    assert [row["covered_ms"] for row in rows] == [0, 90_000, 90_000, 390_000]
    assert [row["price_ms"] for row in rows] == [
        0,
        mids[0] * 90_000,
        mids[0] * 90_000,
        mids[0] * 90_000 + mids[1] * 300_000,
    ]
    assert [row["tick_count"] for row in rows] == [1, 2, 2, 3]


def test_the_day_opens_with_the_price_carried_in_and_without_its_totals() -> None:
    [row] = cleaned(Observation(START + 600 * SECOND), anchor=ANCHOR)
    assert (row["covered_ms"], row["price_ms"]) == (240_000, 500_000 * 240_000)
    assert row["tick_count"] == 1


def test_the_totals_of_an_anchor_of_this_day_go_on() -> None:
    anchor = replace(ANCHOR, observed_at=START, covered_ms=7, price_ms=11, tick_count=3)
    [row] = cleaned(Observation(START + 60 * SECOND), anchor=anchor)
    assert (row["covered_ms"], row["price_ms"], row["tick_count"]) == (
        60_007,
        11 + 500_000 * 60_000,
        4,
    )


@pytest.mark.parametrize("ms", [1, 3, 7, 57, 333, 999])
def test_the_moment_of_an_anchor_is_exact_to_the_millisecond(ms: int) -> None:
    anchor = replace(ANCHOR, observed_at=START + timedelta(milliseconds=ms), covered_ms=0)
    [row] = cleaned(Observation(START + SECOND), anchor=anchor)
    assert row["covered_ms"] == 1_000 - ms


def test_rows_come_sorted_by_market_and_moment_from_any_order() -> None:
    ticks = [Observation(NOON + n * SECOND, market=m) for n in range(3) for m in MARKETS]
    rows = cleaned(*reversed(ticks))
    keys = [(row["market_ticker"], row["observed_at"]) for row in rows]
    assert keys == sorted((t.market, t.at) for t in ticks)


def test_no_ticks_give_no_rows() -> None:
    assert cleaned() == []
