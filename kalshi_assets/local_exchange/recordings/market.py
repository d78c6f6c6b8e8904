"""One recorded market at any moment: found by bisection, so a question costs O(log n)."""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate

from kalshi_assets.local_exchange.recordings.bars import RecordedBar
from kalshi_assets.local_exchange.recordings.candles import (
    fold_from,
    longer_candles,
    recorded_candle,
    shorter_candles,
)
from kalshi_assets.local_exchange.recordings.history import History
from kalshi_assets.local_exchange.recordings.quoting import Quoting, level_size
from kalshi_assets.local_exchange.tape import Activity, Candle, Quote, TapeTrade
from kalshi_assets.local_exchange.units import DAY_MS


class RecordedMarket:
    """A market's bars as quotes, counters, trades and candles. All moments in ms.

    In a gap between bars the last quote stands, dated with the end of its bar; before the first bar
    there is nothing.

    Args:
        history: the listing and its bars.
        recording: the recording's name, part of every trade's id.
        spread: distance of bid and ask where none are recorded, in $0.0001.
    """

    def __init__(self, history: History, *, recording: str, spread: int) -> None:
        self.listing = history.listing
        self._recording = recording
        self._bars = history.bars
        self._minutes = history.minutes
        self._starts = [bar.start_ms for bar in self._bars]
        self._ends = [bar.end_ms for bar in self._bars]
        self._volumes = [0, *accumulate(bar.volume for bar in self._bars)]
        (grid,) = self.listing.price_ranges
        self._quoting = Quoting(tick=grid.step, spread=spread, size=level_size(self._bars))

    def quote_at(self, ms: int) -> Quote:
        """Return the quote at a moment."""
        index = self._index_at(ms)
        if index < 0:
            created_ms = self.listing.created_ms
            return Quote((), (), version=0, changed_ms=created_ms, updated_ms=created_ms)
        return self._quoting.quote_at(self._bars[index], ms)

    def activity_at(self, ms: int) -> Activity:
        """Return the counters at a moment.

        The last price is the walked one, which moves with the quote also where little trades; a bar
        without a price keeps the last traded one.
        """
        index = self._index_at(ms)
        if index < 0:
            return Activity(last_price=0, volume=0, volume_24h=0, open_interest=0)
        bar, volume = self._bars[index], self._volume_at(ms)
        return Activity(
            last_price=bar.price_in(bar.slot_at(ms), tick=self._quoting.tick) or 0,
            volume=volume,
            volume_24h=volume - self._volume_at(ms - DAY_MS),
            open_interest=self._held_before(bisect_right(self._ends, ms)),
        )

    def changes(self, after_ms: int, until_ms: int) -> list[int]:
        """Return when the quote was refreshed in (after, until]: each slot's start."""
        return [
            bar.moment(slot)
            for bar in self._bars_between(after_ms, until_ms)
            for slot in _slots_around(bar, after_ms, until_ms)
            if after_ms < bar.moment(slot) <= until_ms
        ]

    def trades(self, after_ms: int, until_ms: int) -> list[TapeTrade]:
        """Return the trades in (after, until], at most one a slot."""
        return [
            trade
            for bar in self._bars_between(after_ms, until_ms)
            for trade in self._trades(bar, _slots_around(bar, after_ms, until_ms))
            if after_ms < trade.created_ms <= until_ms
        ]

    def candles(self, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """Return the candles that end within [from, to]; see `candles` for their sources."""
        stop = bisect_right(self._ends, to_ms)
        if minutes == self._minutes:
            start = bisect_left(self._ends, from_ms)
            return [recorded_candle(bar, self._quoting) for bar in self._bars[start:stop]]
        window = (from_ms, to_ms)
        if minutes > self._minutes:
            bars = self._bars[bisect_left(self._ends, fold_from(from_ms)) : stop]
            return longer_candles(bars, self._quoting, minutes=minutes, window=window)
        start = bisect_left(self._ends, from_ms)
        return [
            candle
            for index in range(start, bisect_left(self._starts, to_ms))
            for candle in shorter_candles(
                self._bars[index],
                self._quoting,
                minutes=minutes,
                window=window,
                held=self._held_before(index),
            )
        ]

    def _index_at(self, ms: int) -> int:
        """Return the bar in effect at a moment, -1 before the first."""
        return bisect_right(self._starts, ms) - 1

    def _bars_between(self, after_ms: int, until_ms: int) -> tuple[RecordedBar, ...]:
        return self._bars[bisect_right(self._ends, after_ms) : bisect_right(self._starts, until_ms)]

    def _volume_at(self, ms: int) -> int:
        index = self._index_at(ms)
        return 0 if index < 0 else self._volumes[index] + self._bars[index].volume_until(ms)

    def _held_before(self, index: int) -> int:
        """Return the open interest before a bar: that of the bar before."""
        return self._bars[index - 1].open_interest if index else 0

    def _trades(self, bar: RecordedBar, slots: range) -> Iterator[TapeTrade]:
        for trade in bar.trades_in(slots, tick=self._quoting.tick):
            ms = bar.trade_moment(trade.slot)
            name = f"{self._recording}/{self.listing.ticker}/{ms}"
            yield TapeTrade(
                trade_id=str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
                ticker=self.listing.ticker,
                price=trade.price,
                count=trade.count,
                taker_side="bid" if trade.is_bought else "ask",
                created_ms=ms,
            )


def _slots_around(bar: RecordedBar, after_ms: int, until_ms: int) -> range:
    """Return the slots that overlap (after, until]."""
    first = bar.slot_at(max(after_ms, bar.start_ms))
    return range(first, bar.slot_at(until_ms) + 1)
