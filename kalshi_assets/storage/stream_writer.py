"""The feed's way into raw ticks: what is plainly new goes straight into the table.

A quote later than every one known of its market needs no comparison. Whatever else comes (a quote
of the same millisecond, one sent again after a reconnect, one from before the writer began) takes
the way of all others, `add_raw_ticks`, which compares. There is one feed at a time, and the
exchange dates quotes to the millisecond.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, func, select, text

from kalshi_assets.domain.calendar import day_bounds, days_between, venue_day
from kalshi_assets.domain.stream import StatedQuote, TickerUpdate
from kalshi_assets.domain.tick import tick_of_quote
from kalshi_assets.storage import schema
from kalshi_assets.storage.partitions import ensure_day_partitions
from kalshi_assets.storage.raw_ticks import (
    STREAM,
    add_raw_ticks,
    after_ms,
    lock_raw_ticks,
    source_ids,
    status_ids,
)
from kalshi_assets.storage.rows import copy_rows

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

    def write(self, connection: Connection, quotes: Sequence[StatedQuote]) -> int:
        """Add the quotes that are not there yet, and return how many that were.

        Args:
            connection: the caller's transaction; the batch is durable when it commits. Where it
                does not, the caller must have the writer `forget`: of a connection that was lost
                nothing else would tell.
            quotes: in order of arrival.
        """
        if not quotes:
            return 0
        lock_raw_ticks(connection)
        if not self._markets:
            self._begin(connection, quotes)
        doubtful: list[StatedQuote] = []
        # Chosen and made while the server takes the ones before: it works on another core.
        copy_rows(connection, schema.live_ticks, self._new(quotes, doubtful))
        compared = [tick_of_quote(quote, status=status) for quote, status in doubtful]
        added = len(quotes) - len(doubtful) + add_raw_ticks(connection, compared)
        if strange := [one for one in doubtful if not self._is_known(*one)]:
            self._learn(connection, strange)
            for quote, _ in strange:
                known = self._markets[quote.market_ticker]
                known.newest = max(known.newest, quote.quoted_at)
        return added

    def _new(
        self, quotes: Sequence[StatedQuote], doubtful: list[StatedQuote]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield what is later than all that is known of its market; the rest joins `doubtful`.

        So does what it would have to ask the database about, which is busy copying: the next quotes
        of a market or a day that begins are compared once.
        """
        markets, statuses, until = self._markets, self._statuses, self._until
        for one in quotes:
            quote, status = one
            at, known = quote.quoted_at, markets.get(quote.market_ticker)
            status_id = statuses.get(status)
            if known is None or status_id is None or not known.newest < at < until:
                doubtful.append(one)
                continue
            known.newest = at
            yield _as_copied(quote, known.source_id, status_id)

    def _is_known(self, quote: TickerUpdate, status: str) -> bool:
        """Tell whether such a quote can be chosen and written without asking the database."""
        is_named = quote.market_ticker in self._markets and status in self._statuses
        return is_named and quote.quoted_at < self._until

    def _begin(self, connection: Connection, quotes: Sequence[StatedQuote]) -> None:
        """Learn what the first quotes need; what is older than their first day is compared."""
        self._until, _ = day_bounds(venue_day(min(quote.quoted_at for quote, _ in quotes)))
        self._since = max(_newest_of_all(connection), self._until)
        self._learn(connection, quotes)

    def _learn(self, connection: Connection, quotes: Sequence[StatedQuote]) -> None:
        """Look up the numbers and make the partitions that these quotes need."""
        if (last := max(quote.quoted_at for quote, _ in quotes)) >= self._until:
            days = days_between(venue_day(self._until), venue_day(last))
            ensure_day_partitions(connection, schema.live_ticks, days)
            _, self._until = day_bounds(venue_day(last))
        keys = {(quote.market_ticker, STREAM, "") for quote, _ in quotes}
        for (ticker, *_), number in source_ids(connection, keys).items():
            self._markets.setdefault(ticker, _Known(number, self._since))
        self._statuses |= status_ids(connection, {status for _, status in quotes})


def _as_copied(quote: TickerUpdate, source_id: int, status_id: int) -> tuple[Any, ...]:
    """Return a quote's values in the order of the table's columns."""
    at = quote.quoted_at
    return (
        at,
        at,
        quote.volume,
        None,  # of a day: the stream does not tell it
        quote.open_interest,
        quote.yes_bid_size,
        quote.yes_ask_size,
        source_id,
        after_ms(quote.market_ticker, quote.received_at - at),
        quote.yes_bid,
        quote.yes_ask,
        quote.last_price,
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
            return newest
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
