"""The wide format: one line an hour, one column a leg and value, dated with the hour's end.

A leg's column holds one contract after the other: that of the event which closes next. Which one
that is at an hour's start is told by `markets.csv`. The format has no quotes, and an hour of which
nothing was recorded stands as zeros.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.bars import RecordedBar
from kalshi_assets.local_exchange.recordings.cells import Row, Table
from kalshi_assets.local_exchange.recordings.contracts import Contracts
from kalshi_assets.local_exchange.recordings.history import (
    History,
    bar_price,
    check_ascending,
    check_multiple,
)
from kalshi_assets.local_exchange.units import HOUR_MS

TIME_COLUMN = "timestamp"
_VALUES = ("open", "high", "low", "close", "mean", "volume", "open_interest")
_COLUMN = re.compile(r"(open_interest|open|high|low|close|mean|volume)_(.+)")
_MINUTES = 60


@dataclass(slots=True)
class _Growing:
    """The bars of a contract so far."""

    bars: list[RecordedBar] = field(default_factory=list)
    last_price: int | None = None


def read_wide(table: Table, contracts: Contracts | None) -> list[History]:
    """Read the hours of all legs, one history a contract that has any.

    Raises:
        RecordingError: for a missing column, a bad cell, times out of order, no `markets.csv`.
    """
    if contracts is None:
        raise RecordingError(
            f"{table.file} needs markets.csv beside it: which contract an hour belongs to is told"
            " by markets.csv"
        )
    legs = _legs(table)
    for leg in legs:
        contracts.refuse_twins(leg)
    ends = [row.moment(TIME_COLUMN) for row in table.rows]
    check_ascending(table.rows, ends, TIME_COLUMN)
    check_multiple(table.rows, ends, TIME_COLUMN, minutes=_MINUTES)
    found: dict[str, _Growing] = {}
    for leg in legs:
        for row, end_ms in zip(table.rows, ends, strict=True):
            ticker = contracts.front(leg, end_ms - HOUR_MS)
            _add(found.setdefault(ticker, _Growing()), row, leg, end_ms)
    histories = [_history(ticker, one.bars, contracts) for ticker, one in found.items()]
    return sorted(histories, key=lambda history: history.bars[0].start_ms)


def _history(ticker: str, bars: Sequence[RecordedBar], contracts: Contracts) -> History:
    listing = contracts.listing(ticker, first_bar_ms=bars[0].start_ms)
    return History.cut(listing, bars, minutes=_MINUTES)


def _legs(table: Table) -> list[str]:
    """Return the legs in the header's order; each has all its columns."""
    matches = [_COLUMN.fullmatch(column) for column in table.header]
    legs = list(dict.fromkeys(match.group(2) for match in matches if match is not None))
    if not legs:
        raise RecordingError(f"{table.file} has no columns such as close_H0: record at least a leg")
    table.require([f"{value}_{leg}" for leg in legs for value in _VALUES])
    return legs


def _add(growing: _Growing, row: Row, leg: str, end_ms: int) -> None:
    columns = [f"{value}_{leg}" for value in _VALUES[:4]]
    volume = row.count(f"volume_{leg}")
    is_zero_coded = volume == 0 and all(row.dollars(column) == 0 for column in columns)
    price = None if is_zero_coded else bar_price(row, columns)
    growing.bars.append(
        RecordedBar(
            start_ms=end_ms - HOUR_MS,
            until_ms=end_ms,
            end_ms=end_ms,
            price=price,
            mean=row.mean(f"mean_{leg}"),
            volume=volume,
            open_interest=row.count(f"open_interest_{leg}"),
            previous=growing.last_price,
            is_zero_coded=is_zero_coded,
        )
    )
    if price is not None:
        growing.last_price = price.close
