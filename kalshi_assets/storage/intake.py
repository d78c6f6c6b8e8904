"""How data came in: polls by slot, loaded history, quarantined payloads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.storage import markets
from kalshi_assets.storage.rows import insert_missing, upsert
from kalshi_assets.storage.schema import history_loads, polls, quarantine

# What is loaded this long after a day's end is all there will be of it.
LATE_CANDLES = timedelta(hours=1)
# Collection does not wait longer than this for a history that cannot be loaded.
HISTORY_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Poll:
    """One poll of all tracked markets. `slot` is the start of its 90 seconds.

    `duplicates` names the markets that came more than once in the answer.
    """

    slot: datetime
    received_at: datetime
    expected: Sequence[str]
    received: int
    duplicates: Sequence[str]
    rejected: int


@dataclass(frozen=True)
class Quarantined:
    """A payload that could not be read, with the reason."""

    source: str
    reason: str
    payload: bytes


def save_poll(connection: Connection, poll: Poll) -> None:
    """Record a poll, in place of an earlier one of its slot that got no answer."""
    upsert(connection, polls, [vars(poll)])


def latest_poll(connection: Connection) -> Poll | None:
    """Return the newest poll."""
    row = connection.execute(select(polls).order_by(polls.c.slot.desc()).limit(1)).first()
    return None if row is None else Poll(**row._mapping)


def has_poll(connection: Connection, slot: datetime) -> bool:
    """Tell whether a slot was polled and anything came."""
    is_answered = polls.c.received + polls.c.rejected > 0
    query = select(polls.c.slot).where(polls.c.slot == slot, is_answered)
    return connection.scalar(query) is not None


def save_quarantined(
    connection: Connection, rows: Sequence[Quarantined], *, received_at: datetime, run_id: str
) -> int:
    """Keep unreadable payloads with their bytes."""
    values = [{**vars(row), "received_at": received_at, "run_id": run_id} for row in rows]
    return insert_missing(connection, quarantine, values)


def save_history_load(
    connection: Connection, day: date, candles: dict[str, int], *, loaded_until: datetime
) -> None:
    """Record that a day's candles were loaded up to a moment, with their number by market.

    Its trades are to be asked for from then on: those known may end at an earlier moment.
    """
    same = {"day": day, "loaded_until": loaded_until, "trades": None}
    rows = [{**same, "market_ticker": t, "candles": count} for t, count in candles.items()]
    upsert(connection, history_loads, rows)


def days_to_load(
    connection: Connection, days: Sequence[date], tickers: Sequence[str]
) -> dict[str, list[date]]:
    """Return, by market, the days whose candles were not loaded after their end."""
    done = _loaded(connection, days, tickers, history_loads.c.candles)
    return {t: [day for day in days if (day, t) not in done] for t in tickers}


def days_without_trades(
    connection: Connection, days: Sequence[date], tickers: Sequence[str]
) -> dict[str, list[date]]:
    """Return, by market, the days whose trades were not loaded after their end."""
    done = _loaded(connection, days, tickers, history_loads.c.trades)
    return {t: [day for day in days if (day, t) not in done] for t in tickers}


def save_trade_load(connection: Connection, ticker: str, trades: dict[date, int]) -> None:
    """Record the number of a market's trades on days whose candles were just loaded."""
    for day, count in trades.items():
        is_it = and_(history_loads.c.day == day, history_loads.c.market_ticker == ticker)
        is_new = history_loads.c.trades.is_distinct_from(count)
        connection.execute(update(history_loads).where(is_it, is_new).values(trades=count))


def _loaded(
    connection: Connection,
    days: Sequence[date],
    tickers: Sequence[str],
    what: ColumnElement[int | None],
) -> set[tuple[date, str]]:
    """Return for which days and markets this was loaded so late that nothing can be missing."""
    loads = history_loads.c
    query = select(loads.day, loads.market_ticker, loads.loaded_until).where(
        loads.day.in_(days), loads.market_ticker.in_(tickers), what.is_not(None)
    )
    return {
        (row.day, row.market_ticker)
        for row in connection.execute(query)
        if row.loaded_until >= day_bounds(row.day)[1] + LATE_CANDLES
    }


def complete_history_load(connection: Connection, day: date, *, at: datetime) -> None:
    """Record that everything made of a day's candles is there, unless it was before."""
    is_new = and_(history_loads.c.day == day, history_loads.c.completed_at.is_(None))
    connection.execute(update(history_loads).where(is_new).values(completed_at=at))


def days_not_loaded(
    connection: Connection, days: Sequence[date], tickers: Sequence[str]
) -> list[date]:
    """Return the days for which some of these markets' history was not loaded to its end."""
    query = (
        select(history_loads.c.day, func.count())
        .where(history_loads.c.day.in_(days), history_loads.c.market_ticker.in_(tickers))
        .where(history_loads.c.completed_at.is_not(None))
        .group_by(history_loads.c.day)
    )
    loaded = {row[0]: row[1] for row in connection.execute(query)}
    return [day for day in days if loaded.get(day, 0) < len(tickers)]


def missing_history_days(connection: Connection, now: datetime, *, history_days: int) -> list[date]:
    """Return the days of the averages' window that are not loaded for every tracked market."""
    today = venue_day(now)
    days = list(days_between(today - timedelta(days=history_days), today))
    tracked = list(markets.tracked_markets(connection))
    return days_not_loaded(connection, days, tracked) if tracked else days


def is_history_overdue(connection: Connection, now: datetime) -> bool:
    """Tell whether collection must start although the history could not be loaded."""
    since = markets.first_tracked_at(connection)
    return since is not None and now - since > HISTORY_PATIENCE


def count_quarantined(connection: Connection) -> int:
    """Return how many payloads are in quarantine."""
    return connection.scalar(select(func.count()).select_from(quarantine)) or 0
