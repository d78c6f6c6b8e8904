"""Lots: which contracts a fill opened, which it closed, and whose they were. Pure, exact.

A position is net, as at the exchange: buying NO against YES one holds closes a pair, which pays $1.
So what a fill buys first closes what is held of the other side, the oldest lot first, and opens a
lot with the rest. One thing goes before age: an exit of ours closes lots of ours before others, as
it was only our own share that was sold.

Every amount is split into whole micros that add up to it exactly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate, pairwise

from kalshi_assets.domain.account import Fill, Settlement, Side
from kalshi_assets.domain.journal import Books, JournalOrder, TripKind
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR

PAIR_MICROS = MICROS_PER_DOLLAR // CENTICONTRACTS  # what 0.01 pair pays


@dataclass(frozen=True)
class Buyer:
    """Who made a fill, or holds a lot.

    Attributes:
        source: what the trip is named by: the signal, the venue's order id, or the market.
        order_id: our id of an order of ours, else the venue's; "" for what was held at the opening.
        order: the order of ours.
    """

    kind: TripKind
    source: str
    order_id: str
    order: JournalOrder | None = None

    @property
    def is_exit(self) -> bool:
        """Tell whether it is an order of ours that sells."""
        return self.order is not None and self.order.leg == "exit"

    @property
    def closes_as(self) -> str:
        """Return what a fill of it is called that closes something."""
        if self.order is None:
            return "hand" if self.kind == "manual" else self.kind
        return f"exit: {self.order.exit_reason}" if self.is_exit else "entry"


@dataclass(frozen=True)
class Opened:
    """Contracts that one fill opened.

    Attributes:
        beside: the oldest trip of the bot's that was open in the market then, or None.
    """

    buyer: Buyer
    market_ticker: str
    side: Side
    count: int
    cost_micros: int
    fee_micros: int
    at: datetime
    beside: str | None

    @property
    def trip_id(self) -> str:
        """Return the trip they belong to."""
        return trip_id_of(self.buyer.kind, self.buyer.source, self.side)


@dataclass(frozen=True)
class Part:
    """Some contracts of a lot with their share of what it cost."""

    opened: Opened
    count: int
    cost_micros: int
    fee_micros: int


@dataclass(frozen=True)
class Closed:
    """Part of a lot that a fill or a settlement closed; `order_id` is "" for a settlement."""

    part: Part
    proceeds_micros: int
    fee_micros: int
    at: datetime
    how: str
    order_id: str


@dataclass
class Matched:
    """What all fills and settlements did: every contract is opened once, and closed or left."""

    opened: list[Opened] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    left: list[Part] = field(default_factory=list)
    unassigned_micros: int = 0


def matched(books: Books) -> Matched:
    """Follow the books from their opening to their end."""
    found, markets = Matched(), dict[str, _Market]()
    for ticker, (position, cost) in sorted(books.held_at_opening.items()):
        if position:
            markets.setdefault(ticker, _Market(found)).hold(ticker, position, cost, books=books)
    buyers = _Buyers(books)
    for event in in_order([*books.fills, *books.settlements]):
        market = markets.setdefault(event.market_ticker, _Market(found))
        if isinstance(event, Fill):
            market.book(event, buyers.of(event))
        else:
            market.settle(event)
    found.left = [lot for _, market in sorted(markets.items()) for lot in market.lots]
    return found


def in_order(events: Iterable[Fill | Settlement]) -> list[Fill | Settlement]:
    """Put events in the order they are booked in; at one moment fills by id, then settlements.

    The exchange does not say which of two fills at one moment was first: so it is always the same.
    """

    def key(event: Fill | Settlement) -> tuple[datetime, bool, str]:
        if isinstance(event, Fill):
            return event.filled_at, False, event.fill_id
        return event.settled_at, True, event.market_ticker

    return sorted(events, key=key)


def trip_id_of(kind: TripKind, source: str, side: Side) -> str:
    """Return the name of a trip: whoever bought this side, whatever came of it."""
    return f"{kind}:{source}:{side}"


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights into integers that add up to it exactly."""
    total = sum(weights)
    upto = [0, *(amount * done // total for done in accumulate(weights))]
    return [after - before for before, after in pairwise(upto)]


class _Buyers:
    """Knows who made a fill."""

    def __init__(self, books: Books) -> None:
        self._ours = {order.venue_order_id: order for order in books.orders}
        self._others = books.foreign_kinds

    def of(self, fill: Fill) -> Buyer:
        """Return who made it."""
        order = self._ours.get(fill.order_id)
        if order is not None:
            return Buyer("bot", order.signal_id, order.client_order_id, order)
        is_manual = self._others.get(fill.order_id) == "manual"
        kind: TripKind = "manual" if is_manual else "unknown"
        return Buyer(kind, fill.order_id, fill.order_id)


class _Market:
    """What is held in one market: lots of one side, the oldest first."""

    def __init__(self, found: Matched) -> None:
        self._found = found
        self.lots: list[Part] = []

    def hold(self, ticker: str, position: int, cost: int, *, books: Books) -> None:
        """Open a lot with what was held at the opening; its fees were paid before."""
        if books.opened_at is None:
            raise ValueError(f"{ticker} was held at an opening that has no moment")
        side: Side = "yes" if position > 0 else "no"
        buyer = Buyer("opening", ticker, "")
        self._open(Opened(buyer, ticker, side, abs(position), cost, 0, books.opened_at, None))

    def book(self, fill: Fill, buyer: Buyer) -> None:
        """Close what is held of the other side, and open with the rest."""
        takes = self._takes(fill, buyer)
        counts = [count for _, count in takes]
        weights = [*counts, fill.count - sum(counts)]
        cost = -(-fill.count * fill.price_bought // CENTICONTRACTS)
        fees = shares(fill.fee_micros, weights)
        *closings, opening = zip(weights, shares(cost, weights), fees, strict=True)
        for (lot, _), (count, paid, fee) in zip(takes, closings, strict=True):
            proceeds = count * PAIR_MICROS - paid
            part = self._take(lot, count)
            closed = Closed(part, proceeds, fee, fill.filled_at, buyer.closes_as, buyer.order_id)
            self._found.closed.append(closed)
        count, paid, fee = opening
        if count:
            ours = (lot.opened.trip_id for lot in self.lots if lot.opened.buyer.kind == "bot")
            ticker, at, beside = fill.market_ticker, fill.filled_at, next(ours, None)
            self._open(Opened(buyer, ticker, fill.side, count, paid, fee, at, beside))

    def settle(self, settlement: Settlement) -> None:
        """Close everything, and pay each lot its share."""
        if not self.lots:
            self._found.unassigned_micros += settlement.payout_micros
            return
        paid = shares(settlement.payout_micros, [lot.count for lot in self.lots])
        how = f"settlement: {settlement.result}"
        for lot, share in zip(self.lots, paid, strict=True):
            self._found.closed.append(Closed(lot, share, 0, settlement.settled_at, how, ""))
        self.lots = []

    def _takes(self, fill: Fill, buyer: Buyer) -> list[tuple[Part, int]]:
        """Return how much a fill closes of which lots."""
        held = [lot for lot in self.lots if lot.opened.side != fill.side]
        if buyer.is_exit:
            held.sort(key=lambda lot: lot.opened.buyer.kind != "bot")
        takes, left = [], fill.count
        for lot in held:
            if left:
                takes.append((lot, min(lot.count, left)))
                left -= takes[-1][1]
        return takes

    def _take(self, lot: Part, count: int) -> Part:
        """Take contracts out of a lot, which keeps the rest."""
        weights = [count, lot.count - count]
        cost, kept_cost = shares(lot.cost_micros, weights)
        fee, kept_fee = shares(lot.fee_micros, weights)
        rest = Part(lot.opened, weights[1], kept_cost, kept_fee)
        place = self.lots.index(lot)
        self.lots[place : place + 1] = [rest] if rest.count else []
        return Part(lot.opened, count, cost, fee)

    def _open(self, opened: Opened) -> None:
        self._found.opened.append(opened)
        self.lots.append(Part(opened, opened.count, opened.cost_micros, opened.fee_micros))
