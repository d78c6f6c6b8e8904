"""Carries out what was decided: fills on both sides of a trade, and the ends of orders.

Nothing is refused here, and everything runs inside a transaction that the caller opened.
"""

from dataclasses import dataclass

from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.matching import Match, Plan, opposite, plan
from kalshi_assets.local_exchange.orders import Order, Orders, new_id


@dataclass(frozen=True, slots=True)
class Dealt:
    """What became of an order on its way through the book.

    Attributes:
        filled: contracts filled on this way.
        notional_micros: sum of price * count of these fills.
        fees_micros: their fees.
    """

    order: Order
    filled: int = 0
    notional_micros: int = 0
    fees_micros: int = 0


class Dealing:
    """Fills and ends orders."""

    def __init__(self, *, orders: Orders, book: Book, ledger: Ledger) -> None:
        self._orders = orders
        self._book = book
        self._ledger = ledger

    def plan(self, order: Order, count: int, *, now_ms: int) -> Plan:
        """Return what an order would do to the book now."""
        return plan(
            order.side,
            limit=order.price,
            count=count,
            offers=self._book.offers_to(order.ticker, order.side, now_ms),
            account=order.account,
            self_trade=order.self_trade_prevention,
        )

    def execute(self, order: Order, planned: Plan, *, why_ended: str, now_ms: int) -> Dealt:
        """Fill an order as planned; what is left rests if it may, or ends for this reason."""
        for order_id in planned.cancelled:
            self.end(self._orders.by_id(order_id), "SelfTradeCancel", now_ms=now_ms)
        self._orders.save(order)
        notional = fees = 0
        for match in planned.matches:
            fees += self._fill(order, match, now_ms)
            notional += match.offer.price * match.count
        if order.remaining_count == 0:
            order.status = "executed"
        elif planned.has_met_itself:
            order.close("canceled", reason="SelfTradeCancel", now_ms=now_ms)
        elif order.time_in_force != "good_till_canceled":
            order.close("canceled", reason=why_ended, now_ms=now_ms)
        self._orders.save(order)
        filled = sum(match.count for match in planned.matches)
        return Dealt(order, filled, notional, fees)

    def end(self, order: Order, reason: str, *, now_ms: int) -> int:
        """Cancel an order for a reason; return how many contracts were still open."""
        left = order.close("canceled", reason=reason, now_ms=now_ms)
        self._orders.save(order)
        return left

    def fill_resting(self, order: Order, *, count: int, now_ms: int) -> None:
        """Fill a resting order against the tape, at the order's own price."""
        trade_id, taker = new_id(), opposite(order.side)
        self._ledger.note_trade(
            trade_id, order.ticker, price=order.price, count=count, taker=taker, now_ms=now_ms
        )
        self._ledger.other_side.fill_world(order.ticker, taker, price=order.price, count=count)
        self._fill_maker(order, count, trade_id=trade_id, now_ms=now_ms)

    def _fill(self, order: Order, match: Match, now_ms: int) -> int:
        trade_id, price, count = new_id(), match.offer.price, match.count
        self._ledger.note_trade(
            trade_id, order.ticker, price=price, count=count, taker=order.side, now_ms=now_ms
        )
        if match.offer.order_id is None:
            side = opposite(order.side)
            self._book.take(order.ticker, side, price, count=count, ms=now_ms)
            self._ledger.other_side.fill_world(order.ticker, side, price=price, count=count)
        else:
            maker = self._orders.by_id(match.offer.order_id)
            self._fill_maker(maker, count, trade_id=trade_id, now_ms=now_ms)
        return self._ledger.book_fill(
            order, price=price, count=count, is_taker=True, trade_id=trade_id, now_ms=now_ms
        )

    def _fill_maker(self, maker: Order, count: int, *, trade_id: str, now_ms: int) -> None:
        self._ledger.book_fill(
            maker, price=maker.price, count=count, is_taker=False, trade_id=trade_id, now_ms=now_ms
        )
        if maker.remaining_count == 0:
            maker.status = "executed"
        self._orders.save(maker)
