"""A backfill: the past of many markets and days in as few requests as the exchange lets pass.

Each request brings whole days and is stored, and on record, before the next one is sent: what is
interrupted goes on where it was. A day that was loaded after its end is not asked for again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import dagster as dg

from kalshi_assets.defs.market_data.markets import rejected_of
from kalshi_assets.defs.metadata import Metadata, days_text, span_text
from kalshi_assets.defs.partitions import days_of
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.market import Trade
from kalshi_assets.domain.tick import AGAIN_TAG, row_of_trade, tick_of_candle
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi.batches import Batch, CandleBatch
from kalshi_assets.kalshi.calls_history import CandleTiers
from kalshi_assets.kalshi.candle_plan import (
    CandleCall,
    candle_plan,
    least_calls,
    least_calls_one_by_one,
    runs_of,
)
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.requests import LARGEST_PAGE
from kalshi_assets.storage import intake, markets, ticks, trades
from kalshi_assets.storage.engine import Database

CANDLE_MINUTES = 60
ONE_SECOND = timedelta(seconds=1)
# Markets move to the historical tier some three months after they were settled. One that was seen
# unsettled within this time has not moved.
SURELY_LIVE = timedelta(days=30)

Wanted = dict[str, list[date]]


@dataclass
class Loading:
    """A backfill at work, and what it has brought so far."""

    database: Database
    run_id: str
    now: datetime
    log: Callable[[str], None]
    requests: list[ApiCall] = field(default_factory=list)
    candles: int = 0
    added: int = 0
    trades: int = 0
    trades_added: int = 0
    rejected: int = 0
    duplicates: int = 0
    markets: set[str] = field(default_factory=set)
    moments: list[datetime] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def store(self, batch: CandleBatch, call: CandleCall) -> None:
        """Store what one call brought, with the record that it was made."""
        start, end = _stretch(call.days)
        found = [c for c in batch.candles if start <= c.end_at <= end]
        rejected = rejected_of([batch])
        counts = Counter((venue_day(c.end_at), c.market_ticker) for c in found)
        with self.database.transaction() as connection:
            rows = [tick_of_candle(c, received_at=self.now) for c in found]
            added = ticks.add_raw_ticks(connection, rows)
            for day in call.days:
                # Where something could not be read, the day is not loaded: it is asked for again.
                until = day_bounds(day)[0] if rejected else self.now
                candles = {ticker: counts[day, ticker] for ticker in call.tickers}
                intake.save_history_load(connection, day, candles, loaded_until=until)
            intake.save_quarantined(connection, rejected, received_at=self.now, run_id=self.run_id)
        self._count(batch, added=added, moments=[c.end_at for c in found])
        self.markets |= {c.market_ticker for c in found}
        self.log(
            f"{self.sent} requests: {len(call.tickers)} markets, {days_text(call.days)}: "
            f"{len(found)} candles, {added} of them new"
        )

    def store_trades(self, batch: Batch[Trade], ticker: str, days: Sequence[date]) -> None:
        """Store one market's trades of these days, with the record that they were asked for."""
        rejected = rejected_of([batch])
        counts = Counter(venue_day(trade.created_at) for trade in batch.rows)
        with self.database.transaction() as connection:
            rows = [row_of_trade(t, "backfill", received_at=self.now) for t in batch.rows]
            added = trades.add_trades(connection, rows)
            if not rejected:
                intake.save_trade_load(connection, ticker, {day: counts[day] for day in days})
            intake.save_quarantined(connection, rejected, received_at=self.now, run_id=self.run_id)
        self.trades += len(rows)
        self.trades_added += added
        self.rejected += len(rejected)
        self.log(
            f"{self.sent} requests: {ticker}, {days_text(days)}: {len(rows)} trades, "
            f"{added} of them new"
        )

    @property
    def sent(self) -> int:
        """Return how many requests were sent; what the client asks about its own limits apart."""
        return sum(not call.path.startswith("/account/") for call in self.requests)

    def _count(self, batch: CandleBatch, *, added: int, moments: list[datetime]) -> None:
        self.candles += len(moments)
        self.added += added
        self.rejected += len(batch.rejected)
        self.duplicates += len(batch.duplicates)
        self.moments += [min(moments), max(moments)] if moments else []


