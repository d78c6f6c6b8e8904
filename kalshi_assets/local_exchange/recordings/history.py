"""A market and its bars as both formats hand them over, and the checks they share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kalshi_assets.local_exchange.errors import RecordingError
from kalshi_assets.local_exchange.recordings.bars import RecordedBar
from kalshi_assets.local_exchange.recordings.cells import Row
from kalshi_assets.local_exchange.tape import Bar, Listing
from kalshi_assets.local_exchange.units import iso

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class History:
    """A market's bars, oldest first.

    Attributes:
        minutes: the bars' length.
    """

    listing: Listing
    bars: tuple[RecordedBar, ...]
    minutes: int

    @classmethod
    def cut(cls, listing: Listing, bars: Sequence[RecordedBar], *, minutes: int) -> "History":
        """Cut bars off at the market's close: what they hold happened before it.

        Raises:
            RecordingError: if a bar lies outside the market's life.
        """
        for bar in bars:
            if bar.start_ms >= listing.close_ms or bar.end_ms <= listing.open_ms:
                raise RecordingError(
                    f"{listing.ticker} has a bar from {iso(bar.start_ms)} to {iso(bar.end_ms)} but"
                    f" is open from {iso(listing.open_ms)} to {iso(listing.close_ms)} only: correct"
                    " its times or take the bar out"
                )
        whole = [bar for bar in bars if bar.end_ms <= listing.close_ms]
        cut = [replace(bar, until_ms=listing.close_ms) for bar in bars[len(whole) :]]
        return cls(listing, (*whole, *cut), minutes)


def bar_price(row: Row, columns: Sequence[str]) -> Bar:
    """Return a bar from the columns of its open, high, low and close."""
    first, high, low, close = [row.price(column) for column in columns]
    if low > min(first, close):
        raise row.bad(columns[2], "is no low: the bar opens or closes below it")
    if high < max(first, close):
        raise row.bad(columns[1], "is no high: the bar opens or closes above it")
    return Bar(open=first, low=low, high=high, close=close)


def check_ascending(rows: Sequence[Row], ends: Sequence[int], column: str) -> None:
    """Refuse bars that are not in order, or twice there."""
    for row, (earlier, later) in zip(rows[1:], pairwise(ends), strict=True):
        if later <= earlier:
            word = "is there twice" if later == earlier else "is earlier than the line before"
            raise row.bad(column, f"{word}: bars stand in the order of time, each once")


def check_multiple(rows: Sequence[Row], ends: Sequence[int], column: str, *, minutes: int) -> None:
    """Refuse bars that do not end on a whole UTC minute or hour."""
    for row, end in zip(rows, ends, strict=True):
        if end % (minutes * _MINUTE_MS):
            raise row.bad(column, f"does not end a whole UTC period of {minutes} minutes")
