from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from kalshi_assets.analytics.cleaning import clean
from kalshi_assets.analytics.summaries import summarise, told_of_day
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds
from kalshi_assets_tests.analytics.observations import CENT, MARKETS, RULES, Observation, frame

DAY = date(2026, 6, 10)
START, END = day_bounds(DAY)
HOUR = timedelta(hours=1)


def summary(raw: pd.DataFrame, trades: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return summarise(
        DAY,
        MARKETS[0],
        raw=told_of_day(raw, (START, END)),
        clean=clean(raw[raw["observed_at"] < END], {}, day_start=START, rules=RULES).ticks,
        trades=trades,
        closing=None,
        bounds=(START, END),
        now=END,
        calendar=CollectionCalendar(),
    )


def candles(*trades: tuple[int, int, int, int] | None, volume: int = 100) -> pd.DataFrame:
    raw = frame(Observation(START + n * HOUR, source="candle") for n in range(1, len(trades) + 1))
    columns = ["trade_open", "trade_high", "trade_low", "last_price"]
    for n, trade in enumerate(trades):
        raw.loc[n, columns] = list(trade or (None,) * 4)
    return raw.assign(bar_volume=pd.array([volume] * len(trades), dtype="Int64"))


def test_open_high_low_and_close_of_trades_are_those_of_the_days_candles() -> None:
    row = summary(candles(None, (5, 9, 4, 6), (6, 7, 3, 7), None)[::-1])
    found = [row[f"trade_{name}"] for name in ("open", "high", "low", "close")]
    assert found == [5, 9, 3, 7]
    assert row["volume"] == 400


def test_an_hour_that_ends_at_midnight_was_traded_on_the_day_before() -> None:
    ends = [START, START + HOUR, END]
    raw = frame(Observation(at, source="candle") for at in ends)
    raw["bar_volume"] = pd.array([7, 20, 300], dtype="Int64")
    raw[["trade_open", "trade_high", "trade_low", "last_price"]] = [
        [1, 99, 1, 1],
        [5, 9, 4, 6],
        [6, 8, 3, 7],
    ]
    raw["open_interest"] = [10, 11, 12]

    row = summary(raw)

    found = [row[f"trade_{name}"] for name in ("open", "high", "low", "close")]
    assert (row["volume"], found, row["open_interest"]) == (320, [5, 9, 3, 7], 12)


def test_a_poll_at_midnight_belongs_to_the_day_that_begins() -> None:
    raw = frame(Observation(at) for at in (START, START + HOUR, END))
    raw["volume"] = pd.array([1_000, 1_300, 1_700], dtype="Int64")
    raw["open_interest"] = [10, 11, 12]
    row = summary(raw)
    assert (row["volume"], row["open_interest"]) == (300, 11)


def test_a_day_without_trades_has_none_and_its_volume_is_zero() -> None:
    row = summary(candles(None, None, volume=0))
    assert (row["trade_open"], row["trade_close"], row["volume"]) == (None, None, 0)


def trade(price: int, count: int, *, is_block: bool = False) -> dict[str, Any]:
    return {"yes_price": price, "count": count, "is_block_trade": is_block}


def test_a_day_of_polls_takes_its_trading_from_the_public_trades() -> None:
    polls = frame(Observation(START + n * HOUR) for n in range(2))
    row = summary(polls, [trade(5, 100), trade(9, 50), trade(99, 10, is_block=True), trade(4, 1)])
    found = [row[f"trade_{name}"] for name in ("open", "high", "low", "close")]
    assert found == [5, 9, 4, 4]
    assert row["volume"] == 161


def test_where_there_are_candles_they_count_and_not_the_trades_again() -> None:
    row = summary(candles((5, 9, 4, 6)), [trade(1, 7)])
    assert (row["trade_open"], row["trade_low"], row["volume"]) == (5, 4, 100)


def test_polls_move_the_volume_by_what_their_totals_grew() -> None:
    raw = frame(Observation(START + n * HOUR) for n in range(3))
    raw["volume"] = pd.array([1_000, 1_300, 1_700], dtype="Int64")
    assert summary(raw)["volume"] == 700
    assert summary(raw)["open_interest"] == 100


def test_mids_are_those_of_usable_ticks_only() -> None:
    raw = frame(
        [
            Observation(START, bid=90, flaw="stale"),
            Observation(START + HOUR, bid=40),
            Observation(START + 2 * HOUR, bid=60),
            Observation(START + 3 * HOUR, bid=50),
            Observation(START + 4 * HOUR, bid=5, flaw="no_ask"),
        ]
    )
    row = summary(raw)
    found = [row[f"mid_{name}"] for name in ("open", "high", "low", "close")]
    assert found == [41 * CENT, 61 * CENT, 41 * CENT, 51 * CENT]


def test_a_day_of_unusable_ticks_has_no_mid_and_no_mean() -> None:
    row = summary(frame([Observation(START, flaw="empty")]))
    assert (row["mid_open"], row["mean"], row["covered_ms"], row["coverage"]) == (None, None, 0, 0)
    assert row["is_provisional"] is False
