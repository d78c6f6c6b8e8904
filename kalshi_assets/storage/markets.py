"""Markets and series as last seen, and which markets are tracked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from kalshi_assets.domain.market import Market, MarketSnapshot, Series, TrackedMarket
from kalshi_assets.domain.price import PriceGrid
from kalshi_assets.domain.universe import KnownMarket, UniverseChange
from kalshi_assets.storage import schema
from kalshi_assets.storage.rows import upsert

markets, series = schema.markets, schema.series
changes = schema.universe_changes


@dataclass(frozen=True)
class Lifetime:
    """How far a market had come when it was last seen."""

    status: str
    seen_at: datetime


def save_series(connection: Connection, rows: Sequence[Series], *, seen_at: datetime) -> int:
    """Store series with their fee terms."""
    return upsert(connection, series, [{**vars(row), "seen_at": seen_at} for row in rows])


def find_series(connection: Connection, ticker: str) -> Series | None:
    """Return a series as last seen, or None."""
    row = connection.execute(select(series).where(series.c.ticker == ticker)).first()
    if row is None:
        return None
    return Series(row.ticker, row.title, row.category, row.fee_type, row.fee_multiplier)


def save_markets(
    connection: Connection,
    snapshots: Sequence[MarketSnapshot],
    *,
    tracked: Sequence[str],
    seen_at: datetime,
) -> int:
    """Store markets as seen, and track exactly those named."""
    rows = [_row(s, seen_at) for s in snapshots]
    saved = upsert(connection, markets, rows, keep=["first_seen_at"])
    connection.execute(update(markets).values(is_tracked=markets.c.ticker.in_(tracked)))
    return saved


def tracked_markets(connection: Connection) -> dict[str, TrackedMarket]:
    """Return the tracked markets by ticker, most traded first."""
    return _load(connection, only_tracked=True)


def known_markets(
    connection: Connection, tickers: Collection[str] | None = None
) -> dict[str, TrackedMarket]:
    """Return every market ever seen, by ticker, or those of `tickers` that were."""
    return _load(connection, only_tracked=False, tickers=tickers)


def price_grids(connection: Connection) -> dict[str, PriceGrid]:
    """Return the price grid of every market ever seen; few grids are shared by many."""
    query = select(markets.c.grid, func.array_agg(markets.c.ticker)).group_by(markets.c.grid)
    return {
        ticker: grid
        for stored, tickers in connection.execute(query)
        for grid in [PriceGrid.from_json(stored)]
        for ticker in tickers
    }


def known_states(connection: Connection) -> dict[str, KnownMarket]:
    """Return how every market ever seen stood when it was last looked at."""
    m = markets.c
    query = select(m.ticker, m.status, m.is_tracked, m.series_ticker)
    return {
        row.ticker: KnownMarket(row.status, row.is_tracked, row.series_ticker)
        for row in connection.execute(query)
    }


def save_changes(connection: Connection, rows: Sequence[UniverseChange], *, at: datetime) -> None:
    """Keep what changed in the universe."""
    if rows:
        connection.execute(insert(changes), [{**vars(row), "at": at} for row in rows])


def markets_with_history(
    connection: Connection, start: datetime, end: datetime
) -> dict[str, Lifetime]:
    """Return the markets whose past is ours to load: tracked ones, and once tracked ones.

    Those that are tracked no more count only where they were open between `start` and `end`.
    """
    was_tracked = (
        select(changes)
        .where(changes.c.market_ticker == markets.c.ticker)
        .where(changes.c.change == "tracked")
    ).exists()
    was_open = and_(was_tracked, markets.c.open_at < end, markets.c.close_at > start)
    query = (
        select(markets.c.ticker, markets.c.status, markets.c.seen_at)
        .where(or_(markets.c.is_tracked, was_open))
        .order_by(markets.c.volume_24h.desc(), markets.c.ticker)
    )
    return {row.ticker: Lifetime(row.status, row.seen_at) for row in connection.execute(query)}


def first_tracked_at(connection: Connection) -> datetime | None:
    """Return when the first of the tracked markets was first stored."""
    query = select(func.min(markets.c.first_seen_at)).where(markets.c.is_tracked)
    found: datetime | None = connection.scalar(query)
    return found


def _load(
    connection: Connection, *, only_tracked: bool, tickers: Collection[str] | None = None
) -> dict[str, TrackedMarket]:
    query = (
        select(markets, series.c.fee_multiplier, series.c.category)
        .outerjoin(series, series.c.ticker == markets.c.series_ticker)
        .order_by(markets.c.volume_24h.desc(), markets.c.ticker)
    )
    if only_tracked:
        query = query.where(markets.c.is_tracked)
    if tickers is not None:
        query = query.where(markets.c.ticker.in_(tickers))
    return {
        row.ticker: TrackedMarket(_market(row), row.fee_multiplier, row.category)
        for row in connection.execute(query)
    }


def _market(row: Row[tuple[object, ...]]) -> Market:
    return Market(
        ticker=row.ticker,
        event_ticker=row.event_ticker,
        title=row.title,
        status=row.status,
        open_at=row.open_at,
        close_at=row.close_at,
        grid=PriceGrid.from_json(row.grid),
        result=row.result,
        exchange_index=row.exchange_index,
    )


def _row(snapshot: MarketSnapshot, seen_at: datetime) -> dict[str, object]:
    market = snapshot.market
    return {
        "ticker": market.ticker,
        "event_ticker": market.event_ticker,
        "series_ticker": market.series_ticker,
        "title": market.title,
        "status": market.status,
        "open_at": market.open_at,
        "close_at": market.close_at,
        "grid": market.grid.as_json(),
        "result": market.result,
        "exchange_index": market.exchange_index,
        "volume_24h": snapshot.quote.volume_24h,
        "is_tracked": False,
        "seen_at": seen_at,
        "first_seen_at": seen_at,
    }
