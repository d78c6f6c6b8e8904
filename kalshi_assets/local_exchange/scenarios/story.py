"""A market's story: the course of its price and of its trading, as data.

Numbers only, no clock and no randomness: `synthetic.py` draws the tape from it.
"""

from bisect import bisect_right
from dataclasses import dataclass

from kalshi_assets.local_exchange.tape import Listing
from kalshi_assets.local_exchange.units import HOUR_MS


@dataclass(frozen=True, slots=True)
class Knot:
    """A point of a course in time; between two of them the value runs straight."""

    ms: int
    value: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """A stretch of unusual trading, on top of the usual volume."""

    from_ms: int
    to_ms: int
    contracts_an_hour: int

    def contracts_in(self, from_ms: int, to_ms: int) -> float:
        """Return how many contracts it adds within a stretch of time."""
        overlap = min(self.to_ms, to_ms) - max(self.from_ms, from_ms)
        return max(overlap, 0) * self.contracts_an_hour / HOUR_MS


@dataclass(frozen=True, slots=True)
class Story:
    """What the rest of the world does in one market.

    Attributes:
        mid: the course of the mid price in $0.0001; flat before the first and after the last knot.
        noise: from each knot on, how far the mid strays from its course, in $0.0001.
        tick: the distance of the book's levels in $0.0001.
        spread_ticks: least and greatest distance of ask and bid.
        top_size: least and greatest size of the best levels, in contracts.
        deep_size: the same of the levels behind.
        contracts_an_hour: the usual volume, at least 1.
        clumping: 1 spreads an hour's volume evenly, higher gathers it in few trades.
        open_interest: contracts held when the market's story begins.
        frozen_from_ms: from here on the quotes and the last price stand still for ever, while
            volume and `updated_time` move on.
    """

    listing: Listing
    mid: tuple[Knot, ...]
    noise: tuple[Knot, ...]
    tick: int
    spread_ticks: tuple[int, int]
    top_size: tuple[int, int]
    deep_size: tuple[int, int]
    contracts_an_hour: int
    clumping: int = 2
    pulses: tuple[Pulse, ...] = ()
    open_interest: int = 2_000
    frozen_from_ms: int | None = None

    def mid_at(self, ms: int) -> float:
        """Return the course's value at a moment."""
        index = bisect_right(self.mid, ms, key=lambda knot: knot.ms)
        if index == 0:
            return self.mid[0].value
        if index == len(self.mid):
            return self.mid[-1].value
        left, right = self.mid[index - 1], self.mid[index]
        share = (ms - left.ms) / (right.ms - left.ms)
        return left.value + share * (right.value - left.value)

    def noise_at(self, ms: int) -> int:
        """Return how far the mid strays at a moment."""
        index = bisect_right(self.noise, ms, key=lambda knot: knot.ms)
        return self.noise[max(index - 1, 0)].value

    def mids_from(self, first_ms: int, offsets: range) -> list[float]:
        """Return the course's values from a moment on; straight stretches are not searched."""
        if _bends(self.mid, first_ms, offsets):
            return [self.mid_at(first_ms + offset) for offset in offsets]
        start, end = self.mid_at(first_ms), self.mid_at(first_ms + offsets.stop)
        slope = (end - start) / offsets.stop
        return [start + slope * offset for offset in offsets]

    def noises_from(self, first_ms: int, offsets: range) -> list[int]:
        """Return how far the mid strays from a moment on."""
        if _bends(self.noise, first_ms, offsets):
            return [self.noise_at(first_ms + offset) for offset in offsets]
        return [self.noise_at(first_ms)] * len(offsets)


def _bends(knots: tuple[Knot, ...], first_ms: int, offsets: range) -> bool:
    return any(first_ms < knot.ms < first_ms + offsets.stop for knot in knots)
