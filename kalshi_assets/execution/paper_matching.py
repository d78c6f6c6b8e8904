"""What a displayed book still offers to paper orders that come. Pure.

A paper fill must never be rosier than reality, so:

- only displayed contracts are taken, level by level, each at its displayed price;
- what paper took of a level stays taken for as long as the level stays displayed. Where the level
  shrinks, strangers are taken to have had the rest, and at least what is left counts as ours
  (first come, first served: we had its front). What it grows by is new. A level that was seen gone
  starts afresh. Between two looks nothing is assumed to have been refilled.

What is displayed never fills an order that rests already: see `paper_queue`.
"""

from collections.abc import Mapping

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.market import BookLevel, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.storage.paper import LevelKey

SIDES: tuple[Side, Side] = ("yes", "no")


def offers(book: OrderBook, side: Side) -> list[BookLevel]:
    """Return what is on sale of a side, cheapest first, in that side's prices.

    A bid for NO at p offers YES at 1 - p, and the other way round.
    """
    bids = book.no_bids if side == "yes" else book.yes_bids
    levels = [BookLevel(MICROS_PER_DOLLAR - bid.price, bid.count) for bid in bids]
    return sorted(levels, key=lambda level: level.price)


class Liquidity:
    """A book's levels less what paper orders took of them; `take` takes more.

    Args:
        book: as displayed now.
        taken: what was taken of the levels displayed at the last look.
    """

    def __init__(self, book: OrderBook, taken: Mapping[LevelKey, int]) -> None:
        self._offers = {side: offers(book, side) for side in SIDES}
        displayed = {(side, o.price): o.count for side in SIDES for o in self._offers[side]}
        self._taken = {key: min(count, displayed.get(key, 0)) for key, count in taken.items()}

    @property
    def taken(self) -> dict[LevelKey, int]:
        """Return what is taken of the displayed levels, to be kept for the next look."""
        return {key: count for key, count in self._taken.items() if count > 0}

    def take(self, side: Side, *, limit: int, count: int) -> list[BookLevel]:
        """Take up to `count` contracts of a side at `limit` or cheaper, cheapest first."""
        parts = []
        for offer in self._offers[side]:
            key = (side, offer.price)
            free = offer.count - self._taken.get(key, 0)
            part = min(free, count)
            if offer.price > limit or count == 0:
                break
            if part > 0:
                self._taken[key] = self._taken.get(key, 0) + part
                parts.append(BookLevel(offer.price, part))
                count -= part
        return parts
