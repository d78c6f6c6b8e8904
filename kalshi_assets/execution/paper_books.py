"""The paper venue's books during one transaction: what is filled, entered, changed and ended.

Does not know the exchange: what was seen there is handed in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kalshi_assets.domain.account import Fill, OrderAmendment, OrderRequest
from kalshi_assets.domain.market import Market, OrderBook, Trade
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.execution.paper_account import (
    Account,
    account_of,
    fill_charge,
    reserved_micros,
)
from kalshi_assets.execution.paper_matching import Liquidity
from kalshi_assets.execution.paper_queue import Share, at_the_end, shares
from kalshi_assets.execution.paper_terms import (
    NEVER_RESTS,
    accepted,
    refuse,
    require_amendable,
)
from kalshi_assets.storage import paper as rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.markets import find_series
from kalshi_assets.storage.paper import PaperOrder


@dataclass(frozen=True)
class Deal:
    """Contracts an order gets: `price` is of the side bought, `name` tells its deals apart."""

    price: int
    count: int
    is_taker: bool
    at: datetime
    name: str


class PaperBooks:
    """The paper account at one moment, alone in its transaction.

    Args:
        connection: holds the account's lock.
        starting_cash: micros.
        now: the venue's moment, of everything written here but fills by earlier trades.
    """

    def __init__(self, connection: Connection, *, starting_cash: int, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self._starting_cash = starting_cash

    def account(self) -> Account:
        """Return cash and holdings, as fills and settlements so far make them."""
        settled = rows.all_settlements(self.connection)
        return account_of(self._starting_cash, rows.all_fills(self.connection), settled)

    def resting(self) -> list[PaperOrder]:
        """Return the resting orders, oldest first."""
        return rows.resting_orders(self.connection)

    def place(self, request: OrderRequest, market: Market, book: OrderBook) -> PaperOrder:
        """Accept an order, take what is on offer, and let the rest of it rest or end.

        A reduce-only order is cut to what closes the position. It costs no cash but fees, which
        cash has to cover when it is filled.

        Raises:
            Rejected: price, size, expiry or fee terms are wrong, or cash does not cover it.
        """
        series = find_series(self.connection, market.series_ticker)
        order = accepted(request, market, series, now=self.now)
        held = self.account().holding(market.ticker).closable(request.side)
        wanted = min(order.initial_count, held) if request.is_reduce_only else order.initial_count
        if not request.is_reduce_only:
            self._require_cash([*self.resting(), order])
        entered = self._enter(order, book, count=wanted)
        if entered.remaining_count and request.time_in_force == NEVER_RESTS:
            is_cut = wanted < order.initial_count
            entered = self.end(entered, "ReduceOnlyCancel" if is_cut else "ImmediateOrCancel")
        if not request.is_reduce_only:
            self._require_cash(self.resting())
        return entered

    def amend(
        self, order: PaperOrder, amendment: OrderAmendment, market: Market, book: OrderBook
    ) -> PaperOrder:
        """Change a resting order; a new price or a larger size sends it through the book anew.

        As many contracts in all as are filled already leave nothing to rest: it is cancelled.

        Raises:
            Rejected: the change is refused, or cash does not cover it.
        """
        expires_at = require_amendable(order, amendment, market, now=self.now)
        changed = replace(
            order,
            limit_price=amendment.limit_price,
            initial_count=amendment.count,
            expires_at=expires_at,
        )
        if not changed.remaining_count:
            return self.end(changed, "Amend")
        has_kept_price = changed.limit_price == order.limit_price
        if has_kept_price and changed.remaining_count <= order.remaining_count:
            return self.save(changed)
        others = [other for other in self.resting() if other.order_id != order.order_id]
        self._require_cash([*others, changed])
        entered = self._enter(changed, book, count=changed.remaining_count)
        self._require_cash(self.resting())
        return entered

    def decrease(self, order: PaperOrder, left: int) -> int:
        """Let only so much of a resting order go on, and return that; nothing left ends it.

        Raises:
            Rejected: it would grow.
        """
        if left > order.remaining_count:
            refuse("invalid_order_size", f"{contracts(order.remaining_count)} contracts rest")
        changed = replace(order, initial_count=order.fill_count + left)
        return (self.save(changed) if left else self.end(changed, "Decrease")).remaining_count

    def share_out(self, trade: Trade, orders: dict[str, PaperOrder]) -> bool:
        """Give a public trade to the orders it reaches, which are brought up to date; tell if any.

        Where cash does not cover the fees of a fill, the order is cancelled in its place.
        """
        found = shares(trade, list(orders.values()))
        for share in found:
            orders[share.order.order_id] = self._book_share(share, trade)
        return bool(found)

    def end(self, order: PaperOrder, reason: str) -> PaperOrder:
        """Cancel what is left of an order, with the exchange's word for why."""
        return self.save(replace(order, status="canceled", reason=reason))

    def save(self, order: PaperOrder) -> PaperOrder:
        """Store a changed order."""
        changed = replace(order, updated_at=self.now)
        rows.save_order(self.connection, changed)
        return changed

    def liquidity(self, book: OrderBook) -> Liquidity:
        """Return what a book still offers to paper orders."""
        return Liquidity(book, rows.taken_levels(self.connection, book.market_ticker))

    def keep(self, book: OrderBook, liquidity: Liquidity) -> None:
        """Remember what was taken of a book's levels."""
        rows.save_taken_levels(self.connection, book.market_ticker, liquidity.taken)

    def _enter(self, order: PaperOrder, book: OrderBook, *, count: int) -> PaperOrder:
        """Take up to `count` of what is on offer, and put the rest behind what is shown.

        An order never trades with another paper order: where it would, its rest is cancelled.
        """
        others = [other for other in self.resting() if other.order_id != order.order_id]
        own = _cheapest_own_offer(order, others)
        liquidity = self.liquidity(book)
        limit = min(order.limit_price, own - 1)
        parts = liquidity.take(order.side, limit=limit, count=count)
        deals = [
            Deal(part.price, part.count, True, self.now, f"{order.fill_count}-{nth}")
            for nth, part in enumerate(parts)
        ]
        entered = self._fill(at_the_end(order, book, self.now), deals)
        if entered is None:
            refuse("insufficient_balance", "paper cash does not cover the fees of its fills")
        if entered.remaining_count and order.limit_price >= own:
            entered = self.end(entered, "SelfTradeCancel")
        self.keep(book, liquidity)
        return entered

    def _book_share(self, share: Share, trade: Trade) -> PaperOrder:
        order = replace(share.order, queue_ahead=share.order.queue_ahead - share.ahead)
        if not share.filled:
            return self.save(order)
        deal = Deal(order.limit_price, share.filled, False, trade.created_at, trade.trade_id)
        return self._fill(order, [deal]) or self.end(order, "MarginCancel")

    def _fill(self, order: PaperOrder, deals: Sequence[Deal]) -> PaperOrder | None:
        """Store an order with its deals; None, and nothing stored, if cash runs out."""
        account = self.account()
        held = account.holding(order.market_ticker)
        elsewhere = account.cash_micros - held.cash_micros
        filled, fills = order, list[Fill]()
        for deal in deals:
            charge = fill_charge(filled, held, deal.count, price=deal.price, taker=deal.is_taker)
            fills.append(_fill_of(order, deal, fee_micros=charge.fee_micros))
            filled = replace(
                filled,
                fill_count=filled.fill_count + deal.count,
                fees_micros=filled.fees_micros + charge.fee_micros,
                rounding_micros=charge.rounding_micros,
            )
            held = held.after(fills[-1])
            if elsewhere + held.cash_micros < 0:
                return None
        for fill in fills:
            rows.add_fill(self.connection, fill)
        is_full = filled.fill_count == filled.initial_count
        return self.save(replace(filled, status="executed" if is_full else "resting"))

    def _require_cash(self, orders: Sequence[PaperOrder]) -> None:
        account = self.account()
        needed = reserved_micros(orders, account)
        if needed > account.cash_micros:
            refuse(
                "insufficient_balance",
                f"all resting orders may take {dollars(needed):.4f} USD, "
                f"paper cash is {dollars(account.cash_micros):.4f} USD",
            )


def _fill_of(order: PaperOrder, deal: Deal, *, fee_micros: int) -> Fill:
    return Fill(
        fill_id=f"{order.order_id}-{deal.name}",
        order_id=order.order_id,
        market_ticker=order.market_ticker,
        side=order.side,
        count=deal.count,
        yes_price=deal.price if order.side == "yes" else MICROS_PER_DOLLAR - deal.price,
        fee_micros=fee_micros,
        is_taker=deal.is_taker,
        filled_at=deal.at,
    )


def _cheapest_own_offer(order: PaperOrder, others: Sequence[PaperOrder]) -> int:
    """Return the price, of the side bought, at which an order would meet one of our own."""
    opposite = [
        MICROS_PER_DOLLAR - other.limit_price
        for other in others
        if other.market_ticker == order.market_ticker and other.side != order.side
    ]
    return min(opposite, default=MICROS_PER_DOLLAR)
