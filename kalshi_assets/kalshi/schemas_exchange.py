"""Payloads about the exchange itself: status, schedule, cutoffs, fee changes.

Field names are the exchange's own; each schema turns itself into a value of `domain/`.
"""

from datetime import datetime, time
from typing import Annotated

from pydantic import BeforeValidator, Field

from kalshi_assets.domain.exchange import (
    ExchangeSchedule,
    FeeChange,
    HistoricalCutoff,
    MaintenanceWindow,
    Session,
    WeeklyHours,
)
from kalshi_assets.domain.market import ExchangeStatus, ShardStatus
from kalshi_assets.kalshi.schemas import Identifier, Instant, Number, Payload, Whole, quoted

MIDNIGHT_AS_AN_END = "24:00"


def _clock_time(value: object) -> time:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is no time of day")
    if value == MIDNIGHT_AS_AN_END:
        return time(0)
    try:
        return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone
    except ValueError as exc:
        raise ValueError(f"{quoted(value)} is no time of day as HH:MM") from exc


ClockTime = Annotated[time, BeforeValidator(_clock_time)]


class ShardStatusPayload(Payload):
    """The status of one shard."""

    exchange_index: Whole
    exchange_active: bool
    trading_active: bool


class ExchangeStatusPayload(Payload):
    """Answer of `GET /exchange/status`; the two fields that must be there are shard 0's."""

    exchange_active: bool
    trading_active: bool
    exchange_estimated_resume_time: Instant | None = None
    exchange_index_statuses: list[ShardStatusPayload] = Field(default_factory=list)

    def to_domain(self) -> ExchangeStatus:
        """Return the status of the default shard, and that of each."""
        return ExchangeStatus(
            self.exchange_active,
            self.trading_active,
            resumes_at=self.exchange_estimated_resume_time,
            shards=tuple(
                ShardStatus(s.exchange_index, s.exchange_active, s.trading_active)
                for s in self.exchange_index_statuses
            ),
        )


class SessionPayload(Payload):
    """Hours of one day, New York time."""

    open_time: ClockTime
    close_time: ClockTime


class WeeklyHoursPayload(Payload):
    """The hours of a week; a day may have no session or several."""

    start_time: Instant
    end_time: Instant
    monday: list[SessionPayload]
    tuesday: list[SessionPayload]
    wednesday: list[SessionPayload]
    thursday: list[SessionPayload]
    friday: list[SessionPayload]
    saturday: list[SessionPayload]
    sunday: list[SessionPayload]

    def to_domain(self) -> WeeklyHours:
        """Return the hours, Monday first."""
        days = (
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        )
        sessions = (tuple(Session(s.open_time, s.close_time) for s in day) for day in days)
        return WeeklyHours(self.start_time, self.end_time, tuple(sessions))


class MaintenanceWindowPayload(Payload):
    """A planned maintenance."""

    start_datetime: Instant
    end_datetime: Instant


class SchedulePayload(Payload):
    """The exchange's hours and planned maintenance."""

    standard_hours: list[WeeklyHoursPayload]
    maintenance_windows: list[MaintenanceWindowPayload]

    def to_domain(self) -> ExchangeSchedule:
        """Return the schedule."""
        return ExchangeSchedule(
            tuple(week.to_domain() for week in self.standard_hours),
            tuple(
                MaintenanceWindow(window.start_datetime, window.end_datetime)
                for window in self.maintenance_windows
            ),
        )


class UserDataTimestampPayload(Payload):
    """Answer of `GET /exchange/user_data_timestamp`."""

    as_of_time: Instant


class CutoffPayload(Payload):
    """Answer of `GET /historical/cutoff`."""

    market_settled_ts: Instant
    trades_created_ts: Instant
    orders_updated_ts: Instant
    market_positions_last_updated_ts: Instant | None = None

    def to_domain(self) -> HistoricalCutoff:
        """Return the cutoffs."""
        return HistoricalCutoff(
            market_settled_at=self.market_settled_ts,
            trade_created_at=self.trades_created_ts,
            order_updated_at=self.orders_updated_ts,
            position_updated_at=self.market_positions_last_updated_ts,
        )


class SeriesFeeChangePayload(Payload):
    """Fee terms of a series that begin at a set time."""

    id: Identifier
    series_ticker: Identifier
    fee_type: Identifier
    fee_multiplier: Number
    scheduled_ts: Instant

    def to_domain(self) -> FeeChange:
        """Return the change."""
        return FeeChange(
            change_id=self.id,
            series_ticker=self.series_ticker,
            event_ticker=None,
            fee_type=self.fee_type,
            fee_multiplier=self.fee_multiplier,
            starts_at=self.scheduled_ts,
        )


class EventFeeChangePayload(Payload):
    """Fee terms of an event that begin at a set time; null goes back to those of its series."""

    id: Identifier
    event_ticker: Identifier
    series_ticker: Identifier
    fee_type_override: Identifier | None
    fee_multiplier_override: Number | None
    scheduled_ts: Instant

    def to_domain(self) -> FeeChange:
        """Return the change."""
        return FeeChange(
            change_id=self.id,
            series_ticker=self.series_ticker,
            event_ticker=self.event_ticker,
            fee_type=self.fee_type_override,
            fee_multiplier=self.fee_multiplier_override,
            starts_at=self.scheduled_ts,
        )
