"""What the exchange says of itself and of our terms with it: hours, tiers of its data, rate limits.

Whether it runs and trades now is `ExchangeStatus`, beside the markets.
"""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal


@dataclass(frozen=True)
class Session:
    """Hours of one day in New York; `closes` of midnight is the end of the day."""

    opens: time
    closes: time


@dataclass(frozen=True)
class WeeklyHours:
    """The trading hours of a week, and from when to when they count.

    Attributes:
        days: the sessions of Monday to Sunday, seven items.
    """

    starts_at: datetime
    ends_at: datetime
    days: tuple[tuple[Session, ...], ...]


@dataclass(frozen=True)
class MaintenanceWindow:
    """A planned time in which the exchange may be away."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class ExchangeSchedule:
    """When the exchange means to trade."""

    weeks: tuple[WeeklyHours, ...]
    maintenance: tuple[MaintenanceWindow, ...]


@dataclass(frozen=True)
class HistoricalCutoff:
    """Where live data ends: what is older has moved to the historical tier. It only goes forward.

    Attributes:
        market_settled_at: of markets and their candlesticks, by settlement.
        trade_created_at: of trades and fills, by execution.
        order_updated_at: of orders, by cancellation or full execution; resting ones are live.
        position_updated_at: of settled positions, a horizon and no promise; None where not told.
    """

    market_settled_at: datetime
    trade_created_at: datetime
    order_updated_at: datetime
    position_updated_at: datetime | None


@dataclass(frozen=True)
class FeeChange:
    """Fee terms that begin at `starts_at`, of a series or as an override of one event.

    Attributes:
        event_ticker: the event they override; None where they are the series' own.
        fee_type: None where an event goes back to the terms of its series.
        fee_multiplier: None where an event goes back to the terms of its series.
    """

    change_id: str
    series_ticker: str
    event_ticker: str | None
    fee_type: str | None
    fee_multiplier: Decimal | None
    starts_at: datetime


@dataclass(frozen=True)
class TokenBudget:
    """A token bucket: tokens added a second, and tokens it holds at most."""

    tokens_per_second: int
    capacity_tokens: int


@dataclass(frozen=True)
class UsageGrant:
    """A usage level given to the account; without `expires_at` it stays."""

    exchange_instance: str
    level: str
    source: str
    expires_at: datetime | None


@dataclass(frozen=True)
class AccountLimits:
    """How much an account may ask of the exchange."""

    usage_tier: str
    read: TokenBudget
    write: TokenBudget
    grants: tuple[UsageGrant, ...]


@dataclass(frozen=True)
class EndpointCost:
    """Tokens of one kind of call, by its path as the exchange writes it (`…/orders/:order_id`)."""

    method: str
    path: str
    tokens: int


@dataclass(frozen=True)
class EndpointCosts:
    """Tokens a call takes: those listed differ from the default."""

    default_tokens: int
    listed: tuple[EndpointCost, ...]
