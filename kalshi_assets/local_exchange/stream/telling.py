"""Which subscription a happening is for, and the message it makes there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kalshi_assets.local_exchange.bulletin import Filled, PositionChanged, Traded
from kalshi_assets.local_exchange.stream.commands import Channel
from kalshi_assets.local_exchange.stream.happenings import (
    Body,
    BookTold,
    EventAppeared,
    Happening,
    LevelMoved,
    LifeMoved,
    OrderMoved,
    TickerMoved,
)
from kalshi_assets.local_exchange.stream.messages import (
    delta_body,
    fill_body,
    order_body,
    position_body,
    snapshot_body,
    trade_body,
)
from kalshi_assets.local_exchange.stream.subscription import Subscription

CHANNELS: Mapping[type[Happening], Channel] = {
    LevelMoved: "orderbook_delta",
    BookTold: "orderbook_delta",
    TickerMoved: "ticker",
    Traded: "trade",
    Filled: "fill",
    OrderMoved: "user_orders",
    PositionChanged: "market_positions",
    LifeMoved: "market_lifecycle_v2",
    EventAppeared: "market_lifecycle_v2",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who subscribes.

    Attributes:
        account: others' fills, orders and positions are not for it.
        user_id: the id the venue knows the account's owner by.
        shard_of: tells the shard (`exchange_index`) of a market.
    """

    account: str
    user_id: str
    shard_of: Callable[[str], int]


def message_for(
    happening: Happening, subscription: Subscription, reader: Reader
) -> tuple[str, Body] | None:
    """Return type and body of the message, None where it is not for this reader.

    Args:
        happening: what happened.
        subscription: one of the happening's channel.
        reader: whose subscription it is.
    """
    ticker, owner = _about(happening)
    if not subscription.wants(ticker) or owner not in (None, reader.account):
        return None
    match happening:
        case LevelMoved() | BookTold():
            return _of_book(happening, reader, use_yes_price=subscription.use_yes_price)
        case TickerMoved(fields=fields):
            return "ticker", fields
        case Traded(trade=trade):
            return "trade", trade_body(trade)
        case Filled():
            return "fill", fill_body(happening, shard=reader.shard_of(ticker))
        case OrderMoved():
            shard = reader.shard_of(ticker)
            return "user_order", order_body(happening, reader.user_id, shard=shard)
        case PositionChanged(position=position):
            return "market_position", position_body(position, reader.user_id)
        case LifeMoved(fields=fields):
            return "market_lifecycle_v2", fields
        case EventAppeared(fields=fields):
            return "event_lifecycle", fields


def _of_book(
    happening: LevelMoved | BookTold, reader: Reader, *, use_yes_price: bool
) -> tuple[str, Body]:
    if isinstance(happening, LevelMoved):
        body = delta_body(happening, reader.account, use_yes_price=use_yes_price)
        return "orderbook_delta", body
    body = snapshot_body(happening.ticker, happening.levels, use_yes_price=use_yes_price)
    return "orderbook_snapshot", body


def _about(happening: Happening) -> tuple[str, str | None]:
    """Return the market it happened in, and whose business it is: None for everybody's."""
    match happening:
        case Filled(ticker=ticker, account=account):
            return ticker, account
        case OrderMoved(order=order):
            return order.ticker, order.account
        case PositionChanged(position=position):
            return position.ticker, position.account
        case Traded(trade=trade):
            return trade.ticker, None
        case LifeMoved() | EventAppeared():
            return "", None
        case LevelMoved(ticker=ticker) | BookTold(ticker=ticker) | TickerMoved(ticker=ticker):
            return ticker, None
