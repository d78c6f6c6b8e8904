"""A market replayed from its frames: every change of its book, at the moment it was made."""

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from kalshi_assets.local_exchange.hours import day_bounds
from kalshi_assets.local_exchange.recordings.frames import RecordedFrames
from kalshi_assets.local_exchange.recordings.quoting import bar_of
from kalshi_assets.local_exchange.tape import Activity, Candle, Listing, Quote, TapeTrade
from kalshi_assets.local_exchange.units import DAY_MS

_MINUTE_MS = 60_000
_DAY_MINUTES = 1440


class FrameMarket:
    """A market's frames as quotes, counters, trades and candles. All moments in ms.

    Volume counts from where the record begins. Open interest is in none of the frames and shown
    as 0. A period without any frame has no candle.

    Args:
        listing: what else is known of the market.
        frames: its frames; there is at least one snapshot among them.
    """

    def __init__(self, listing: Listing, frames: RecordedFrames) -> None:
        self.listing = listing
        self.recorded = (frames.first_ms or 0, frames.last_ms)
        self._book = frames.book
        self._told_anew = frozenset(frames.book.told_anew)
        self._trades = sorted(frames.trades.values(), key=lambda trade: trade.created_ms)
        self._traded = [trade.created_ms for trade in self._trades]
        self._volumes = [0, *accumulate(trade.count for trade in self._trades)]
        self._quote = lru_cache(maxsize=64)(self._quote_after)

    def quote_at(self, ms: int) -> Quote:
        """Return the whole book at a moment; in a gap the last one stands, dated as it was."""
        return self._quote(self._book.index_at(ms))

    def activity_at(self, ms: int) -> Activity:
        """Return the counters at a moment."""
        count = bisect_right(self._traded, ms)
        volume = self._volumes[count]
        return Activity(
            last_price=self._trades[count - 1].price if count else 0,
            volume=volume,
            volume_24h=volume - self._volumes[bisect_right(self._traded, ms - DAY_MS)],
            open_interest=0,
        )

    def changes(self, after_ms: int, until_ms: int) -> list[int]:
        """Return when the book changed in (after, until], each moment once."""
        first, stop = self._book.index_at(after_ms), self._book.index_at(until_ms)
        return list(dict.fromkeys(self._book.changes[first:stop]))

    def trades(self, after_ms: int, until_ms: int) -> list[TapeTrade]:
        """Return the trades in (after, until]."""
        return self._trades[slice(*self._trade_range(after_ms, until_ms))]

    def candles(self, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """Return the candles that end within [from, to]."""
        return [
            self._candle(start, end)
            for start, end in self._periods(minutes, from_ms, to_ms)
            if self._is_recorded(start, end)
        ]

    def _quote_after(self, index: int) -> Quote:
        """Return the quote after a number of changes; its version is the last one's moment."""
        changed_ms = self._book.changes[index - 1] if index else self.listing.created_ms
        bids, asks = self._book.levels_at(index)
        is_told_anew = changed_ms in self._told_anew
        return Quote(bids, asks, changed_ms, changed_ms, changed_ms, is_told_anew=is_told_anew)

    def _periods(self, minutes: int, from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
        """Walk through the periods (start, end] that end within [from, to] and are recorded."""
        first_ms, last_ms = self.recorded[0], min(self.recorded[1], self.listing.close_ms)
        start, end = _period(minutes, max(from_ms, first_ms))
        while end <= to_ms and start < last_ms:
            yield start, end
            start, end = _period(minutes, end + 1)

    def _is_recorded(self, start: int, end: int) -> bool:
        first, stop = self._trade_range(start, end)
        return first < stop or self._book.index_at(start) < self._book.index_at(end)

    def _candle(self, start: int, end: int) -> Candle:
        touches = self._book.touches_between(start, end)
        first, stop = self._trade_range(start, end)
        trades = self._trades[first:stop]
        return Candle(
            end_ms=end,
            bid=bar_of([touch.bid for touch in touches]),
            ask=bar_of([touch.ask for touch in touches]),
            price=bar_of([trade.price for trade in trades]) if trades else None,
            previous=self._trades[first - 1].price if first else None,
            volume=sum(trade.count for trade in trades),
            notional=sum(trade.price * trade.count for trade in trades),
            open_interest=0,
        )

    def _trade_range(self, after_ms: int, until_ms: int) -> tuple[int, int]:
        return bisect_right(self._traded, after_ms), bisect_right(self._traded, until_ms)


def _period(minutes: int, ms: int) -> tuple[int, int]:
    """Return the period (start, end] a moment lies in: a UTC period, or a New York day."""
    if minutes == _DAY_MINUTES:
        return day_bounds(ms - 1)
    length = minutes * _MINUTE_MS
    start = (ms - 1) // length * length
    return start, start + length
