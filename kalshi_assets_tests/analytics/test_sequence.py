"""Faults that show beside the ticks before: what a trader would call broken, and what not."""

import json
from dataclasses import fields
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_assets.analytics.cleaning import Anchor, clean
from kalshi_assets_tests.analytics.observations import (
    CENT,
    MARKETS,
    RULES,
    Flaw,
    Observation,
    as_stored,
    frame,
)
from kalshi_assets_tests.analytics.observations import midnight as midnight_of

START = midnight_of(date(2026, 6, 10))
NOON = START + timedelta(hours=12)
POLL = timedelta(seconds=90)
HOUR = timedelta(hours=1)


def polls(*rows: dict[str, Any], start: datetime = NOON, step: timedelta = POLL) -> pd.DataFrame:
    """Return polls, one a step; a row names what differs from a calm market."""
    raw = frame(Observation(start + step * n, bid=row.get("bid", 40)) for n, row in enumerate(rows))
    raw["quoted_at"] = raw["observed_at"] - timedelta(seconds=5)
    raw["volume"] = pd.array([row.get("volume", 1_000) for row in rows], dtype="Int64")
    for n, row in enumerate(rows):
        for column in set(row) - {"bid", "volume"}:
            raw.loc[n, column] = row[column]
    return raw


def candles(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return hourly candles with their volumes and, where named, open interest."""
    raw = frame(
        Observation(START + HOUR * (n + 1), source="candle", bid=row.get("bid", 40))
        for n, row in enumerate(rows)
    )
    raw["bar_volume"] = pd.array([row.get("volume", 0) for row in rows], dtype="Int64")
    raw["open_interest"] = [row.get("held", 500_000) for row in rows]
    for side in ("bid", "ask"):
        for end in ("low", "high"):
            raw[f"{side}_{end}"] = raw[f"yes_{side}"].astype("Int64")
    return raw


def faults(raw: pd.DataFrame) -> list[list[str]]:
    return list(clean(raw, {}, day_start=START, rules=RULES).ticks["faults"])


def test_a_tick_older_than_the_one_before_is_out_of_order_and_not_used() -> None:
    late = NOON - timedelta(minutes=1)
    raw = polls({}, {}, {"quoted_at": late, "volume": 900, "bid": 70}, {})
    assert faults(raw) == [[], [], ["out_of_order"], []]


def test_one_tick_of_a_wrong_clock_does_not_put_all_later_ones_out_of_order() -> None:
    ahead = NOON + timedelta(days=1)
    rows: list[dict[str, Any]] = [{"bid": 40 + n % 2} for n in range(41)]
    rows[1]["quoted_at"] = ahead
    raw = polls(*rows, step=timedelta(minutes=15))
    found = faults(raw)
    assert found[2] == ["out_of_order"]
    assert found[-1] == [], "ten hours later it is forgotten"


def test_what_the_stream_told_while_a_poll_was_answered_is_no_fault() -> None:
    seconds = [timedelta(seconds=n) for n in range(10)]
    told = polls({}, {"volume": 1_010}, {"volume": 1_005}, {"volume": 1_020}, step=seconds[3])
    told["source"] = ["stream", "poll", "stream", "stream"]
    told["quoted_at"] = told["observed_at"]
    told.loc[1, "quoted_at"] = NOON + seconds[7]
    assert faults(told) == [[], [], [], []]

    told.loc[1, "quoted_at"] = NOON + timedelta(minutes=5)
    assert faults(told)[2] == ["out_of_order"], "no answer takes so long: a clock is wrong"


def test_a_volume_that_falls_is_another_contract_and_from_then_on_its_prices_count() -> None:
    raw = polls({}, {"volume": 10, "bid": 80}, {"volume": 12, "bid": 80})
    assert faults(raw) == [[], ["contract_roll"], []]


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (240_000, [[], ["contract_roll"], []]),
        (260_000, [[], [], []]),  # people close positions
        (0, [[], [], []]),  # a missing value written as zero
    ],
)
def test_open_interest_that_falls_by_more_than_half_is_another_contract(
    held: int, found: list[list[str]]
) -> None:
    raw = candles({"volume": 5}, {"held": held, "volume": 5}, {"held": held or 500_000})
    assert faults(raw) == found


def test_what_stands_beside_a_price_written_as_zero_says_nothing_of_the_contract() -> None:
    """As recorded in the hours of the exchange's Thursday pause."""
    raw = candles({"volume": 5}, {"held": 2_000}, {"volume": 5})
    raw.loc[1, ["yes_bid", "yes_ask"]] = 0
    assert faults(raw) == [[], ["zero_coded"], []]


def test_a_thin_market_may_lose_half_of_its_few_contracts() -> None:
    raw = candles({"held": 1_000}, {"held": 300}, {"held": 100})
    assert faults(raw) == [[], [], []]


def test_a_jump_is_not_believed_until_somebody_has_traded() -> None:
    raw = polls(
        {}, {"bid": 55}, {"bid": 56}, {"bid": 56, "volume": 1_100}, {"bid": 57, "volume": 1_100}
    )
    jump = ["jump_without_trades"]
    assert faults(raw) == [[], jump, jump, [], []]


def test_a_price_may_move_up_to_the_limit_without_a_trade_and_further_in_steps() -> None:
    assert faults(polls({}, {"bid": 50}, {"bid": 60})) == [[], [], []]


def test_a_jump_back_to_where_the_price_was_is_no_jump() -> None:
    raw = polls({}, {"bid": 70}, {"bid": 41})
    assert faults(raw) == [[], ["jump_without_trades"], []]


def test_the_volume_of_the_bars_decides_on_a_jump_between_candles() -> None:
    raw = candles({"volume": 5}, {"bid": 60}, {"bid": 60}, {"bid": 60, "volume": 1}, {"bid": 61})
    jump = ["jump_without_trades"]
    assert faults(raw) == [[], jump, jump, [], []]


def test_after_hours_without_data_a_new_level_is_no_jump() -> None:
    raw = polls({}, {"bid": 80}, step=timedelta(hours=9, seconds=1))
    assert faults(raw) == [[], []]
    raw = polls({}, {"bid": 80}, step=timedelta(hours=9))
    assert faults(raw)[1] == ["jump_without_trades"]


def standing(hours: float, **moves: int) -> pd.DataFrame:
    """Return polls of an unchanged quote, at 5-minute steps, over some hours."""
    count = int(hours * 12) + 1
    rows = [{"volume": 1_000 + moves.get("volume", 0) * n} for n in range(count)]
    raw = polls(*rows, start=START, step=timedelta(minutes=5))
    if not moves.get("quoted", 0):
        raw["quoted_at"] = START - timedelta(seconds=5)
    return raw


def test_a_quote_that_stands_for_three_hours_while_its_market_trades_is_frozen() -> None:
    found = faults(standing(4, volume=10, quoted=1))
    assert [["frozen"] if n >= 36 else [] for n in range(49)] == found


def test_a_quote_whose_market_stands_as_still_is_stale_and_not_frozen() -> None:
    found = faults(standing(4))
    assert not any("frozen" in tick for tick in found)
    assert found[-1] == ["stale_quote"]


def test_candles_alone_prove_no_frozen_book() -> None:
    # Without sizes a flat price may be a calm market at 98 cents.
    assert faults(candles(*[{"volume": 50}] * 6)) == [[]] * 6


def test_a_price_written_as_zero_is_a_missing_value_and_no_empty_book() -> None:
    zero = {"yes_bid": 0, "yes_ask": 0, "yes_bid_size": 0, "yes_ask_size": 0}
    assert faults(polls({}, zero, {})) == [[], ["zero_coded"], []]
    raw = candles({}, {}, {})
    raw.loc[1, ["yes_bid", "yes_ask"]] = 0
    assert faults(raw) == [[], ["zero_coded"], []]


GAPS = [90, 90, 300, 900, 3_600, 3 * 3_600, 3 * 3_600 + 1, 9 * 3_600, 9 * 3_600 + 1, 20 * 3_600]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["poll", "poll", "poll", "candle"]),
            "bid": st.sampled_from([20, 40, 40, 40, 40, 40, 41, 60]),
            "flaw": st.sampled_from([""] * 9 + ["no_bid", "zero"]),
            "volume": st.sampled_from([0, 0, 1, 2, None, -500]),
            "size": st.sampled_from([1_000, 1_000, 1_000, 2_000]),
            "held": st.sampled_from([500_000, 500_000, 500_000, 400_000, 100_000, 0]),
            "age": st.sampled_from([0, 0, 0, 200, 4_000]),
            "gap": st.sampled_from(GAPS),
        }
    ),
    min_size=2,
    max_size=40,
)


