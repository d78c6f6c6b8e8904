"""What the venue says of the account: read, valued at the bid, recorded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from kalshi_assets.domain.account import Balance, Position
from kalshi_assets.domain.market import Quote
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.execution.desk import Desk
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
    """Balance and positions with the price each could be sold at; None where it has no quote."""

    balance: Balance
    positions: Sequence[Position]
    sell_prices: Mapping[str, int]

    @property
    def positions_value_micros(self) -> int | None:
        """Return what selling everything at the bid brings, or None where a quote is missing."""
        if any(p.market_ticker not in self.sell_prices for p in self.positions):
            return None
        return sum(
            abs(p.position) * self.sell_prices[p.market_ticker] // CENTICONTRACTS
            for p in self.positions
        )

    def view(self, *, committed_micros: int) -> AccountView:
        """Return the account as rules see it; `committed_micros` is promised to live orders."""
        value = self.positions_value_micros
        return AccountView(
            as_of=self.balance.as_of,
            cash_micros=self.balance.cash_micros - committed_micros,
            value_micros=None if value is None else self.balance.cash_micros + value,
            positions={p.market_ticker: p.position for p in self.positions},
            exposures={p.market_ticker: abs(p.exposure_micros) for p in self.positions},
        )


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
    return statement_of(desk.venue.balance(), desk.venue.positions(), quotes=desk.venue)


def statement_of(balance: Balance, held: Iterable[Position], *, quotes: Quoting) -> Statement:
    """Return the statement of an account, its open positions valued with quotes of now."""
    positions = [p for p in held if p.position != 0]
    batch = quotes.markets(tickers=[p.market_ticker for p in positions])
    return stated(balance, positions, {s.quote.market_ticker: s.quote for s in batch.snapshots})


def stated(balance: Balance, held: Iterable[Position], by_ticker: Mapping[str, Quote]) -> Statement:
    """Return the statement of an account, its open positions valued with these quotes."""
    positions = [p for p in held if p.position != 0]
    prices = {
        p.market_ticker: sell_price(p, by_ticker[p.market_ticker])
        for p in positions
        if p.market_ticker in by_ticker
    }
    return Statement(balance, positions, prices)


def sell_price(position: Position, quote: Quote) -> int:
    """Return the bid of the side held, micros; 0 where nobody bids."""
    if position.position > 0:
        return quote.yes_bid if quote.yes_bid_size > 0 else 0
    return MICROS_PER_DOLLAR - quote.yes_ask if quote.yes_ask_size > 0 else 0


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
