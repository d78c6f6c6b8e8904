"""A small exchange of one market, written a second time from the venue's rules alone.

It shares no code with the local exchange, looks for the next fill one at a time among everything
that stands in the book, and reckons money in decimals of a dollar. Slow and plain on purpose:
where both agree after every step of a random day, neither is wrong by the same mistake.
"""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

MICRO, STEP = Decimal("0.000001"), Decimal("0.0001")
RATE = Decimal("0.07")


class Refused(Exception):
    """What the venue says no to; the code is its word for it."""


@dataclass
class Resting:
    """An order, alive or dead; prices in dollars of the YES leg, sizes in contracts."""

    label: int
    account: str
    side: str
    price: Decimal
    left: Decimal
    stp: str
    post_only: bool
    halts: bool
    expires: int | None
    place: tuple[int, int]
    filled: Decimal = Decimal(0)
    status: str = "resting"
    carry: Decimal = Decimal(0)


@dataclass
class Account:
    """Cash in dollars, and YES contracts, negative for NO."""

    cash: Decimal
    held: Decimal = Decimal(0)


@dataclass
class Reference:
    """The exchange. The caller moves `second` on, and tells what the rest of the world does."""

    accounts: dict[str, Account]
    maker_share: Decimal
    second: int = 0
    orders: list[Resting] = field(default_factory=list)
    fills: list[tuple[int, Decimal, Decimal, bool]] = field(default_factory=list)
    world: dict[str, dict[Decimal, Decimal]] = field(default_factory=lambda: {"bid": {}, "ask": {}})
    world_since: int = 0
    is_paused: bool = False
    is_inactive: bool = False
    queued: int = 0

    # What callers do

    def place(self, account: str, **wish: Any) -> Resting:
        self._check_open()
        order = Resting(
            label=len(self.orders),
            account=account,
            side=wish["side"],
            price=wish["price"],
            left=wish["count"],
            stp=wish["stp"],
            post_only=wish["post_only"],
            halts=wish["halts"],
            expires=wish["expires"],
            place=self._last_place(),
        )
        self.orders.append(order)
        if wish["reduce_only"]:
            held = self.accounts[account].held
            order.left = min(order.left, max(held if order.side == "ask" else -held, Decimal(0)))
        is_capped = order.left < wish["count"]
        if order.post_only and self._ahead_of(order):
            self._end(order)
            raise Refused("invalid_order")
        if wish["tif"] == "fill_or_kill" and not self._can_fill(order):
            self._end(order)
            raise Refused("fill_or_kill_insufficient_resting_volume")
        self._enter(order)
        if is_capped or (order.status == "resting" and wish["tif"] != "good_till_canceled"):
            self._end(order)
        return order

    def amend(self, label: int, price: Decimal, total: Decimal) -> None:
        order = self._find(label)
        self._check_open()
        if total < order.filled:
            raise Refused("invalid_order_size")
        wanted = total - order.filled
        if price == order.price and wanted <= order.left:
            order.left = wanted
            if not wanted:
                self._end(order)
            return
        if not wanted:
            self._end(order)
            return
        before = order.price
        order.price = price
        if order.post_only and self._ahead_of(order):
            order.price = before
            raise Refused("invalid_order")
        order.left, order.place = wanted, self._last_place()
        self._enter(order)

    def decrease(self, label: int, by: Decimal) -> None:
        order = self._find(label)
        self._check_open()
        order.left = max(order.left - by, Decimal(0))
        if not order.left:
            self._end(order)

    def cancel(self, label: int) -> None:
        self._end(self._find(label))

    def cancel_all(self, account: str) -> None:
        for order in self._alive():
            if order.account == account:
                self._end(order)

    # What happens by itself

    def tick(self) -> None:
        self.second += 1
        for order in self._alive():
            if order.expires is not None and order.expires <= self.second:
                self._end(order)

    def quote(self, bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal]) -> None:
        self.world, self.world_since = {"bid": dict(bids), "ask": dict(asks)}, self.second
        self._meet_world()

    def trade(self, taker: str, price: Decimal, size: Decimal) -> None:
        if self.is_paused or self.is_inactive:
            return
        for order in self._in_line("bid" if taker == "ask" else "ask"):
            is_better = order.price > price if order.side == "bid" else order.price < price
            taken = min(order.left, size) if is_better else Decimal(0)
            if taken:
                self._fill(order, order.price, taken, is_taker=False)
                size -= taken

    def pause(self, *, on: bool) -> None:
        if on and not self.is_paused:
            for order in self._alive():
                if order.halts:
                    self._end(order)
        self.is_paused = on
        self._meet_world()

    def deactivate(self, *, on: bool) -> None:
        if self.is_inactive and not on:
            for order in self._alive():
                self._end(order)
        self.is_inactive = on
        self._meet_world()

    def settle(self, payout: Decimal) -> None:
        for account in self.accounts.values():
            pays = payout if account.held > 0 else 1 - payout
            due = abs(account.held) * pays
            account.cash += due.quantize(STEP, ROUND_FLOOR)
            account.held = Decimal(0)

    # How it matches

    def queue(self) -> list[int]:
        """Return the labels of resting orders, bids and asks, best first."""
        return [order.label for side in ("bid", "ask") for order in self._in_line(side)]

    def _enter(self, order: Resting) -> None:
        while order.left and order.status == "resting":
            ahead = self._ahead_of(order)
            if not ahead:
                break
            price, _, maker = ahead[0]
            if maker is not None and maker.account == order.account:
                self._end(order if order.stp == "taker_at_cross" else maker)
                continue
            available = self.world[_other(order.side)][price] if maker is None else maker.left
            taken = min(order.left, available)
            if maker is None:
                self.world[_other(order.side)][price] -= taken
            else:
                self._fill(maker, price, taken, is_taker=False)
            self._fill(order, price, taken, is_taker=True)

    def _can_fill(self, order: Resting) -> bool:
        """Tell whether an order is filled whole, or meets its own account and so need not be."""
        left = order.left
        for price, _, maker in self._ahead_of(order):
            if not left:
                break
            if maker is not None and maker.account == order.account:
                if order.stp == "taker_at_cross":
                    return True
                continue
            left -= min(left, self.world[_other(order.side)][price] if not maker else maker.left)
        return not left

    def _ahead_of(self, order: Resting) -> list[tuple[Decimal, tuple[int, int], Resting | None]]:
        """Return all that an order would meet, in the order it would."""
        side = _other(order.side)
        found: list[tuple[Decimal, tuple[int, int], Resting | None]] = [
            (price, (self.world_since, 0), None) for price, size in self.world[side].items() if size
        ]
        found += [(o.price, o.place, o) for o in self._alive() if o.side == side and o != order]
        sign = 1 if order.side == "bid" else -1
        reachable = [one for one in found if sign * one[0] <= sign * order.price]
        return sorted(reachable, key=lambda one: (sign * one[0], one[1]))

    def _meet_world(self) -> None:
        if self.is_paused or self.is_inactive:
            return
        for side in ("bid", "ask"):
            sign = 1 if side == "bid" else -1
            for order in self._in_line(side):
                for price in sorted(self.world[_other(side)], key=lambda p: sign * p):
                    taken = min(order.left, self.world[_other(side)][price])
                    if taken and sign * price <= sign * order.price:
                        self.world[_other(side)][price] -= taken
                        self._fill(order, order.price, taken, is_taker=False)

    def _in_line(self, side: str) -> list[Resting]:
        sign = -1 if side == "bid" else 1
        mine = [order for order in self._alive() if order.side == side]
        return sorted(mine, key=lambda order: (sign * order.price, order.place))

    def _fill(self, order: Resting, price: Decimal, size: Decimal, *, is_taker: bool) -> None:
        account = self.accounts[order.account]
        pays = price if order.side == "bid" else 1 - price
        held = -account.held if order.side == "bid" else account.held
        closing = min(max(held, Decimal(0)), size)
        revenue = closing * (1 - pays) - (size - closing) * pays
        account.cash += revenue - self._fee(order, price, size, revenue, is_taker)
        account.held += size if order.side == "bid" else -size
        order.left -= size
        order.filled += size
        self.fills.append((order.label, price, size, is_taker))
        if not order.left:
            order.status = "executed"

    def _fee(
        self, order: Resting, price: Decimal, size: Decimal, revenue: Decimal, is_taker: bool
    ) -> Decimal:
        rate = RATE if is_taker else RATE * self.maker_share
        fee = (rate * size * price * (1 - price)).quantize(MICRO, ROUND_CEILING)
        aligned = (revenue - fee).quantize(STEP, ROUND_FLOOR)
        rounding = revenue - fee - aligned
        order.carry += rounding
        back = min(order.carry, fee + rounding).quantize(STEP, ROUND_FLOOR)
        order.carry -= back
        return fee + rounding - back

    def _alive(self) -> list[Resting]:
        return [order for order in self.orders if order.status == "resting"]

    def _find(self, label: int) -> Resting:
        order = self.orders[label]
        if order.status != "resting":
            raise Refused("not_found")
        return order

    def _check_open(self) -> None:
        if self.is_paused:
            raise Refused("trading_is_paused")
        if self.is_inactive:
            raise Refused("MARKET_NOT_ACTIVE")

    def _last_place(self) -> tuple[int, int]:
        self.queued += 1
        return self.second, self.queued

    @staticmethod
    def _end(order: Resting) -> None:
        order.status, order.left = "canceled", Decimal(0)


def _other(side: str) -> str:
    return "ask" if side == "bid" else "bid"
