"""What is known when signals are judged: ledger, venue, account. None, "not known", refuses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from kalshi_assets.domain.calls import BreakerState
from kalshi_assets.domain.market import ExchangeStatus, Quote, TrackedMarket
from kalshi_assets.domain.signal import Signal
from kalshi_assets.errors import ExchangeError, LedgerNotOpen, PayloadError
from kalshi_assets.execution.account import Statement, are_reads_current, last_bids_of, stated
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.exposure import Stake as Stake
from kalshi_assets.execution.exposure import Staked, added_up, committed, exposure_of
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.risk.inputs import AccountView, Activity, Arming, CheckVerdict, Inputs
from kalshi_assets.storage import ledger, markets, verdicts
from kalshi_assets.storage.activity import opening_value, ordered_lately
from kalshi_assets.storage.arming import armed_until
from kalshi_assets.storage.breaker import newest_transition
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.trading_state import current_state

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What one judgement round knows of market, account, ledger and machine.

    Attributes:
        markets: of what is judged, held or live, those that we know.
    """

    markets: dict[str, TrackedMarket]
    quotes: dict[str, Quote]
    exchange: ExchangeStatus | None
    account: AccountView | None
    verdicts: dict[str, CheckVerdict]
    orders: list[ledger.Order]
    live: list[ledger.Order] | None
    trading_state: str
    breaker: BreakerState | None
    arming: Arming | None
    opening_value_micros: int | None
    activity: Activity | None
    clock_offset_ms: int | None
    disk_free_bytes: int | None

    @cached_property
    def staked(self) -> Staked | None:
        """What positions and live orders stake; None where not known."""
        if self.account is None or self.live is None:
            return None
        live = ((order.market_ticker, committed(order)) for order in self.live)
        return added_up([*self.account.exposures.items(), *live], self.markets)


def has_reconciled(desk: Desk) -> bool:
    """Reconcile the ledger with the venue, and tell whether that could be done."""
    return or_none(lambda: reconcile(desk)) is not None


def gather(desk: Desk, to_judge: Sequence[Signal], *, is_reconciled: bool) -> Known:
    """Ask ledger, venue and account everything a round of judgements needs.

    The ledger is read first: what fills meanwhile counts twice rather than not at all. The breaker
    is read last, when it has seen these calls.

    Args:
        desk: where to ask.
        to_judge: the signals.
        is_reconciled: without it, it is not known which orders are live.
    """
    tickers = [signal.market_ticker for signal in to_judge]
    with desk.database.transaction() as connection:
        live = [order for order in ledger.live_orders(connection) if order.leg == "entry"]
        newest_verdicts = verdicts.latest_verdicts(connection)
        orders = ledger.orders_of_signals(connection, [s.signal_id for s in to_judge])
        activity = ordered_lately(connection, desk.clock.now())
        opening = opening_value(connection, desk.clock.now())
    is_current = or_none(lambda: are_reads_current(desk))
    told = or_none(lambda: (desk.venue.balance(), desk.venue.positions())) if is_current else None
    held = [p.market_ticker for p in told[1] if p.position] if told else []
    staked = [*held, *(order.market_ticker for order in live)]
    batch = or_none(lambda: desk.venue.markets(tickers=sorted({*tickers, *held})))
    found = {s.market.ticker: s for s in batch.snapshots} if batch else {}
    bids = last_bids_of(desk)
    statement = stated(*told, found, last_bids=bids) if told and (batch or not held) else None
    exchange = or_none(desk.venue.exchange_status)
    with desk.database.transaction() as connection:
        known_markets = markets.known_markets(connection, {*tickers, *staked})
        state = current_state(connection)
        breaker = newest_transition(connection, desk.api_host)
        arming = arming_of(connection, is_needed=desk.needs_arming)
    account = _view(statement, live, known_markets) if statement else None
    return Known(
        markets=known_markets,
        quotes={ticker: each.quote for ticker, each in found.items()},
        exchange=exchange,
        account=account,
        verdicts=newest_verdicts,
        orders=orders,
        live=live if is_reconciled else None,
        trading_state=state,
        breaker="closed" if breaker is None else breaker.to_state,
        arming=arming,
        opening_value_micros=opening_or_now(opening, account),
        activity=activity,
        clock_offset_ms=in_ms(desk.clock_offset_seconds()),
        disk_free_bytes=desk.disk_free_bytes(),
    )


