"""The feed's way into raw ticks: what is plainly new goes straight into the table.

A quote later than every one known of its market needs no comparison. Whatever else comes (a quote
of the same millisecond, one sent again after a reconnect, one from before the writer began) takes
the way of all others, `add_raw_ticks`, which compares. There is one feed at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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


@dataclass(slots=True)
class _Known:
    """What is known of a market: its number, and up to when its quotes are in the table."""

    source_id: int
    newest: datetime


class StreamWriter:
    """Writes the stream's quotes, each once; keeps in mind the newest one of each market.

    Before its first batch, and when it has been told to `forget`, it knows nothing: then whatever
    is older than the newest quote of all in the database is compared.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Forget everything: a transaction of it has failed."""
        self._markets: dict[str, _Known] = {}
        self._statuses: dict[str, int] = {}
        # From and up to when a quote of a market that is not known yet may be new.
        self._since = self._until = BEGINNING

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
        if not self._markets:
            self._begin(connection, rows)
        doubtful: list[Row] = []
        # Chosen and made while the server takes the ones before: it works on another core.
        copy_rows(connection, schema.live_ticks, self._new(rows, doubtful))
        added = len(rows) - len(doubtful) + add_raw_ticks(connection, doubtful)
        if strange := [row for row in doubtful if not self._is_known(row)]:
            self._learn(connection, strange)
            for row in strange:
                known = self._markets[row["market_ticker"]]
                known.newest = max(known.newest, row["observed_at"] + SAME_MILLISECOND)
        return added

    def _new(self, rows: Sequence[Row], doubtful: list[Row]) -> Iterator[tuple[Any, ...]]:
        """Yield what is later than all that is known of its market; the rest joins `doubtful`.

        So does what it would have to ask the database about, which is busy copying: the next quotes
        of a market or a day that begins are compared once.
        """
        markets, statuses, until = self._markets, self._statuses, self._until
        for row in rows:
            known, status_id = markets.get(row["market_ticker"]), statuses.get(row["status"])
            at = row["observed_at"]
            if known is None or status_id is None or not known.newest < at < until:
                doubtful.append(row)
                continue
            known.newest = at + SAME_MILLISECOND
            yield _as_copied(row, known.source_id, status_id)

    def _is_known(self, row: Row) -> bool:
        """Tell whether such a row can be chosen and written without a question to the database."""
        is_named = row["market_ticker"] in self._markets and row["status"] in self._statuses
        return is_named and row["observed_at"] < self._until

    def _begin(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Learn what the first rows need; what is older than their first day is compared."""
        self._until, _ = day_bounds(venue_day(min(row["observed_at"] for row in rows)))
        self._since = max(_newest_of_all(connection), self._until)
        self._learn(connection, rows)

    def _learn(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Look up the numbers and make the partitions that these rows need."""
        if (last := max(row["observed_at"] for row in rows)) >= self._until:
            days = days_between(venue_day(self._until), venue_day(last))
            ensure_day_partitions(connection, schema.live_ticks, days)
            _, self._until = day_bounds(venue_day(last))
        # Of a market that was polled or loaded before, there are the numbers of those ways too.
        for (ticker, source, _), number in source_ids(connection, rows).items():
            if source == STREAM:
                self._markets.setdefault(ticker, _Known(number, self._since))
        self._statuses |= status_ids(connection, rows)


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
