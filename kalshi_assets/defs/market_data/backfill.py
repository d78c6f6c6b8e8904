"""A backfill: the past of many markets and days in as few requests as the exchange lets pass.

Each request brings whole days and is stored, and on record, before the next one is sent: what is
interrupted goes on where it was. A day that was loaded after its end is not asked for again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import dagster as dg

from kalshi_assets.defs.market_data.backfill_trades import load_trades
from kalshi_assets.defs.market_data.markets import rejected_of
from kalshi_assets.defs.metadata import Metadata, days_text, span_text
from kalshi_assets.defs.partitions import AGAIN_TAG, days_of
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import day_bounds, venue_day
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.domain.tick import tick_of_candle
from kalshi_assets.errors import NotFound
from kalshi_assets.kalshi.batches import CandleBatch
from kalshi_assets.kalshi.candle_plan import (
    CandleCall,
    candle_plan,
    least_calls,
    least_calls_one_by_one,
    runs_of,
)
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.storage import intake, markets, ticks
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
    calls: int = 0
    candles: int = 0
    added: int = 0
    rejected: int = 0
    duplicates: int = 0
    markets: set[str] = field(default_factory=set)
    moments: list[datetime] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def store(self, batch: CandleBatch, call: CandleCall) -> None:
        """Store what one call brought, with the record that it was made."""
        wanted = set(call.days)
        found = [c for c in batch.candles if venue_day(c.end_at) in wanted]
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
            intake.save_quarantined(
                connection, rejected, received_at=self.now, run_id=self.run_id
            )
        self._count(batch, added=added, moments=[c.end_at for c in found])
        self.markets |= {c.market_ticker for c in found}
        self.log(
            f"{len(self.requests)} requests: {len(call.tickers)} markets, {days_text(call.days)}: "
            f"{len(found)} candles, {added} of them new"
        )

    def _count(self, batch: CandleBatch, *, added: int, moments: list[datetime]) -> None:
        self.calls += 1
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
        every = {ticker: list(days) for ticker in known}
        wanted = every if is_again else intake.days_to_load(connection, days, list(known))
    with platform.client(on_call=loading.requests.append) as client:
        least = load_candles(client, loading, wanted, known)
        brought = load_trades(client, loading, days, list(known)) if (
            platform.settings.backfill_trades
        ) else {}
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
        **brought,
    }
