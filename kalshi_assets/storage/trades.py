"""Public trades, each once, by whichever way they came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.rows import copy_missing
from kalshi_assets.storage.schema import trades


def add_trades(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add the trades that are new, and return how many were.

    Args:
        connection: the transaction.
        rows: `traded_at`, `trade_id`, `market_ticker`, `yes_price` (micros), `count`
            (centicontracts), `taker_side`, `is_block_trade` (None: not told), `source`,
            `received_at`.
    """
    ensure_day_partitions(connection, trades, {venue_day(row["traded_at"]) for row in rows})
    return copy_missing(connection, trades, rows)


def trades_of(
    connection: Connection, start: datetime, end: datetime, *, ticker: str | None = None
) -> list[dict[str, Any]]:
    """Return the trades of [start, end), of one market or of all, oldest first."""
    query = select(trades).where(trades.c.traded_at >= start, trades.c.traded_at < end)
    if ticker is not None:
        query = query.where(trades.c.market_ticker == ticker)
    ordered = query.order_by(trades.c.traded_at, trades.c.trade_id)
    return [dict(row) for row in connection.execute(ordered).mappings()]
