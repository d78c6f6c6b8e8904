"""Signals: one row an episode."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, select, text, update

from kalshi_assets.domain.signal import Signal
from kalshi_assets.storage.rows import upsert
from kalshi_assets.storage.schema import decisions, rolling_averages, signals

SIGNALS_LOCK = 715_014


def open_signals(connection: Connection, day: date) -> dict[str, Signal]:
    """Return, by market, the episodes of a day that have not ended."""
    query = select(signals).where(signals.c.day == day, signals.c.ended_at.is_(None))
    return {row.market_ticker: _signal(row) for row in connection.execute(query)}


def episodes_with_grounds(connection: Connection, days: Sequence[date]) -> list[dict[str, Any]]:
    """Return the episodes of these days, each with has_average and is_judged.

    has_average: the average it names is there, with that content.
    """
    has_average = (
        select(rolling_averages.c.as_of)
        .where(rolling_averages.c.market_ticker == signals.c.market_ticker)
        .where(rolling_averages.c.as_of == signals.c.last_seen_at)
        .where(rolling_averages.c.content_hash == signals.c.average_hash)
        .exists()
    )
    is_judged = select(decisions).where(decisions.c.signal_id == signals.c.signal_id).exists()
    query = (
        select(signals, has_average.label("has_average"), is_judged.label("is_judged"))
        .where(signals.c.day.in_(days))
        .order_by(signals.c.market_ticker, signals.c.started_at)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def lock_signals(connection: Connection) -> None:
    """Let no other transaction make signals until this one ends: an older look must not win."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SIGNALS_LOCK})


def save_signals(connection: Connection, day: date, rows: Sequence[Signal]) -> int:
    """Make a day's episodes these ones.

    An episode that is no longer found is removed; one that was judged stays, as ended.
    """
    found = [signal.signal_id for signal in rows]
    is_gone = and_(signals.c.day == day, signals.c.signal_id.not_in(found))
    is_judged = select(decisions).where(decisions.c.signal_id == signals.c.signal_id).exists()
    connection.execute(delete(signals).where(is_gone, ~is_judged))
    ended = {"ended_at": signals.c.last_seen_at, "status": "ended"}
    connection.execute(update(signals).where(is_gone, signals.c.ended_at.is_(None)).values(ended))
    return upsert(connection, signals, [_row(signal) for signal in rows])


def _signal(row: Row[tuple[object, ...]]) -> Signal:
    return Signal(**{field.name: getattr(row, field.name) for field in fields(Signal)})


def _row(signal: Signal) -> dict[str, object]:
    return {**vars(signal), "signal_id": signal.signal_id, "status": signal.status}
