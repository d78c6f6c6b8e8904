"""What `status` asks: the database of the running installation, and briefly the exchange.

Sessions cannot write, and only reads are sent. What gives no answer is None: it closes the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from kalshi_assets.domain.account import Balance, Position
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.calls import BreakerTransition
from kalshi_assets.domain.market import ExchangeStatus
from kalshi_assets.domain.price import micros
from kalshi_assets.domain.signal import Signal
from kalshi_assets.errors import ConfigurationError, DatabaseMismatch, ExchangeError, PayloadError
from kalshi_assets.execution.account import Statement, statement_of
from kalshi_assets.execution.desk import free_bytes
from kalshi_assets.execution.known import arming_of
from kalshi_assets.execution.marks import REACH
from kalshi_assets.execution.paper_account import account_of
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.probe import Probe
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.risk.inputs import Activity, Arming, CheckVerdict
from kalshi_assets.settings import Settings
from kalshi_assets.storage import account, books, intake, ledger, overview, paper, signals, verdicts
from kalshi_assets.storage.activity import opening_value, ordered_lately
from kalshi_assets.storage.alerts import Delivery, delivery_health
from kalshi_assets.storage.arming import armed_until
from kalshi_assets.storage.breaker import newest_transition
from kalshi_assets.storage.condition import identity_of
from kalshi_assets.storage.engine import Connection, Database
from kalshi_assets.storage.trading_state import TradingState, current_state, halts_since_active
from kalshi_assets.storage.weekly_reviews import StoredReview
from kalshi_assets.storage.weekly_reviews import newest as newest_review


@dataclass(frozen=True)
class Recorded:
    """What the database says. `paper` is the paper account, on that venue."""

    trading_state: str
    halts: Sequence[TradingState]
    unknown_orders: Sequence[books.UnknownOrder]
    verdicts: Mapping[str, CheckVerdict]
    missing_days: Sequence[date]
    is_history_overdue: bool
    quoted_at: datetime | None
    poll: intake.Poll | None
    signals: Sequence[Signal]
    decisions: Mapping[str, ledger.Decision]
    live_orders: Sequence[ledger.Order]
    last_bids: Mapping[str, account.RecordedBid]
    account: account.RecordedAccount | None
    paper: tuple[Balance, list[Position]] | None
    breaker: BreakerTransition | None
    arming: Arming
    armed_until: datetime | None
    activity: Activity
    opening_value_micros: int | None
    disk_free_bytes: int | None
    deliveries: Sequence[Delivery]
    review: StoredReview | None


@dataclass(frozen=True)
class Answers:
    """What the exchange says; None where it gave no answer."""

    status: ExchangeStatus | None = None
    statement: Statement | None = None
    clock_offset_seconds: float | None = None


def read_database(
    database: Database, settings: Settings, now: datetime, *, started_at: datetime
) -> Recorded:
    """Return what the database says at a moment of the venue; `started_at` is wall time.

    Raises:
        StorageError: it does not answer, or holds other data than these settings are for.
    """
    with database.transaction() as connection:
        require_identity(connection, database.name, settings.identity)
        found = list(signals.open_signals(connection, venue_day(now)).values())
        ids = [signal.signal_id for signal in found]
        halts = halts_since_active(connection)
        held = account.latest_account(connection)
        return Recorded(
            trading_state=current_state(connection),
            halts=halts,
            unknown_orders=_unknown_orders(connection, halts),
            verdicts=verdicts.latest_verdicts(connection),
            missing_days=intake.missing_history_days(
                connection, now, history_days=settings.history_days
            ),
            is_history_overdue=intake.is_history_overdue(connection, now),
            quoted_at=overview.newest_quote_at(connection),
            poll=intake.latest_poll(connection),
            signals=sorted(found, key=lambda s: (-abs(s.deviation), s.market_ticker)),
            decisions=ledger.latest_decisions(connection, ids),
            live_orders=ledger.live_orders(connection),
            last_bids=_last_bids(connection, held, now),
            account=held,
            paper=_paper_account(connection, settings, now) if settings.venue == "paper" else None,
            breaker=newest_transition(connection, settings.api_host),
            arming=arming_of(connection, is_needed=settings.venue == "live"),
            armed_until=armed_until(connection) if settings.venue == "live" else None,
            activity=ordered_lately(connection, now),
            opening_value_micros=opening_value(connection, now),
            disk_free_bytes=free_bytes(settings.home),
            deliveries=delivery_health(connection, since=started_at),
            review=newest_review(connection),
        )


def ask_exchange(settings: Settings, recorded: Recorded) -> Answers:
    """Return what the exchange says; after one call without an answer it is left alone."""
    try:
        signer = _signer(settings)
        limits = shared_limits(settings.api_base_url, None if signer is None else signer.key_id)
        with Probe(settings.api_base_url, auth=signer, limits=limits) as probe:
            return _ask(probe, settings, recorded)
    except ConfigurationError:
        return Answers()


def _ask(probe: Probe, settings: Settings, recorded: Recorded) -> Answers:
    """Return what was answered up to the first call without an answer, and the clock's offset."""
    status, statement = None, None
    try:
        status = probe.exchange_status()
        statement = _statement(probe, settings, recorded)
    except (ExchangeError, PayloadError):
        pass
    return Answers(status, statement, probe.clock_offset_seconds)


def _statement(probe: Probe, settings: Settings, recorded: Recorded) -> Statement:
    """Return the account as the venue states it; the paper one lies in our database."""
    if recorded.paper is not None:
        balance, held = recorded.paper
    else:
        balance, held = probe.balance(), probe.positions()
    recorded_bids = recorded.last_bids
    return statement_of(balance, held, quotes=probe, last_bids=lambda tickers, at: recorded_bids)


def _last_bids(
    connection: Connection, held: account.RecordedAccount | None, now: datetime
) -> Mapping[str, account.RecordedBid]:
    """Return what positions were last recorded with; one bought since has no record."""
    tickers = [] if held is None else list(held.positions)
    return account.last_bids(connection, tickers, since=now - REACH, until=now)


def _unknown_orders(
    connection: Connection, halts: Sequence[TradingState]
) -> Sequence[books.UnknownOrder]:
    """Return those that were seen since the first of the present halts."""
    if not halts:
        return ()
    return books.unknown_since(connection, min(halt.changed_at for halt in halts))


def _paper_account(
    connection: Connection, settings: Settings, now: datetime
) -> tuple[Balance, list[Position]]:
    """Return the paper account as booked so far; what is due since is booked by the venue only."""
    cash = micros(settings.paper_cash_usd)
    fills, settled = paper.all_fills(connection), paper.all_settlements(connection)
    booked = account_of(cash, fills, settled)
    return Balance(booked.cash_micros, now), booked.positions()


def _signer(settings: Settings) -> RequestSigner | None:
    if settings.api_key_id is None or settings.private_key_path is None:
        return None
    return RequestSigner(settings.api_key_id, settings.private_key_path)


def require_identity(connection: Connection, name: str, identity: str) -> None:
    """Check that a database holds the data of this venue and input.

    Raises:
        DatabaseMismatch: it holds those of another.
    """
    found = identity_of(connection)
    if found != identity:
        raise DatabaseMismatch(
            f"{name} holds the data of {found!r}, what runs here is {identity!r}: set "
            "KALSHI_DATABASE_URL as it was set there"
        )
