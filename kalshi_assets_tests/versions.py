"""Rows as they were written: the proof that a second backfill changes none of them."""

from datetime import date, timedelta
from typing import Any

import psycopg

from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import database_of, running_installation

# What a backfill writes, by the column that says of which day; polls go on writing today's.
TABLES = {
    "candle_ticks": "observed_at",
    "live_ticks": "observed_at",
    "trades": "traded_at",
    "clean_ticks": "observed_at",
    "cleaning_memories": "day",
    "rolling_averages": "as_of",
    "daily_summaries": "day",
    "signals": "day",
    "history_loads": "day",
}
# These have no row of a day that was over when the demo began.
NOT_OF_THE_PAST = {"live_ticks"}

Versions = dict[str, list[tuple[Any, ...]]]


def versions(home: Home, first: date, last: date) -> Versions:
    """Return each row of these days with the transaction that wrote it, from what runs there.

    A row that is written again shows, though it be equal.
    """
    installation = running_installation(home)
    assert installation is not None
    url = database_of(installation, home, given=None).plain_url
    found = {}
    with psycopg.connect(url) as connection:
        for table, column in TABLES.items():
            behind = last + timedelta(days=1)
            moments = day_bounds(first)[0], day_bounds(last)[1]
            query = (
                f"SELECT t::text, xmin::text FROM kalshi.{table} t"  # noqa: S608  ours
                f" WHERE {column} >= %s AND {column} < %s ORDER BY 1"
            )
            span = (first, behind) if column == "day" else moments
            found[table] = connection.execute(query, span).fetchall()
    assert {table for table, rows in found.items() if not rows} == NOT_OF_THE_PAST
    return found
