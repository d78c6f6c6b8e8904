"""A feed as a process of its own, on a local exchange whose tape runs, and a real database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.market import BookLevel, OrderBook, Trade
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.runtime.exchange_address import ask_local_exchange
from kalshi_assets.settings import Settings, environment, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.feeds import Feed, current_feed
from kalshi_assets.storage.markets import save_markets
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.runtime.test_local_exchange import alone

PROGRAM = [sys.executable, "-c", "from kalshi_assets.runtime.cli import main; main()", "feed"]
PATIENCE_SECONDS = 120.0


@dataclass
class FeedBench:
    """What a test works on."""

    settings: Settings
    database: Database
    client: KalshiClient
    clock: VenueClock
    folder: Path
    tickers: list[str]

    @contextmanager
    def feed(self, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a feed; it is interrupted in the end."""
        with (self.folder / "feed.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  the words are ours
                [*PROGRAM, *words],
                env=environment(self.settings, {"PYTHONPATH": os.pathsep.join(sys.path)}),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
            try:
                yield process
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.transaction() as connection:
            return list(connection.execute(text(query), values))

    def row(self) -> Feed | None:
        with self.database.transaction() as connection:
            return current_feed(connection)

    def wait_until_streaming(self) -> Feed:
        """Wait until the trades of the stream are subscribed to, and return the feed's row."""

        def is_streaming() -> bool:
            row = self.row()
            return row is not None and row.is_streaming

        self.wait(is_streaming)
        row = self.row()
        assert row is not None
        return row

    def wait_for_change(self, before: Feed | None) -> None:
        """Wait until a feed has written since."""
        self.wait(lambda: self.row() != before)

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "feed.log").read_text()
            time.sleep(0.05)

    def kept_book(self, ticker: str) -> OrderBook | None:
        """Return the book that is kept of a market, sure or not."""
        query = "SELECT yes_bids, no_bids FROM kalshi.live_books WHERE market_ticker = :ticker"
        for sides in self.rows(query, ticker=ticker):
            yes, no = (tuple(BookLevel(*level) for level in side) for side in sides)
            return OrderBook(ticker, yes, no)
        return None

    def exchanges_trades(self, start: datetime, end: datetime) -> list[Trade]:
        """Return what the exchange itself lists, oldest first."""
        found = [
            trade
            for ticker in self.tickers
            for trade in self.client.trade_history(start=start, end=end, ticker=ticker).rows
        ]
        return sorted(found, key=lambda trade: (trade.created_at, trade.trade_id))

    def kept_trades(self, start: datetime, end: datetime) -> list[Any]:
        return self.rows(
            "SELECT trade_id, market_ticker, count, yes_price, taker_side, traded_at"
            " FROM kalshi.trades WHERE traded_at >= :start AND traded_at < :end"
            " ORDER BY traded_at, trade_id",
            start=start,
            end=end,
        )


@contextmanager
def feeding(
    url: str, folder: Path, *words: str, tickers: Sequence[str] | None = None
) -> Iterator[FeedBench]:
    """Yield a bench: an exchange that plays what `words` say.

    Tracked are the markets named, else all that are open.
    """
    with alone(folder, *words) as exchange:
        told = exchange.told
        found = ask_local_exchange(told["rest_url"])
        assert found is not None
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            input_name=found.input_name,
            home=folder / "home",
            database_url=url,
            api_url=told["rest_url"],
            api_key_id=told["key_id"],
            private_key_path=Path(told["private_key_path"]),
            venue_clock=str(found.clock),
        )
        database = Database(url)
        now = found.clock.now()
        prepare(database, identity=settings.identity, now=now)
        signer = RequestSigner(told["key_id"], Path(told["private_key_path"]))
        with KalshiClient(told["rest_url"], auth=signer) as client:
            status = "open" if tickers is None else None
            snapshots = client.markets(tickers=tickers, status=status).snapshots
            tracked = [one.market.ticker for one in snapshots]
            with database.transaction() as connection:
                save_markets(connection, snapshots, tracked=tracked, seen_at=now)
            yield FeedBench(settings, database, client, found.clock, folder, tracked)
        database.dispose()
