"""A week as the database knows it: what its review is made of, but for the journal.

Nothing from after the moment up to which the week is known is read, but for results of markets:
they price what was refused.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, select

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.week import Week
from kalshi_assets.domain.week_inputs import EquityPoint, Transfer, WeekInputs
from kalshi_assets.storage import schema
from kalshi_assets.storage.api_calls import KEPT
from kalshi_assets.storage.averages import price_courses
from kalshi_assets.storage.week_health import calls_of, changes_of, checks_of, gaps_of, halts_of
from kalshi_assets.storage.week_orders import entry_orders_of, refused_of

# Two for each pixel of a panel on a phone.
COURSE_POINTS = 300
TICKS = "ticks"
# What tells of them goes with them.
GONE_WITH_TICKS = (TICKS, "checks", "gaps")


def read_week(connection: Connection, week: Week, *, as_of: datetime) -> WeekInputs:
    """Return what is known of a week, without trips and overrides: they are made of the books.

    Raises:
        ValueError: the week has not begun.
    """
    span = week.begin, week.known_until(as_of)
    equity = _equity(connection, span)
    return WeekInputs(
        week=week,
        as_of=as_of,
        equity=equity,
        transfers=_transfers(connection, min([week.begin, *(p.as_of for p in equity)]), span[1]),
        categories=_categories(connection),
        refused=refused_of(connection, span),
        orders=entry_orders_of(connection, span),
        checks=checks_of(connection, span),
        gaps=gaps_of(connection, span),
        halts=halts_of(connection, until=span[1]),
        calls=calls_of(connection, span),
        changes=changes_of(connection, span),
    )


def forgotten_of(connection: Connection, week: Week, *, clock: VenueClock) -> tuple[str, ...]:
    """Return the records of which some of the week's are past retention, and gone."""
    gone: list[str] = []
    dropped = and_(
        schema.archives.c.day.between(week.first_day, week.last_day),
        schema.archives.c.dropped_at.is_not(None),
    )
    if connection.scalar(select(select(schema.archives).where(dropped).exists())):
        gone += GONE_WITH_TICKS
    if clock.venue_at is None and week.begin < wall_now() - KEPT:
        gone.append("calls")
    return tuple(gone)


def read_courses(
    connection: Connection,
    week: Week,
    tickers: Sequence[str],
    *,
    until: datetime,
    window_days: int,
) -> dict[str, pd.DataFrame]:
    """Return how usable mids and averages of markets ran over a week, thinned out for a plot.

    Args:
        connection: a transaction.
        week: the week.
        tickers: markets; one without a usable tick in the week is missing from the answer.
        until: up to when it is known.
        window_days: of the averages.

    Returns:
        By market: `at` (UTC), `mid` and `mean` (micros of YES). Where no price stood a row has
        neither, where no average was made no `mean`: they are NaN.
    """
    end = min(until, week.end)
    found = price_courses(
        connection, tickers, span=(week.begin, end), window_days=window_days, points=COURSE_POINTS
    )
    return {str(ticker): _course(rows) for ticker, rows in found.groupby("market_ticker")}


def _course(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one market's course with a row that has no price behind each stretch."""
    told = rows[["observed_at", "mid", "mean"]].rename(columns={"observed_at": "at"})
    ends = rows.groupby("stretch")["held_until"].max()
    behind = pd.DataFrame({"at": ends, "mid": float("nan"), "mean": float("nan")})
    both = pd.concat([told.astype({"mid": float, "mean": float}), behind])
    both["at"] = pd.to_datetime(both["at"], utc=True)
    return both.sort_values("at", kind="stable", ignore_index=True)


def _equity(connection: Connection, span: tuple[datetime, datetime]) -> list[EquityPoint]:
    """Return the points of the week, and the last one before it that has a value."""
    point = schema.portfolio.c
    columns = select(point.as_of, point.value_micros, point.cash_micros)
    before = (
        columns.where(point.as_of < span[0], point.value_micros.is_not(None))
        .order_by(point.as_of.desc())
        .limit(1)
    )
    within = columns.where(_within(point.as_of, span)).order_by(point.as_of)
    rows = [*connection.execute(before), *connection.execute(within)]
    return [EquityPoint(*row) for row in rows]


def _transfers(connection: Connection, since: datetime, until: datetime) -> list[Transfer]:
    moved = schema.cash_movements.c
    query = select(moved.at, moved.amount_micros).where(
        moved.kind != "opening", _within(moved.at, (since, until))
    )
    return [Transfer(*row) for row in connection.execute(query.order_by(moved.movement_id))]


def _categories(connection: Connection) -> dict[str, str]:
    """Return the category of every market whose series is known."""
    market, series = schema.markets.c, schema.series.c
    query = select(market.ticker, series.category).join_from(
        schema.markets, schema.series, series.ticker == market.series_ticker
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _within(column: Any, span: tuple[datetime, datetime]) -> Any:
    return and_(column >= span[0], column < span[1])
