"""The exchange as one object: its parts, its clock, and the moment every call happens at.

All calls come from one thread (the server's event loop). Each first lets time run up to now, so
nobody ever sees an order that has expired, or a quote that has passed a resting order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from kalshi_assets.local_exchange.amending import Amended, Amending
from kalshi_assets.local_exchange.auth import Doorkeeper, Key, wall_ms
from kalshi_assets.local_exchange.book import Book
from kalshi_assets.local_exchange.change_request import AmendRequest, DecreaseRequest
from kalshi_assets.local_exchange.clock import Clock, LeasedClock
from kalshi_assets.local_exchange.course import Course
from kalshi_assets.local_exchange.dealing import Dealing, Dealt
from kalshi_assets.local_exchange.funds import Funds, starting_cash_micros
from kalshi_assets.local_exchange.halts import Halts
from kalshi_assets.local_exchange.inputs import Input
from kalshi_assets.local_exchange.interventions import READ_LAG_MS, Interventions
from kalshi_assets.local_exchange.ledger import Ledger
from kalshi_assets.local_exchange.limits import RateLimiter, RateLimits
from kalshi_assets.local_exchange.order_request import OrderRequest
from kalshi_assets.local_exchange.orders import Order, Orders
from kalshi_assets.local_exchange.request_log import RequestLog
from kalshi_assets.local_exchange.shards import Shards
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Tape
from kalshi_assets.local_exchange.tiers import Tiers
from kalshi_assets.local_exchange.trading import Address, Canceled, Trading

DEFAULT_CASH = Decimal(5000)
LEASE = "venue_lease_ms"


@dataclass(frozen=True, slots=True)
class Terms:
    """How an exchange treats its accounts.

    Attributes:
        cash: what a new account starts with, in dollars. It goes to the shards that have markets,
            in equal parts: whole to the one shard that most tapes trade on.
        cash_by_shard: what it starts with on each shard instead, in dollars.
        read_lag_ms: age of what an account's reads show, in ms of wall time.
        rate_limits: the tier of every account.
        balance_excludes_resting: show the balance less what resting orders may cost. Kalshi's own
            behaviour is not documented; funds are checked with them either way.
        tiers: when records leave the live operations.
    """

    cash: Decimal = DEFAULT_CASH
    cash_by_shard: Mapping[int, Decimal] | None = None
    read_lag_ms: int = READ_LAG_MS
    rate_limits: RateLimits = field(default_factory=RateLimits)
    balance_excludes_resting: bool = False
    tiers: Tiers = field(default_factory=Tiers)


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
        self.doorkeeper = doorkeeper.ahead_by(lambda: self.interventions.wall_offset_ms)
        self.clock = clock
        self.terms = terms
        self.interventions = Interventions(read_lag_ms=terms.read_lag_ms)
        self.limiter = RateLimiter(terms.rate_limits)
        self.request_log = RequestLog(store)
        self.shards = Shards(tape)
        self.orders = Orders(store)
        self.book = Book(store, tape, self.orders)
        self.ledger = Ledger(store, tape, shards=self.shards)
        self.funds = Funds(tape, ledger=self.ledger, orders=self.orders, shards=self.shards)
        halts = Halts(store, self.interventions)
        dealing = Dealing(orders=self.orders, book=self.book, ledger=self.ledger)
        self.trading = self._make_trading(halts, dealing)
        self._amending = self._make_amending(halts, dealing)
        self._course = self._make_course(halts, dealing)
        self._open_accounts()

    def _make_trading(self, halts: Halts, dealing: Dealing) -> Trading:
        return Trading(
            self.store,
            self.tape,
            orders=self.orders,
            ledger=self.ledger,
            funds=self.funds,
            halts=halts,
            shards=self.shards,
            dealing=dealing,
        )

    def _make_amending(self, halts: Halts, dealing: Dealing) -> Amending:
        return Amending(
            self.store,
            self.trading,
            orders=self.orders,
            funds=self.funds,
            halts=halts,
            shards=self.shards,
            dealing=dealing,
        )

    def _make_course(self, halts: Halts, dealing: Dealing) -> Course:
        return Course(
            self.store,
            self.tape,
            orders=self.orders,
            book=self.book,
            ledger=self.ledger,
            halts=halts,
            dealing=dealing,
        )

    def _open_accounts(self) -> None:
        terms, shards = self.terms, self.shards.in_use
        cash = starting_cash_micros(terms.cash, terms.cash_by_shard, shards=shards)
        with self.store.transaction():
            for account in self.doorkeeper.accounts:
                self.ledger.open_account(account, cash_micros=cash)

    def moment(self) -> int:
        """Return the venue's moment, with everything done that is due up to it."""
        now_ms = self.clock.now_ms()
        self._course.run_to(now_ms)
        return now_ms

    def tick(self) -> None:
        """Let time run on while nobody calls; call it several times a second."""
        self.clock.checkpoint()
        self.moment()

    def read_moment(self, now_ms: int) -> int:
        """Return the moment whose state an account's reads show at this one.

        Writes are acknowledged before reads show them. What trading itself goes by, and what
        listeners are told, is never late.
        """
        return now_ms - int(self.interventions.read_lag_ms * self.clock.speed)

    def place(self, account: str, request: OrderRequest, *, now_ms: int) -> Dealt:
        """Place an order, within the caller's transaction (see `Trading.place`)."""
        self._course.mark(now_ms)
        return self.trading.place(account, request, now_ms=now_ms)

    def amend(self, account: str, order_id: str, *, request: AmendRequest, now_ms: int) -> Amended:
        """Amend an order, within the caller's transaction (see `Amending.amend`)."""
        self._course.mark(now_ms)
        return self._amending.amend(account, order_id, request=request, now_ms=now_ms)

    def decrease(
        self, account: str, order_id: str, *, request: DecreaseRequest, now_ms: int
    ) -> Order:
        """Decrease an order, within the caller's transaction (see `Amending.decrease`)."""
        self._course.mark(now_ms)
        return self._amending.decrease(account, order_id, request=request, now_ms=now_ms)

    def cancel(self, account: str, order_id: str, *, at: Address, now_ms: int) -> Canceled:
        """Cancel an order, within the caller's transaction (see `Trading.cancel`)."""
        self._course.mark(now_ms)
        return self.trading.cancel(account, order_id, at=at, now_ms=now_ms)

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
    keys: Mapping[str, str | Key],
    state_dir: Path | None = None,
    speed: float = 1.0,
    terms: Terms | None = None,
) -> Exchange:
    """Open an exchange on an input, new or where its state folder left off.

    Args:
        source: what it plays; a text is a scenario's name.
        keys: each public key by key id; a bare PEM may do everything, in an account of its own.
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
