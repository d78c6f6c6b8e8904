"""How public trades reach resting paper orders, and what waits ahead of these. Pure.

A paper order stands in no real queue, so what it would have got there is told by others' trades:

- a trade whose taker came from the other side, at a price worse for us than our limit (through it),
  would have met us first: all of its contracts are ours, as many as we still want, at our limit;
- a trade at our very limit goes first to those who stood there before us (`queue_ahead`, the size
  shown at our price when we came), then to us; a better price never reached us;
- own orders share a trade by price, then time. No contract of a trade is given twice, and no trade
  that happened before an order came to rest, after its expiry or after its market's close counts.
  Block trades are matched beside the book and count for nothing.

Strangers ahead of us may cancel, which no public answer tells. But of those who stand at our price,
the ones ahead of us are a part: the queue ahead cannot be longer than what is shown there. Where
less is shown, as much less waits ahead, at most; strangers who came after us may be part of what is
shown, so this never makes the queue shorter than it is. Two things could still be counted twice:

- a trade that the look at the book showed already, but that is told only later. So at our limit
  only trades after the look that told `queue_ahead` count; through it all do, with no queue left;
- a shown size of before we came, as answers without a key may be cached. So no look shortens the
  queue until an order has rested for longer than that.

A trade through our limit does not shorten the queue, though nobody can have waited there any more:
the next look at the book will show that. The moments of exchange and venue are taken as of one
clock; the client warns where this machine's clock is off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kalshi_assets.domain.market import OrderBook, Trade
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.storage.paper import PaperOrder

# For how long answers without a key may be cached.
CACHED_FOR = timedelta(seconds=15)


@dataclass(frozen=True)
class Share:
    """What one trade does to one order: contracts that trade ahead of it, and its own."""

    order: PaperOrder
    ahead: int
    filled: int


def shares(trade: Trade, resting: Sequence[PaperOrder]) -> list[Share]:
    """Return what a trade does to resting orders, those left out that it does not touch."""
    price = _makers_price(trade)
    left, passed, found = trade.count, 0, list[Share]()
    for order in sorted(resting, key=_priority):
        if not _reaches(trade, price, order):
            continue
        waiting = order.queue_ahead if order.limit_price == price else 0
        # The strangers ahead of one own order stand ahead of the next as well: they trade once.
        gone = min(left, max(waiting - passed, 0))
        passed, left = passed + gone, left - gone
        filled = min(left, order.remaining_count)
        left -= filled
        ahead = min(waiting, passed)
        if ahead or filled:
            found.append(Share(order, ahead, filled))
    return found


def at_the_end(order: PaperOrder, book: OrderBook, now: datetime) -> PaperOrder:
    """Return an order that comes to rest now, behind all that is shown at its price."""
    ahead = shown_beside(order, book)
    return replace(order, queued_at=now, queue_ahead=ahead, queue_as_of=now, looked_at=now)


def as_shown(order: PaperOrder, book: OrderBook, now: datetime) -> PaperOrder:
    """Return an order with no more ahead of it than a look at the book shows."""
    ahead = shown_beside(order, book)
    if ahead >= order.queue_ahead or now - order.queued_at < CACHED_FOR:
        return order
    return replace(order, queue_ahead=ahead, queue_as_of=now)


def shown_beside(order: PaperOrder, book: OrderBook) -> int:
    """Return what is shown on an order's own side at its price, centicontracts."""
    bids = book.yes_bids if order.side == "yes" else book.no_bids
    return sum(bid.count for bid in bids if bid.price == order.limit_price)


def _makers_price(trade: Trade) -> int:
    """Return what the resting side of a trade paid for its contracts, micros."""
    return MICROS_PER_DOLLAR - trade.yes_price if trade.taker_side == "yes" else trade.yes_price


def _reaches(trade: Trade, price: int, order: PaperOrder) -> bool:
    if trade.is_block_trade or trade.market_ticker != order.market_ticker:
        return False
    if trade.taker_side == order.side or not order.remaining_count:
        return False
    since = order.queue_as_of if order.limit_price == price else order.queued_at
    return price <= order.limit_price and since < trade.created_at < order.expires_at


def _priority(order: PaperOrder) -> tuple[int, datetime, datetime, str]:
    return -order.limit_price, order.queued_at, order.created_at, order.order_id
