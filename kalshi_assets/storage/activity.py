"""What was ordered and filled lately, and the account's worth when the day, New York's, began."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, and_, func, select

from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.risk.inputs import Activity
from kalshi_assets.storage import books
from kalshi_assets.storage.schema import markets, order_events, orders, portfolio, series

MINUTE = timedelta(minutes=1)
# Only what buys can be lost; an exit has another leg.
ENTRY = "entry"


def ordered_lately(connection: Connection, now: datetime) -> Activity:
    """Return how many orders the past minute and the day have seen, and what they could cost.

    Each counts in full, whatever became of it: the caps are there for a program gone wrong.
    """
    day_start, _ = day_bounds(venue_day(now))
    query = (
        select(
            orders.c.created_at,
            orders.c.leg,
            orders.c.limit_price,
            orders.c["count"].label("wanted"),
            series.c.fee_multiplier,
        )
        .outerjoin(markets, markets.c.ticker == orders.c.market_ticker)
        .outerjoin(series, series.c.ticker == markets.c.series_ticker)
        .where(orders.c.created_at >= min(day_start, now - MINUTE))
    )
    rows = connection.execute(query).all()
    today = [row for row in rows if row.created_at >= day_start]
    return Activity(
        orders_last_minute=sum(row.created_at > now - MINUTE for row in rows),
        orders_today=len(today),
        cost_today_micros=sum(
            cost_to_buy(row.wanted, row.limit_price, multiplier=row.fee_multiplier or Decimal(1))
            for row in today
            if row.leg == ENTRY
        ),
    )


def newest_fill_known_at(connection: Connection) -> datetime | None:
    """Return when we last came to know that an order of ours was filled; None before the first."""
    events = order_events.c
    is_news = and_(events.kind.in_(("status", "fill")), events.fill_count > 0)
    query = select(func.max(events.at)).where(is_news)
    found: datetime | None = connection.scalar(query)
    return found


def opening_value(connection: Connection, now: datetime) -> int | None:
    """Return what the account began the day with, micros: the baseline of the day's loss.

    That is its value as last known before the day, else as first known in it, and what was paid in
    since, less what was paid out. None where it was never known: then the day begins with what the
    venue says now.
    """
    day_start, _ = day_bounds(venue_day(now))
    as_of, value = portfolio.c.as_of, portfolio.c.value_micros
    known = select(as_of, value).where(value.is_not(None)).limit(1)
    found = (
        connection.execute(known.where(as_of < day_start).order_by(as_of.desc())).first()
        or connection.execute(known.where(as_of >= day_start).order_by(as_of)).first()
    )
    if found is None:
        return None
    begun: int = found.value_micros + books.transferred(connection, since=found.as_of)
    return begun
