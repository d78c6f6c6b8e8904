"""Raw and clean ticks, as Dagster assets."""

from datetime import datetime, timedelta

import dagster as dg

from kalshi_assets.defs.market_data.cleaning import clean_new_ticks, reclean_day
from kalshi_assets.defs.market_data.markets import rejected_of
from kalshi_assets.defs.partitions import asset_of_days, days_of, slot_of_run
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.domain.tick import tick_of_candle, tick_of_poll
from kalshi_assets.errors import ExchangeError
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.storage import intake
from kalshi_assets.storage import markets as market_rows
from kalshi_assets.storage import ticks as tick_rows

CANDLE_MINUTES = 60
Metadata = dict[str, int | str | float | dg.MetadataValue]


@asset_of_days(
    group_name="market_data",
    deps=["markets"],
)
def raw_ticks(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """One quote observation of one market, with all quote fields as received.

    Prices are millionths of a dollar, counts hundredths of a contract. Two ways in: the poll every
    90 seconds (source `poll`, dated to its slot) and, on backfill, hourly candlesticks (source
    `candle`, dated to their end). What is there already stays; a second run adds nothing.
    """
    slot = slot_of_run(context)
    if slot is not None:
        return dg.MaterializeResult(metadata=_poll(context.run.run_id, platform, slot))
    return dg.MaterializeResult(metadata=_load_candles(context, platform))


@asset_of_days(
    group_name="market_data",
    deps=[raw_ticks],
)
def clean_ticks(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A raw tick with mid, spread and fault flags; a faulty one is kept, flagged and not used.

    Where sources overlap, polls count more than candles. Each tick carries its New York day's
    running totals (price x time, time covered), from which averages over any window follow.
    """
    days, is_poll = days_of(context), slot_of_run(context) is not None
    rules = platform.cleaning_rules()
    step, written = clean_new_ticks if is_poll else reclean_day, 0
    for day in days:
        with platform.database.transaction() as connection:
            written += step(connection, day, rules)
    with platform.database.transaction() as connection:
        faults = tick_rows.count_faults(connection, days)
    ticks = sum(faults.values())
    return dg.MaterializeResult(
        metadata={
            "ticks_written": written,
            "ticks": ticks,
            "usable_share": faults.get("", 0) / ticks if ticks else 0.0,
            "faults": dg.MetadataValue.json({k: v for k, v in faults.items() if k}),
            "span": _span(context),
        }
    )


def _poll(run_id: str, platform: Platform, slot: datetime) -> Metadata:
    """Ask for the quotes of all tracked markets now, and keep them as those of the slot."""
    with platform.database.transaction() as connection:
        tracked = list(market_rows.tracked_markets(connection))
        if intake.has_poll(connection, slot):
            return {"slot": slot.isoformat(), "added": 0, "note": "this slot was polled before"}
    if platform.clock.now() >= slot + timedelta(seconds=platform.settings.poll_seconds):
        return {"slot": slot.isoformat(), "added": 0, "note": "this slot is over, nothing to poll"}
    batch = _quotes(platform, tracked, slot)
    now = platform.clock.now()
    ticks = [tick_of_poll(s, slot=slot, received_at=now) for s in batch.snapshots]
    twice = sorted(set(batch.duplicates))
    poll = intake.Poll(slot, now, tracked, len(ticks), twice, len(batch.rejected))
    with platform.database.transaction() as connection:
        intake.save_poll(connection, poll)
        added = tick_rows.add_raw_ticks(connection, ticks)
        intake.save_quarantined(connection, rejected_of([batch]), received_at=now, run_id=run_id)
    return {
        "slot": slot.isoformat(),
        "expected": len(tracked),
        "received": len(ticks),
        "added": added,
        "rejected_duplicates": len(batch.duplicates),
        "quarantined": len(batch.rejected),
        "unknown_fields": dg.MetadataValue.json(dict(batch.unknown_fields)),
    }


def _quotes(platform: Platform, tracked: list[str], slot: datetime) -> MarketBatch:
    """Ask for quotes. A poll without an answer is on record: then no market is complete."""
    try:
        with platform.client() as client:
            return client.markets(tickers=tracked)
    except ExchangeError:
        failed = intake.Poll(slot, platform.clock.now(), tracked, 0, [], 0)
        with platform.database.transaction() as connection:
            intake.save_poll(connection, failed)
        raise


def _load_candles(context: dg.AssetExecutionContext, platform: Platform) -> Metadata:
    """Load the hourly candlesticks of the run's days, for all tracked markets."""
    days, now = days_of(context), platform.clock.now()
    start, end = day_bounds(days[0])[0], min(day_bounds(days[-1])[1], now)
    with platform.database.transaction() as connection:
        tracked = list(market_rows.tracked_markets(connection))
    with platform.client() as client:
        batch = client.candlesticks(
            tracked, start=start, end=max(start, end), interval_minutes=CANDLE_MINUTES
        )
    ticks = [tick_of_candle(c, received_at=now) for c in batch.candles if start <= c.end_at <= end]
    wanted = {day: day_bounds(day) for day in days}
    added = 0
    for day, (first, last) in wanted.items():
        of_day = [t for t in ticks if first <= t["observed_at"] < last]
        counts = {t: sum(r["market_ticker"] == t for r in of_day) for t in tracked}
        with platform.database.transaction() as connection:
            added += tick_rows.add_raw_ticks(connection, of_day)
            intake.save_history_load(connection, day, counts, loaded_until=now)
    with platform.database.transaction() as connection:
        rejected = rejected_of([batch])
        intake.save_quarantined(connection, rejected, received_at=now, run_id=context.run.run_id)
    return {
        "span": _span(context),
        "candles": len(ticks),
        "added": added,
        "markets": len({t["market_ticker"] for t in ticks}),
        "rejected_duplicates": batch.duplicates,
        "quarantined": len(rejected),
    }


def _span(context: dg.AssetExecutionContext) -> str:
    days = days_of(context)
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}, {len(days)} days"
