"""What came of a history: how much was traded, and whether the journal is the account's change."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from kalshi_assets.domain.journal import Journal
from kalshi_assets.domain.price import CENTICONTRACTS, dollars
from kalshi_assets.errors import LedgerNotOpen
from kalshi_assets.execution.books import compare
from kalshi_assets.execution.desk import Desk
from kalshi_assets.review.round_trips import journal_of
from kalshi_assets.storage import books
from kalshi_assets.storage.journal import read_books, sell_prices
from kalshi_assets.storage.week_health import halts_of

BEYOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Balance:
    """The journal beside the venue's own statement. Money in micros.

    Attributes:
        orders: of the bot; `fills` of everybody on the account.
        trips: closed, by who made them.
        results: sum of all round trips, open ones marked at the bid; None where one has no price.
        change: of cash and positions since the opening, without what was paid in and out.
        tolerance: what scalar settlements leave open, the venue states them in whole cents.
    """

    orders: int
    fills: int
    halts: int
    trips: dict[str, int]
    open_trips: int
    won: int
    overrides: dict[str, int]
    results: int | None
    change: int
    paid_in: int
    tolerance: int

    @property
    def is_equal(self) -> bool:
        """Tell whether journal and venue agree, but for what whole cents hide."""
        return self.results is not None and abs(self.results - self.change) <= self.tolerance

    @property
    def sentence(self) -> str:
        """Say it in words."""
        if self.results is None:
            return "An open position has no price: what the journal adds up to is not known."
        word = "equals" if self.is_equal else "DIFFERS FROM"
        return (
            f"The journal's result {dollars(self.results):+.4f} USD {word} the change of the "
            f"venue's balance {dollars(self.change):+.4f} USD, open positions marked, "
            f"{dollars(self.paid_in):+.2f} USD paid in aside."
        )

    def as_dict(self) -> dict[str, object]:
        """Return it as a plain dictionary."""
        return {**asdict(self), "is_equal": self.is_equal, "sentence": self.sentence}


def balance_of(desk: Desk) -> Balance:
    """Add up the journal, and compare it with what the venue states now.

    Raises:
        ExchangeError: the venue did not answer.
        LedgerNotOpen: nothing was ever reconciled.
    """
    stated, until = compare(desk), desk.clock.now() + BEYOND
    with desk.database.transaction() as connection:
        read, prices = read_books(connection, until=until), sell_prices(connection, until=until)
        paid_in = books.transferred(connection)
        halts = len(halts_of(connection, until=until))
    journal = journal_of(read, sell_prices=prices)
    closed = [trip for trip in journal.trips if trip.closed_at is not None]
    return Balance(
        orders=len(read.orders),
        fills=len(read.fills),
        halts=halts,
        trips=dict(Counter(trip.kind for trip in closed)),
        open_trips=len(journal.trips) - len(closed),
        won=sum((trip.result_micros or 0) > 0 for trip in closed),
        overrides=dict(Counter(override.kind for override in journal.overrides)),
        results=_sum_of_results(journal),
        change=stated.cash_stated + _worth(desk, prices) - _opening_worth(desk) - paid_in,
        paid_in=paid_in,
        tolerance=stated.tolerance_micros,
    )


def _worth(desk: Desk, prices: Mapping[str, int]) -> int:
    """Return what the positions that the venue states bring at these prices, micros."""
    held = ((p.market_ticker, abs(p.position)) for p in desk.venue.positions())
    return sum(count * prices.get(ticker, 0) // CENTICONTRACTS for ticker, count in held)


def _opening_worth(desk: Desk) -> int:
    """Return the cash at the opening, and what was paid for the positions held then, micros."""
    with desk.database.transaction() as connection:
        opened = books.opening(connection)
    if opened is None:
        raise LedgerNotOpen("the books are not open: reconcile first")
    return opened.cash_micros + sum(paid for _, paid in opened.positions.values())


def _sum_of_results(journal: Journal) -> int | None:
    """Return what all trips made, open ones at the bid; None where one has no price."""
    known = [trip.result_micros for trip in journal.trips if trip.result_micros is not None]
    return sum(known) if len(known) == len(journal.trips) else None
