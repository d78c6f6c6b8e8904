"""The live feed's own rows: who writes, how far it is, and the newest books.

Only the owner of the row may write. It is changed in the same transaction as every batch, so a
feed whose lock was lost cannot write beside the one that has taken over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from kalshi_assets.domain.market import BookLevel
from kalshi_assets.domain.stream import BookUpdate
from kalshi_assets.errors import StorageError
from kalshi_assets.storage.rows import upsert
from kalshi_assets.storage.schema import feeds, live_books

NAME = "feed"
# A feed beats every second; one that has been silent for so long does not write any more.
LONGEST_SILENCE = timedelta(seconds=15)


@dataclass(frozen=True)
class Feed:
    """A feed as it was when it wrote last; `beat_wall_at` is wall time, the rest the venue's.

    Attributes:
        away_since: since when the stream tells nothing; None while it does.
    """

    owner: str
    started_at: datetime
    beat_wall_at: datetime
    is_streaming: bool
    trades_sure_until: datetime
    newest_at: datetime | None
    away_since: datetime | None = None

    def is_alive(self, wall: datetime) -> bool:
        """Tell whether it still writes at a moment of the wall clock."""
        return wall - self.beat_wall_at <= LONGEST_SILENCE


def current_feed(connection: Connection) -> Feed | None:
    """Return the feed that writes, or wrote last; None where none ever did."""
    columns = [column for column in feeds.c if column.name != "name"]
    row = connection.execute(select(*columns).where(feeds.c.name == NAME)).first()
    return None if row is None else Feed(**row._mapping)


def claim_feed(connection: Connection, owner: str, *, now: datetime, wall: datetime) -> Feed:
    """Make this feed the one that writes; its trades are as sure as those of the last one.

    No book that the last one kept is sure any more.
    """
    before = current_feed(connection)
    sure_until = now if before is None else before.trades_sure_until
    claimed = Feed(
        owner,
        now,
        wall,
        is_streaming=False,
        trades_sure_until=sure_until,
        newest_at=None,
        away_since=now if before is None else before.away_since or now,
    )
    upsert(connection, feeds, [{"name": NAME, **vars(claimed)}])
    connection.execute(update(live_books).where(live_books.c.is_sure).values(is_sure=False))
    return claimed


def beat(
    connection: Connection,
    owner: str,
    *,
    now: datetime,
    wall: datetime,
    is_streaming: bool,
    trades_sure_until: datetime,
    newest_at: datetime | None,
) -> None:
    """Note that the feed is alive, in the transaction of what it writes.

    Args:
        connection: of the batch.
        owner: this feed.
        now: the venue's moment.
        wall: the wall clock's.
        is_streaming: the stream tells something at present.
        trades_sure_until: up to when every trade is kept once this transaction is.
        newest_at: the exchange's time of the newest quote or trade.

    Raises:
        StorageError: another feed has taken over.
    """
    values: dict[str, Any] = {
        "beat_wall_at": wall,
        "is_streaming": is_streaming,
        "trades_sure_until": trades_sure_until,
        "away_since": None if is_streaming else func.coalesce(feeds.c.away_since, now),
    }
    if newest_at is not None:
        values["newest_at"] = newest_at
    own = update(feeds).where(feeds.c.name == NAME, feeds.c.owner == owner).values(values)
    if connection.scalar(own.returning(feeds.c.name)) is None:
        raise StorageError("another feed has taken over: this one writes no more")


def save_books(connection: Connection, books: Iterable[BookUpdate]) -> None:
    """Keep these books in place of what was kept of their markets."""
    rows = [
        {
            "market_ticker": update_.book.market_ticker,
            "yes_bids": _levels(update_.book.yes_bids),
            "no_bids": _levels(update_.book.no_bids),
            "is_sure": True,
            "changed_at": update_.changed_at,
            "received_at": update_.received_at,
        }
        for update_ in books
    ]
    upsert(connection, live_books, rows)


def doubt_books(connection: Connection, tickers: Iterable[str]) -> None:
    """Note that the books kept of these markets are not sure any more."""
    named = live_books.c.market_ticker.in_(sorted(tickers))
    connection.execute(update(live_books).where(named).values(is_sure=False))


def _levels(levels: Iterable[BookLevel]) -> list[list[int]]:
    return [[level.price, level.count] for level in levels]
