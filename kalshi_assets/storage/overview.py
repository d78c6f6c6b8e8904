"""Counts over the whole database, for summaries and status."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from kalshi_assets.storage import schema
from kalshi_assets.storage.ledger import Order

# A market whose quote moved last may have been observed a little before the others.
RECENT = timedelta(minutes=10)


def counts(connection: Connection) -> dict[str, int]:
    """Return the rows of the main tables: tracked markets, triggered signals, all of the others."""
    queries = {
        "markets": select(func.count()).where(schema.markets.c.is_tracked),
        "raw_ticks": select(func.count()).select_from(schema.raw_ticks),
        "signals": select(func.count()).where(schema.signals.c.triggered_at.is_not(None)),
        "orders": select(func.count()).select_from(schema.orders),
        "fills": select(func.count()).select_from(schema.fills),
    }
    return {name: connection.scalar(query) or 0 for name, query in queries.items()}


def faults(connection: Connection) -> dict[str, int]:
    """Return, by name, how many clean ticks have each fault."""
    query = text(
        "SELECT fault, count(*) FROM kalshi.clean_ticks, unnest(faults) AS fault "
        "GROUP BY 1 ORDER BY 1"
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def days_done(connection: Connection) -> dict[str, int]:
    """Return how many New York days each step of the history has written."""
    queries = {
        "raw_ticks": select(func.count(schema.history_loads.c.day.distinct())),
        "daily_summaries": select(func.count(schema.daily_summaries.c.day.distinct())),
    }
    done = {name: connection.scalar(query) or 0 for name, query in queries.items()}
    for table, moment in schema.DAY_PARTITIONED.items():
        if table not in ("clean_ticks", "rolling_averages"):
            continue
        column = schema.metadata.tables[f"{schema.SCHEMA}.{table}"].c[moment]
        day = func.date(func.timezone("America/New_York", column))
        done[table] = connection.scalar(select(func.count(day.distinct()))) or 0
    return done


def newest_quote_at(connection: Connection) -> datetime | None:
    """Return the newest quote's own time among the ticks of the feed; loaded history is none."""
    slot: datetime | None = connection.scalar(select(func.max(schema.polls.c.slot)))
    if slot is None:
        return None
    ticks = schema.live_ticks
    recent = ticks.c.observed_at > slot - RECENT
    found: datetime | None = connection.scalar(select(func.max(ticks.c.quoted_at)).where(recent))
    return found


def all_orders(connection: Connection) -> list[Order]:
    """Return every order, oldest first."""
    query = select(schema.orders).order_by(schema.orders.c.created_at)
    return [Order(**row._mapping) for row in connection.execute(query)]
