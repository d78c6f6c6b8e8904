"""Frames of everything but books into values of `domain/stream.py`, prices scaled to integers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from kalshi_assets.domain.price import PriceGrid, PriceRange
from kalshi_assets.domain.stream import (
    FillNotice,
    LifecycleNotice,
    OrderNotice,
    PositionNotice,
    StreamEvent,
    TickerUpdate,
    TradePrint,
)
from kalshi_assets.kalshi.schemas import as_count, as_price
from kalshi_assets.kalshi.stream.frames import (
    Fill,
    MarketLifecycle,
    MarketPosition,
    News,
    Ticker,
    Trade,
    UserOrder,
)
from kalshi_assets.kalshi.stream.messages import (
    FillMsg,
    LifecycleMsg,
    PositionMsg,
    TickerMsg,
    TradeMsg,
    UserOrderMsg,
)
from kalshi_assets.kalshi.stream.numbers import Remembered, instant, money, signed_count

T = TypeVar("T")
# Clocks differ by seconds; what is dated further ahead of its receipt has no true date.
FURTHEST_AHEAD = timedelta(hours=1)


class NewsReader:
    """Reads frames; remembers the numbers behind their strings."""

    def __init__(self) -> None:
        self._price = Remembered(as_price).__getitem__
        self._count = Remembered(as_count).__getitem__
        self._signed = Remembered(signed_count).__getitem__
        self._money = Remembered(money).__getitem__
        # The reader of each kind takes the message of that kind: more than a dict's type can say.
        self._readers: dict[type[News], Callable[[Any, datetime], StreamEvent]] = {
            Ticker: self._ticker,
            Trade: self._trade,
            Fill: self._fill,
            UserOrder: self._order,
            MarketPosition: self._position,
            MarketLifecycle: self._lifecycle,
        }

    def event_of(self, frame: News, received_at: datetime) -> StreamEvent:
        """Return the value a frame stands for.

        Raises:
            ValueError: a price or count is no decimal string of the exchange's, or out of range, or
                a quote or trade is dated far ahead.
        """
        return self._readers[type(frame)](frame.msg, received_at)

    def _ticker(self, msg: TickerMsg, received_at: datetime) -> TickerUpdate:
        return TickerUpdate(
            market_ticker=msg.market_ticker,
            last_price=self._price(msg.price_dollars),
            yes_bid=self._price(msg.yes_bid_dollars),
            yes_bid_size=self._count(msg.yes_bid_size_fp),
            yes_ask=self._price(msg.yes_ask_dollars),
            yes_ask_size=self._count(msg.yes_ask_size_fp),
            volume=self._count(msg.volume_fp),
            open_interest=self._count(msg.open_interest_fp),
            quoted_at=_past(msg.ts_ms, received_at),
            received_at=received_at,
        )

    def _trade(self, msg: TradeMsg, received_at: datetime) -> TradePrint:
        return TradePrint(
            trade_id=msg.trade_id,
            market_ticker=msg.market_ticker,
            yes_price=self._price(msg.yes_price_dollars),
            count=self._count(msg.count_fp),
            taker_side=msg.taker_outcome_side,
            is_block_trade=_given(msg.is_block_trade),
            traded_at=_past(msg.ts_ms, received_at),
            received_at=received_at,
        )

    def _fill(self, msg: FillMsg, received_at: datetime) -> FillNotice:
        return FillNotice(
            fill_id=msg.trade_id,
            order_id=msg.order_id,
            client_order_id=_given(msg.client_order_id),
            market_ticker=msg.market_ticker,
            side=msg.outcome_side,
            count=self._count(msg.count_fp),
            yes_price=self._price(msg.yes_price_dollars),
            fee_micros=self._money(msg.fee_cost),
            is_taker=msg.is_taker,
            position_after=self._signed(msg.post_position_fp),
            filled_at=instant(msg.ts_ms),
            received_at=received_at,
        )

    def _order(self, msg: UserOrderMsg, received_at: datetime) -> OrderNotice:
        updated_ms = _given(msg.last_updated_ts_ms)
        return OrderNotice(
            order_id=msg.order_id,
            client_order_id=msg.client_order_id,
            market_ticker=msg.ticker,
            side=msg.outcome_side,
            status=msg.status,
            yes_price=self._price(msg.yes_price_dollars),
            initial_count=self._count(msg.initial_count_fp),
            fill_count=self._count(msg.fill_count_fp),
            remaining_count=self._count(msg.remaining_count_fp),
            fees_micros=self._money(msg.taker_fees_dollars) + self._money(msg.maker_fees_dollars),
            reason=_given(msg.last_update_reason),
            updated_at=None if updated_ms is None else instant(updated_ms),
            received_at=received_at,
        )

    def _position(self, msg: PositionMsg, received_at: datetime) -> PositionNotice:
        return PositionNotice(
            market_ticker=msg.market_ticker,
            subaccount=_given(msg.subaccount) or 0,
            position=self._signed(msg.position_fp),
            cost_micros=self._money(msg.position_cost_dollars),
            realized_pnl_micros=self._money(msg.realized_pnl_dollars),
            fees_paid_micros=self._money(msg.fees_paid_dollars),
            received_at=received_at,
        )

    def _lifecycle(self, msg: LifecycleMsg, received_at: datetime) -> LifecycleNotice:
        value, ranges = _given(msg.settlement_value), _given(msg.price_ranges)
        bands = [PriceRange(*map(self._price, (r.start, r.end, r.step))) for r in ranges or ()]
        if any(band.step == 0 for band in bands):
            raise ValueError("a price range steps by 0")
        return LifecycleNotice(
            market_ticker=msg.market_ticker,
            event=msg.event_type,
            open_at=_moment(msg.open_ts),
            close_at=_moment(msg.close_ts),
            result=_given(msg.result),
            settlement_value=None if value is None else self._price(value),
            is_deactivated=_given(msg.is_deactivated),
            grid=None if ranges is None else PriceGrid(tuple(bands)),
            received_at=received_at,
        )


def ticker_of(frame: News) -> str:
    """Return the market a frame is about."""
    msg = frame.msg
    return msg.ticker if isinstance(msg, UserOrderMsg) else msg.market_ticker


def _given(value: T | UnsetType) -> T | None:
    return None if value is UNSET else value


def _moment(seconds: int | UnsetType) -> datetime | None:
    given = _given(seconds)
    return None if given is None else instant(given * 1000)


def _past(ms: int, received_at: datetime) -> datetime:
    """Return the moment of something that has happened."""
    at = instant(ms)
    if at - received_at > FURTHEST_AHEAD:
        raise ValueError(f"ts_ms {ms} is {at}, {at - received_at} after it was received")
    return at
