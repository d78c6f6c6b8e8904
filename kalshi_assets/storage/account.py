"""The account as the venue stated it: fills, positions, settlements, portfolio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text

from kalshi_assets.domain.account import Fill, Position, Settlement
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.storage.alert_causes import alert_on_fills
from kalshi_assets.storage.rows import insert_missing
from kalshi_assets.storage.schema import fills, portfolio, positions, settlements


def save_fills(
    connection: Connection,
    rows: Sequence[Fill],
    *,
    client_ids: Mapping[str, str],
    is_before_opening: bool = False,
) -> int:
    """Add fills that are new, and alert on each order of ours that was filled.

    `client_ids` gives our order id for the venue's. What was filled before the opening is no news.

    Raises:
        StorageError: the fills of an order would exceed it.
    """
    ids = [row.fill_id for row in rows]
    known = set(connection.scalars(select(fills.c.fill_id).where(fills.c.fill_id.in_(ids))))
    new = [row for row in rows if row.fill_id not in known]
    if not is_before_opening:
        alert_on_fills(connection, new, client_ids=client_ids)
    return insert_missing(
        connection,
        fills,
        [
            {
                "fill_id": row.fill_id,
                "venue_order_id": row.order_id,
                "client_order_id": client_ids.get(row.order_id),
                "market_ticker": row.market_ticker,
                "side": row.side,
                "count": row.count,
                "yes_price": row.yes_price,
                "fee_micros": row.fee_micros,
                "is_taker": row.is_taker,
                "filled_at": row.filled_at,
                "is_before_opening": is_before_opening,
            }
            for row in new
        ],
    )


def fill_ids(connection: Connection) -> set[str]:
    """Return the ids of all fills that are kept."""
    return set(connection.scalars(select(fills.c.fill_id)))


def newest_fill_at(connection: Connection) -> datetime | None:
    """Return when the newest fill was made."""
    query = select(fills.c.filled_at).order_by(fills.c.filled_at.desc()).limit(1)
    return connection.scalar(query)


def save_positions(
    connection: Connection,
    rows: Sequence[Position],
    *,
    as_of: datetime,
    sell_prices: Mapping[str, int],
) -> int:
    """Add a snapshot of the open positions, each with what one contract counts for."""
    return insert_missing(
        connection,
        positions,
        [
            {**vars(row), "as_of": as_of, "sell_price": sell_prices.get(row.market_ticker)}
            for row in rows
        ],
    )


def save_settlements(
    connection: Connection, rows: Sequence[Settlement], *, is_before_opening: bool = False
) -> int:
    """Add settlements that are new."""
    marked = [{**vars(row), "is_before_opening": is_before_opening} for row in rows]
    return insert_missing(connection, settlements, marked)


def save_portfolio(
    connection: Connection,
    *,
    as_of: datetime,
    cash_micros: int,
    positions_value_micros: int | None,
    open_positions: int,
) -> int:
    """Add a snapshot of what the account is worth; the value is None where a bid is missing."""
    value = None if positions_value_micros is None else cash_micros + positions_value_micros
    row = {
        "as_of": as_of,
        "cash_micros": cash_micros,
        "positions_value_micros": positions_value_micros,
        "value_micros": value,
        "open_positions": open_positions,
    }
    return insert_missing(connection, portfolio, [row])


def latest_portfolio_value(connection: Connection) -> int | None:
    """Return the newest known value of the account, micros."""
    query = select(portfolio.c.value_micros).order_by(portfolio.c.as_of.desc()).limit(1)
    return connection.scalar(query)


@dataclass(frozen=True)
class RecordedBid:
    """What a position was recorded with: contracts, + YES, - NO, and micros a contract."""

    position: int
    price: int


def last_bids(
    connection: Connection, tickers: Sequence[str], *, since: datetime, until: datetime
) -> dict[str, RecordedBid]:
    """Return the newest price each of these markets was recorded with in [since, until].

    A price of 1 dollar is no bid but a result. A market that was not recorded is missing.
    """
    query = text(
        """
        SELECT held.ticker, newest.position, newest.sell_price
        FROM unnest(cast(:tickers AS text[])) AS held (ticker)
        CROSS JOIN LATERAL (
            SELECT position, sell_price FROM kalshi.positions p
            WHERE p.market_ticker = held.ticker AND p.sell_price < :dollar
              AND p.as_of BETWEEN :since AND :until
            ORDER BY p.as_of DESC LIMIT 1
        ) AS newest
        """
    )
    values = {"tickers": list(tickers), "dollar": MICROS_PER_DOLLAR}
    found = connection.execute(query, {**values, "since": since, "until": until})
    return {row.ticker: RecordedBid(row.position, row.sell_price) for row in found}


@dataclass(frozen=True)
class RecordedAccount:
    """The account as last recorded: + YES, - NO; a sell price is missing where none was known."""

    as_of: datetime
    cash_micros: int
    value_micros: int | None
    positions: Mapping[str, int]
    sell_prices: Mapping[str, int]


def latest_account(connection: Connection) -> RecordedAccount | None:
    """Return the newest snapshot of portfolio and positions, or None."""
    query = select(portfolio).order_by(portfolio.c.as_of.desc()).limit(1)
    newest = connection.execute(query).first()
    if newest is None:
        return None
    of_newest = positions.c.as_of == select(func.max(positions.c.as_of)).scalar_subquery()
    held = connection.execute(select(positions).where(of_newest)).all()
    held = held if newest.open_positions else []
    return RecordedAccount(
        as_of=newest.as_of,
        cash_micros=newest.cash_micros,
        value_micros=newest.value_micros,
        positions={row.market_ticker: row.position for row in held},
        sell_prices={r.market_ticker: r.sell_price for r in held if r.sell_price is not None},
    )
