"""What is wrong with a tick, by name: what it shows by itself, and beside the ticks before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from kalshi_assets.analytics.memory import CANDLE, Memory, Told, recalled
from kalshi_assets.analytics.sequence import MarketSequence, SequenceRules
from kalshi_assets.domain.calendar import CollectionCalendar
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, PriceGrid

# Every fault a clean tick can have, as people read it.
FAULTS = {
    "zero_coded": "a missing price written as zero",
    "empty_book": "nobody bids and nobody asks",
    "one_sided_book": "nobody bids, or nobody asks",
    "crossed_book": "somebody bids more than somebody else asks",
    "off_grid": "a price that the market's grid does not have",
    "stale_quote": "the exchange changed it too long ago",
    "out_of_order": "older, by the exchange's own time, than a tick that came before",
    "contract_roll": "counters fell: from here on the ticker names another contract",
    "frozen": "the quote has stood for hours while its market traded",
    "jump_without_trades": "far off the last usable price, though nobody has traded since",
    "superseded": "a candle in time that polls cover",
}
_COLUMNS = [
    "observed_at",
    "source",
    "quoted_at",
    "yes_bid",
    "yes_ask",
    "yes_bid_size",
    "yes_ask_size",
    "volume",
    "bar_volume",
    "open_interest",
    "bid_low",
    "bid_high",
    "ask_low",
    "ask_high",
]


@dataclass(frozen=True)
class CleaningRules:
    """The limits a raw tick is held against, and the hours in which time counts as covered."""

    max_quote_age_seconds: int
    live_hold_ms: int = 300_000
    grids: Mapping[str, PriceGrid] = field(default_factory=dict)
    collection: CollectionCalendar = field(default_factory=CollectionCalendar)
    sequence: SequenceRules = field(default_factory=SequenceRules)


def faults_of(
    ticks: pd.DataFrame, memories: Mapping[str, Told], *, rules: CleaningRules
) -> tuple[list[list[str]], dict[str, Told]]:
    """Return the faults of each tick, none where it can be used, and what to remember of each.

    Args:
        ticks: raw ticks with `hold_ms`, sorted by market and moment, one a market and moment.
        memories: by market, what is known from the ticks before these.
        rules: limits.
    """
    faults, told = _faults_alone(ticks, rules), dict[str, Told]()
    for ticker, rows in _rows_by_market(ticks).items():
        known = memories.get(ticker)
        memory = Memory() if known is None else recalled(known)
        sequence = MarketSequence(rules.sequence, memory)
        for position, row in rows:
            faults[position] = sequence.faults_of(row, faults[position])
        told[ticker] = memory.told()
    return faults, told


def _faults_alone(ticks: pd.DataFrame, rules: CleaningRules) -> list[list[str]]:
    """Return the faults that each tick shows by itself."""
    is_live = ticks["source"] != CANDLE
    age = (ticks["observed_at"] - ticks["quoted_at"]).dt.total_seconds()
    # Nobody sells for nothing: the exchange shows a side without offers as 1 dollar.
    is_zero_coded = ticks["yes_ask"] <= 0
    no_bid = (ticks["yes_bid"] <= 0) | (is_live & (ticks["yes_bid_size"].fillna(0) <= 0))
    no_ask = ticks["yes_ask"] >= MICROS_PER_DOLLAR
    no_ask |= is_live & (ticks["yes_ask_size"].fillna(0) <= 0)
    is_priced = ~no_bid & ~no_ask & ~is_zero_coded
    tests = {
        "zero_coded": is_zero_coded,
        "empty_book": no_bid & no_ask & ~is_zero_coded,
        "one_sided_book": (no_bid ^ no_ask) & ~is_zero_coded,
        "crossed_book": is_priced & (ticks["yes_bid"] > ticks["yes_ask"]),
        "off_grid": is_priced & ~_on_grid(ticks, rules),
        "stale_quote": is_live & (age > rules.max_quote_age_seconds),
    }
    names = np.array(list(tests))
    return [list(names[row]) for row in pd.DataFrame(tests).to_numpy(dtype=bool)]


def _rows_by_market(ticks: pd.DataFrame) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Return each market's ticks with their positions; missing values are None."""
    names = [c for c in (*_COLUMNS, "hold_ms") if c in ticks]
    rows = zip(*(_values(ticks[name]) for name in names), strict=True)
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for position, (ticker, row) in enumerate(zip(ticks["market_ticker"], rows, strict=True)):
        found.setdefault(str(ticker), []).append((position, dict(zip(names, row, strict=True))))
    return found


def _values(column: "pd.Series[Any]") -> list[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):  # reckoning with plain moments is faster
        return list(column.dt.to_pydatetime())
    values = column.astype(object)
    return values.where(column.notna(), None).to_list()


def _on_grid(ticks: pd.DataFrame, rules: CleaningRules) -> "pd.Series[bool]":
    def holds(ticker: str, bid: int, ask: int) -> bool:
        grid = rules.grids.get(ticker)
        return grid is None or (grid.holds(bid) and grid.holds(ask))

    values = zip(ticks["market_ticker"], ticks["yes_bid"], ticks["yes_ask"], strict=True)
    return pd.Series([holds(*value) for value in values], index=ticks.index, dtype=bool)
