"""The ledger against the venue: what fills and settlements add up to is what the venue states.

The arithmetic is exact, in micros. One thing is not told exactly: a settlement's revenue comes in
whole cents, so a scalar result may leave less than a cent open.

The venue tells balance, positions, fills and settlements in separate calls, and all of them lag
behind what happened. Where they do not agree they are asked again for a while; only a difference
that stays is one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from kalshi_assets.domain.account import Fill, Settlement, VenueOrder
from kalshi_assets.domain.fees import cost_to_buy
from kalshi_assets.domain.order import is_of_our_scheme
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_CENT, MICROS_PER_DOLLAR, dollars
from kalshi_assets.errors import LedgerNotOpen
from kalshi_assets.execution import account
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.paper_account import Holding
from kalshi_assets.storage import books as rows
from kalshi_assets.storage import ledger
from kalshi_assets.storage.account import save_fills, save_settlements

LOOKS = 10
PAUSE_SECONDS = 1.0


@dataclass(frozen=True)
class Comparison:
    """What the ledger adds up to, and what the venue states. Money in micros.

    Attributes:
        reserved_micros: what resting orders of the account may cost: a venue may state the cash
            with or without it (its documents leave that open).
        tolerance_micros: what the venue's whole cents leave open.
        position_differences: by market, contracts of the ledger and of the venue.
        unexplained_fills: fills of orders that nobody has listed yet.
    """

    cash_expected: int
    cash_stated: int
    reserved_micros: int
    tolerance_micros: int
    position_differences: Mapping[str, tuple[int, int]]
    unexplained_fills: int

    @property
    def is_equal(self) -> bool:
        """Tell whether ledger and venue agree."""
        off = self.cash_stated - self.cash_expected
        is_cash = abs(off) <= self.tolerance_micros or (
            self.reserved_micros > 0 and abs(off + self.reserved_micros) <= self.tolerance_micros
        )
        return is_cash and not self.position_differences and not self.unexplained_fills

    @property
    def sentence(self) -> str:
        """Say what agrees or differs, for people."""
        cash = (
            f"cash {dollars(self.cash_stated):.4f} USD at the venue, "
            f"{dollars(self.cash_expected):.4f} by the ledger"
        )
        held = [
            f"{ticker} {theirs / CENTICONTRACTS:g} at the venue, {ours / CENTICONTRACTS:g} by the "
            "ledger"
            for ticker, (ours, theirs) in sorted(self.position_differences.items())
        ]
        odd = [f"{self.unexplained_fills} fills of unlisted orders"]
        return "; ".join([cash, *held, *(odd if self.unexplained_fills else [])])


def open_books(desk: Desk) -> bool:
    """Open the books with what the venue states now; False where they are open.

    Fills and settlements are read before and after balance and positions: an opening with one of
    them half inside would be off for ever.

    Raises:
        ExchangeError: the venue did not answer.
        LedgerNotOpen: the account did not stand still for a moment; nothing was written.
    """
    with desk.database.transaction() as connection:
        if rows.opening(connection) is not None:
            return False
        ours = set(ledger.client_ids_by_venue_id(connection).values())
    for _ in range(LOOKS):
        before = desk.venue.fills(), desk.venue.settlements()
        balance, positions = desk.venue.balance(), desk.venue.positions()
        listed = desk.venue.orders()
        after = desk.venue.fills(), desk.venue.settlements()
        if after == before and desk.venue.balance().cash_micros == balance.cash_micros:
            break
        desk.pause(PAUSE_SECONDS)
    else:
        raise LedgerNotOpen("the account does not stand still: its books cannot be opened yet")
    fills, settled = before
    dead = [o for o in listed if o.client_order_id not in ours and o.status != "resting"]
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        rows.add_opening(connection, at=now, cash_micros=balance.cash_micros, positions=positions)
        client_ids = ledger.client_ids_by_venue_id(connection)
        save_fills(connection, fills, client_ids=client_ids, is_before_opening=True)
        save_settlements(connection, settled, is_before_opening=True)
        rows.add_foreign_orders(connection, [(order, _of_before(order)) for order in dead], at=now)
    return True


def compare(desk: Desk, *, is_whole: bool = False) -> Comparison:
    """Bring in what is new, and compare the ledger with what the venue states.

    Args:
        desk: where.
        is_whole: ask for all fills, however old.

    Raises:
        ExchangeError: the venue did not answer.
        LedgerNotOpen: the books were never opened.
    """
    unexplained = account.record_fills(desk, is_whole=is_whole).left_out
    account.record_settlements(desk)
    balance = desk.venue.balance()
    stated = {p.market_ticker: p.position for p in desk.venue.positions() if p.position}
    resting = [order for order in desk.venue.orders() if order.remaining_count]
    with desk.database.transaction() as connection:
        opened = rows.opening(connection)
        if opened is None:
            raise LedgerNotOpen("the books are not open: reconcile first")
        fills, settled = (
            rows.fills_since_opening(connection),
            rows.settlements_since_opening(connection),
        )
        transferred = rows.transferred(connection)
    cash, held = _added_up(opened, fills, settled)
    return Comparison(
        cash_expected=cash + transferred,
        cash_stated=balance.cash_micros,
        reserved_micros=sum(_reserved(order) for order in resting),
        tolerance_micros=MICROS_PER_CENT * sum(s.result == "scalar" for s in settled),
        position_differences={
            ticker: (held.get(ticker, 0), stated.get(ticker, 0))
            for ticker in held.keys() | stated.keys()
            if held.get(ticker, 0) != stated.get(ticker, 0)
        },
        unexplained_fills=unexplained,
    )


def _added_up(
    opened: rows.Opening, fills: Iterable[Fill], settled: Iterable[Settlement]
) -> tuple[int, dict[str, int]]:
    """Return cash and open positions after all that happened since the opening."""
    holdings = {
        ticker: Holding(position=count, cost_micros=cost)
        for ticker, (count, cost) in opened.positions.items()
    }
    for fill in fills:
        held = holdings.get(fill.market_ticker, Holding())
        holdings[fill.market_ticker] = held.after(fill)
    cash = opened.cash_micros + sum(held.cash_micros for held in holdings.values())
    for settlement in settled:
        cash += settlement.payout_micros
        holdings.pop(settlement.market_ticker, None)
    return cash, {ticker: held.position for ticker, held in holdings.items() if held.position}


def _of_before(order: VenueOrder) -> rows.ForeignKind:
    return "earlier" if is_of_our_scheme(order.client_order_id) else "manual"


def _reserved(order: VenueOrder) -> int:
    price = order.yes_price if order.side == "yes" else MICROS_PER_DOLLAR - order.yes_price
    return cost_to_buy(order.remaining_count, price, multiplier=Decimal(0))
