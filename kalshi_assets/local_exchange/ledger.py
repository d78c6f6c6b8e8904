"""Accounts: cash, positions, fills, settlements. Every amount is exact, in micros.

A position is net: + YES, - NO. Selling YES one holds and buying NO against it are the same: a pair
pays $1, so the price of the outcome bought is paid and $1 comes back. Opening contracts cost their
outcome's price, which is all an account can lose: cash never falls below zero.
"""

import uuid
from dataclasses import dataclass, replace

from kalshi_assets.local_exchange.bulletin import Filled, PositionChanged, Traded
from kalshi_assets.local_exchange.fees import charge, reserve_fee_micros
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing, Side, Tape, TapeTrade
from kalshi_assets.local_exchange.units import BALANCE_STEP_MICROS, ONE_DOLLAR


@dataclass(slots=True)
class Position:
    """An account's net position in a market; `cost_micros` is what the open contracts cost."""

    account: str
    ticker: str
    position: int = 0
    cost_micros: int = 0
    realized_micros: int = 0
    fees_micros: int = 0
    traded_micros: int = 0
    traded_count: int = 0
    updated_ms: int = 0
    is_settled: int = 0

    def closable(self, side: Side) -> int:
        """Return how many held contracts an order of this side would close."""
        return max(-self.position if side == "bid" else self.position, 0)

    def value_micros(self, price: int) -> int:
        """Return what the held contracts are worth at a YES price."""
        per_contract = price if self.position > 0 else ONE_DOLLAR - price
        return abs(self.position) * per_contract


