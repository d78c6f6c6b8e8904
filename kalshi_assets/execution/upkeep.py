"""What every job does for the ledger first: settle what is unclear; while halted, cancel.

Nothing here buys. It runs in the order job, in the reconcile job and in the commands that halt and
resume, so that whichever of them runs next carries on where one was killed.
"""

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from kalshi_assets.errors import ExchangeError, LedgerNotOpen, PayloadError
from kalshi_assets.execution.account import Statement
from kalshi_assets.execution.books import LOOKS, PAUSE_SECONDS, Comparison, compare
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.halting import cancel_live
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.risk.common import loss_gate
from kalshi_assets.storage import ledger
from kalshi_assets.storage.activity import opening_value
from kalshi_assets.storage.trading_state import current_state, halt

STAND_DOWN_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Upkeep:
    """How many orders were looked at, and those that may still trade."""

    reconciled: int
    live: list[ledger.Order]


def keep_up(desk: Desk) -> Upkeep:
    """Settle the orders that are not dead; while trading is halted, cancel them as well.

    Cancels go first: in an outage they may get through where the list does not.

    Raises:
        ExchangeError: the venue could not be asked.
    """
    with desk.database.transaction() as connection:
        is_halted = current_state(connection) == "halted"
    if is_halted:
        cancel_live(desk, "trading is halted")
    reconciled = reconcile(desk)
    if is_halted:
        cancel_live(desk, "trading is halted")  # what the list has just told the venue's id of
    with desk.database.transaction() as connection:
        return Upkeep(reconciled, ledger.live_orders(connection))


def stand_down(desk: Desk, *, within: timedelta) -> list[ledger.Order]:
    """Cancel and settle until none of our orders may trade any more, or the time is over.

    Returns:
        Those that still may: jobs go on with them every few seconds, and each expires by itself.
    """
    tries = max(1, int(within.total_seconds() / STAND_DOWN_PAUSE_SECONDS))
    deadline = monotonic() + within.total_seconds()  # a try may wait long for answers
    live: list[ledger.Order] = []
    for attempt in range(tries):
        if attempt:
            if monotonic() > deadline:
                break
            desk.pause(STAND_DOWN_PAUSE_SECONDS)
        try:
            live = keep_up(desk).live
        except (ExchangeError, PayloadError, LedgerNotOpen):
            with desk.database.transaction() as connection:
                live = ledger.live_orders(connection)
        if not live:
            break
    return live


def check_daily_loss(desk: Desk, statement: Statement) -> bool:
    """Halt trading where the day has lost more than it may, realised and marked; tell whether.

    A value that is not known halts nothing: it refuses every entry by itself.
    """
    view = statement.view(committed_micros=0)
    now = desk.clock.now()
    with desk.database.transaction() as connection:
        opened = opening_value(connection, now)
        if view.value_micros is None or opened is None:
            return False
        gate = loss_gate(opened, view, limits=desk.limits)
        if gate.is_passed:
            return False
        why = f"the day's loss is {gate.value}, allowed: {gate.limit}"
        halt(connection, "daily_loss", why=why, at=now)
    return True


def compare_patiently(desk: Desk) -> Comparison:
    """Compare until ledger and venue agree, or long enough for any read that lags.

    Each further look reads all orders and all fills first: what somebody else has traded since the
    last round, or while nothing ran here, is no difference once its order is known.

    Raises:
        ExchangeError: the venue could not be asked.
    """
    found = compare(desk)
    for _ in range(LOOKS - 1):
        if found.is_equal:
            break
        desk.pause(PAUSE_SECONDS)
        reconcile(desk, is_whole=True)
        found = compare(desk, is_whole=True)
    return found


def check_books(desk: Desk) -> Comparison:
    """Compare ledger and venue, and halt trading on a difference that stays.

    Raises:
        ExchangeError: the venue could not be asked: then nothing is known, and nothing halts.
    """
    found = compare_patiently(desk)
    if not found.is_equal:
        now = desk.clock.now()
        with desk.database.transaction() as connection:
            why = f"ledger and venue do not agree: {found.sentence}"
            halt(connection, "ledger_mismatch", why=why, at=now)
    return found
