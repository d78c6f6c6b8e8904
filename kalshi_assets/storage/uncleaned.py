"""Raw ticks that no clean tick was made of yet, and the way back to before one that came late."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd
from sqlalchemy import ARRAY, Connection, Text, and_, cast, func, select, text

from kalshi_assets.storage.engine import joined_as_sets
from kalshi_assets.storage.schema import raw_ticks
from kalshi_assets.storage.schema.columns import INSTANT
from kalshi_assets.storage.ticks import read_ticks


def uncleaned_ticks(connection: Connection, start: datetime, end: datetime) -> dict[str, datetime]:
    """Return, by market, the first raw tick in [start, end) that no clean tick was made of.

    Of one moment the best way in is cleaned: it counts as well where it came after a lesser one.
    """
    with joined_as_sets(connection):
        rows = connection.execute(_UNCLEANED, {"start": start, "end": end})
    return {row.market_ticker: row.first_at for row in rows}


_UNCLEANED = text(
    """
    SELECT r.market_ticker, min(r.observed_at) AS first_at
    FROM kalshi.raw_ticks r
    LEFT JOIN kalshi.clean_ticks c
      ON c.market_ticker = r.market_ticker AND c.observed_at = r.observed_at
     AND c.observed_at >= :start AND c.observed_at < :end
     AND array_position(ARRAY['stream', 'poll', 'candle'], c.source)
      <= array_position(ARRAY['stream', 'poll', 'candle'], r.source)
    WHERE r.observed_at >= :start AND r.observed_at < :end AND c.observed_at IS NULL
    GROUP BY 1
    """
)


def raw_ticks_from(
    connection: Connection, start: datetime, end: datetime, *, firsts: Mapping[str, datetime]
) -> pd.DataFrame:
    """Return the raw ticks of [start, end) of these markets, each from its moment on."""
    known = func.unnest(
        cast(list(firsts), ARRAY(Text())), cast(list(firsts.values()), ARRAY(INSTANT))
    )
    wanted = known.table_valued("market_ticker", "moment", name="wanted").render_derived()
    is_wanted = and_(
        raw_ticks.c.market_ticker == wanted.c.market_ticker,
        raw_ticks.c.observed_at >= wanted.c.moment,
    )
    start, query = max(start, min(firsts.values())), select(raw_ticks).join(wanted, is_wanted)
    with joined_as_sets(connection):
        return read_ticks(connection, raw_ticks, query, start, end)


def markets_streamed_since(connection: Connection, moment: datetime) -> set[str]:
    """Return the markets of which the stream has told a quote since then."""
    is_told = and_(raw_ticks.c.source == "stream", raw_ticks.c.observed_at >= moment)
    return set(connection.scalars(select(raw_ticks.c.market_ticker).where(is_told).distinct()))


def forget_from(connection: Connection, firsts: Mapping[str, datetime]) -> None:
    """Remove the clean ticks and averages of these markets, each from its moment on.

    They are made anew: the caller holds the locks of cleaning and of averages.
    """
    values = {
        "tickers": list(firsts),
        "moments": list(firsts.values()),
        "first": min(firsts.values()),
    }
    connection.execute(_FORGET_AVERAGES, values)
    connection.execute(_FORGET_TICKS, values)


_FORGET_TICKS = text(
    """
    DELETE FROM kalshi.clean_ticks c
    USING unnest(CAST(:tickers AS text[]), CAST(:moments AS timestamptz[])) AS w(ticker, moment)
    WHERE c.market_ticker = w.ticker AND c.observed_at >= w.moment AND c.observed_at >= :first
    """
)
_FORGET_AVERAGES = text(
    """
    DELETE FROM kalshi.rolling_averages a
    USING unnest(CAST(:tickers AS text[]), CAST(:moments AS timestamptz[])) AS w(ticker, moment)
    WHERE a.market_ticker = w.ticker AND a.as_of >= w.moment AND a.as_of >= :first
    """
)