def load_history(context: dg.AssetExecutionContext, platform: Platform) -> Metadata:
    """Load candlesticks and trades of the run's days, for all markets whose past is ours."""
    days, now = days_of(context), platform.clock.now()
    is_again = AGAIN_TAG in context.run.tags
    loading = Loading(platform.database, context.run.run_id, now, context.log.info)
    with platform.database.transaction() as connection:
        known = markets.markets_with_history(connection, *_span(days, now))
        wanted = intake.days_to_load(connection, days, list(known))
        if is_again:
            wanted = {ticker: list(days) for ticker in known}
    with platform.client(on_call=loading.requests.append) as client:
        least = load_candles(client, loading, wanted, known)
        if platform.settings.backfill_trades:
            with platform.database.transaction() as connection:
                # Days whose candles have just come, too: asking again for those forgets these.
                missing = intake.days_without_trades(connection, days, list(known))
            least += load_trades(client, loading, missing)
    asked = sum(len(chosen) for chosen in wanted.values())
    return {
        "days": days_text(days),
        "span": span_text(min(loading.moments, default=None), max(loading.moments, default=None)),
        "candles": loading.candles,
        "added": loading.added,
        "markets": len(loading.markets),
        "rejected_duplicates": loading.duplicates,
        "quarantined": loading.rejected,
        "market_days_loaded_before": len(known) * len(days) - asked,
        "unknown_markets": ", ".join(loading.unknown),
        "trades": loading.trades,
        "trades_added": loading.trades_added,
        "requests": loading.sent,
        "least_requests": least,
    }


def load_candles(
    client: KalshiClient,
    loading: Loading,
    wanted: Wanted,
    known: Mapping[str, markets.Lifetime],
) -> int:
    """Load candlesticks of each market's wanted days, and return the fewest requests possible."""
    asked = {ticker: days for ticker, days in wanted.items() if days}
    doubtful = [t for t in asked if not _is_surely_live(known[t], loading.now)]
    tiers = client.candle_tiers(doubtful) if doubtful else CandleTiers([], [])
    live = {t: d for t, d in asked.items() if t not in doubtful or t in tiers.live}
    for call in candle_plan(live, interval_minutes=CANDLE_MINUTES):
        start, end = _span(call.days, loading.now)
        batch = client.candlesticks(
            call.tickers, start=start, end=end, interval_minutes=CANDLE_MINUTES
        )
        loading.store(batch, call)
    historical = {t: d for t, d in asked.items() if t in tiers.historical}
    for ticker, days in historical.items():
        for run in runs_of(days):
            _load_historical(client, loading, CandleCall((ticker,), run), is_live=ticker in live)
    alone = {t: d for t, d in historical.items() if t not in live}
    return (
        (2 if doubtful else 0)
        + least_calls(live, interval_minutes=CANDLE_MINUTES)
        + least_calls_one_by_one(alone, interval_minutes=CANDLE_MINUTES)
    )


def load_trades(client: KalshiClient, loading: Loading, wanted: Wanted) -> int:
    """Load the trades of each market's wanted days, and return the fewest requests possible."""
    stretches = [(t, run) for t, days in wanted.items() for run in runs_of(days)]
    if not stretches:
        return 0
    least, cutoff = 1, client.historical_cutoff()
    for ticker, run in stretches:
        start, end = _stretch(run)
        # The end is not in what is asked for, and trades of this second are.
        end = max(start, min(end, loading.now + ONE_SECOND))
        found = client.trade_history(start=start, end=end, ticker=ticker, cutoff=cutoff)
        loading.store_trades(found, ticker, run)
        tiers = 2 if start < cutoff.trade_created_at < end else 1
        least += max(tiers, -(-len(found.rows) // LARGEST_PAGE))
    return least


def _load_historical(
    client: KalshiClient, loading: Loading, call: CandleCall, *, is_live: bool
) -> None:
    start, end = _span(call.days, loading.now)
    [ticker] = call.tickers
    try:
        batch = client.historical_candlesticks(
            ticker, start=start, end=end, interval_minutes=CANDLE_MINUTES
        )
    except NotFound:
        if not is_live:
            loading.unknown.append(ticker)
            loading.log(f"{ticker}: the exchange knows no such market any more")
        return
    loading.store(batch, call)


def _is_surely_live(market: markets.Lifetime, now: datetime) -> bool:
    return market.status != "finalized" and now - market.seen_at < SURELY_LIVE


def _stretch(days: Sequence[date]) -> tuple[datetime, datetime]:
    """Return the first moment and the end of these days: a candle that ends there tells of them."""
    return day_bounds(days[0])[0], day_bounds(days[-1])[1]


def _span(days: Sequence[date], now: datetime) -> tuple[datetime, datetime]:
    """Return what of these days can be asked for."""
    start, end = _stretch(days)
    return start, max(start, min(end, now))
