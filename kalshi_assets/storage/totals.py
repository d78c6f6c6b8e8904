"""What averages are made of: the moments to average at, and the totals of whole days."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ARRAY, Connection, Text, cast, func, select, text

from kalshi_assets.analytics.cleaning import Anchor
from kalshi_assets.analytics.rolling import Totals
from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.storage.engine import joined_as_sets
from kalshi_assets.storage.schema import daily_summaries, rolling_averages

# A market, and the first and last of some days.
Span = tuple[str, date, date]
# A usable tick, by its market and moment.
Moments = dict[tuple[str, datetime], Anchor]


@dataclass(frozen=True)
class DayTotals:
    """The sum of totals of `days` days."""

    totals: Totals
    days: int


def moments_to_average(
    connection: Connection, day: date, *, behind: timedelta | None = None
) -> Moments:
    """Return a day's usable clean ticks to average at, by market and moment, in order of time.

    Args:
        connection: a transaction.
        day: the New York day.
        behind: only those without an average, from so long before the day's newest average on, and
            of a market without any since then all behind its newest. What a whole day's run left
            out earlier is for its rerun.
    """
    start, end = day_bounds(day)
    if behind is None:
        rows = connection.execute(_USABLE, {"start": start, "end": end})
    else:
        as_of = rolling_averages.c.as_of
        newest = select(func.max(as_of)).where(as_of >= start, as_of < end)
        last = connection.scalar(newest)
        since = start if last is None else max(start, last - behind)
        values = {"day": day, "start": start, "since": since, "end": end}
        with joined_as_sets(connection):
            rows = connection.execute(_NOT_AVERAGED, values)
    return {(row[0], row[1]): Anchor(*row[1:]) for row in rows}


_USABLE = text(
    """
    SELECT market_ticker, observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
    FROM kalshi.clean_ticks
    WHERE is_usable AND observed_at >= :start AND observed_at < :end
    ORDER BY observed_at, market_ticker
    """
)
# Every market with clean ticks of the day has a memory of it. The second part costs two looks into
# indexes a market, so it is for those that the first one does not know enough of.
_NOT_AVERAGED = text(
    """
    SELECT market_ticker, observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
    FROM kalshi.clean_ticks c
    WHERE is_usable AND observed_at >= :since AND observed_at < :end
      AND NOT EXISTS (
          SELECT FROM kalshi.rolling_averages a
          WHERE a.as_of = c.observed_at AND a.market_ticker = c.market_ticker
            AND a.as_of >= :since AND a.as_of < :end
      )
    UNION ALL
    SELECT m.market_ticker, t.*
    FROM kalshi.cleaning_memories m
    LEFT JOIN LATERAL (
        SELECT as_of FROM kalshi.rolling_averages a
        WHERE a.market_ticker = m.market_ticker AND a.as_of >= :start AND a.as_of < :since
        ORDER BY a.as_of DESC LIMIT 1
    ) AS newest ON true
    CROSS JOIN LATERAL (
        SELECT observed_at, source, mid, hold_ms, price_ms, covered_ms, tick_count
        FROM kalshi.clean_ticks c
        WHERE c.market_ticker = m.market_ticker AND c.is_usable
          AND c.observed_at >= :start AND c.observed_at < :since
          AND c.observed_at > coalesce(newest.as_of, '-infinity')
        OFFSET 0  -- kept apart, or the whole day is read for a single market
    ) AS t
    WHERE m.day = :day
      AND m.market_ticker NOT IN (
          SELECT market_ticker FROM kalshi.rolling_averages
          WHERE as_of >= :since AND as_of < :end
      )
    ORDER BY observed_at, market_ticker
    """
)


def totals_of_spans(connection: Connection, spans: Collection[Span]) -> dict[Span, DayTotals]:
    """Return the sums over the final summaries of these spans of days; none where none is.

    A query a pair of days: markets mostly share theirs.
    """
    tickers: dict[tuple[date, date], list[str]] = {}
    for ticker, first, last in spans:
        tickers.setdefault((first, last), []).append(ticker)
    found: dict[Span, DayTotals] = {}
    for (first, last), theirs in tickers.items():
        wanted = {"first": first, "last": last, "tickers": theirs}
        for row in connection.execute(SUMS_OF_DAYS, wanted):
            found[row[0], first, last] = DayTotals(Totals(*row[1:4]), row.days)
    return found


# All of it stands in the index `daily_summaries_by_market`.
SUMS_OF_DAYS = text(
    """
    SELECT market_ticker, sum(price_ms)::bigint, sum(covered_ms)::bigint, sum(tick_count)::bigint,
           count(*) AS days
    FROM kalshi.daily_summaries
    WHERE day BETWEEN :first AND :last AND NOT is_provisional
      AND market_ticker = ANY(CAST(:tickers AS text[]))
    GROUP BY market_ticker
    """
)


def final_days(
    connection: Connection, tickers: Collection[str], first: date, last: date
) -> set[tuple[str, date]]:
    """Return the days of these markets whose summary is final."""
    table = daily_summaries.c
    query = select(table.market_ticker, table.day).where(
        table.market_ticker == func.any(cast(sorted(tickers), ARRAY(Text()))),
        table.day.between(first, last),
        ~table.is_provisional,
    )
    return {(row.market_ticker, row.day) for row in connection.execute(query)}
