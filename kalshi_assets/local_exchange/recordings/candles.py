"""Candles of a recorded market: as recorded, read off the walk, or folded from the recorded ones.

A gap between bars has no candles at any interval.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from kalshi_assets.local_exchange.hours import day_bounds
from kalshi_assets.local_exchange.recordings.bars import SLOT_MS, RecordedBar
from kalshi_assets.local_exchange.recordings.quoting import Quoting, bar_of
from kalshi_assets.local_exchange.scenarios.candles import fold
from kalshi_assets.local_exchange.tape import Candle
from kalshi_assets.local_exchange.units import HOUR_MS

MINUTE_MS = 60_000
_DAY_MINUTES = 1440
_LONGEST_PERIOD_MS = 25 * HOUR_MS  # the day on which clocks go back


def recorded_candle(bar: RecordedBar, quoting: Quoting) -> Candle:
    """Return a bar as it was recorded; a zero-coded one with its zeros."""
    bid, ask = quoting.candle_bars(bar)
    return Candle(
        end_ms=bar.end_ms,
        bid=bid,
        ask=ask,
        price=bar_of([0]) if bar.is_zero_coded else bar.price,
        previous=bar.previous,
        volume=bar.volume,
        notional=bar.mean * bar.volume,
        open_interest=bar.open_interest,
    )


def shorter_candles(
    bar: RecordedBar, quoting: Quoting, *, minutes: int, window: tuple[int, int], held: int
) -> Iterator[Candle]:
    """Read the candles that end within a window off one bar's walk.

    Args:
        bar: the bar.
        quoting: how its market is quoted.
        minutes: the candles' length, shorter than the bar's.
        window: first and last end wanted, in ms.
        held: open interest before the bar, which stands until its end.
    """
    length = minutes * MINUTE_MS
    first = max(-(-(window[0] - bar.start_ms) // length), 1)
    stop = -(-(bar.until_ms - bar.start_ms) // length)
    for number in range(first, stop + 1):
        end = bar.start_ms + number * length
        if end > window[1]:
            return
        slots = range((number - 1) * length // SLOT_MS, min(number * length // SLOT_MS, bar.slots))
        yield _read(bar, quoting, slots, end_ms=end, held=held)


def longer_candles(
    bars: Sequence[RecordedBar], quoting: Quoting, *, minutes: int, window: tuple[int, int]
) -> list[Candle]:
    """Fold bars into the hours or New York days that end within a window.

    Args:
        bars: the bars around the window; none of them cut off, see `fold_from`.
        quoting: how their market is quoted.
        minutes: the candles' length, longer than the bars'.
        window: first and last end wanted, in ms.
    """
    folded = []
    for end, group in groupby(bars, key=lambda bar: _period_end(bar, minutes)):
        if window[0] <= end <= window[1]:
            folded.append(fold([recorded_candle(bar, quoting) for bar in group], end))
    return folded


def fold_from(from_ms: int) -> int:
    """Return the moment before which no bar can be part of a period that ends at `from_ms`."""
    return from_ms - _LONGEST_PERIOD_MS


def _read(bar: RecordedBar, quoting: Quoting, slots: range, *, end_ms: int, held: int) -> Candle:
    touches = [quoting.touch_in(bar, slot) for slot in slots]
    trades = list(bar.trades_in(slots, tick=quoting.tick))
    prices = [0] if bar.is_zero_coded else [trade.price for trade in trades]
    return Candle(
        end_ms=end_ms,
        bid=bar_of([touch.bid for touch in touches]),
        ask=bar_of([touch.ask for touch in touches]),
        price=bar_of(prices) if prices else None,
        previous=bar.last_traded_before(slots.start, tick=quoting.tick),
        volume=sum(trade.count for trade in trades),
        notional=sum(trade.price * trade.count for trade in trades),
        open_interest=bar.open_interest if end_ms >= bar.end_ms else held,
    )


def _period_end(bar: RecordedBar, minutes: int) -> int:
    if minutes == _DAY_MINUTES:
        return day_bounds(bar.start_ms)[1]
    length = minutes * MINUTE_MS
    return (bar.start_ms // length + 1) * length
