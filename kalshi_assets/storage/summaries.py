"""Daily summaries: written a day at a time, read by the checks."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from kalshi_assets.storage.rows import replace_span
from kalshi_assets.storage.schema import daily_summaries, markets

_TRACKED = select(markets.c.ticker).where(markets.c.is_tracked)


def save_summaries(connection: Connection, day: date, rows: Sequence[Mapping[str, Any]]) -> int:
    """Make a day's summaries these ones, and return how many changed."""
    span = day, day + timedelta(days=1)
    return replace_span(connection, daily_summaries, daily_summaries.c.day, span=span, rows=rows)


def summaries_between(connection: Connection, first: date, last: date) -> list[dict[str, Any]]:
    """Return the summaries of these days, of all markets."""
    query = (
        select(daily_summaries)
        .where(daily_summaries.c.day.between(first, last))
        .order_by(daily_summaries.c.market_ticker, daily_summaries.c.day)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def final_summaries(
    connection: Connection, days: Sequence[date], *, newest: int
) -> list[dict[str, Any]]:
    """Return the final summaries of the tracked markets, of the newest of these days."""
    chosen = sorted(days)[-newest:]
    query = (
        select(daily_summaries)
        .where(daily_summaries.c.day.in_(chosen), ~daily_summaries.c.is_provisional)
        .where(daily_summaries.c.market_ticker.in_(_TRACKED))
        .order_by(daily_summaries.c.market_ticker, daily_summaries.c.day)
    )
    return [dict(row._mapping) for row in connection.execute(query)]


def summarised_spans(connection: Connection) -> list[dict[str, Any]]:
    """Return each tracked market's first and last summarised day, and how many there are."""
    ticker, day = daily_summaries.c.market_ticker, daily_summaries.c.day
    query = (
        select(
            ticker,
            func.min(day).label("first_day"),
            func.max(day).label("last_day"),
            func.count().label("days"),
        )
        .where(ticker.in_(_TRACKED))
        .group_by(ticker)
        .order_by(ticker)
    )
    return [dict(row._mapping) for row in connection.execute(query)]
