"""What subscribers are told of, beyond the bulletin's own events. Values only."""

from dataclasses import dataclass
from typing import Any

from kalshi_assets.local_exchange.bulletin import Filled, PositionChanged, Traded
from kalshi_assets.local_exchange.orders import Order
from kalshi_assets.local_exchange.tape import Side

Body = dict[str, Any]
"""A message's `msg`: field names of the exchange, and JSON values."""

Levels = dict[tuple[Side, int], int]
"""A displayed book: contracts by side and YES price; no level is empty."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The order that moved a level, and whose it is."""

    account: str
    client_order_id: str


@dataclass(frozen=True, slots=True)
class LevelMoved:
    """A level of a displayed book grew or shrank.

    Attributes:
        price: the YES price, on both sides.
        delta: contracts more (or, below zero, fewer), in 0.01.
        cause: None where no account's own order did it.
    """

    ticker: str
    side: Side
    price: int
    delta: int
    ms: int
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class BookTold:
    """A displayed book as a whole, in the place of whatever was told of it before."""

    ticker: str
    levels: Levels


@dataclass(frozen=True, slots=True)
class TickerMoved:
    """A market's prices or counters changed; `fields` is the whole message."""

    ticker: str
    fields: Body


@dataclass(frozen=True, slots=True)
class OrderMoved:
    """An order as it stands."""

    order: Order


@dataclass(frozen=True, slots=True)
class LifeMoved:
    """A market went on in its life."""

    fields: Body


@dataclass(frozen=True, slots=True)
class EventAppeared:
    """An event was listed with its first market."""

    fields: Body


Happening = (
    LevelMoved
    | BookTold
    | TickerMoved
    | Traded
    | Filled
    | OrderMoved
    | PositionChanged
    | LifeMoved
    | EventAppeared
)


@dataclass(frozen=True, slots=True)
class Dated:
    """A happening and the venue's moment of it."""

    ms: int
    happening: Happening
