"""One look of the paper venue at the real exchange. Only reads, and stores nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from kalshi_assets.domain.clock import Clock
from kalshi_assets.domain.market import ExchangeStatus, Market, OrderBook, Trade
from kalshi_assets.errors import (
    NotFound,
    PayloadError,
    Rejected,
    ServerError,
    TransportError,
)
from kalshi_assets.kalshi.batches import Batch, MarketBatch
from kalshi_assets.storage.paper import PaperOrder

# How far trades are read once more, as they may be told late.
OVERLAP = timedelta(seconds=60)
ONE_TICK = timedelta(microseconds=1)


class MarketData(Protocol):
    """What paper reads of the real exchange."""

    def exchange_status(self) -> ExchangeStatus:
        """Return whether the exchange runs and trades."""

    def markets(self, *, tickers: Sequence[str] | None = None) -> MarketBatch:
        """Return markets with their quotes of now."""

    def orderbook(self, ticker: str) -> OrderBook:
        """Return the bids of both sides of a market."""

    def trade_history(
        self, *, start: datetime, end: datetime, ticker: str | None = None
    ) -> Batch[Trade]:
        """Return the public trades of a stretch, each once."""


@dataclass(frozen=True)
class Look:
    """What was seen.

    Attributes:
        at: a moment after the books and before the trades: no book shows a later one.
        markets: by ticker; one whose row could not be read is missing.
        books: of the open ones of these markets where an order rests or is to rest.
        trades: of all markets with resting orders, up to `at`, oldest first; those that could not
            be read are missing and fill nothing.
    """

    at: datetime
    markets: Mapping[str, Market]
    books: Mapping[str, OrderBook]
    trades: Sequence[Trade]


def look_at(
    exchange: MarketData,
    clock: Clock,
    *,
    resting: Sequence[PaperOrder],
    held: Collection[str],
    entered: str | None,
) -> Look:
    """Read what the orders at rest, the positions and an order that is to come need.

    The books come before the trades: were it the other way round, a trade in between would lessen
    what a book shows, and count once more at the next look.

    Args:
        exchange: the real one.
        clock: the venue's time.
        resting: the paper orders at rest.
        held: tickers of markets with positions.
        entered: ticker of the market where an order is to be matched.
    """
    by_ticker: dict[str, list[PaperOrder]] = {}
    for order in resting:
        by_ticker.setdefault(order.market_ticker, []).append(order)
    matched = {*by_ticker} if entered is None else {*by_ticker, entered}
    markets = _markets(exchange, {*matched, *held})
    begun = clock.now()
    books = {t: exchange.orderbook(t) for t in sorted(matched) if _is_open(markets.get(t), begun)}
    at = clock.now()
    trades = [t for orders in by_ticker.values() for t in _trades(exchange, orders, at)]
    return Look(at, markets, books, sorted(trades, key=lambda t: (t.created_at, t.trade_id)))


def tradable(exchange: MarketData, look: Look, ticker: str) -> Market:
    """Return a market that takes orders now.

    Raises:
        NotFound: it is not listed.
        Rejected: it, or the exchange, does not trade now.
    """
    market = look.markets.get(ticker)
    if market is None:
        raise NotFound(f"{ticker} is not listed", status=404, code="market_not_found")
    status = exchange.exchange_status()
    if not (status.is_exchange_active and status.is_trading_active):
        raise Rejected("the exchange pauses", status=409, code="trading_is_paused")
    if not _is_open(market, look.at):
        state = f"{ticker} is {market.status} and closes at {market.close_at}"
        raise Rejected(state, status=400, code="MARKET_NOT_ACTIVE")
    return market


@contextmanager
def nothing_done_unread(what: str) -> Iterator[None]:
    """Refuse an order write whose reads of the exchange fail: it is certain that it was not done.

    Raises:
        Rejected: in place of an answer that did not come or could not be read.
    """
    try:
        yield
    except (TransportError, ServerError, PayloadError) as exc:
        why = f"paper venue: {what} could not be read, nothing was ordered or changed: {exc}"
        raise Rejected(why, code="market_data_unavailable") from exc


def next_start(order: PaperOrder) -> datetime:
    """Return from when on trades have to be read for an order."""
    return max(order.queued_at, order.looked_at - OVERLAP)


def _markets(exchange: MarketData, tickers: Collection[str]) -> dict[str, Market]:
    batch = exchange.markets(tickers=sorted(tickers)) if tickers else MarketBatch()
    return {s.market.ticker: s.market for s in batch.snapshots}


def _trades(exchange: MarketData, orders: Sequence[PaperOrder], at: datetime) -> Sequence[Trade]:
    start = min(at, *(next_start(order) for order in orders))
    ticker = orders[0].market_ticker
    return exchange.trade_history(start=start, end=at + ONE_TICK, ticker=ticker).rows


def _is_open(market: Market | None, now: datetime) -> bool:
    """Tell whether a market takes orders; the status may be older than its closing time."""
    return market is not None and market.status == "active" and now < market.close_at
