"""The exchange as one object: its parts, its clock, and the moment every call happens at.

All calls come from one thread (the server's event loop). Each first lets time run up to now, so
nobody ever sees an order that has expired, or a quote that has passed a resting order.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from kalshi_assets.local_exchange.auth import Doorkeeper, wall_ms
from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.clock import Clock, LeasedClock
from kalshi_assets.local_exchange.course import Course
from kalshi_assets.local_exchange.inputs import Input
from kalshi_assets.local_exchange.interventions import Interventions
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.limits import RateLimiter, RateLimits
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.orders import Orders
from kalshi_assets.local_exchange.request_log import RequestLog
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Tape
from kalshi_assets.local_exchange.trading import Canceled, Placed, Trading
from kalshi_assets.local_exchange.units import dollars_to_micros

DEFAULT_CASH = Decimal(5000)
LEASE = "venue_lease_ms"


@dataclass(frozen=True, slots=True)
class Terms:
    """How an exchange treats its accounts.

    Attributes:
        cash: what a new account starts with, in dollars.
        rate_limits: the tier of every account.
        balance_excludes_resting: show the balance less what resting orders may cost. Kalshi's own
            behaviour is not documented; funds are checked with them either way.
    """

    cash: Decimal = DEFAULT_CASH
    rate_limits: RateLimits = field(default_factory=RateLimits)
    balance_excludes_resting: bool = False


class Exchange:
    """A running exchange.

    Args:
        tape: what it replays.
        store: its state file, stamped with the tape's name here.
        doorkeeper: the registered keys.
        clock: venue time.
        terms: cash and rate limits.
        source: what the tape was made of; by default a scenario of the tape's name.

    Raises:
        StateMismatch: if the state was written under another input.
    """

    def __init__(
        self,
        tape: Tape,
        store: Store,
        *,
        doorkeeper: Doorkeeper,
        clock: Clock,
        terms: Terms,
        source: Input | None = None,
    ) -> None:
        self.source = source or Input(tape.name)
        store.stamp(self.source.name)
        self.tape = tape
        self.store = store
        self.doorkeeper = doorkeeper
        self.clock = clock
        self.terms = terms
        self.interventions = Interventions()
        self.limiter = RateLimiter(terms.rate_limits)
        self.request_log = RequestLog(store)
        self.orders = Orders(store)
        self.book = Book(store, tape, self.orders)
        self.ledger = Ledger(store, tape, self.orders)
        self.trading = Trading(store, tape, orders=self.orders, book=self.book, ledger=self.ledger)
        self._course = Course(
            store,
            tape,
            orders=self.orders,
            book=self.book,
            ledger=self.ledger,
            trading=self.trading,
        )
        with store.transaction():
            for key_id in doorkeeper.key_ids:
                self.ledger.open_account(key_id, cash_micros=dollars_to_micros(terms.cash))

    def moment(self) -> int:
        """Return the venue's moment, with everything done that is due up to it."""
        now_ms = self.clock.now_ms()
        self._course.run_to(now_ms)
        return now_ms

    def tick(self) -> None:
        """Let time run on while nobody calls; call it several times a second."""
        self.clock.checkpoint()
        self.moment()

    def place(self, account: str, request: OrderRequest, *, now_ms: int) -> Placed:
        """Place an order, within the caller's transaction (see `Trading.place`)."""
        self._course.mark(now_ms)
        return self.trading.place(account, request, now_ms=now_ms)

    def cancel(self, account: str, order_id: str, *, ticker: str | None, now_ms: int) -> Canceled:
        """Cancel an order, within the caller's transaction (see `Trading.cancel`)."""
        self._course.mark(now_ms)
        return self.trading.cancel(account, order_id, ticker=ticker, now_ms=now_ms)

    def cancel_all(self, account: str, *, now_ms: int) -> None:
        """Cancel all resting orders of an account, within the caller's transaction."""
        self._course.mark(now_ms)
        self.trading.cancel_all(account, now_ms=now_ms)

    def close(self) -> None:
        """Stop the clock at its exact moment and let go of the state file."""
        self.clock.stop()
        self.store.close()


def open_exchange(
    source: Input | str,
    *,
    keys: dict[str, str],
    state_dir: Path | None = None,
    speed: float = 1.0,
    terms: Terms | None = None,
) -> Exchange:
    """Open an exchange on an input, new or where its state folder left off.

    Args:
        source: what it plays; a text is a scenario's name.
        keys: PEM of each public key by key id; each key is an account of its own.
        state_dir: where the state lives; None keeps it in memory.
        speed: venue seconds a wall second.
        terms: cash and rate limits.

    Raises:
        LocalExchangeError: if the input cannot be played, a key is unreadable, or the state is
            another's.
    """
    played = Input(source) if isinstance(source, str) else source
    tape = played.tape()
    doorkeeper = Doorkeeper(keys, wall_clock_ms=wall_ms)
    store = Store(state_dir)
    try:
        store.stamp(played.name)
        leased = store.get_meta(LEASE)
        clock = LeasedClock(
            tape.started_ms if leased is None else int(leased),
            speed=speed,
            write_lease=lambda ms: store.set_meta(LEASE, str(ms)),
        )
        return Exchange(
            tape,
            store,
            doorkeeper=doorkeeper,
            clock=clock,
            terms=terms or Terms(),
            source=played,
        )
    except BaseException:
        store.close()
        raise
