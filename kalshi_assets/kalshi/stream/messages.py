"""What is inside the exchange's frames, as msgspec structs; field names are its own.

A field we use is required and strict; one we do not use passes. What the API document names and we
do not use stands in `documented`.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kalshi_assets.domain.account import Side

# From 2018 to 2100: a time coded as 0, or as seconds, is none.
Milliseconds = Annotated[int, Meta(ge=1_514_764_800_000, lt=4_102_444_800_000)]
Seconds = Annotated[int, Meta(ge=1_514_764_800, lt=4_102_444_800)]
Levels = list[tuple[str, str]]


class DeltaMsg(Struct, gc=False):
    """One price level's change."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: Side
    ts_ms: Milliseconds | UnsetType = UNSET


class SnapshotMsg(Struct):
    """A whole book. The key of an empty side is absent."""

    market_ticker: str
    yes_dollars_fp: Levels | UnsetType = UNSET
    no_dollars_fp: Levels | UnsetType = UNSET


class TickerMsg(Struct, gc=False):
    """A market's summary."""

    market_ticker: str
    price_dollars: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    yes_bid_size_fp: str
    yes_ask_size_fp: str
    volume_fp: str
    open_interest_fp: str
    ts_ms: Milliseconds


class TradeMsg(Struct, gc=False):
    """A public trade. Recordings of August 2026 do not say whether it was a block trade."""

    trade_id: str
    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    taker_outcome_side: Side
    ts_ms: Milliseconds
    is_block_trade: bool | UnsetType = UNSET


class FillMsg(Struct, gc=False):
    """A fill of an order of ours."""

    trade_id: str
    order_id: str
    market_ticker: str
    is_taker: bool
    outcome_side: Side
    yes_price_dollars: str
    count_fp: str
    fee_cost: str
    post_position_fp: str
    ts_ms: Milliseconds
    client_order_id: str | UnsetType = UNSET


class UserOrderMsg(Struct, gc=False):
    """An order of ours as it is now."""

    order_id: str
    client_order_id: str
    ticker: str
    status: Literal["resting", "canceled", "executed", "unknown"]
    outcome_side: Side
    yes_price_dollars: str
    initial_count_fp: str
    fill_count_fp: str
    remaining_count_fp: str
    taker_fees_dollars: str
    maker_fees_dollars: str
    last_updated_ts_ms: Milliseconds | UnsetType | None = UNSET
    last_update_reason: str | UnsetType = UNSET


class PositionMsg(Struct, gc=False):
    """What we hold in a market now."""

    market_ticker: str
    position_fp: str
    position_cost_dollars: str
    realized_pnl_dollars: str
    fees_paid_dollars: str
    subaccount: int | UnsetType = UNSET


class PriceRangeMsg(Struct, gc=False):
    """A band of a market's price grid."""

    start: str
    end: str
    step: str


class LifecycleMsg(Struct):
    """What happened to a market; which fields are there depends on the event."""

    event_type: str
    market_ticker: str
    open_ts: Seconds | UnsetType = UNSET
    close_ts: Seconds | UnsetType = UNSET
    result: str | UnsetType = UNSET
    settlement_value: str | UnsetType = UNSET
    is_deactivated: bool | UnsetType = UNSET
    price_ranges: list[PriceRangeMsg] | UnsetType = UNSET


class ListedMsg(Struct, gc=False):
    """A channel and its subscription id."""

    channel: str
    sid: int


class TickersMsg(Struct):
    """All markets of a subscription after an update."""

    market_tickers: list[str] | UnsetType = UNSET


class ErrorMsg(Struct, gc=False):
    """Why a command or a subscription failed."""

    code: int
    msg: str
