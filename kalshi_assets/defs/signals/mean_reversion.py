"""Mean reversion's signals, as a Dagster asset."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import groupby
from typing import Any

import dagster as dg

from kalshi_assets.defs import freshness
from kalshi_assets.defs.metadata import cents_text, days_text, span_of, table
from kalshi_assets.defs.partitions import asset_of_days, days_of, live_days_of, slot_of_run
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.price import MICROS_PER_CENT
from kalshi_assets.domain.signal import Signal
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import averages as average_rows
from kalshi_assets.storage import intake
from kalshi_assets.storage import signals as rows
from kalshi_assets.storage.tidings import SIGNALS_CHANNEL, tell
from kalshi_assets.strategy.mean_reversion import Feature, Rules, episodes


@asset_of_days(
    group_name="signals",
    deps=["rolling_averages", "clean_ticks"],
    freshness_policy=freshness.polled(load_settings()),
)
def signals(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """An episode in which a market's price is far off its 7-day average, and the side to buy.

    *Watching* from half the threshold on, *triggered* above it, *ended* when the price comes back
    or the New York day ends. One episode is one signal, however long it lasts.

    **Refreshed** by every poll, right after `rolling_averages`. A signal is no order yet:
    `decisions` says what became of it.

    **When it is red or late:** `rolling_averages` is the cause. No signal at all is no fault: most
    days nothing is far off.
    """
    rules = Rules.of_points(platform.settings.deviation_points)
    is_backfill = slot_of_run(context) is None
    found: list[Signal] = []
    days = live_days_of(context) or days_of(context)
    for day in days:
        with platform.database.transaction() as connection:
            rows.lock_signals(connection)
            averages = average_rows.averages_of(connection, day, watch=rules.watch)
            of_day = signals_of_day(day, averages, rules)
            rows.save_signals(connection, day, of_day)
            if is_backfill:
                intake.complete_history_load(connection, day, at=platform.clock.now())
            elif day == days[-1]:  # once for all days: each telling is judged
                tell(connection, SIGNALS_CHANNEL)
        found += of_day
    by_status = {s: sum(f.status == s for f in found) for s in ("triggered", "watching", "ended")}
    still_open = [signal for signal in found if signal.ended_at is None]
    return dg.MaterializeResult(
        metadata={
            "open": _table(still_open),
            "days": days_text(days),
            "span": span_of([m for s in found for m in (s.started_at, s.last_seen_at)]),
            "episodes": len(found),
            **by_status,
        }
    )


def signals_of_day(day: date, averages: Iterable[Mapping[str, Any]], rules: Rules) -> list[Signal]:
    """Return the episodes of all markets on one day.

    Args:
        day: the New York day.
        averages: its averages beside their quotes, sorted by market and moment.
        rules: levels.
    """
    found: list[Signal] = []
    for ticker, rows_of_market in groupby(averages, key=lambda row: str(row["market_ticker"])):
        found += episodes(ticker, day, map(Feature.of, rows_of_market), rules=rules)
    return found


def _table(open_signals: list[Signal]) -> dg.MetadataValue:
    return table(
        ["market", "status", "price", "average", "points off", "buy"],
        [
            [
                s.market_ticker,
                s.status,
                cents_text(s.mid),
                cents_text(float(s.mean)),
                f"{s.deviation / MICROS_PER_CENT:+.1f}",
                s.side.upper(),
            ]
            for s in sorted(open_signals, key=lambda s: -s.strength)
        ],
        empty="No market is far off its average.",
    )
