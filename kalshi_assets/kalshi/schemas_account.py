"""Payloads of the account: balance, positions, orders, fills, settlements.

Field names are the exchange's own; each schema turns itself into a value of `domain/`. The
direction of an order or fill is `outcome_side`; the older `side` and `action` are not read.
"""

from typing import Literal

from pydantic import Field, model_validator

from kalshi_assets.domain.account import (
    Balance,
    Fill,
    Position,
    Settlement,
    ShardBalance,
    Side,
    VenueOrder,
)
from kalshi_assets.kalshi.schemas import (
    BookSide,
    Cents,
    Count,
    EpochSeconds,
    Identifier,
    Instant,
    Money,
    Payload,
    Price,
    SignedCount,
    Text,
    require_one_way,
)


class ShardBalancePayload(Payload):
    """The cash on one shard."""

    exchange_index: int
    balance: Money


class BalancePayload(Payload):
    """Answer of `GET /portfolio/balance`; `updated_ts` is the moment of the statement.

    A key restricted to a subaccount gets no breakdown.
    """

    balance_dollars: Money
    portfolio_value: Cents
    updated_ts: EpochSeconds
    balance_breakdown: list[ShardBalancePayload] = Field(default_factory=list)

    def to_domain(self) -> Balance:
        """Return the cash over all shards, and on each."""
        return Balance(
            self.balance_dollars,
            self.updated_ts,
            portfolio_value_micros=self.portfolio_value,
            shards=tuple(ShardBalance(s.exchange_index, s.balance) for s in self.balance_breakdown),
        )


class PositionPayload(Payload):
    """A position in one market."""

    ticker: Identifier
    position_fp: SignedCount
    market_exposure_dollars: Money
    realized_pnl_dollars: Money
    fees_paid_dollars: Money

    def to_domain(self) -> Position:
        """Return the position, positive YES and negative NO."""
        return Position(
            market_ticker=self.ticker,
            position=self.position_fp,
            exposure_micros=self.market_exposure_dollars,
            realized_pnl_micros=self.realized_pnl_dollars,
            fees_paid_micros=self.fees_paid_dollars,
        )


class DirectedPayload(Payload):
    """What orders and fills share: a direction, told twice, that must not contradict itself."""

    outcome_side: Side
    book_side: BookSide

    @model_validator(mode="after")
    def _points_one_way(self) -> "DirectedPayload":
        require_one_way(self.outcome_side, self.book_side)
        return self


class OrderPayload(DirectedPayload):
    """An order in the list. Orders placed by hand have an empty client order id."""

    order_id: Identifier
    client_order_id: Text
    ticker: Identifier
    status: Literal["resting", "canceled", "executed"]
    yes_price_dollars: Price
    initial_count_fp: Count
    fill_count_fp: Count
    remaining_count_fp: Count
    taker_fees_dollars: Money
    maker_fees_dollars: Money
    created_time: Instant
    expiration_time: Instant | None = None
    last_update_time: Instant | None = None

    def to_domain(self) -> VenueOrder:
        """Return the order; its price is that of the YES leg."""
        return VenueOrder(
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            market_ticker=self.ticker,
            side=self.outcome_side,
            status=self.status,
            yes_price=self.yes_price_dollars,
            initial_count=self.initial_count_fp,
            fill_count=self.fill_count_fp,
            remaining_count=self.remaining_count_fp,
            fees_micros=self.taker_fees_dollars + self.maker_fees_dollars,
            created_at=self.created_time,
            expires_at=self.expiration_time,
            updated_at=self.last_update_time,
        )


class FillPayload(DirectedPayload):
    """A fill. `created_time` and `ts` are both optional in the API document: one must be there."""

    fill_id: Identifier
    order_id: Identifier
    ticker: Identifier
    count_fp: Count
    yes_price_dollars: Price
    fee_cost: Money
    is_taker: bool
    created_time: Instant | None = None
    ts: EpochSeconds | None = None

    @model_validator(mode="after")
    def _has_a_time(self) -> "FillPayload":
        if self.created_time is None and self.ts is None:
            raise ValueError("neither created_time nor ts says when it was filled")
        return self

    def to_domain(self) -> Fill:
        """Return the fill; its price is that of the YES leg."""
        filled_at = self.ts if self.created_time is None else self.created_time
        if filled_at is None:  # refused by `_has_a_time`
            raise AssertionError(self.fill_id)
        return Fill(
            fill_id=self.fill_id,
            order_id=self.order_id,
            market_ticker=self.ticker,
            side=self.outcome_side,
            count=self.count_fp,
            yes_price=self.yes_price_dollars,
            fee_micros=self.fee_cost,
            is_taker=self.is_taker,
            filled_at=filled_at,
        )


class SettlementPayload(Payload):
    """A market paid out. `revenue` is in whole cents."""

    ticker: Identifier
    settled_time: Instant
    market_result: Literal["yes", "no", "scalar"]
    yes_count_fp: Count
    no_count_fp: Count
    revenue: Cents
    fee_cost: Money

    def to_domain(self) -> Settlement:
        """Return the settlement."""
        return Settlement(
            market_ticker=self.ticker,
            settled_at=self.settled_time,
            result=self.market_result,
            yes_count=self.yes_count_fp,
            no_count=self.no_count_fp,
            revenue_micros=self.revenue,
            fee_micros=self.fee_cost,
        )
