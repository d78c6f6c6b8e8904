"""Both exchanges side by side: every step is taken on each, and every outcome compared."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.change_request import AmendRequest, DecreaseRequest
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import PriceRange
from kalshi_assets.local_exchange.trading import Address
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    ScriptedTape,
    listing,
    private_key,
    public_pem,
)
from kalshi_assets_tests.local_exchange.reference import Account, Reference, Refused

ACCOUNTS = ("a", "b", "c")
CASH = 1_000_000


def dollars(price: int) -> Decimal:
    return Decimal(price) / 10_000


def contracts(count: int) -> Decimal:
    return Decimal(count) / 100


@dataclass
class Day:
    """Both exchanges, side by side."""

    tape: ScriptedTape
    clock: ManualClock
    ours: Exchange
    theirs: Reference
    ids: list[str] = field(default_factory=list)
    second: int = 0

    def act(self, kind: str, subject: Any, what: Any) -> None:
        self.second += 1
        self.theirs.tick()
        if kind in ("quote", "trade", "pause", "deactivate"):
            getattr(self, kind)(subject, what)
            self.clock.advance(seconds=1)
            self.ours.moment()
            return
        self.clock.advance(seconds=1)
        expected = self._outcome(lambda: getattr(self, f"their_{kind}")(subject, what))
        known = self._seen()
        now_ms = self.ours.moment()
        with self.ours.store.transaction():
            answer = self._outcome(lambda: getattr(self, f"our_{kind}")(subject, what, now_ms))
        self.ids += self._seen()[len(known) :]
        assert answer == expected, (kind, subject, what)

    # the rest of the world, and the controls

    def quote(self, mid: int, sizes_of: tuple[list[int], list[int]]) -> None:
        bids = {dollars((mid - 1 - n) * 100): contracts(c) for n, c in enumerate(sizes_of[0])}
        asks = {dollars((mid + 1 + n) * 100): contracts(c) for n, c in enumerate(sizes_of[1])}
        told = [[(f"{p:.4f}", f"{c:.2f}") for p, c in side.items()] for side in (bids, asks)]
        self.tape.quote(bids=told[0], asks=told[1], at=self.second)
        self.theirs.quote(bids, asks)

    def trade(self, cents: int, size: int) -> None:
        taker = "bid" if size % 2 else "ask"
        price, count = dollars(cents * 100), contracts(size)
        self.tape.trade(taker, f"{price:.4f}", f"{count:.2f}", at=self.second)
        self.theirs.trade(taker, price, count)

    def pause(self, on: bool, _: None) -> None:
        self.ours.interventions.is_trading_paused = on
        self.theirs.pause(on=on)

    def deactivate(self, on: bool, _: None) -> None:
        self.ours.interventions.paused_markets = {TICKER} if on else set()
        self.theirs.deactivate(on=on)

    # callers

    def our_place(self, account: str, wish: dict[str, Any], now_ms: int) -> tuple[int, int]:
        flag, tif = _flag(wish)
        request = OrderRequest(
            ticker=TICKER,
            client_order_id="",
            side=wish["side"],
            price=wish["price"],
            count=wish["count"],
            time_in_force=tif,
            self_trade=wish["stp"],
            post_only=flag == "post_only",
            reduce_only=flag == "reduce_only",
            cancel_on_pause=flag == "halts",
            expires_ms=NOON_MS + (self.second + 5) * 1000 if flag == "expires" else None,
        )
        dealt = self.ours.place(account, request, now_ms=now_ms)
        return dealt.order.fill_count, dealt.order.remaining_count

    def their_place(self, account: str, wish: dict[str, Any]) -> tuple[int, int]:
        flag, tif = _flag(wish)
        order = self.theirs.place(
            account,
            side=wish["side"],
            price=dollars(wish["price"]),
            count=contracts(wish["count"]),
            tif=tif,
            stp=wish["stp"],
            post_only=flag == "post_only",
            reduce_only=flag == "reduce_only",
            halts=flag == "halts",
            expires=self.second + 5 if flag == "expires" else None,
        )
        return int(order.filled * 100), int(order.left * 100)

    def our_amend(self, label: int, wish: tuple[int | None, int], now_ms: int) -> None:
        order = self.ours.orders.by_id(self._id(label))
        request = AmendRequest(
            ticker=TICKER,
            side=order.side,
            price=wish[0] or order.price,
            total=wish[1],
        )
        self.ours.amend(order.account, order.order_id, request=request, now_ms=now_ms)

    def their_amend(self, label: int, wish: tuple[int | None, int]) -> None:
        number = self._label(label)
        order = self.theirs.orders[number]
        price = order.price if wish[0] is None else dollars(wish[0])
        self.theirs.amend(number, price, contracts(wish[1]))

    def our_decrease(self, label: int, count: int, now_ms: int) -> None:
        order = self.ours.orders.by_id(self._id(label))
        request = DecreaseRequest(reduce_by=count)
        self.ours.decrease(order.account, order.order_id, request=request, now_ms=now_ms)

    def their_decrease(self, label: int, count: int) -> None:
        self.theirs.decrease(self._label(label), contracts(count))

    def our_cancel(self, label: int, _: None, now_ms: int) -> None:
        order = self.ours.orders.by_id(self._id(label))
        self.ours.cancel(order.account, order.order_id, at=Address(), now_ms=now_ms)

    def their_cancel(self, label: int, _: None) -> None:
        self.theirs.cancel(self._label(label))

    def our_cancel_all(self, account: str, _: None, now_ms: int) -> None:
        self.ours.cancel_all(account, now_ms=now_ms)

    def their_cancel_all(self, account: str, _: None) -> None:
        self.theirs.cancel_all(account)

    # comparing

    def compare(self) -> None:
        ours = [self.ours.orders.by_id(order_id) for order_id in self.ids]
        assert [(o.status, o.fill_count, o.remaining_count) for o in ours] == [
            (o.status, int(o.filled * 100), int(o.left * 100)) for o in self.theirs.orders
        ]
        assert self._our_queue() == self.theirs.queue()
        assert self._our_fills() == sorted(self.theirs.fills)
        for name, account in self.theirs.accounts.items():
            held = self.ours.ledger.position(name, TICKER).position
            assert Decimal(held) / 100 == account.held
            assert Decimal(self.ours.ledger.cash_micros(name)) / 1_000_000 == account.cash

    def check_money(self) -> None:
        other = self.ours.ledger.other_side
        assert other.books().total == len(ACCOUNTS) * CASH * 1_000_000
        held = [self.ours.ledger.position(name, TICKER).position for name in ACCOUNTS]
        held.append(other.world_position(TICKER))
        assert sum(held) == 0
        assert other.escrow_micros(TICKER) == sum(max(one, 0) for one in held) * 10_000

    def _our_queue(self) -> list[int]:
        resting = self.ours.orders.resting(TICKER)
        resting.sort(key=lambda o: (o.side == "ask", -o.price if o.side == "bid" else o.price))
        ahead = [self.ours.book.contracts_ahead(o, self.clock.now_ms()) for o in resting]
        for side in ("bid", "ask"):
            places = [a for o, a in zip(resting, ahead, strict=True) if o.side == side]
            assert places == sorted(places)
        return [self.ids.index(order.order_id) for order in resting]

    def _our_fills(self) -> list[tuple[int, Decimal, Decimal, bool]]:
        rows = self.ours.store.rows("select * from fills")
        return sorted(
            (
                self.ids.index(row["order_id"]),
                dollars(row["price"]),
                contracts(row["count"]),
                bool(row["is_taker"]),
            )
            for row in rows
        )

    def _seen(self) -> list[str]:
        rows = self.ours.store.rows("select order_id from orders order by seq")
        return [row["order_id"] for row in rows]

    def _label(self, number: int) -> int:
        return number % len(self.theirs.orders)

    def _id(self, number: int) -> str:
        return self.ids[self._label(number)]

    @staticmethod
    def _outcome(call: Any) -> Any:
        try:
            return call()
        except Refused as refused:
            return str(refused)
        except Refusal as refusal:
            return refusal.body["error"]["code"]


def _flag(wish: dict[str, Any]) -> tuple[str, Any]:
    """Give an order the time in force that its modifier needs."""
    flag, tif = wish["modifier"], wish["tif"]
    if flag == "reduce_only":
        return flag, "immediate_or_cancel"
    return flag, "good_till_canceled" if flag in ("post_only", "expires") else tif


def new_day(fee_type: str, maker_share: str, **changes: Any) -> Day:
    one = listing(price_ranges=(PriceRange(0, 10_000, 10),), **changes)
    tape = ScriptedTape(listings={TICKER: one}, fees=FeeTerms(fee_type, Fraction(1)))
    clock = ManualClock(tape.started_ms)
    pem = public_pem(private_key("me"))
    ours = Exchange(
        tape,
        Store(None),
        doorkeeper=Doorkeeper(dict.fromkeys(ACCOUNTS, pem)),
        clock=clock,
        terms=Terms(cash=Decimal(CASH)),
    )
    theirs = Reference({a: Account(Decimal(CASH)) for a in ACCOUNTS}, Decimal(maker_share))
    theirs.quote(
        {Decimal("0.47"): Decimal(3)},
        {Decimal("0.52"): Decimal(3)},
    )
    theirs.world_since = -1
    return Day(tape, clock, ours, theirs)
