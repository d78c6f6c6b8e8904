"""Accounts: cash, positions, fills, settlements. Every amount is exact, in micros.

Every booking has its counterpart in `other_side`; what an account can afford is `funds`' matter.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace

from kalshi_assets.local_exchange.bulletin import Filled, PositionChanged, Traded
from kalshi_assets.local_exchange.fees import charge
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.other_side import OtherSide
from kalshi_assets.local_exchange.position import Position
from kalshi_assets.local_exchange.shards import Shards
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Listing, Side, Tape, TapeTrade
from kalshi_assets.local_exchange.tariff import terms_at
from kalshi_assets.local_exchange.units import BALANCE_STEP_MICROS, ONE_DOLLAR

__all__ = ["Ledger", "Position"]


class Ledger:
    """Books fills and settlements.

    `ms` in reads: as it stood at that moment; without it, as it truly stands.
    """

    def __init__(self, store: Store, tape: Tape, *, shards: Shards) -> None:
        self._store = store
        self._tape = tape
        self._shards = shards
        self.other_side = OtherSide(store)

    def open_account(self, account: str, *, cash_micros: Mapping[int, int]) -> None:
        """Give a new account its starting cash by shard; one that exists keeps what it has."""
        if self.user_id(account):
            return
        user_id = str(uuid.uuid5(uuid.NAMESPACE_OID, account))
        self._store.run("insert into accounts values (?, ?)", account, user_id)
        for shard, micros in cash_micros.items():
            self._store.run("insert into cash values (?, ?, ?, 0, 0)", account, shard, micros)

    def cash_micros(self, account: str, shard: int | None = None) -> int:
        """Return an account's cash, on one shard or on all; resting orders do not reduce it."""
        sql = "select coalesce(sum(micros), 0) from cash where account = ? and ? in (shard, -1)"
        return self._store.number(sql, account, -1 if shard is None else shard)

    def cash_by_shard(self, account: str, *, ms: int) -> dict[int, int]:
        """Return an account's cash on each shard as it stood at a moment."""
        table = self._store.as_of("cash")
        sql = f"select shard, micros from {table} where account = ? order by shard"  # noqa: S608  ours
        return {row["shard"]: row["micros"] for row in self._store.rows(sql, ms, account)}

    def user_id(self, account: str) -> str:
        """Return the id the venue knows the account's owner by, empty for no account."""
        row = self._store.row("select user_id from accounts where account = ?", account)
        return "" if row is None else str(row["user_id"])

    def positions(self, account: str, *, ms: int) -> list[Position]:
        """Return every position an account ever had up to a moment, by ticker."""
        table = self._store.as_of("positions")
        sql = f"select * from {table} where account = ? order by ticker"  # noqa: S608  ours
        return [Position(**dict(row)) for row in self._store.rows(sql, ms, account)]

    def position(self, account: str, ticker: str) -> Position:
        """Return an account's position, a flat one if it never traded there."""
        row = self._store.row(
            "select * from positions where account = ? and ticker = ?", account, ticker
        )
        return Position(account, ticker) if row is None else Position(**dict(row))

    def book_fill(
        self, order: Order, *, price: int, count: int, is_taker: bool, trade_id: str, now_ms: int
    ) -> int:
        """Book a fill of an order and return its fee in micros; the order is not saved here."""
        outcome_price = price if order.side == "bid" else ONE_DOLLAR - price
        position = self.position(order.account, order.ticker)
        closing = min(position.closable(order.side), count)
        revenue = closing * (ONE_DOLLAR - outcome_price) - (count - closing) * outcome_price
        fee = self._charge(order, price, count, revenue=revenue, is_taker=is_taker, now_ms=now_ms)
        position.move(order.side, count, closing=closing, outcome_price=outcome_price)
        position.fees_micros += fee
        self._save_position(position, now_ms)
        self._receive(order.account, order.ticker, revenue, fee_micros=fee, now_ms=now_ms)
        _note_on_order(order, count, count * outcome_price, fee=fee, is_taker=is_taker)
        order.reason, order.updated_ms = "Trade", now_ms
        fill = TapeTrade(trade_id, order.ticker, price, count, order.side, now_ms)
        self._record_fill(order, fill, is_taker=is_taker, fee=fee, held=position.position)
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

    def unsettled_tickers(self) -> list[str]:
        """Return the markets somebody ever held and that have not been paid out."""
        sql = "select distinct ticker from positions where is_settled = 0 order by ticker"
        return [row["ticker"] for row in self._store.rows(sql)]

    def settle(self, listing: Listing, *, now_ms: int) -> None:
        """Pay every holder $1 a winning contract, or its share, and close the positions.

        A market without a result pays nobody: its positions stay.
        """
        payout = listing.yes_payout
        if payout is None:
            return
        sql = "select * from positions where ticker = ? and is_settled = 0"
        for row in self._store.rows(sql, listing.ticker):
            self._settle_position(listing, Position(**dict(row)), payout, now_ms=now_ms)
        self.other_side.settle_world(listing.ticker, yes_payout=payout)

    def _settle_position(
        self, listing: Listing, position: Position, payout: int, *, now_ms: int
    ) -> None:
        due = position.value_micros(payout)
        odd = due % BALANCE_STEP_MICROS  # only a scalar result leaves one; it is not paid
        if position.position:
            self._store.run(
                "insert into settlements (account, ticker, result, payout, position, cost_micros,"
                " revenue_micros, fees_micros, settled_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                *(position.account, listing.ticker, listing.result, payout, position.position),
                *(position.cost_micros, due - odd, position.fees_micros, now_ms),
            )
        self._receive(position.account, listing.ticker, due, fee_micros=odd, now_ms=now_ms)
        position.realized_micros += due - odd - position.cost_micros
        position.position = position.cost_micros = 0
        position.is_settled = 1
        self._save_position(position, now_ms)

    def _charge(
        self,
        order: Order,
        price: int,
        count: int,
        *,
        revenue: int,
        is_taker: bool,
        now_ms: int,
    ) -> int:
        terms = terms_at(self._tape, order.ticker, now_ms)
        raw = terms.raw_fee_micros(price, count, is_taker=is_taker)
        charged = charge(raw, revenue_micros=revenue, carry_micros=order.fee_carry_micros)
        order.fee_carry_micros = charged.carry_micros
        return charged.fee_micros

    def _record_fill(
        self, order: Order, trade: TapeTrade, *, is_taker: bool, fee: int, held: int
    ) -> None:
        fill = Filled(
            account=order.account,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            trade_id=trade.trade_id,
            ticker=order.ticker,
            side=order.side,
            price=trade.price,
            count=trade.count,
            is_taker=is_taker,
            fee_micros=fee,
            position_after=held,
            filled_ms=trade.created_ms,
        )
        self._store.run(
            "insert into fills (trade_id, account, order_id, ticker, side, price, count, is_taker,"
            " fee_micros, created_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(fill.trade_id, fill.account, fill.order_id, fill.ticker, fill.side, fill.price),
            *(fill.count, int(fill.is_taker), fill.fee_micros, fill.filled_ms),
        )
        self._store.bulletin.publish(fill)

    def _receive(
        self, account: str, ticker: str, micros: int, *, fee_micros: int, now_ms: int
    ) -> None:
        """Move money between escrow, account and fees; a negative amount is paid in."""
        self.other_side.collect(ticker, fee_micros=fee_micros, revenue_micros=micros)
        self._pay(account, ticker, micros - fee_micros, now_ms=now_ms)

    def transfer(self, account: str, shard: int, *, micros: int, now_ms: int) -> None:
        """Book money that an account pays in, or out where it is negative.

        Raises:
            ValueError: there is no such account, or it has less than it wants out.
        """
        if not self.user_id(account):
            raise ValueError(f"account {account!r} is not known")
        if (cash := self.cash_micros(account, shard)) + micros < 0:
            raise ValueError(f"account {account!r} has {cash} micros on shard {shard}, no more")
        self._move(account, shard, micros, now_ms=now_ms)

    def _pay(self, account: str, ticker: str, micros: int, *, now_ms: int) -> None:
        self._move(account, self._shards.of(ticker), micros, now_ms=now_ms)

    def _move(self, account: str, shard: int, micros: int, *, now_ms: int) -> None:
        if micros % BALANCE_STEP_MICROS:
            raise ArithmeticError(f"{micros} micros would leave the balance off its step")
        self._store.run(
            "insert into cash values (?, ?, ?, ?, ?) on conflict (account, shard) do update"
            " set micros = micros + excluded.micros, updated_ms = excluded.updated_ms",
            *(account, shard, micros, now_ms, now_ms),
        )

    def _save_position(self, p: Position, now_ms: int) -> None:
        p.updated_ms = now_ms
        p.created_ms = p.created_ms or now_ms
        self._store.run(
            "insert into positions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict (account, ticker) do update set position = excluded.position,"
            " cost_micros = excluded.cost_micros, realized_micros = excluded.realized_micros,"
            " fees_micros = excluded.fees_micros, traded_micros = excluded.traded_micros,"
            " traded_count = excluded.traded_count, updated_ms = excluded.updated_ms,"
            " is_settled = excluded.is_settled",
            *(p.account, p.ticker, p.position, p.cost_micros, p.realized_micros, p.fees_micros),
            *(p.traded_micros, p.traded_count, p.updated_ms, p.is_settled, p.created_ms),
        )
        self._store.bulletin.publish(PositionChanged(replace(p)))


def _note_on_order(order: Order, count: int, cost: int, *, fee: int, is_taker: bool) -> None:
    order.fill_count += count
    order.remaining_count -= count
    if is_taker:
        order.taker_cost_micros += cost
        order.taker_fees_micros += fee
    else:
        order.maker_cost_micros += cost
        order.maker_fees_micros += fee
