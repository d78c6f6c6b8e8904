"""The frames the exchange sends, as msgspec structs tagged by `type`. Knows nothing of order."""

from msgspec import UNSET, Struct, UnsetType

from kalshi_assets.kalshi.stream.messages import (
    DeltaMsg,
    ErrorMsg,
    FillMsg,
    LifecycleMsg,
    ListedMsg,
    PositionMsg,
    SnapshotMsg,
    TickerMsg,
    TickersMsg,
    TradeMsg,
    UserOrderMsg,
)


class Frame(Struct, tag_field="type", gc=False):
    """Base of all frames."""


class OrderbookDelta(Frame, tag="orderbook_delta", gc=False):
    """A change of a book."""

    sid: int
    seq: int
    msg: DeltaMsg


class OrderbookSnapshot(Frame, tag="orderbook_snapshot"):
    """A whole book: the first of a market, or an answer to `get_snapshot`."""

    sid: int
    seq: int
    msg: SnapshotMsg


class Ticker(Frame, tag="ticker", gc=False):
    """A market's summary; carries no sequence number."""

    sid: int
    msg: TickerMsg


class Trade(Frame, tag="trade", gc=False):
    """A public trade."""

    sid: int
    seq: int
    msg: TradeMsg


class Fill(Frame, tag="fill", gc=False):
    """A fill of ours; carries no sequence number."""

    sid: int
    msg: FillMsg


class UserOrder(Frame, tag="user_order", gc=False):
    """An order of ours; carries no sequence number."""

    sid: int
    msg: UserOrderMsg


class MarketPosition(Frame, tag="market_position", gc=False):
    """A position of ours; carries no sequence number."""

    sid: int
    msg: PositionMsg


class MarketLifecycle(Frame, tag="market_lifecycle_v2"):
    """News of a market."""

    sid: int
    seq: int
    msg: LifecycleMsg


class EventLifecycle(Frame, tag="event_lifecycle", gc=False):
    """A new event, on the markets' lifecycle channel: only its sequence number is used."""

    sid: int
    seq: int


class EventFeeUpdate(Frame, tag="event_fee_update", gc=False):
    """An event's fee override, on the same channel: only its sequence number is used."""

    sid: int
    seq: int


class Subscribed(Frame, tag="subscribed", gc=False):
    """The answer to `subscribe`, one for each channel."""

    msg: ListedMsg


class Unsubscribed(Frame, tag="unsubscribed", gc=False):
    """A subscription has ended."""

    sid: int


class Ok(Frame, tag="ok"):
    """The answer to an update (then with sid and seq) or to `list_subscriptions`."""

    id: int | UnsetType = UNSET
    sid: int | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    msg: TickersMsg | list[ListedMsg] | UnsetType = UNSET


class Error(Frame, tag="error", gc=False):
    """A command failed, or a subscription ended."""

    msg: ErrorMsg
    id: int | UnsetType = UNSET
    sid: int | UnsetType = UNSET
    seq: int | UnsetType = UNSET


News = Ticker | Trade | Fill | UserOrder | MarketPosition | MarketLifecycle
AnyFrame = (
    OrderbookDelta
    | OrderbookSnapshot
    | Ticker
    | Trade
    | Fill
    | UserOrder
    | MarketPosition
    | MarketLifecycle
    | EventLifecycle
    | EventFeeUpdate
    | Subscribed
    | Unsubscribed
    | Ok
    | Error
)
