"""What an account can still afford, shard by shard: cash less what its resting orders may cost."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from kalshi_assets.local_exchange.fees import reserve_fee_micros
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.shards import Shards
from kalshi_assets.local_exchange.tape import Side, Tape
from kalshi_assets.local_exchange.tariff import standing_terms
from kalshi_assets.local_exchange.units import BALANCE_STEP_MICROS, dollars_to_micros


def starting_cash_micros(
    cash: Decimal, by_shard: Mapping[int, Decimal] | None, *, shards: Sequence[int]
) -> dict[int, int]:
    """Return a new account's cash by shard.

    Args:
        cash: dollars in all; equal parts go to the shards, what is odd to the first.
        by_shard: dollars on each shard instead; None to share `cash` out.
        shards: those that have markets.
    """
    if by_shard is not None:
        return {shard: dollars_to_micros(dollars) for shard, dollars in by_shard.items()}
    total = dollars_to_micros(cash)
    part = total // len(shards) // BALANCE_STEP_MICROS * BALANCE_STEP_MICROS
    split = dict.fromkeys(shards, part)
    split[shards[0]] += total - part * len(shards)
    return split


class Funds:
    """Reckons with the true state, at the worst that resting orders can come to."""

    def __init__(self, tape: Tape, *, ledger: Ledger, orders: Orders, shards: Shards) -> None:
        self._tape = tape
        self._ledger = ledger
        self._orders = orders
        self._shards = shards

    def reserved_micros(self, account: str, shard: int | None = None) -> int:
        """Return what the account's resting orders may cost at worst, on one shard or all."""
        return self._reserve(
            [
                order
                for order in self._orders.resting_of(account)
                if shard is None or self._shards.of(order.ticker) == shard
            ]
        )

    def is_enough_for(self, order: Order, count: int) -> bool:
        """Tell whether the account can pay for an order at its limit, fees aside.

        What is held closes for free, but resting orders of the same side have the first claim on
        it. The order itself, if it rests already, is not reckoned with twice.
        """
        shard = self._shards.of(order.ticker)
        others = [
            other
            for other in self._orders.resting_of(order.account)
            if other.order_id != order.order_id and self._shards.of(other.ticker) == shard
        ]
        claimed = sum(
            other.remaining_count
            for other in others
            if (other.ticker, other.side) == (order.ticker, order.side)
        )
        held = self._ledger.position(order.account, order.ticker).closable(order.side)
        closing = min(max(held - claimed, 0), count)
        free = self._ledger.cash_micros(order.account, shard) - self._reserve(others)
        return (count - closing) * order.outcome_price <= free

    def are_sound(self, account: str, ticker: str) -> bool:
        """Tell whether the cash on a market's shard covers what rests there, fees counted."""
        shard = self._shards.of(ticker)
        return self._ledger.cash_micros(account, shard) >= self.reserved_micros(account, shard)

    def _reserve(self, orders: list[Order]) -> int:
        sides: dict[tuple[str, Side], list[Order]] = defaultdict(list)
        for order in orders:
            sides[order.ticker, order.side].append(order)
        return sum(self._reserve_side(same_side) for same_side in sides.values())

    def _reserve_side(self, orders: list[Order]) -> int:
        """Reserve for one side of one market, the cheapest contracts closing first."""
        account, ticker, side = orders[0].account, orders[0].ticker, orders[0].side
        terms = standing_terms(self._tape, ticker)
        held = self._ledger.position(account, ticker).closable(side)
        total = 0
        for order in sorted(orders, key=lambda o: o.outcome_price):
            closing = min(held, order.remaining_count)
            held -= closing
            count = order.remaining_count - closing
            total += count * order.outcome_price
            total += reserve_fee_micros(terms, order.price, count, is_taker=False)
        return total
