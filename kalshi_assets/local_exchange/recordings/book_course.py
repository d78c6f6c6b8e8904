"""The book of a market over time, folded from recorded snapshots and changes.

What is kept is, for each change, its moment, its place in the book and the count that stands there
from then on, in flat arrays, and the whole book once every few hundred changes. So the book of any
moment is found by bisection and a short walk.
"""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from kalshi_assets.local_exchange.recordings.bars import Touch
from kalshi_assets.local_exchange.tape import Level, Side
from kalshi_assets.local_exchange.units import ONE_DOLLAR

CHECKPOINT_EVERY = 256

_Place = int  # a bid at its price, an ask at minus its price: on both sides the best is the highest
_Levels = dict[_Place, Level]


class BookCourse:
    """A book that is written once, forward in time, and read at any moment. Moments in ms.

    Attributes:
        changes: when the book changed, in order; several changes may share a moment.
        touches: best bid and ask, at the moments in `touched`.
        told_anew: when the whole book was told, be it other than the one folded or not.
    """

    def __init__(self) -> None:
        self.changes = array("q")
        self.touched = array("q")
        self.touches: list[Touch] = []
        self.told_anew: list[int] = []
        self._places = array("h")
        self._counts = array("q")
        self._levels: _Levels = {}
        self._checkpoints: list[_Levels] = [{}]

    def change(self, ms: int, side: Side, price: int, *, by: int) -> None:
        """Add contracts to a level, or take them off; what falls to nothing or below is gone."""
        place = price if side == "bid" else -price
        standing = self._levels.get(place)
        self._set(ms, place, max(by if standing is None else standing.count + by, 0))
        if not self._is_behind(place):
            self._touch(ms)

    def replace(self, ms: int, bids: Mapping[int, int], asks: Mapping[int, int]) -> None:
        """Put a whole book, counts by price, in the place of what was folded so far.

        A level that was right stays untouched.
        """
        told = dict(bids) | {-price: count for price, count in asks.items()}
        for place in sorted(self._levels.keys() | told.keys()):
            standing = self._levels.get(place)
            if told.get(place, 0) != (0 if standing is None else standing.count):
                self._set(ms, place, told.get(place, 0))
        self._touch(ms)
        self.told_anew.append(ms)

    def index_at(self, ms: int) -> int:
        """Return how many changes had happened at a moment."""
        return bisect_right(self.changes, ms)

    def levels_at(self, index: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks after a number of changes, best first.

        A level's version is the moment of its own last change.
        """
        checkpoint = index // CHECKPOINT_EVERY
        levels = dict(self._checkpoints[checkpoint])
        walk = range(checkpoint * CHECKPOINT_EVERY, index)
        for place, number in {self._places[number]: number for number in walk}.items():
            _put(levels, place, self._counts[number], ms=self.changes[number])
        places = sorted(levels, reverse=True)
        bids = tuple(levels[place] for place in places if place > 0)
        return bids, tuple(levels[place] for place in places if place < 0)

    def touches_between(self, after_ms: int, until_ms: int) -> Sequence[Touch]:
        """Return best bid and ask as they went in (after, until], from what stood before."""
        first = max(bisect_right(self.touched, after_ms) - 1, 0)
        return self.touches[first : bisect_right(self.touched, until_ms)]

    def prices(self) -> set[int]:
        """Return every price at which anything ever stood."""
        return {abs(place) for place in set(self._places)}

    def _set(self, ms: int, place: _Place, count: int) -> None:
        self.changes.append(ms)
        self._places.append(place)
        self._counts.append(count)
        _put(self._levels, place, count, ms=ms)
        if len(self.changes) % CHECKPOINT_EVERY == 0:
            self._checkpoints.append(dict(self._levels))

    def _is_behind(self, place: _Place) -> bool:
        if not self.touches:
            return False
        best = self.touches[-1]
        return place < (best.bid if place > 0 else -best.ask)

    def _touch(self, ms: int) -> None:
        touch = Touch(
            max((place for place in self._levels if place > 0), default=0),
            -max((place for place in self._levels if place < 0), default=-ONE_DOLLAR),
        )
        if self.touches and self.touches[-1] == touch:
            return
        if self.touched and self.touched[-1] == ms:
            self.touches[-1] = touch
        else:
            self.touched.append(ms)
            self.touches.append(touch)


def _put(levels: _Levels, place: _Place, count: int, *, ms: int) -> None:
    if count:
        levels[place] = Level(abs(place), count, version=ms)
    else:
        levels.pop(place, None)
