"""The commands that change whether it trades: halt, reduce, flatten, resume, book-transfer.

They work on what runs on this home, or with an external database on that one, and are never in the
UI: whoever reaches the UI may launch jobs, but nobody resumes trading from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from getpass import getuser
from os import getpid
from socket import gethostname
from time import monotonic, sleep

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.price import dollars, micros
from kalshi_assets.errors import ConfigurationError, ExchangeError, PayloadError, ProcessError
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.exits import flatten, left_to_sell, words
from kalshi_assets.execution.halting import cancel_live, names
from kalshi_assets.execution.holdings import OwnHolding
from kalshi_assets.execution.opening import open_desk
from kalshi_assets.execution.resuming import Resumed, resume
from kalshi_assets.execution.upkeep import stand_down
from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.installation import database_of, running_installation
from kalshi_assets.runtime.status_sources import require_identity
from kalshi_assets.runtime.up import on_local_exchange
from kalshi_assets.settings import Settings
from kalshi_assets.storage import books
from kalshi_assets.storage.engine import ORDER_LOCK, Database
from kalshi_assets.storage.ledger import Order
from kalshi_assets.storage.trading_state import change_state, halt

STAND_DOWN_WITHIN = timedelta(seconds=60)
ORDER_LOCK_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True)
class Halted:
    """What a halt left: whether it was one, and orders that the venue has not confirmed dead.

    Attributes:
        live: orders of ours.
        others: what of the whole account's orders could not be confirmed, where that was asked.
    """

    is_changed: bool
    live: list[Order]
    others: str | None = None

    @property
    def is_confirmed(self) -> bool:
        """Tell whether all that was to be cancelled is dead."""
        return not self.live and self.others is None

    @property
    def sentence(self) -> str:
        """Say what is so now, and what goes on."""
        state = "Trading is halted." if self.is_changed else "Trading was halted before."
        if self.others is not None:
            state = f"{state} NOT CONFIRMED DEAD of the account's orders: {self.others}."
        if not self.live:
            return f"{state} None of our orders is live, the venue confirms."
        return (
            f"{state} NOT CONFIRMED DEAD: {names(self.live)}. What runs here goes on cancelling; "
            "each expires by itself."
        )


def halt_trading(given: Settings, *, why: str, is_everything: bool) -> Halted:
    """Halt, then cancel our orders until the venue confirms; `is_everything`: all the account's."""
    with at_work(given) as (settings, database):
        now = VenueClock.parse(settings.venue_clock).now()
        with database.transaction() as connection:
            changed = halt(connection, "command", why=why, at=now, by=operator())
        with open_desk(settings, database, run_id=command_id("halt")) as desk:
            others = cancel_everything(desk) if is_everything else None
            return Halted(changed, stand_down(desk, within=STAND_DOWN_WITHIN), others)


def cancel_everything(desk: Desk) -> str | None:
    """Cancel all resting orders of the account, those that others placed as well, one by one.

    Returns:
        What could not be confirmed, or None. One that fails does not keep the others.
    """
    try:
        resting = [order for order in desk.venue.orders() if order.remaining_count]
    except (ExchangeError, PayloadError) as exc:
        return f"the account's orders cannot be listed: {exc}"
    failed = []
    for order in resting:
        try:
            desk.venue.cancel_order(order.order_id, market_ticker=order.market_ticker)
        except (ExchangeError, PayloadError) as exc:
            failed.append(f"{order.order_id} in {order.market_ticker}: {exc}")
    return "; ".join(failed) or None


def reduce_trading(given: Settings, *, why: str) -> bool:
    """Let nothing new be bought; exits go on. False where it changed nothing."""
    with at_work(given) as (settings, database):
        now = VenueClock.parse(settings.venue_clock).now()
        with database.transaction() as connection:
            return change_state(
                connection, "reducing", cause="command", why=why, at=now, by=operator()
            )


@dataclass(frozen=True)
class Flattened:
    """What became of each holding, and what is still held of what our orders bought."""

    lines: list[str]
    left: list[OwnHolding]


def flatten_holdings(given: Settings, *, why: str) -> Flattened:
    """Buy nothing new from now on, and sell what our orders bought, at the bid of now.

    Raises:
        ProcessError: the order job is at work all the time.
    """
    with at_work(given) as (settings, database):
        now = VenueClock.parse(settings.venue_clock).now()
        with database.transaction() as connection:
            change_state(connection, "reducing", cause="command", why=why, at=now, by=operator())
        with (
            _order_lock(database),
            open_desk(settings, database, run_id=command_id("flatten")) as desk,
        ):
            cancel_live(desk, why)
            lines = words(flatten(desk))
            return Flattened(lines, left_to_sell(desk))


@contextmanager
def _order_lock(database: Database) -> Iterator[None]:
    """Hold the order job's lock; one that runs is waited for."""
    deadline = monotonic() + ORDER_LOCK_WITHIN.total_seconds()
    while True:
        with database.advisory_lock(ORDER_LOCK) as is_ours:
            if is_ours:
                yield
                return
        if monotonic() > deadline:
            raise ProcessError(
                f"an order job has been at work for {ORDER_LOCK_WITHIN.total_seconds():.0f} s: "
                "nothing was sold; trading only reduces now, try again"
            )
        sleep(1)


def resume_trading(given: Settings, *, why: str, is_unknown_accepted: bool) -> Resumed:
    """Reconcile, and trade again."""
    with (
        at_work(given) as (settings, database),
        open_desk(settings, database, run_id=command_id("resume")) as desk,
    ):
        return resume(desk, by=operator(), why=why, is_unknown_accepted=is_unknown_accepted)


def book_transfer(given: Settings, amount_usd: Decimal, *, note: str) -> str:
    """Write down money that was paid in, or out where negative, so that the ledger adds up."""
    if not amount_usd:
        raise ConfigurationError("an amount of 0 moves nothing: name what was paid in or out")
    with at_work(given) as (settings, database):
        now = VenueClock.parse(settings.venue_clock).now()
        with database.transaction() as connection:
            if books.opening(connection) is None:
                raise ConfigurationError(
                    "the books are not open yet: what is on the account then is the opening balance"
                )
            books.add_transfer(connection, micros(amount_usd), at=now, note=f"{operator()}: {note}")
            return f"{dollars(books.transferred(connection)):+.2f} USD since the books were opened"


@contextmanager
def at_work(given: Settings) -> Iterator[tuple[Settings, Database]]:
    """Yield settings and database of what runs here; else of the external database, if one is set.

    Raises:
        ConfigurationError: nothing runs here, and no external database is set.
        DatabaseMismatch: that database holds the data of another venue.
    """
    home = Home(given.home)
    installation = running_installation(home)
    if installation is not None:
        settings = installation.settings
        url = database_of(installation, home, given=given).url
    elif given.database_url is not None:
        settings, url = on_local_exchange(given), given.database_url.get_secret_value()
    else:
        raise ConfigurationError(
            f"nothing runs on {given.home}, so nothing trades: `kalshi-assets up` starts it"
        )
    database = Database(url)
    try:
        with database.transaction() as connection:
            require_identity(connection, database.name, settings.identity)
        yield settings, database
    finally:
        database.dispose()


def operator() -> str:
    """Return who gives a command: user and host."""
    return f"{getuser()}@{gethostname()}"


def command_id(command: str) -> str:
    """Return what stands in the ledger where a run's id would."""
    return f"{command} by process {getpid()}"
