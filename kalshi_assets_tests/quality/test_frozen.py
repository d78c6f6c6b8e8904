"""When is a feed frozen: its quotes stand still while its market moves."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from kalshi_assets.quality.frames import frozen_rows, latest_a_market
from kalshi_assets_tests.analytics.observations import Observation, frame

NOW = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
LIMIT = 10_800


def candle(hours_ago: float, volume: int = 500, bid: int = 40, **values: Any) -> pd.DataFrame:
    at = NOW - timedelta(hours=hours_ago)
    row = frame([Observation(at, source="candle", bid=bid)])
    low_high = {"bid_low": bid, "bid_high": bid, "ask_low": bid + 2, "ask_high": bid + 2}
    quotes = {column: price * 10_000 for column, price in low_high.items()}
    return row.assign(bar_volume=volume, **(quotes | values)).astype({"bar_volume": "Int64"})


def poll(
    seconds_ago: int, volume: int = 500, bid: int = 40, quoted_at: datetime = NOW, **values: Any
) -> pd.DataFrame:
    at = NOW - timedelta(seconds=seconds_ago)
    row = frame([Observation(at, bid=bid)])
    row["quoted_at"] = pd.Timestamp(quoted_at)
    return row.assign(volume=volume, **values).astype({"volume": "Int64"})


def is_frozen(*ticks: pd.DataFrame) -> bool:
    rows = frozen_rows(pd.concat(ticks, ignore_index=True), frozen_after_seconds=LIMIT)
    return bool(rows["is_frozen"].iloc[0])


def test_a_market_that_trades_while_its_quotes_stand_still_is_frozen() -> None:
    polls = [poll(3_600 * n, volume=500 - n) for n in range(4)]
    assert is_frozen(*polls)
    assert not is_frozen(*polls[:3]), "not for long enough yet"


def test_a_calm_market_without_trades_is_not_frozen() -> None:
    assert not is_frozen(*(poll(3_600 * n) for n in range(8)))


def test_an_update_time_that_moves_while_nothing_else_does_is_a_frozen_feed() -> None:
    assert is_frozen(*(poll(3_600 * n, quoted_at=NOW - timedelta(hours=n)) for n in range(4)))


@pytest.mark.parametrize("change", [{"bid": 41}, {"yes_bid_size": 900}, {"yes_ask_size": 1}])
def test_a_quote_that_changed_on_the_way_is_not_frozen(change: dict[str, int]) -> None:
    polls = [poll(3_600 * n, volume=500 - n) for n in range(4)]
    polls[2] = poll(7_200, volume=498, **change)  # type: ignore[arg-type]  # a test's shorthand
    assert not is_frozen(*polls)


def test_candles_that_trade_before_polls_that_stand_still_are_a_frozen_feed() -> None:
    history = [candle(hours) for hours in (4.5, 3.5, 2.5, 1.5)]
    assert is_frozen(*history, poll(180), poll(90), poll(0))
    assert not is_frozen(*(candle(h, volume=0) for h in (4.5, 3.5, 2.5, 1.5)), poll(90), poll(0))


def test_a_candle_whose_range_left_the_quote_breaks_the_freeze() -> None:
    history = [candle(h) for h in (4.5, 3.5)] + [candle(2.5, bid_high=430_000), candle(1.5)]
    assert not is_frozen(*history, poll(90), poll(0))


def test_candles_loaded_between_polls_do_not_stop_the_check() -> None:
    mixed = [poll(10_800, volume=1), candle(2), poll(3_600, volume=2), candle(0.5), poll(0)]
    assert is_frozen(*mixed)
    assert is_frozen(poll(10_800, volume=1), *(candle(h) for h in (2.5, 1.5, 0.5, 0)))


def test_a_candle_beside_a_poll_is_no_move_of_the_market() -> None:
    calm = [candle(hours, volume=0) for hours in (2.5, 1.5, 0.5)]
    assert not is_frozen(*(poll(3_600 * n) for n in range(4)), *calm)


@pytest.mark.parametrize(
    ("volumes", "frozen"), [((0, 1, 1, 1), True), ((1, 1, 1, 0), False), ((9, 0, 1, 1), False)]
)
def test_a_candles_trading_lies_before_its_end(volumes: tuple[int, ...], frozen: bool) -> None:
    history = [candle(3 - n, volume=volume) for n, volume in enumerate(volumes)]
    assert is_frozen(*history) is frozen


def test_a_single_tick_is_not_frozen_and_no_tick_is_no_row() -> None:
    assert not is_frozen(poll(0))
    assert frozen_rows(frame([]), frozen_after_seconds=LIMIT).empty


def test_the_latest_row_of_each_market_is_kept() -> None:
    rows = pd.concat([poll(0, bid=44), poll(90, bid=43)], ignore_index=True)
    assert list(latest_a_market(rows)["yes_bid"]) == [440_000]
