"""How a feed writes: all of a batch and its sign of life in one transaction, or nothing."""

from datetime import datetime

from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.feed_batch import Batch, once_each
from kalshi_assets.storage import feeds, intake
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.gaps import note_gaps
from kalshi_assets.storage.stream_writer import StreamWriter
from kalshi_assets.storage.tidings import MARKETS_CHANNEL, TICKS_CHANNEL, tell
from kalshi_assets.storage.trades import add_trades


class Writing:
    """Writes as the owner of the feed's row."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._quotes = StreamWriter()

    def write(
        self,
        batch: Batch,
        *,
        now: datetime,
        is_streaming: bool,
        sure_until: datetime,
        newest_at: datetime | None,
    ) -> None:
        """Write a batch; what is there already stays as it is.

        Raises:
            StorageError: the database refuses, or another feed has taken over.
        """
        try:
            with self._database.transaction() as connection:
                # First: whoever has taken over holds the row, so nothing is written beside it.
                feeds.beat(
                    connection,
                    self._owner,
                    now=now,
                    wall=wall_now(),
                    is_streaming=is_streaming,
                    trades_sure_until=sure_until,
                    newest_at=newest_at,
                )
                self._rows(connection, batch, now)
        except BaseException:
            self._quotes.forget()
            raise

    def _rows(self, connection: Connection, batch: Batch, now: datetime) -> None:
        if batch.ticks:
            self._quotes.write(connection, batch.ticks)
            tell(connection, TICKS_CHANNEL)
        if batch.has_market_news:
            tell(connection, MARKETS_CHANNEL)
        if batch.trades or batch.read:
            add_trades(connection, once_each([*batch.trades, *batch.read]))
        note_gaps(connection, batch.gaps.values(), noted_at=now)
        feeds.doubt_books(connection, batch.doubtful)
        feeds.save_books(connection, batch.books.values())
        rows = [
            intake.Quarantined(f"stream {bad.channel or 'unknown'}", bad.problem, bad.payload)
            for bad in batch.bad
        ]
        if batch.bad_left_out:
            told = f"{batch.bad_left_out} more while nothing could be written: bytes not kept"
            rows.append(intake.Quarantined("stream", told, b""))
        intake.save_quarantined(connection, rows, received_at=now, run_id=f"feed {self._owner}")
