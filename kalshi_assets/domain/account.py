"""The account as the venue states it: balance, positions, orders and fills. Money is micros."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kalshi_assets.domain.market import Side as Side
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR

# The lists an account's past stands in, and where the exchange keeps each part of it.
ListKind = Literal["orders", "fills", "settlements"]
Tier = Literal["live", "historical"]
TimeInForce = Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]


@dataclass(frozen=True)
class ShardBalance:
    """Cash on one shard of the exchange: collateral counts on the shard it lies on."""

    exchange_index: int
    cash_micros: int


@dataclass(frozen=True)
class Balance:
    """Cash over all shards, and the venue's own time of that statement.

    Attributes:
        portfolio_value_micros: what the venue holds the positions to be worth, cut to whole cents;
            None where it does not say.
        shards: the cash shard by shard; empty where the venue does not say.
    """

    cash_micros: int
    as_of: datetime
    portfolio_value_micros: int | None = None
    shards: tuple[ShardBalance, ...] = ()


@dataclass(frozen=True)
class Position:
    """Contracts held in a market: positive YES, negative NO (centicontracts)."""

    market_ticker: str
    position: int
    exposure_micros: int
    realized_pnl_micros: int
    fees_paid_micros: int


@dataclass(frozen=True)
class VenueOrder:
    """An order as the venue lists it. Prices are those of the YES leg, in micros."""

    order_id: str
    client_order_id: str
    market_ticker: str
    side: Side
    status: str
    yes_price: int
    initial_count: int
    fill_count: int
    remaining_count: int
    fees_micros: int
    created_at: datetime
    expires_at: datetime | None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Fill:
    """One fill of one order. `yes_price` is in micros, `count` in centicontracts."""

    fill_id: str
    order_id: str
    market_ticker: str
    side: Side
    count: int
    yes_price: int
    fee_micros: int
    is_taker: bool
    filled_at: datetime

    @property
    def price_bought(self) -> int:
        """Return what one contract of the side bought cost, micros."""
        return self.yes_price if self.side == "yes" else MICROS_PER_DOLLAR - self.yes_price


@dataclass(frozen=True)
class OrderRequest:
    """A limit order to buy one side of a market, as we mean it.

    Attributes:
        side: the side bought.
        limit_price: the most that is paid for one contract of that side, micros.
        count: contracts wanted, centicontracts.
        expires_at: when the venue takes a resting rest off by itself; of no matter to an order that
            never rests.
        time_in_force: whether a rest may rest; the other two kinds never do.
        is_post_only: refused where it would take from the book.
        is_reduce_only: cut to what closes the position; for `immediate_or_cancel` only.
        is_canceled_on_pause: taken off the book when trading pauses.
    """

    client_order_id: str
    market_ticker: str
    side: Side
    limit_price: int
    count: int
    expires_at: datetime
    time_in_force: TimeInForce = "good_till_canceled"
    is_post_only: bool = False
    is_reduce_only: bool = False
    is_canceled_on_pause: bool = False


@dataclass(frozen=True)
class OrderAck:
    """The venue's answer to an accepted order.

    Attributes:
        acknowledged_at: when the venue processed it, by the venue's clock.
    """

    order_id: str
    fill_count: int
    remaining_count: int
    acknowledged_at: datetime


@dataclass(frozen=True)
class OrderAmendment:
    """A resting order as it shall go on; a new price or a larger count costs its queue place.

    Attributes:
        side: the side bought, as it was.
        limit_price: the most that is paid for one contract of that side from now on, micros.
        fill_count: contracts filled so far, centicontracts.
        remaining_count: contracts that shall rest after this, centicontracts.
        expiry: a new expiry, `keep` the present one, or `never`.
        client_order_id: the present one; None leaves it out.
        new_client_order_id: the one it shall have from now on; None keeps it.
    """

    order_id: str
    market_ticker: str
    side: Side
    limit_price: int
    fill_count: int
    remaining_count: int
    expiry: datetime | Literal["keep", "never"] = "keep"
    client_order_id: str | None = None
    new_client_order_id: str | None = None

    @property
    def count(self) -> int:
        """Return the contracts the order stands for in all, filled ones included."""
        return self.fill_count + self.remaining_count


@dataclass(frozen=True)
class AmendAck:
    """The venue's answer to an amended order; a count is None where nothing of it changed.

    Attributes:
        fill_count: contracts filled because the new price met the book, centicontracts.
        remaining_count: contracts that rest now, centicontracts.
        acknowledged_at: when the venue processed it, by the venue's clock.
    """

    order_id: str
    fill_count: int | None
    remaining_count: int | None
    acknowledged_at: datetime


@dataclass(frozen=True)
class DecreaseAck:
    """The venue's answer to a decreased order.

    Attributes:
        remaining_count: contracts that still rest, centicontracts.
        acknowledged_at: when the venue processed it, by the venue's clock.
    """

    order_id: str
    remaining_count: int
    acknowledged_at: datetime


@dataclass(frozen=True)
class CancelAck:
    """The venue's answer to a cancelled order.

    Attributes:
        reduced_by: contracts that the cancel took off the book, centicontracts.
        acknowledged_at: when the venue processed it, by the venue's clock.
    """

    order_id: str
    reduced_by: int
    acknowledged_at: datetime


@dataclass(frozen=True)
class Settlement:
    """A market paid out: contracts held of each side, revenue and fees."""

    market_ticker: str
    settled_at: datetime
    result: str
    yes_count: int
    no_count: int
    revenue_micros: int
    fee_micros: int

    @property
    def payout_micros(self) -> int:
        """Return what it paid, exactly where the result is yes or no.

        Its fees are those of the fills, which were paid with them.
        """
        winners = {"yes": self.yes_count, "no": self.no_count}
        if self.result in winners:
            return winners[self.result] * MICROS_PER_DOLLAR // CENTICONTRACTS
        return self.revenue_micros