def inputs_of(now: datetime, signal: Signal, known: Known, *, approved: Sequence[Stake]) -> Inputs:
    """Return what a signal is judged by; `approved` is staked by this round's approvals so far."""
    ticker = signal.market_ticker
    tracked = known.markets.get(ticker)
    account = _after(known.account, approved, known.markets)
    made = [o for o in known.orders if o.signal_id == signal.signal_id and o.leg == "entry"]
    has_shards = account is not None and bool(account.shards)
    now_approved = added_up(approved, known.markets)
    staked = None if known.staked is None else [known.staked, now_approved]
    exposure = exposure_of(tracked, staked, has_shards=has_shards)
    return Inputs(
        now=now,
        signal=signal,
        market=tracked.market if tracked else None,
        fee_multiplier=tracked.fee_multiplier if tracked else None,
        category=tracked.category if tracked else None,
        quote=known.quotes.get(ticker),
        exchange=known.exchange,
        account=account,
        verdicts=known.verdicts,
        has_live_order=_has_live_order(ticker, known.live, approved),
        event_exposure_micros=exposure.event,
        category_exposure_micros=exposure.category,
        shard_exposure_micros=exposure.shard,
        total_exposure_micros=exposure.total,
        attempts=len(made),
        has_bought=any(order.fill_count for order in made),
        trading_state=known.trading_state,
        breaker=known.breaker,
        arming=known.arming,
        opening_value_micros=known.opening_value_micros,
        activity=_with_approvals(known.activity, approved),
        clock_offset_ms=known.clock_offset_ms,
        disk_free_bytes=known.disk_free_bytes,
    )


def arming_of(connection: Connection, *, is_needed: bool) -> Arming:
    """Return whether real money may be moved; on a venue without it nothing has to be armed."""
    if not is_needed:
        return "not needed"
    return "not armed" if armed_until(connection) is None else "armed"


def opening_or_now(opening: int | None, account: AccountView | None) -> int | None:
    """Return what the day began with; where nothing was ever recorded, it begins now."""
    return opening if opening is not None or account is None else account.value_micros


def in_ms(seconds: float | None) -> int | None:
    """Return seconds as whole milliseconds."""
    return None if seconds is None else round(seconds * 1000)


def _view(
    statement: Statement, live: Sequence[ledger.Order], known: dict[str, TrackedMarket]
) -> AccountView:
    """Return the account less what is promised to live orders, in all and on each shard."""
    promised = [(order.market_ticker, committed(order)) for order in live]
    shards = {shard.exchange_index: shard.cash_micros for shard in statement.balance.shards}
    view = replace(statement.view(committed_micros=0), shards=shards)
    return _less(view, promised, known)


def _after(
    account: AccountView | None, approved: Sequence[Stake], known: dict[str, TrackedMarket]
) -> AccountView | None:
    """Return the account as it is once the approvals of this round are paid for."""
    return None if account is None else _less(account, approved, known)


def _less(
    account: AccountView, stakes: Sequence[Stake], known: dict[str, TrackedMarket]
) -> AccountView:
    """Return the account less some stakes; one whose shard is not known may lie on any."""
    shards = dict(account.shards)
    for ticker, stake in stakes:
        market = known.get(ticker)
        index = None if market is None else market.market.exchange_index
        for shard in shards:
            shards[shard] -= stake if index in (None, shard) else 0
    cash = account.cash_micros - sum(stake for _, stake in stakes)
    return replace(account, cash_micros=cash, shards=shards)


def _with_approvals(activity: Activity | None, approved: Sequence[Stake]) -> Activity | None:
    if activity is None:
        return None
    return Activity(
        orders_last_minute=activity.orders_last_minute + len(approved),
        orders_today=activity.orders_today + len(approved),
        cost_today_micros=activity.cost_today_micros + sum(stake for _, stake in approved),
    )


def _has_live_order(
    ticker: str, live: Sequence[ledger.Order] | None, approved: Sequence[Stake]
) -> bool | None:
    """Tell whether an order is live in a market; one approved in this round will be."""
    if live is None:
        return None
    return ticker in {*(order.market_ticker for order in live), *(stake[0] for stake in approved)}


def or_none(ask: Callable[[], Answer]) -> Answer | None:
    """Return the venue's answer, or None: then the rules that need it refuse."""
    try:
        return ask()
    except (ExchangeError, PayloadError, LedgerNotOpen):
        return None
