"""What a displayed book still offers to paper orders. Pure.

A paper fill must never be rosier than reality, so:

- only displayed contracts are bought, level by level, each at its displayed price;
- what paper took of a level stays taken for as long as the level stays displayed. Where the level
  shrinks, strangers are taken to have had the rest, and at least what is left counts as ours
  (first come, first served: we had its front). What it grows by is new. A level that was seen gone
  starts afresh. Between two looks nothing is assumed to have been refilled;
- a resting order is filled only where the other side is displayed at or through its limit, at its
  limit, as a maker. Trades that passed between two looks fill nothing.
"""

from collections.abc import Mapping

from kalshi_assets.domain.account import OrderRequest, Side
from kalshi_assets.domain.market import BookLevel, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.errors import Rejected
from kalshi_assets.storage.paper import LevelKey

SIDES: tuple[Side, Side] = ("yes", "no")


def require_plain(request: OrderRequest) -> None:
    """Refuse an order that asks for more than to take what is on offer and let the rest rest.

    Raises:
        Rejected: it carries conditions, named in the message, that nothing here would keep.
    """
    asked = {
        f"time_in_force={request.time_in_force}": request.time_in_force != "good_till_canceled",
        "is_post_only": request.is_post_only,
        "is_reduce_only": request.is_reduce_only,
        "is_canceled_on_pause": request.is_canceled_on_pause,
    }
    conditions = [name for name, is_set in asked.items() if is_set]
    if conditions:
        raise Rejected(
            f"paper venue: order {request.client_order_id} asks for {', '.join(conditions)}; "
            "paper only knows good_till_canceled without conditions: leave them out there",
            status=400,
            code="unsupported_on_paper",
        )


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
