"""The paper venue's books during one transaction: what is accepted, filled, ended and paid out.

Does not know the exchange: books and markets are handed in.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from kalshi_assets.domain.account import Fill, OrderRequest, Position, Settlement
from kalshi_assets.domain.fees import MAKER_RATES
from kalshi_assets.domain.market import BookLevel, Market, OrderBook
from kalshi_assets.domain.price import MICROS_PER_DOLLAR, contracts, dollars
from kalshi_assets.errors import Rejected
from kalshi_assets.execution.paper_account import (
    PAIR_MICROS,
    Account,
    account_of,
    fill_fee,
    reserved_micros,
)
from kalshi_assets.execution.paper_matching import Liquidity
from kalshi_assets.storage import paper as rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.markets import find_series
from kalshi_assets.storage.paper import PaperOrder

WINNERS = ("yes", "no")


class PaperBooks:
    """The paper account at one moment, alone in its transaction.

    Args:
        connection: holds the account's lock.
        starting_cash: micros.
        now: the venue's moment, of everything written here.
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
        """Accept an order, take what is on offer, and let the rest of it rest.

        It never trades with another paper order: where it would, its rest is cancelled.

        Raises:
            Rejected: price, size, expiry or fee terms are wrong, or cash does not cover it.
        """
        order = self._accepted(request, market)
        others = self.resting()
        self._require_cash([*others, order])
        own = _cheapest_own_offer(order, others)
        liquidity = self.liquidity(book)
        limit = min(order.limit_price, own - 1)
        parts = liquidity.take(order.side, limit=limit, count=order.initial_count)
        filled = self.fill(order, parts, is_taker=True)
        if filled is None:
            _refuse("insufficient_balance", "paper cash does not cover the fees of its fills")
        if filled.remaining_count and order.limit_price >= own:
            filled = self.end(filled, "SelfTradeCancel")
        self.keep(book, liquidity)
        self._require_cash(self.resting())
        return filled

    def rematch(self, orders: Sequence[PaperOrder], book: OrderBook) -> None:
        """Fill resting orders of a market, best first, where the book has come to their limits."""
        liquidity = self.liquidity(book)
        for order in sorted(orders, key=lambda o: (-o.limit_price, o.created_at)):
            parts = liquidity.take(order.side, limit=order.limit_price, count=order.remaining_count)
            count = sum(part.count for part in parts)
            at_limit = BookLevel(order.limit_price, count)
            if count and self.fill(order, [at_limit], is_taker=False) is None:
                self.end(order, "MarginCancel")
        self.keep(book, liquidity)

    def fill(
        self, order: PaperOrder, parts: Sequence[BookLevel], *, is_taker: bool
    ) -> PaperOrder | None:
        """Store an order with fills at these prices; None, and nothing stored, if cash runs out."""
        account = self.account()
        held = account.holding(order.market_ticker)
        elsewhere = account.cash_micros - held.cash_micros
        fills: list[Fill] = []
        for part in parts:
            fee = fill_fee(order, held, count=part.count, price=part.price, is_taker=is_taker)
            fills.append(self._fill(order, part, fee=fee, is_taker=is_taker, nth=len(fills)))
            held = held.after(fills[-1])
            if elsewhere + held.cash_micros < 0:
                return None
        for fill in fills:
            rows.add_fill(self.connection, fill)
        fill_count = order.fill_count + sum(fill.count for fill in fills)
        return self._save(
            replace(
                order,
                fill_count=fill_count,
                fees_micros=order.fees_micros + sum(fill.fee_micros for fill in fills),
                status="executed" if fill_count == order.initial_count else "resting",
            )
        )

    def end(self, order: PaperOrder, reason: str) -> PaperOrder:
        """Cancel what is left of an order, with the exchange's word for why."""
        return self._save(replace(order, status="canceled", reason=reason))

    def expire(self) -> None:
        """Cancel the orders whose time is over."""
        for order in self.resting():
            if order.expires_at <= self.now:
                self.end(order, "ExpiryCancel")

    def settle(self, position: Position, market: Market) -> None:
        """Pay out what is held in a final market, once; before, a result may still change."""
        if market.status != "finalized" or market.result not in WINNERS:
            return
        yes, no = max(position.position, 0), max(-position.position, 0)
        rows.add_settlement(
            self.connection,
            Settlement(
                market_ticker=market.ticker,
                settled_at=self.now,
                result=market.result,
                yes_count=yes,
                no_count=no,
                revenue_micros=(yes if market.result == "yes" else no) * PAIR_MICROS,
                fee_micros=0,
            ),
        )

    def liquidity(self, book: OrderBook) -> Liquidity:
        """Return what a book still offers to paper orders."""
        return Liquidity(book, rows.taken_levels(self.connection, book.market_ticker))

    def keep(self, book: OrderBook, liquidity: Liquidity) -> None:
        """Remember what was taken of a book's levels."""
        rows.save_taken_levels(self.connection, book.market_ticker, liquidity.taken)

    def _accepted(self, request: OrderRequest, market: Market) -> PaperOrder:
        expires_at = request.expires_at.replace(microsecond=0)  # the exchange keeps whole seconds
        self._check(request, market, expires_at)
        series = find_series(self.connection, market.series_ticker)
        if series is None or series.fee_type not in MAKER_RATES or series.fee_multiplier < 0:
            known = "no terms" if series is None else f"{series.fee_type} x {series.fee_multiplier}"
            _refuse("fee_terms_unknown", f"series {market.series_ticker} has {known}: refresh it")
        return PaperOrder(
            order_id=f"paper-{request.client_order_id}",
            client_order_id=request.client_order_id,
            market_ticker=market.ticker,
            side=request.side,
            limit_price=request.limit_price,
            initial_count=request.count,
            fill_count=0,
            status="resting",
            reason="",
            fee_type=series.fee_type,
            fee_multiplier=series.fee_multiplier,
            fees_micros=0,
            created_at=self.now,
            updated_at=self.now,
            expires_at=expires_at,
        )

    def _check(self, request: OrderRequest, market: Market, expires_at: datetime) -> None:
        paid = request.limit_price
        if not market.grid.holds(paid if request.side == "yes" else MICROS_PER_DOLLAR - paid):
            _refuse(
                "invalid_price",
                f"{request.side.upper()} at {dollars(paid):.4f} is off the grid of {market.ticker}",
            )
        if request.count <= 0:
            _refuse("invalid_order_size", f"{contracts(request.count)} contracts are none")
        if expires_at <= self.now:
            _refuse("invalid_order", f"it expires at {expires_at}, and it is {self.now}")

    def _require_cash(self, orders: Sequence[PaperOrder]) -> None:
        account = self.account()
        needed = reserved_micros(orders, account)
        if needed > account.cash_micros:
            _refuse(
                "insufficient_balance",
                f"all resting orders may take {dollars(needed):.4f} USD, "
                f"paper cash is {dollars(account.cash_micros):.4f} USD",
            )

    def _fill(
        self, order: PaperOrder, part: BookLevel, *, fee: int, is_taker: bool, nth: int
    ) -> Fill:
        yes_price = part.price if order.side == "yes" else MICROS_PER_DOLLAR - part.price
        return Fill(
            fill_id=f"{order.order_id}-{order.fill_count}-{nth}",
            order_id=order.order_id,
            market_ticker=order.market_ticker,
            side=order.side,
            count=part.count,
            yes_price=yes_price,
            fee_micros=fee,
            is_taker=is_taker,
            filled_at=self.now,
        )

    def _save(self, order: PaperOrder) -> PaperOrder:
        changed = replace(order, updated_at=self.now)
        rows.save_order(self.connection, changed)
        return changed


def _cheapest_own_offer(order: PaperOrder, others: Sequence[PaperOrder]) -> int:
    """Return the price, of the side bought, at which an order would meet one of our own."""
    opposite = [
        MICROS_PER_DOLLAR - other.limit_price
        for other in others
        if other.market_ticker == order.market_ticker and other.side != order.side
    ]
    return min(opposite, default=MICROS_PER_DOLLAR)


def _refuse(code: str, why: str) -> NoReturn:
    raise Rejected(f"paper venue: {code}: {why}", status=400, code=code)