class Ledger:
    """Books fills and settlements, and knows what an account can still afford."""

    def __init__(self, store: Store, tape: Tape, orders: Orders) -> None:
        self._store = store
        self._tape = tape
        self._orders = orders

    def open_account(self, account: str, *, cash_micros: int) -> None:
        """Give a new account its starting cash; an account that exists keeps what it has."""
        user_id = str(uuid.uuid5(uuid.NAMESPACE_OID, account))
        sql = "insert into accounts values (?, ?, ?) on conflict do nothing"
        self._store.run(sql, account, user_id, cash_micros)

    def cash_micros(self, account: str) -> int:
        """Return an account's cash; resting orders do not reduce it."""
        sql = "select cash_micros from accounts where account = ?"
        return self._store.number(sql, account)

    def user_id(self, account: str) -> str:
        """Return the id the venue knows the account's owner by."""
        row = self._store.row("select user_id from accounts where account = ?", account)
        return "" if row is None else str(row["user_id"])

    def positions(self, account: str) -> list[Position]:
        """Return every position an account ever had, by ticker."""
        sql = "select * from positions where account = ? order by ticker"
        return [Position(**dict(row)) for row in self._store.rows(sql, account)]

    def position(self, account: str, ticker: str) -> Position:
        """Return an account's position, a flat one if it never traded there."""
        row = self._store.row(
            "select * from positions where account = ? and ticker = ?", account, ticker
        )
        return Position(account, ticker) if row is None else Position(**dict(row))

    def reserved_micros(self, account: str) -> int:
        """Return what the account's resting orders may cost at worst."""
        sides: dict[tuple[str, Side], list[Order]] = {}
        for order in self._orders.resting_of(account):
            sides.setdefault((order.ticker, order.side), []).append(order)
        return sum(self._reserve_side(key, orders) for key, orders in sides.items())

    def opening_cost_micros(self, order: Order, count: int) -> int:
        """Return what a new order costs at its limit, beyond closing what is held.

        Resting orders of the same side have the first claim on closing the position.
        """
        held = self.position(order.account, order.ticker).closable(order.side)
        claimed = sum(
            other.remaining_count
            for other in self._orders.resting_of(order.account)
            if (other.ticker, other.side) == (order.ticker, order.side)
        )
        closing = min(max(held - claimed, 0), count)
        return (count - closing) * order.outcome_price

    def book_fill(
        self, order: Order, *, price: int, count: int, is_taker: bool, trade_id: str, now_ms: int
    ) -> int:
        """Book a fill of an order and return its fee in micros; the order is not saved here."""
        outcome_price = price if order.side == "bid" else ONE_DOLLAR - price
        position = self.position(order.account, order.ticker)
        closing = min(position.closable(order.side), count)
        revenue = closing * (ONE_DOLLAR - outcome_price) - (count - closing) * outcome_price
        fee = self._charge(order, price, count, revenue=revenue, is_taker=is_taker)
        _move(position, order.side, count, closing=closing, outcome_price=outcome_price)
        position.fees_micros += fee
        position.updated_ms = now_ms
        self._save_position(position)
        self._pay(order.account, revenue - fee)
        _note_on_order(order, count, count * outcome_price, fee=fee, is_taker=is_taker)
        order.updated_ms = now_ms
        self._store.run(
            "insert into fills (trade_id, account, order_id, ticker, side, price, count, is_taker,"
            " fee_micros, created_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(trade_id, order.account, order.order_id, order.ticker, order.side, price, count),
            *(int(is_taker), fee, now_ms),
        )
        self._store.bulletin.publish(
            Filled(
                account=order.account,
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                trade_id=trade_id,
                ticker=order.ticker,
                side=order.side,
                price=price,
                count=count,
                is_taker=is_taker,
                fee_micros=fee,
                position_after=position.position,
                filled_ms=now_ms,
            )
        )
        return fee

    def note_trade(
        self, trade_id: str, ticker: str, *, price: int, count: int, taker: Side, now_ms: int
    ) -> None:
        """Remember a trade that an order of ours took part in, for the public tape."""
        self._store.run(
            "insert into trades (trade_id, ticker, price, count, taker_side, created_ms)"
            " values (?, ?, ?, ?, ?, ?)",
            *(trade_id, ticker, price, count, taker, now_ms),
        )
        trade = TapeTrade(trade_id, ticker, price, count, taker, now_ms)
        self._store.bulletin.publish(Traded(trade))

    def settle(self, listing: Listing) -> None:
        """Pay every holder $1 a winning contract and close the positions.

        A market without a result pays nobody: its positions stay.
        """
        if listing.result is None:
            return
        sql = "select * from positions where ticker = ? and is_settled = 0"
        for row in self._store.rows(sql, listing.ticker):
            position = Position(**dict(row))
            sign = 1 if listing.result == "yes" else -1
            revenue = max(sign * position.position, 0) * ONE_DOLLAR
            if position.position:
                self._record_settlement(listing, position, revenue)
            self._pay(position.account, revenue)
            position.realized_micros += revenue - position.cost_micros
            position.position = position.cost_micros = 0
            position.is_settled, position.updated_ms = 1, listing.settled_ms
            self._save_position(position)

    def _record_settlement(self, listing: Listing, position: Position, revenue: int) -> None:
        self._store.run(
            "insert into settlements (account, ticker, result, position, cost_micros,"
            " revenue_micros, fees_micros, settled_ms) values (?, ?, ?, ?, ?, ?, ?, ?)",
            *(position.account, listing.ticker, listing.result, position.position),
            *(position.cost_micros, revenue, position.fees_micros, listing.settled_ms),
        )

    def _charge(self, order: Order, price: int, count: int, *, revenue: int, is_taker: bool) -> int:
        terms = self._tape.series[self._tape.listings[order.ticker].series_ticker].fees
        raw = terms.raw_fee_micros(price, count, is_taker=is_taker)
        charged = charge(raw, revenue_micros=revenue, carry_micros=order.fee_carry_micros)
        order.fee_carry_micros = charged.carry_micros
        return charged.fee_micros

    def _reserve_side(self, key: tuple[str, Side], orders: list[Order]) -> int:
        """Reserve for one side of one market, the cheapest contracts closing first."""
        ticker, side = key
        terms = self._tape.series[self._tape.listings[ticker].series_ticker].fees
        held = self.position(orders[0].account, ticker).closable(side)
        total = 0
        for order in sorted(orders, key=lambda o: o.outcome_price):
            closing = min(held, order.remaining_count)
            held -= closing
            count = order.remaining_count - closing
            total += count * order.outcome_price
            total += reserve_fee_micros(terms, order.price, count, is_taker=False)
        return total

    def _pay(self, account: str, micros: int) -> None:
        if micros % BALANCE_STEP_MICROS:
            raise ArithmeticError(f"{micros} micros would leave the balance off its step")
        sql = "update accounts set cash_micros = cash_micros + ? where account = ?"
        self._store.run(sql, micros, account)

    def _save_position(self, p: Position) -> None:
        self._store.run(
            "insert or replace into positions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(p.account, p.ticker, p.position, p.cost_micros, p.realized_micros, p.fees_micros),
            *(p.traded_micros, p.traded_count, p.updated_ms, p.is_settled),
        )
        self._store.bulletin.publish(PositionChanged(replace(p)))


def _move(position: Position, side: Side, count: int, *, closing: int, outcome_price: int) -> None:
    """Close against what is held, at its average cost, and open the rest."""
    held = abs(position.position)
    released = position.cost_micros * closing // held if held else 0
    proceeds = closing * (ONE_DOLLAR - outcome_price)
    opening_cost = (count - closing) * outcome_price
    position.realized_micros += proceeds - released
    position.cost_micros += opening_cost - released
    position.position += count if side == "bid" else -count
    position.traded_micros += proceeds + opening_cost
    position.traded_count += count


def _note_on_order(order: Order, count: int, cost: int, *, fee: int, is_taker: bool) -> None:
    order.fill_count += count
    order.remaining_count -= count
    if is_taker:
        order.taker_cost_micros += cost
        order.taker_fees_micros += fee
    else:
        order.maker_cost_micros += cost
        order.maker_fees_micros += fee
