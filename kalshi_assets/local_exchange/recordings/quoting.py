"""Quotes of a recorded market: five levels a side around what the bar says."""

from collections.abc import Sequence
from dataclasses import dataclass

from kalshi_assets.local_exchange.recordings.bars import RecordedBar, Touch
from kalshi_assets.local_exchange.tape import Bar, Level, Quote
from kalshi_assets.local_exchange.units import HOUR_MS, ONE_CONTRACT, ONE_DOLLAR

_LEVELS = 5
_LEAST_SIZE = 10 * ONE_CONTRACT
_SIZE_SHARE = 10  # a level holds a tenth of what trades in an hour, on average

_ZERO = Touch(0, 0)
_NOBODY = Touch(0, ONE_DOLLAR)


@dataclass(frozen=True, slots=True)
class Quoting:
    """How a market is quoted.

    Attributes:
        tick: the price grid's step, in $0.0001.
        spread: distance of bid and ask where the recording has no quotes, in $0.0001.
        size: contracts at each level, in 0.01 contract.
    """

    tick: int
    spread: int
    size: int

    def touch_around(self, price: int | None) -> Touch:
        """Quote around a price, on the grid and at least one tick wide."""
        if price is None:
            return _NOBODY
        width = max(-(-self.spread // self.tick), 1) * self.tick
        bid = (2 * price - width) // (2 * self.tick) * self.tick
        return Touch(max(bid, 0), min(bid + width, ONE_DOLLAR))

    def touch_in(self, bar: RecordedBar, slot: int) -> Touch:
        """Return bid and ask in a slot; the zeros of a zero-coded bar as they stand.

        A recorded quote is the bar's closing one, so that of the bar before stands until half time.
        """
        if bar.is_zero_coded:
            return _ZERO
        if bar.quotes is not None:
            return bar.quotes[0 if 2 * slot < bar.slots else 1]
        return self.touch_around(bar.price_in(slot, tick=self.tick))

    def quote_at(self, bar: RecordedBar, ms: int) -> Quote:
        """Return the quote at a moment from the bar's start on, also after its end.

        After the end nothing is refreshed: the quote is dated with the end.
        """
        slot = bar.slot_at(ms)
        touch = self.touch_in(bar, slot)
        changed_ms = bar.moment(slot)
        return Quote(
            bids=() if bar.is_zero_coded else self._levels(touch.bid, -self.tick),
            asks=() if bar.is_zero_coded else self._levels(touch.ask, self.tick),
            version=changed_ms,
            changed_ms=changed_ms,
            updated_ms=changed_ms if ms < bar.until_ms else bar.until_ms,
            is_zero_coded=bar.is_zero_coded,
        )

    def candle_bars(self, bar: RecordedBar) -> tuple[Bar, Bar]:
        """Return bid and ask of a whole bar."""
        if bar.is_zero_coded:
            return bar_of([0]), bar_of([0])
        if bar.quotes is not None:
            before, after = bar.quotes
            return bar_of([before.bid, after.bid]), bar_of([before.ask, after.ask])
        price = bar.price
        course = (
            [bar.previous] if price is None else [price.open, price.low, price.high, price.close]
        )
        touches = [self.touch_around(one) for one in course]
        return bar_of([one.bid for one in touches]), bar_of([one.ask for one in touches])

    def _levels(self, best: int, step: int) -> tuple[Level, ...]:
        prices = range(best, best + _LEVELS * step, step)
        return tuple(Level(price, self.size) for price in prices if 0 < price < ONE_DOLLAR)


def level_size(bars: Sequence[RecordedBar]) -> int:
    """Return the size of a level, in 0.01 contract: a tenth of an average hour, at least 10."""
    volume = sum(bar.volume for bar in bars)
    length_ms = sum(bar.until_ms - bar.start_ms for bar in bars)
    size = volume * HOUR_MS // (length_ms * _SIZE_SHARE * ONE_CONTRACT) * ONE_CONTRACT
    return max(size, _LEAST_SIZE)


def bar_of(values: Sequence[int]) -> Bar:
    """Return open, low, high and close of a course of values."""
    return Bar(open=values[0], low=min(values), high=max(values), close=values[-1])
