"""What is known when signals are judged: ledger, venue, account. None, "not known", refuses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from kalshi_assets.domain.market import ExchangeStatus, Market, Quote, TrackedMarket
from kalshi_assets.domain.price import CENTICONTRACTS
from kalshi_assets.domain.signal import Signal
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.execution.account import read_statement
from kalshi_assets.execution.desk import Desk
from kalshi_assets.execution.reconcile import reconcile
from kalshi_assets.risk.inputs import AccountView, CheckVerdict, Inputs
from kalshi_assets.storage import ledger, markets, verdicts
from kalshi_assets.storage.trading_state import current_state

Answer = TypeVar("Answer")
# A market's ticker, and what is at stake in it, micros.
Stake = tuple[str, int]


@dataclass(frozen=True)
class Known:
    """What one judgement round knows of market, account and ledger."""

    markets: dict[str, TrackedMarket]
    quotes: dict[str, Quote]
    exchange: ExchangeStatus | None
    account: AccountView | None
    verdicts: dict[str, CheckVerdict]
    orders: list[ledger.Order]
    live: list[ledger.Order] | None
    trading_state: str


def has_reconciled(desk: Desk) -> bool:
    """Reconcile the ledger with the venue, and tell whether that could be done."""
    return _or_none(lambda: reconcile(desk)) is not None


def gather(desk: Desk, to_judge: Sequence[Signal], *, is_reconciled: bool) -> Known:
    """Ask ledger, venue and account everything a round of judgements needs.

    Args:
        desk: where to ask.
        to_judge: the signals.
        is_reconciled: without it, it is not known which orders are live.
    """
    tickers = [signal.market_ticker for signal in to_judge]
    with desk.database.transaction() as connection:
        live = ledger.live_orders(connection)
        known_markets = markets.known_markets(connection)
        newest_verdicts = verdicts.latest_verdicts(connection)
        orders = ledger.orders_of_signals(connection, [s.signal_id for s in to_judge])
        state = current_state(connection)
    committed = sum(_committed(order) for order in live)
    statement = _or_none(lambda: read_statement(desk))
    batch = _or_none(lambda: desk.venue.markets(tickers=tickers))
    return Known(
        markets=known_markets,
        quotes={s.quote.market_ticker: s.quote for s in batch.snapshots} if batch else {},
        exchange=_or_none(desk.venue.exchange_status),
        account=statement.view(committed_micros=committed) if statement else None,
        verdicts=newest_verdicts,
        orders=orders,
        live=live if is_reconciled else None,
        trading_state=state,
    )


def inputs_of(now: datetime, signal: Signal, known: Known, *, approved: Sequence[Stake]) -> Inputs:
    """Return what a signal is judged by; `approved` is staked by this round's approvals so far."""
    tracked, live = known.markets.get(signal.market_ticker), known.live
    return Inputs(
        now=now,
        signal=signal,
        market=tracked.market if tracked else None,
        fee_multiplier=tracked.fee_multiplier if tracked else None,
        quote=known.quotes.get(signal.market_ticker),
        exchange=known.exchange,
        account=known.account,
        verdicts=known.verdicts,
        has_live_order=None if live is None else signal.market_ticker in _markets_of(live),
        event_exposure_micros=_event_exposure(tracked, known, approved=approved),
        attempts=sum(order.signal_id == signal.signal_id for order in known.orders),
        trading_state=known.trading_state,
    )


def _event_exposure(
    tracked: TrackedMarket | None, known: Known, *, approved: Sequence[Stake]
) -> int | None:
    """Return what is staked on the other legs of a market's event, micros.

    Positions, live orders and approvals of this round count; a position of a market we do not know
    counts where its ticker begins with the event's.
    """
    if tracked is None or known.account is None or known.live is None:
        return None
    market = tracked.market
    stakes = [
        *known.account.exposures.items(),
        *((order.market_ticker, _committed(order)) for order in known.live),
        *approved,
    ]
    return sum(stake for ticker, stake in stakes if _is_other_leg(ticker, market, known))


def _is_other_leg(ticker: str, market: Market, known: Known) -> bool:
    leg = known.markets.get(ticker)
    if ticker == market.ticker:
        return False
    if leg is None:
        return ticker.startswith(f"{market.event_ticker}-")
    return leg.market.event_ticker == market.event_ticker


def _committed(order: ledger.Order) -> int:
    """Return what an order may still cost, micros."""
    return (order.count - order.fill_count) * order.limit_price // CENTICONTRACTS


def _markets_of(orders: Sequence[ledger.Order]) -> set[str]:
    return {order.market_ticker for order in orders}


def _or_none(ask: Callable[[], Answer]) -> Answer | None:
    """Return the venue's answer, or None: then the rules that need it refuse."""
    try:
        return ask()
    except (ExchangeError, PayloadError):
        return None
