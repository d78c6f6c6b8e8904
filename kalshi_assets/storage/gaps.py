"""Gaps: spans in which a feed told nothing sure. One is noted when it opens and when it closes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from kalshi_assets.domain.stream import Gap
from kalshi_assets.storage.schema import gaps


def note_gaps(
    connection: Connection, found: Iterable[Gap], *, noted_at: datetime, source: str = "stream"
) -> None:
    """Note gaps; a closed one closes the same that was noted as open."""
    for gap in found:
        row = {
            "source": source,
            "channel": gap.channel,
            "market_tickers": sorted(gap.market_tickers),
            "from_at": gap.from_at,
            "to_at": gap.to_at,
            "reason": gap.reason,
            "noted_at": noted_at,
        }
        statement = insert(gaps).values(row)
        closing = {"to_at": statement.excluded.to_at}
        keys = ["source", "channel", "market_tickers", "from_at"]
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_=closing, where=gaps.c.to_at.is_(None)
            )
        )


def end_open_gaps(connection: Connection, *, at: datetime, source: str = "stream") -> None:
    """Close what a feed that is gone left open; the next one notes its own."""
    is_open = and_(gaps.c.source == source, gaps.c.to_at.is_(None))
    ended = func.greatest(gaps.c.from_at, at)
    connection.execute(update(gaps).where(is_open).values(to_at=ended))


def gaps_between(connection: Connection, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the gaps that reach into [start, end), open ones too, by their beginning."""
    reaches = or_(gaps.c.to_at.is_(None), gaps.c.to_at >= start)
    query = select(gaps).where(gaps.c.from_at < end, reaches).order_by(gaps.c.from_at)
    return [dict(row) for row in connection.execute(query).mappings()]
