"""What the venue says of the account: read, valued, recorded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kalshi_assets.domain.account import Balance, Position
from kalshi_assets.domain.market import MarketSnapshot
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.marks import REACH, LastBids, Mark, marks_of
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.risk.inputs import AccountView
from kalshi_assets.storage import account as rows
from kalshi_assets.storage import books, ledger
from kalshi_assets.storage.activity import newest_fill_known_at

FILL_OVERLAP = timedelta(minutes=10)
# Reads lag some 360 ms behind writes.
READS_SECONDS = 5.0


class Quoting(Protocol):
    """What gives quotes of now: a venue, or a client of the exchange."""

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return markets with their quotes of now."""


@dataclass(frozen=True)
class Statement:
    """Balance and positions with what each counts for; one whose market is not told has no mark."""

    balance: Balance
    positions: Sequence[Position]
    marks: Mapping[str, Mark]

    @property
    def sell_prices(self) -> dict[str, int]:
        """Return by market what one contract held counts, micros."""
        return {ticker: mark.price for ticker, mark in self.marks.items()}

    @property
    def waiting(self) -> frozenset[str]:
        """Return the markets where something is held that cannot be sold now."""
        return frozenset(ticker for ticker, mark in self.marks.items() if mark.is_waiting)

    @property
    def positions_value_micros(self) -> int | None:
        """Return what all that is held counts, or None where a mark is missing."""
        if any(p.market_ticker not in self.marks for p in self.positions):
            return None
        return sum(self._worth(p) for p in self.positions)

    def view(self, *, committed_micros: int) -> AccountView:
        """Return the account as rules see it; `committed_micros` is promised to live orders."""
        value = self.positions_value_micros
        waiting = [p for p in self.positions if p.market_ticker in self.waiting]
        return AccountView(
            as_of=self.balance.as_of,
            cash_micros=self.balance.cash_micros - committed_micros,
            value_micros=None if value is None else self.balance.cash_micros + value,
            positions={p.market_ticker: p.position for p in self.positions},
            exposures={p.market_ticker: abs(p.exposure_micros) for p in self.positions},
            waiting_micros=sum(self._worth(p) for p in waiting),
            unmarked=tuple(t for t, mark in sorted(self.marks.items()) if not mark.is_known),
        )

    def _worth(self, position: Position) -> int:
        return abs(position.position) * self.marks[position.market_ticker].price // CENTICONTRACTS


def are_reads_current(desk: Desk) -> bool:
    """Wait until the venue's reads show all that our orders have done, and tell whether they do.

    The answer to an order is there before any read shows what it bought. A balance and positions
    from before that would let the same thing be bought, or sold, a second time.

    Raises:
        ExchangeError: the venue did not answer.
    """
    with desk.database.transaction() as connection:
        moved = newest_fill_known_at(connection)
    return moved is None or desk.venue.await_reads(moved, within_seconds=READS_SECONDS)


def read_statement(desk: Desk) -> Statement:
    """Ask the venue for balance, positions and their quotes."""
    balance, held = desk.venue.balance(), desk.venue.positions()
    return statement_of(balance, held, quotes=desk.venue, last_bids=last_bids_of(desk))


def last_bids_of(desk: Desk) -> LastBids:
    """Return what looks up the prices that positions were last recorded with."""

    def look(tickers: Sequence[str], at: datetime) -> Mapping[str, rows.RecordedBid]:
        with desk.database.transaction() as connection:
            return rows.last_bids(connection, tickers, since=at - REACH, until=at)

    return look


def statement_of(
    balance: Balance, held: Iterable[Position], *, quotes: Quoting, last_bids: LastBids
) -> Statement:
    """Return the statement of an account, its open positions valued with quotes of now."""
    positions = [p for p in held if p.position != 0]
    batch = quotes.markets(tickers=[p.market_ticker for p in positions])
    by_ticker = {s.market.ticker: s for s in batch.snapshots}
    return stated(balance, positions, by_ticker, last_bids=last_bids)


def stated(
    balance: Balance,
    held: Iterable[Position],
    by_ticker: Mapping[str, MarketSnapshot],
    *,
    last_bids: LastBids,
) -> Statement:
    """Return the statement of an account, its open positions valued with these quotes."""
    positions = [p for p in held if p.position != 0]
    marks = marks_of(positions, by_ticker, at=balance.as_of, last_bids=last_bids)
    return Statement(balance, positions, marks)


@dataclass(frozen=True)
class RecordedFills:
    """What came of the venue's fills: how many are new, and how many belong to no known order."""

    added: int
    left_out: int


def record_fills(desk: Desk, *, is_whole: bool = False) -> RecordedFills:
    """Bring in the venue's fills of all orders that are known: ours, and those of others.

    A fill of an order that no list has shown yet is left out until one has: written without its
    order it could never be corrected.

    Args:
        desk: where.
        is_whole: ask for all fills; else for those since the newest that is kept, with an overlap.
    """
    with desk.database.transaction() as connection:
        newest = rows.newest_fill_at(connection)
        client_ids = ledger.client_ids_by_venue_id(connection)
        foreign = books.foreign_order_ids(connection)
        kept = rows.fill_ids(connection)
    since = None if newest is None or is_whole else newest - FILL_OVERLAP
    new = [f for f in desk.venue.fills(min_filled_at=since) if f.fill_id not in kept]
    known = [f for f in new if f.order_id in client_ids or f.order_id in foreign]
    with desk.database.transaction() as connection:
        added = rows.save_fills(connection, known, client_ids=client_ids)
    return RecordedFills(added, len(new) - len(known))


def record_settlements(desk: Desk) -> int:
    """Bring in the venue's settlements, and return how many were new."""
    settled = desk.venue.settlements()
    with desk.database.transaction() as connection:
        return rows.save_settlements(connection, settled)


def record_positions(desk: Desk, statement: Statement) -> int:
    """Keep a snapshot of the open positions."""
    with desk.database.transaction() as connection:
        return rows.save_positions(
            connection,
            statement.positions,
            as_of=statement.balance.as_of,
            sell_prices=statement.sell_prices,
        )


def record_portfolio(desk: Desk, statement: Statement) -> int:
    """Keep a snapshot of what the account is worth."""
    with desk.database.transaction() as connection:
        return rows.save_portfolio(
            connection,
            as_of=statement.balance.as_of,
            cash_micros=statement.balance.cash_micros,
            positions_value_micros=statement.positions_value_micros,
            open_positions=len(statement.positions),
        )
