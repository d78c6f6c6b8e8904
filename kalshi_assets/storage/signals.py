"""Signals: one row an episode."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime

from sqlalchemy import Connection, Row, delete, select

from kalshi_assets.domain.signal import Signal
from kalshi_assets.storage.rows import upsert
from kalshi_assets.storage.schema import signals


def open_signals(connection: Connection, day: date) -> dict[str, Signal]:
    """Return, by market, the episodes of a day that have not ended."""
    query = select(signals).where(signals.c.day == day, signals.c.ended_at.is_(None))
    return {row.market_ticker: _signal(row) for row in connection.execute(query)}


def signals_of(connection: Connection, day: date) -> list[Signal]:
    """Return a day's episodes in order of their start."""
    query = select(signals).where(signals.c.day == day).order_by(signals.c.started_at)
    return [_signal(row) for row in connection.execute(query)]


def last_seen(connection: Connection, day: date) -> datetime | None:
    """Return the newest moment that a day's episodes have seen."""
    query = select(signals.c.last_seen_at).where(signals.c.day == day)
    return connection.scalar(query.order_by(signals.c.last_seen_at.desc()).limit(1))


def save_signals(
    connection: Connection, day: date, rows: Sequence[Signal], *, is_whole_day: bool
) -> int:
    """Store episodes; a whole day replaces what was there."""
    if is_whole_day:
        connection.execute(delete(signals).where(signals.c.day == day))
    return upsert(connection, signals, [_row(signal) for signal in rows])


def _signal(row: Row[tuple[object, ...]]) -> Signal:
    return Signal(**{field.name: getattr(row, field.name) for field in fields(Signal)})


def _row(signal: Signal) -> dict[str, object]:
    return {**vars(signal), "signal_id": signal.signal_id, "status": signal.status}
