"""Price-time priority, pure: which offers an incoming order meets, in which order, for how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kalshi_assets.local_exchange.tape import Side

SelfTrade = Literal["taker_at_cross", "maker"]


@dataclass(frozen=True, slots=True)
class Offer:
    """Contracts on the other side of the book.

    Attributes:
        queued_at: place in the queue at its price: (moment in ms, order's sequence number).
        order_id: the resting order, or None for the tape's liquidity.
        account: the resting order's account, or None.
    """

    price: int
    count: int
    queued_at: tuple[int, int]
    order_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A part of an offer that is taken."""

    offer: Offer
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an incoming order does to the book.

    Attributes:
        matches: the fills, in order.
        cancelled: own resting orders that give way (self-trade prevention `maker`).
        has_met_itself: stopped at an own resting order (`taker_at_cross`).
        left: contracts not filled.
    """

    matches: tuple[Match, ...]
    cancelled: tuple[str, ...]
    has_met_itself: bool
    left: int

    @property
    def is_crossing(self) -> bool:
        """Whether the order meets anything at all, its own account's orders included."""
        return bool(self.matches or self.cancelled or self.has_met_itself)


def crosses(side: Side, *, limit: int, price: int) -> bool:
    """Tell whether an order of this side and limit trades with an offer at this price."""
    return price <= limit if side == "bid" else price >= limit


def opposite(side: Side) -> Side:
    """Return the other side of the book."""
    return "ask" if side == "bid" else "bid"


def plan(
    side: Side,
    *,
    limit: int,
    count: int,
    offers: Sequence[Offer],
    account: str,
    self_trade: SelfTrade,
) -> Plan:
    """Match an order against offers of the other side.

    Best price first, then first come, first served. An own resting order is never traded with:
    `taker_at_cross` stops there, `maker` cancels it and goes on.
    """
    matches: list[Match] = []
    cancelled: list[str] = []
    for offer in sorted(
        offers, key=lambda o: (o.price if side == "bid" else -o.price, o.queued_at)
    ):
        if count == 0 or not crosses(side, limit=limit, price=offer.price):
            break
        if offer.account == account and offer.order_id is not None:
            if self_trade == "taker_at_cross":
                return Plan(tuple(matches), tuple(cancelled), True, count)
            cancelled.append(offer.order_id)
            continue
        taken = min(count, offer.count)
        matches.append(Match(offer, taken))
        count -= taken
    return Plan(tuple(matches), tuple(cancelled), False, count)