def random_ticks(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one market's ticks over hours and days, with all that can be wrong in sequence."""
    at, volume, made = START, 1_000, []
    for row in rows:
        at += timedelta(seconds=row["gap"])
        volume = max(0, volume + (row["volume"] or 0))
        source = row["source"]
        flaw: Flaw = "no_bid" if row["flaw"] == "no_bid" else ""
        tick = Observation(at, source=source, bid=row["bid"], flaw=flaw).raw()
        tick["quoted_at"] = at - timedelta(seconds=row["age"] if source == "poll" else 0)
        tick["volume" if source == "poll" else "bar_volume"] = (
            None if row["volume"] is None else volume if source == "poll" else abs(row["volume"])
        )
        tick["open_interest"] = row["held"]
        if source == "poll" and not flaw:
            tick["yes_bid_size"] = row["size"]
        if row["flaw"] == "zero":
            tick |= {"yes_bid": 0, "yes_ask": 0}
        made.append(tick)
    return as_stored(made)


def clean_in_parts(raw: pd.DataFrame, cuts: set[int]) -> pd.DataFrame:
    """Clean part after part, each with nothing but what the part before left behind, as JSON."""
    edges = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    anchors, memories, parts = dict[str, Anchor](), dict[str, Any](), list[pd.DataFrame]()
    for first, last in pairwise(edges):
        done = clean(raw[first:last], anchors, day_start=START, rules=RULES, memories=memories)
        memories = json.loads(json.dumps(done.memories))
        parts.append(done.ticks)
        usable = done.ticks[done.ticks["is_usable"]]
        if len(usable):
            values = usable.iloc[-1]
            kept = {field.name: values[field.name] for field in fields(Anchor)}
            anchors = {MARKETS[0]: Anchor(**kept)}
    return pd.concat(parts, ignore_index=True)


@settings(max_examples=400, deadline=None)
@given(ROWS, st.sets(st.integers(1, 39)))
def test_polls_one_by_one_and_the_whole_day_at_once_find_the_same(
    rows: list[dict[str, Any]], cuts: set[int]
) -> None:
    """Gaps up to and beyond the reach, candles between, rolls, zeros: wherever a process stops."""
    raw = random_ticks(rows)
    whole = clean(raw, {}, day_start=START, rules=RULES).ticks
    parts = clean_in_parts(raw, cuts)
    columns = ["observed_at", "faults", "price_ms", "covered_ms", "tick_count"]
    pd.testing.assert_frame_equal(parts[columns], whole[columns])


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_what_lies_further_back_than_the_reach_is_forgotten(rows: list[dict[str, Any]]) -> None:
    raw = random_ticks(rows)
    later = raw["observed_at"].max() + 9 * HOUR + timedelta(microseconds=1)
    after = raw.assign(observed_at=raw["observed_at"] + (later - raw["observed_at"].min()))
    after["quoted_at"] += later - raw["observed_at"].min()
    both = pd.concat([raw, after], ignore_index=True)
    found = faults(both)[len(raw) :]
    assert found == faults(after)


def test_the_jump_is_measured_in_points_of_the_mid() -> None:
    raw = polls({}, {"bid": 50})
    raw.loc[1, "yes_ask"] = 52 * CENT + 20_000
    assert faults(raw)[1] == ["jump_without_trades"]


def test_without_a_known_volume_nobody_can_say_that_nobody_traded() -> None:
    raw = polls({}, {"bid": 80})
    raw["volume"] = pd.array([None, None], dtype="Int64")
    assert faults(raw) == [[], []]


def test_moves_of_long_ago_do_not_make_a_calm_market_frozen() -> None:
    raw = standing(11, volume=10, quoted=1)
    # After the first half hour nothing is traded and the quote's own time stands.
    raw.loc[6:, "volume"] = int(raw["volume"][6])
    raw.loc[6:, "quoted_at"] = raw["quoted_at"][6]
    found = faults(raw)
    assert "frozen" in found[36]
    assert "frozen" not in found[-1]


def test_a_quote_that_is_the_same_after_hours_without_data_has_not_stood_still() -> None:
    early = standing(1, volume=10, quoted=1)
    late = early.assign(observed_at=early["observed_at"] + timedelta(hours=11))
    late["quoted_at"] = late["observed_at"]
    late["volume"] = late["volume"] + 1_000
    assert not any(faults(pd.concat([early, late], ignore_index=True)))
