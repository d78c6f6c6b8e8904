"""A recorded bar, and what it says about each of its slots of 20 seconds.

Within a bar the traded price walks in straight lines from the open over both extremes to the close:
to the low first where the bar closes no lower than it opened, to the high first where it falls. Its
volume is spread evenly over the slots.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kalshi_assets.local_exchange.tape import Bar
from kalshi_assets.local_exchange.units import ONE_CONTRACT, ONE_DOLLAR

SLOT_MS = 20_000
_HALF_SLOT_MS = SLOT_MS // 2


@dataclass(frozen=True, slots=True)
class Touch:
    """Best bid and ask, in $0.0001; a bid of 0 or an ask of 1 dollar: nobody on that side."""

    bid: int
    ask: int


@dataclass(frozen=True, slots=True)
class SlotTrade:
    """What trades in a slot: price in $0.0001, count in 0.01 contract."""

    slot: int
    price: int
    count: int
    is_bought: bool


@dataclass(frozen=True, slots=True)
class _Leg:
    """A straight line of the walk: from slot `first` at `start` to slot `last` at `end`."""

    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RecordedBar:
    """One bar of one market. Prices in $0.0001, counts in 0.01 contract.

    Attributes:
        start_ms: where its first slot begins.
        until_ms: where its last slot ends: its end, or the market's close if that is earlier.
        end_ms: the end its candle is dated with.
        price: what traded, None where nothing did or the recording misses it.
        mean: mean price by volume; 0 without a price.
        volume: contracts traded within the bar.
        open_interest: at its end.
        previous: the last price traded before it, None before the first.
        quotes: the recorded closing quotes of the bar before and of this one, None where the
            recording has no quotes.
        is_zero_coded: prices and volume are zeros that stand for missing values.
    """

    start_ms: int
    until_ms: int
    end_ms: int
    price: Bar | None
    mean: int
    volume: int
    open_interest: int
    previous: int | None
    quotes: tuple[Touch, Touch] | None = None
    is_zero_coded: bool = False

    @property
    def slots(self) -> int:
        """Return how many slots it has."""
        return -(-(self.until_ms - self.start_ms) // SLOT_MS)

    def slot_at(self, ms: int) -> int:
        """Return the slot that is in effect at a moment: after the end the last one."""
        return min((ms - self.start_ms) // SLOT_MS, self.slots - 1)

    def moment(self, slot: int) -> int:
        """Return when a slot begins."""
        return self.start_ms + slot * SLOT_MS

    def trade_moment(self, slot: int) -> int:
        """Return when a slot's trade happens: after its quote appeared, before the bar is over."""
        return min(self.moment(slot) + _HALF_SLOT_MS, self.until_ms - 1)

    def volume_before(self, slot: int) -> int:
        """Return what traded before a slot: whole contracts, the bar's volume after the last."""
        if slot >= self.slots:
            return self.volume
        return self.volume * slot // self.slots // ONE_CONTRACT * ONE_CONTRACT

    def volume_until(self, ms: int) -> int:
        """Return what has traded in this bar up to a moment."""
        slot = self.slot_at(ms)
        return self.volume_before(slot + 1 if self.trade_moment(slot) <= ms else slot)

    def price_in(self, slot: int, *, tick: int) -> int | None:
        """Return the price a slot's walk has come to, or the last one before the bar."""
        if self.price is None:
            return self.previous
        return _reached(self._leg(self.price, slot), slot, tick=tick)

    def trades_in(self, slots: range, *, tick: int) -> Iterator[SlotTrade]:
        """Walk through the slots that have volume. The taker buys on a leg that rises.

        On a flat leg buyers and sellers take turns.
        """
        if self.price is None or not self.volume:
            return
        for slot in slots:
            count = self.volume_before(slot + 1) - self.volume_before(slot)
            if count:
                leg = self._leg(self.price, slot)
                rise = leg.end - leg.start
                is_bought = rise > 0 or (rise == 0 and slot % 2 == 0)
                yield SlotTrade(slot, _reached(leg, slot, tick=tick), count, is_bought)

    def last_traded_before(self, slot: int, *, tick: int) -> int | None:
        """Return the price of the last trade before a slot of this bar."""
        volume = self.volume_before(slot)
        if self.price is None or not volume:
            return self.previous
        traded = -(-volume * self.slots // self.volume) - 1  # the first slot that reaches it
        return _reached(self._leg(self.price, traded), traded, tick=tick)

    def _leg(self, price: Bar, slot: int) -> _Leg:
        """Return the leg a slot lies on.

        The corners stand on whole slots, so that the walk touches both extremes; where a short bar
        has two corners in one slot, the later one counts.
        """
        last = self.slots - 1
        turns = (price.low, price.high) if price.close >= price.open else (price.high, price.low)
        second = _Leg(last // 3, 2 * last // 3, turns[0], turns[1])
        if slot >= second.last:
            return _Leg(second.last, last, turns[1], price.close)
        return second if slot >= second.first else _Leg(0, second.first, price.open, turns[0])


def _reached(leg: _Leg, slot: int, *, tick: int) -> int:
    """Return the leg's price at a slot on the price grid, where orders may be placed."""
    steps = leg.last - leg.first or 1
    way = slot - leg.first if leg.last > leg.first else 1
    exact = leg.start * steps + (leg.end - leg.start) * way
    price = (2 * exact + tick * steps) // (2 * tick * steps) * tick
    return min(max(price, tick), ONE_DOLLAR - tick)
