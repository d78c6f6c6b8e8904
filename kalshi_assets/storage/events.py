"""Events as last seen, and the legs of those that are traded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from kalshi_assets.domain.market import Event
from kalshi_assets.storage.rows import upsert
from kalshi_assets.storage.schema import events


def save_events(connection: Connection, rows: Sequence[Event], *, seen_at: datetime) -> int:
    """Store whether the markets of these events exclude each other."""
    values = [
        {
            "ticker": row.ticker,
            "is_mutually_exclusive": row.is_mutually_exclusive,
            "seen_at": seen_at,
        }
        for row in rows
    ]
    return upsert(connection, events, values)


def open_legs(connection: Connection, *, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return every market that is still open, of each event with a tracked one.

    Returns:
        event_ticker, ticker, is_tracked, is_mutually_exclusive (None: not known), and `mid` of the
        newest clean tick since a moment (None: it is not usable, or there is none).
    """
    query = text(
        """
        SELECT m.event_ticker, m.ticker, m.is_tracked, e.is_mutually_exclusive, newest.mid
        FROM kalshi.markets AS m
        JOIN (SELECT DISTINCT event_ticker FROM kalshi.markets WHERE is_tracked) AS traded
             ON traded.event_ticker = m.event_ticker
        LEFT JOIN kalshi.events AS e ON e.ticker = m.event_ticker
        LEFT JOIN LATERAL (
            SELECT CASE WHEN c.is_usable THEN c.mid END AS mid
            FROM kalshi.clean_ticks AS c
            WHERE c.market_ticker = m.ticker AND c.observed_at BETWEEN :since AND :now
            ORDER BY c.observed_at DESC LIMIT 1
        ) AS newest ON true
        WHERE m.close_at > :now AND m.result = ''
        ORDER BY m.event_ticker, m.ticker
        """
    )
    found = connection.execute(query, {"since": since, "now": now})
    return [dict(row._mapping) for row in found]
