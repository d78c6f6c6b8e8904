"""The account as the venue states it: balance, positions, orders and fills. Money is micros."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["yes", "no"]


@dataclass(frozen=True)
class Balance:
    """Cash, and the venue's own time of that statement."""

    cash_micros: int
    as_of: datetime


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


@dataclass(frozen=True)
class OrderRequest:
    """A limit order to buy one side of a market, as we mean it.

    Attributes:
        side: the side bought.
        limit_price: the most that is paid for one contract of that side, micros.
        count: contracts wanted, centicontracts.
        expires_at: when the venue takes a resting rest off by itself.
    """

    client_order_id: str
    market_ticker: str
    side: Side
    limit_price: int
    count: int
    expires_at: datetime


@dataclass(frozen=True)
class OrderAck:
    """The venue's answer to an accepted order."""

    order_id: str
    fill_count: int
    remaining_count: int


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
