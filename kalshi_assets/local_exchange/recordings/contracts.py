"""The contracts of a recording: records of `markets.csv` turned into listings and series.

A record carries the exchange's own field names. What it does not tell is left out or said to be an
assumption; a missing column is an error.
"""

import re
from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.recordings.cells import Row, read_table
from kalshi_assets.local_exchange.tape import Listing, PriceRange, Result, Series
from kalshi_assets.local_exchange.units import ONE_DOLLAR

_DEFAULT_STRUCTURE = "linear_cent"
_TICKS = {"linear_cent": 100, "deci_cent": 10}
_COLUMNS = (
    "ticker",
    "event_ticker",
    "title",
    "yes_sub_title",
    "rules_primary",
    "rules_secondary",
    "created_time",
    "open_time",
    "close_time",
    "expected_expiration_time",
    "price_level_structure",
    "result",
)
RESULTS: dict[str, Result | None] = {"yes": "yes", "no": "no", "": None}
_STRIKE = re.compile(r".*-T(-?[0-9]+(?:\.[0-9]+)?)")


class Contracts:
    """The market records of a recording, by ticker and by leg.

    Raises:
        RecordingError: if a column is missing or a close time unreadable.
    """

    def __init__(self, file: Path) -> None:
        table = read_table(file)
        table.require(_COLUMNS)
        self.file = file
        self._rows = {row.text("ticker"): row for row in table.rows}
        self._legs: dict[str, list[tuple[int, str]]] = {}
        for ticker, row in self._rows.items():
            leg = ticker.rpartition("-")[2]
            self._legs.setdefault(leg, []).append((row.moment("close_time"), ticker))
        for found in self._legs.values():
            found.sort()

    def tickers(self) -> list[str]:
        """Return all tickers in the file's order."""
        return list(self._rows)

    def front(self, leg: str, ms: int) -> str:
        """Return the ticker of the contract of a leg that is the next to close after a moment."""
        found = self._legs.get(leg, [])
        index = bisect_right(found, ms, key=lambda entry: entry[0])
        if index == len(found):
            raise RecordingError(
                f"{self.file} lists no contract ending in -{leg} that closes after the bar's start:"
                " add the record of the contract the bar belongs to"
            )
        return found[index][1]

    def refuse_twins(self, leg: str) -> None:
        """Refuse two contracts of a leg that close together: which is front nobody could tell."""
        for (close_ms, ticker), (next_ms, twin) in pairwise(self._legs.get(leg, [])):
            if close_ms == next_ms:
                raise RecordingError(
                    f"{self.file}: {ticker} and {twin} close at the same time, so a bar of {leg}"
                    " could belong to either; keep the one that was recorded"
                )

    def listing(self, ticker: str, *, first_bar_ms: int) -> Listing:
        """Turn a record into a listing that opens no earlier than its first bar begins."""
        row = self._row(ticker)
        close_ms = row.moment("close_time")
        bare = bare_listing(
            ticker,
            row.text("title"),
            result=_result(row),
            first_bar_ms=first_bar_ms,
            settled_ms=max(_settled_ms(row), close_ms),
        )
        return replace(
            bare,
            event_ticker=row.text("event_ticker"),
            yes_sub_title=row.text("yes_sub_title"),
            rules_primary=row.text("rules_primary"),
            rules_secondary=row.text("rules_secondary"),
            price_level_structure=row.text("price_level_structure"),
            price_ranges=(PriceRange(0, ONE_DOLLAR, _tick(row)),),
            created_ms=row.moment("created_time"),
            open_ms=max(row.moment("open_time"), first_bar_ms),
            close_ms=close_ms,
            expiration_value=row.values.get("expiration_value", ""),
        )

    def _row(self, ticker: str) -> Row:
        if ticker not in self._rows:
            raise RecordingError(f"{self.file} has no record of {ticker}: add it")
        return self._rows[ticker]


def bare_listing(
    ticker: str, title: str, *, result: Result | None, first_bar_ms: int, settled_ms: int
) -> Listing:
    """Describe a market that opens with its first bar, closes as it settles, trades in cents."""
    return Listing(
        ticker=ticker,
        event_ticker=ticker.rpartition("-")[0],
        series_ticker=series_ticker(ticker),
        title=title,
        yes_sub_title=title,
        rules_primary="",
        rules_secondary="",
        floor_strike=floor_strike(ticker),
        price_level_structure=_DEFAULT_STRUCTURE,
        price_ranges=(PriceRange(0, ONE_DOLLAR, _TICKS[_DEFAULT_STRUCTURE]),),
        created_ms=first_bar_ms,
        open_ms=first_bar_ms,
        close_ms=settled_ms,
        determined_ms=settled_ms,
        settled_ms=settled_ms,
        result=result,
        expiration_value="",
    )


def series_of(ticker: str) -> Series:
    """Describe a series of which nothing but the ticker is recorded.

    Assumed, not recorded: the category Economics, and fees that are quadratic with factor 1.
    """
    return Series(
        ticker=ticker,
        title=ticker,
        frequency="custom",
        category="Economics",
        tags=(),
        source_name="not recorded",
        source_url="https://local-exchange.invalid/",
        fees=FeeTerms("quadratic", Fraction(1)),
    )


def series_ticker(ticker: str) -> str:
    """Return the series a market ticker begins with."""
    return ticker.split("-", 1)[0]


def floor_strike(ticker: str) -> float | None:
    """Return the number of a ticker that ends like `-T0.8`, None for any other."""
    match = _STRIKE.fullmatch(ticker)
    return None if match is None else float(match.group(1))


def _settled_ms(row: Row) -> int:
    """Return when a market is determined and paid, as far as the record tells."""
    is_dated = row.values.get("settlement_ts", "") != ""
    return row.moment("settlement_ts" if is_dated else "expected_expiration_time")


def _tick(row: Row) -> int:
    structure = row.text("price_level_structure")
    if structure not in _TICKS:
        raise row.bad("price_level_structure", f"is none of {', '.join(_TICKS)}, the known grids")
    return _TICKS[structure]


def _result(row: Row) -> Result | None:
    result = row.text("result")
    if result not in RESULTS:
        raise row.bad("result", "is neither yes, no nor empty: only binary markets are replayed")
    return RESULTS[result]
