"""An account with a past over both tiers: it traded by hand for hours before its books opened.

The tiers are short: an order is archived three hours after its end, the rest after five.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from kalshi_assets.domain.account import ListKind, Tier
from kalshi_assets.execution.books import open_books
from kalshi_assets.execution.importing import HistoryImport, Imported
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.kalshi.calls_pages import AccountPage
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.local_exchange.tiers import Tiers
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets.storage import books
from kalshi_assets.storage.engine import Database
from kalshi_assets_tests.execution.desk_bench import DeskBench, desk_bench
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    ScriptedTape,
    listing,
)

HOUR = 3600
SHORT = replace(UNLIMITED, tiers=Tiers(3 * HOUR_MS, 5 * HOUR_MS, 5 * HOUR_MS, 5 * HOUR_MS))
FIRST, SCALAR, LATER, OPEN = (f"KXTEST-26OCT-T{n}" for n in (2, 3, 4, 5))
"""Settled after 2 and 3 hours (archived at the opening), after 8 (live then), and not at all."""
ENDS = {FIRST: 2, SCALAR: 3, LATER: 8, OPEN: 900}
OPENED_AFTER = 12 * HOUR
ROWS = 4

BEFORE = {
    "foreign_orders": "created_at < (SELECT at FROM kalshi.cash_movements WHERE kind = 'opening')"
}
NAMED = {"fills": "fill_id", "settlements": "market_ticker", "foreign_orders": "order_id"}

Asked = tuple[ListKind, Tier, str]


class Killed(Exception):
    """The process ended here."""


@dataclass
class Watched:
    """The exchange's client, watched: what was asked, and something done around a call.

    Attributes:
        before: is told how many pages were asked for, before one is.
        after: the same, when it has been read.
    """

    client: KalshiClient
    before: Callable[[int], None] = lambda number: None
    after: Callable[[int], None] = lambda number: None
    asked: list[Asked] = field(default_factory=list)
    since: list[datetime | None] = field(default_factory=list)

    def account_page(
        self, kind: ListKind, tier: Tier, *, cursor: str = "", **bounds: Any
    ) -> AccountPage:
        self.before(len(self.asked))
        self.asked.append((kind, tier, cursor))
        self.since.append(bounds["since"])
        page = self.client.account_page(kind, tier, cursor=cursor, **bounds)
        self.after(len(self.asked) - 1)
        return page

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        return self.client.markets(tickers=tickers)

    def historical_markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        return self.client.historical_markets(tickers=tickers)


@dataclass
class PastBench:
    """What a test works on."""

    desk_bench: DeskBench
    owner: Database

    @property
    def client(self) -> KalshiClient:
        venue = self.desk_bench.desk.venue
        assert isinstance(venue, KalshiClient)
        return venue

    def importing(self, past: Any = None) -> HistoryImport:
        """Return an import, as a new process would begin it."""
        desk = self.desk_bench.desk
        with desk.database.transaction() as connection:
            opened = books.opening(connection)
        assert opened is not None
        return HistoryImport(
            self.client if past is None else past,
            self.owner,
            "local",
            opened,
            desk.clock,
            "a test",
            lambda line: None,
            page_rows=ROWS,
        )

    def run(self, past: Any = None) -> Imported:
        return self.importing(past).run()

    def at_venue(self, table: str) -> list[dict[str, Any]]:
        """Return what the exchange holds of the account from before the opening."""
        rows = self.desk_bench.floor.exchange.store.rows(
            f"select * from {table} where account = 'me' order by rowid"  # noqa: S608  ours
        )
        column = "settled_ms" if table == "settlements" else "created_ms"
        return [dict(row) for row in rows if row[column] < NOON_MS + OPENED_AFTER * 1000]

    def here(self, table: str) -> list[dict[str, Any]]:
        """Return what is kept of before the opening."""
        return self.desk_bench.rows(f"SELECT * FROM kalshi.{table} WHERE is_before_opening")  # noqa: S608  ours

    def is_all_here(self) -> None:
        """Check that fills, orders and settlements are those of the exchange, each once."""
        assert sorted(row["fill_id"] for row in self.here("fills")) == sorted(
            row["trade_id"] for row in self.at_venue("fills")
        )
        orders = self.desk_bench.rows(
            "SELECT order_id FROM kalshi.foreign_orders WHERE kind = 'manual' AND created_at < "
            "(SELECT at FROM kalshi.cash_movements WHERE kind = 'opening')"
        )
        assert sorted(row["order_id"] for row in orders) == sorted(
            row["order_id"] for row in self.at_venue("orders")
        )
        paid = [
            (row["market_ticker"], row["yes_count"] - row["no_count"])
            for row in self.here("settlements")
        ]
        assert sorted(paid) == sorted(
            (row["ticker"], row["position"]) for row in self.at_venue("settlements")
        )

    def forget(self) -> None:
        """Undo every import: what was here at the opening, or is of after it, stays."""
        self.desk_bench.tamper("DELETE FROM kalshi.history_imports")
        for table, name in NAMED.items():
            kept = ", ".join(f"'{row[name]}'" for row in self.at_opening[table]) or "''"
            before = BEFORE.get(table, "is_before_opening")
            statement = f"DELETE FROM kalshi.{table} WHERE {before} AND {name} NOT IN ({kept})"  # noqa: S608  ours
            self.desk_bench.tamper(statement)

    def forget_all(self) -> None:
        """Lose what the opening kept as well: then an import alone has to bring it."""
        for table in NAMED:
            before = BEFORE.get(table, "is_before_opening")
            self.desk_bench.tamper(f"DELETE FROM kalshi.{table} WHERE {before}")  # noqa: S608  ours

    @cached_property
    def at_opening(self) -> dict[str, list[dict[str, Any]]]:
        """What was here before the first import."""
        return {table: self.desk_bench.rows(f"SELECT * FROM kalshi.{table}") for table in NAMED}  # noqa: S608  ours


def tape_of_a_day() -> ScriptedTape:
    """Quotes that move every ten minutes, for half a day, in markets that end one by one."""
    draw = random.Random(7)  # noqa: S311  no secret
    ends = {ticker: NOON_MS + hours * HOUR_MS for ticker, hours in ENDS.items()}
    listings = {TICKER: listing()} | {
        ticker: listing(ticker, close_ms=ms, determined_ms=ms, settled_ms=ms)
        for ticker, ms in ends.items()
    }
    listings[FIRST] = replace(listings[FIRST], result="no")
    listings[SCALAR] = replace(listings[SCALAR], result="scalar", settlement_price=6_173)
    tape = ScriptedTape(listings)
    for ticker in listings:
        for minute in range(0, 900, 10):
            bid = draw.randint(30, 60)
            levels = {"bids": [(f"0.{bid}", "9.50")], "asks": [(f"0.{bid + 3}", "9.25")]}
            tape.quote(ticker, at=60 * minute, **levels)
    return tape


def trade_by_hand(bench: DeskBench) -> None:
    """Trade on the account for ten hours, as somebody without a program does."""
    draw = random.Random(3)  # noqa: S311  no secret
    for step in range(30):
        elapsed = step * 1200 / HOUR
        open_now = [t for t, hours in ENDS.items() if hours > elapsed + 0.1]
        ticker = draw.choice(open_now)
        side, price = draw.choice([("bid", "0.70"), ("ask", "0.20")])
        bench.by_hand(side, price, f"{draw.randint(50, 400) / 100:.2f}", ticker=ticker)
        if step % 4 == 0:
            resting = bench.by_hand("bid", "0.02", "1", ticker=OPEN)
            if step % 8:
                bench.floor.me.cancel(resting)
        bench.floor.wait(1200)


@contextmanager
def past_bench(url: str, folder: Path) -> Iterator[PastBench]:
    """Yield an account that traded for ten hours, whose books have just been opened."""
    with desk_bench(url, folder, tape=tape_of_a_day(), terms=SHORT) as made:
        trade_by_hand(made)
        made.floor.wait(2 * HOUR)  # so that nothing is of the last hour before the opening
        open_books(made.desk)
        reconcile(made.desk, is_whole=True)
        made.floor.wait(60)
        owner = Database(url)
        bench = PastBench(made, owner)
        assert bench.at_opening["fills"]
        yield bench
        owner.dispose()
