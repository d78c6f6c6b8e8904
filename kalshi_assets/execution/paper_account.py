"""The paper account: cash and positions follow from its fills and settlements. Pure, exact.

A position is net, as at the exchange: + YES, - NO. Buying NO against YES one holds closes a pair,
which pays $1 at once. Opened contracts cost the price of the side bought: all that can be lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from kalshi_assets.domain.account import Fill, Position, Settlement, Side
from kalshi_assets.domain.fees import Charge, charge, rate_of, taker_fee, trade_fee
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.storage.paper import PaperOrder

PAIR_MICROS = MICROS_PER_DOLLAR // CENTICONTRACTS  # what 0.01 pair pays


@dataclass(frozen=True)
class Holding:
    """What the fills in one market left.

    Attributes:
        position: + YES, - NO, centicontracts.
        cost_micros: what the open contracts cost, without fees.
        realized_micros: gained or lost by closing, without fees.
        fees_micros: paid so far.
        cash_micros: what the fills brought to the cash, fees included; mostly negative.
    """

    position: int = 0
    cost_micros: int = 0
    realized_micros: int = 0
    fees_micros: int = 0
    cash_micros: int = 0

    def closable(self, side: Side) -> int:
        """Return how many held contracts buying this side would close."""
        return max(-self.position if side == "yes" else self.position, 0)

    def after(self, fill: Fill) -> "Holding":
        """Return the holding once a fill is booked; closing releases the average cost."""
        price = fill.price_bought
        closing = min(fill.count, self.closable(fill.side))
        released = self.cost_micros * closing // abs(self.position) if closing else 0
        closed_at = cost_micros(closing, price)
        opened = cost_micros(fill.count, price) - closed_at
        return Holding(
            position=self.position + (fill.count if fill.side == "yes" else -fill.count),
            cost_micros=self.cost_micros - released + opened,
            realized_micros=self.realized_micros + closing * PAIR_MICROS - closed_at - released,
            fees_micros=self.fees_micros + fill.fee_micros,
            cash_micros=self.cash_micros
            + revenue_micros(self, fill.side, fill.count, price=price)
            - fill.fee_micros,
        )


@dataclass(frozen=True)
class Account:
    """Cash, and every market's holding that is not settled."""

    cash_micros: int
    holdings: Mapping[str, Holding]

    def holding(self, market_ticker: str) -> Holding:
        """Return what is held in a market."""
        return self.holdings.get(market_ticker, Holding())

    def positions(self) -> list[Position]:
        """Return the open positions, by ticker."""
        return [
            Position(ticker, h.position, h.cost_micros, h.realized_micros, h.fees_micros)
            for ticker, h in sorted(self.holdings.items())
            if h.position
        ]


def account_of(
    starting_cash: int, fills: Iterable[Fill], settlements: Iterable[Settlement]
) -> Account:
    """Return the account after these fills, in the order they were booked, and settlements."""
    holdings: dict[str, Holding] = {}
    for fill in fills:
        held = holdings.get(fill.market_ticker, Holding())
        holdings[fill.market_ticker] = held.after(fill)
    cash = starting_cash + sum(held.cash_micros for held in holdings.values())
    for settlement in settlements:
        cash += settlement.revenue_micros - settlement.fee_micros
        holdings.pop(settlement.market_ticker, None)
    return Account(cash, holdings)


def cost_micros(count: int, price: int) -> int:
    """Return the price of `count` centicontracts; exact on every grid, else rounded up."""
    return -(-count * price // CENTICONTRACTS)


def revenue_micros(held: Holding, side: Side, count: int, *, price: int) -> int:
    """Return what buying brings to the cash before fees: pairs closed less the price paid."""
    return min(count, held.closable(side)) * PAIR_MICROS - cost_micros(count, price)


def fill_charge(order: PaperOrder, held: Holding, count: int, *, price: int, taker: bool) -> Charge:
    """Return what one fill of an order pays in fees, and what the order has lost to rounding."""
    rate = rate_of(order.fee_type, multiplier=order.fee_multiplier, is_taker=taker)
    return charge(
        trade_fee(count, price, rate=rate),
        revenue_micros=revenue_micros(held, order.side, count, price=price),
        rounding_micros=order.rounding_micros,
    )


def reserved_micros(resting: Sequence[PaperOrder], account: Account) -> int:
    """Return what resting orders may take from the cash, at their limits and with taker fees.

    The cheapest contracts of a market's side close what is held there; closing costs no cash but
    fees above its proceeds. How the exchange counts this is not documented; this is the upper end.
    """
    total = 0
    ordered = sorted(resting, key=lambda o: (o.market_ticker, o.side, o.limit_price))
    for (ticker, side), orders in groupby(ordered, key=lambda o: (o.market_ticker, o.side)):
        closable = account.holding(ticker).closable(side)
        for order in orders:
            closing = min(closable, order.remaining_count)
            closable -= closing
            total += _reserve(order, closing)
    return total


def _reserve(order: PaperOrder, closing: int) -> int:
    price, multiplier = order.limit_price, order.fee_multiplier
    opening = order.remaining_count - closing
    opened = cost_micros(opening, price) + taker_fee(opening, price, multiplier=multiplier)
    proceeds = closing * PAIR_MICROS - cost_micros(closing, price)
    closed = taker_fee(closing, price, multiplier=multiplier) - proceeds
    return opened + max(closed, 0)
