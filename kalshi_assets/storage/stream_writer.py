"""The feed's way into raw ticks: what is plainly new goes straight into the table.

A quote later than every one known of its market needs no comparison. Whatever else comes (a quote
of the same millisecond, one sent again after a reconnect, one from before the writer began) takes
the way of all others, `add_raw_ticks`, which compares. There is one feed at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, func, select, text

from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.storage import schema
from kalshi_assets.storage.raw_ticks import (
    MILLISECOND,
    STREAM,
    add_raw_ticks,
    after_ms,
    lock_raw_ticks,
    source_ids,
    status_ids,
)
from kalshi_assets.storage.rows import copy_rows, ensure_day_partitions

Row = Mapping[str, Any]
MICROSECOND = timedelta(microseconds=1)
# Within its millisecond a second quote is dated a microsecond later than the first.
SAME_MILLISECOND = MILLISECOND - MICROSECOND
BEGINNING = datetime.min.replace(tzinfo=UTC)
_MOMENT, _TICKER, _STATUS = map(itemgetter, ("observed_at", "market_ticker", "status"))


class StreamWriter:
    """Writes the stream's quotes, each once; keeps in mind the newest one of each market.

    Before its first batch, and when it has been told to `forget`, it knows nothing: then whatever
    is older than the newest quote of all in the database is compared.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._newest: dict[str, datetime] = {}
        self._ids: dict[str, int] = {}
        self._statuses: dict[str, int] = {}
        self._days: set[date] = set()

    def write(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Add the quotes that are not there yet, and return how many that were.

        Args:
            connection: the caller's transaction; the batch is durable when it commits. Where it
                does not, the caller must have the writer `forget`: of a connection that was lost
                nothing else would tell.
            rows: all columns of the view `raw_ticks` that live ticks have, source `stream`, in
                order of arrival.
        """
        if not rows:
            return 0
        lock_raw_ticks(connection)
        if self._since is None:
            self._since = _newest_of_all(connection)
        self._learn(connection, rows)
        doubtful: list[Row] = []
        # Made while the server takes the ones before: it works on another core.
        copy_rows(connection, schema.live_ticks, self._new(rows, doubtful))
        return len(rows) - len(doubtful) + add_raw_ticks(connection, doubtful)

    def forget(self) -> None:
        """Forget everything: a transaction of it has failed."""
        self._since = None
        for known in (self._newest, self._ids, self._statuses, self._days):
            known.clear()

    def _new(self, rows: Sequence[Row], doubtful: list[Row]) -> Iterator[tuple[Any, ...]]:
        """Yield what is later than all that is known of its market; the rest joins `doubtful`."""
        newest, since = self._newest, self._since or BEGINNING
        ids, statuses = self._ids, self._statuses
        for row in rows:
            ticker, at = row["market_ticker"], row["observed_at"]
            if at > newest.get(ticker, since):
                newest[ticker] = at + SAME_MILLISECOND
                yield _as_copied(row, ids[ticker], statuses[row["status"]])
            else:
                doubtful.append(row)

    def _learn(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Look up the ids and make the partitions that these rows need."""
        if not set(map(_TICKER, rows)) <= self._ids.keys():
            found = source_ids(connection, rows)
            # Of a market that was polled or loaded before, there are the numbers of those ways too.
            streamed = {key[0]: n for key, n in found.items() if key[1] == STREAM}
            self._ids |= streamed
        if not set(map(_STATUS, rows)) <= self._statuses.keys():
            self._statuses |= status_ids(connection, rows)
        moments = [*map(_MOMENT, rows)]
        first, last = venue_day(min(moments)), venue_day(max(moments))
        if missing := set(days_between(first, last)) - self._days:
            ensure_day_partitions(connection, schema.live_ticks, missing)
            self._days |= missing


def _as_copied(row: Row, source_id: int, status_id: int) -> tuple[Any, ...]:
    """Return a quote's values in the order of the table's columns."""
    return (
        row["observed_at"],
        row["quoted_at"],
        row["volume"],
        row["volume_24h"],
        row["open_interest"],
        row["yes_bid_size"],
        row["yes_ask_size"],
        source_id,
        after_ms(row),
        row["yes_bid"],
        row["yes_ask"],
        row["last_price"],
        status_id,
    )


def _newest_of_all(connection: Connection) -> datetime:
    """Return up to when the stream's quotes in the database reach, whatever their market.

    It is read in the newest day that has any, not in all that are kept.
    """
    ticks, sources = schema.live_ticks.c, schema.tick_sources.c
    streams = [*connection.scalars(select(sources.source_id).where(sources.source == STREAM))]
    for day in _days_newest_first(connection) if streams else []:
        start, end = day_bounds(day)
        of_day = [ticks.observed_at >= start, ticks.observed_at < end]
        is_streamed = ticks.source_id == func.any(streams)
        query = select(func.max(ticks.observed_at)).where(*of_day, is_streamed)
        newest: datetime | None = connection.scalar(query)
        if newest is not None:
            return newest + SAME_MILLISECOND
    return BEGINNING


def _days_newest_first(connection: Connection) -> list[date]:
    """Return the days that live ticks have partitions of."""
    names = connection.scalars(
        text(
            "SELECT right(c.relname, 8) FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid "
            "WHERE inhparent = CAST(:parent AS regclass)"
        ),
        {"parent": str(schema.live_ticks)},
    )
    return sorted((date(int(n[:4]), int(n[4:6]), int(n[6:])) for n in names), reverse=True)
