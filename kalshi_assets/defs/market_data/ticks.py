"""Raw and clean ticks, as Dagster assets."""

from datetime import datetime, timedelta

import dagster as dg

from kalshi_assets.analytics.faults import FAULTS
from kalshi_assets.defs import freshness
from kalshi_assets.defs.market_data.backfill import load_history
from kalshi_assets.defs.market_data.cleaning import clean_new_ticks, reclean_day
from kalshi_assets.defs.market_data.faults_shown import fault_metadata
from kalshi_assets.defs.market_data.markets import rejected_of
from kalshi_assets.defs.metadata import (
    Metadata,
    days_text,
    moment_text,
    span_text,
    table,
)
from kalshi_assets.defs.partitions import asset_of_days, days_of, slot_of_run
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import day_bounds
from kalshi_assets.domain.tick import tick_of_poll
from kalshi_assets.errors import ExchangeError
from kalshi_assets.kalshi.batches import MarketBatch
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import averages as average_rows
from kalshi_assets.storage import intake
from kalshi_assets.storage import markets as market_rows
from kalshi_assets.storage import ticks as tick_rows
from kalshi_assets.storage.raw_ticks import add_raw_ticks, lock_raw_ticks
from kalshi_assets.storage.trading_state import halt
from kalshi_assets.storage.uncleaned import markets_streamed_since

POLLED = freshness.polled(load_settings())
# Of what a poll shows faults and their share.
SHOWN = timedelta(minutes=15)


@asset_of_days(
    group_name="market_data",
    deps=["markets"],
    freshness_policy=POLLED,
)
def raw_ticks(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """One quote observation of one market, with all quote fields as received.

    Prices are millionths of a dollar, counts hundredths of a contract. Three ways in: the poll,
    every 90 seconds (source `poll`, dated to its slot; left out where the stream has told newer),
    the live feed (source `stream`, dated by the exchange) and, on backfill, hourly candlesticks
    (source `candle`, dated to their end). What is there already stays; a second run adds nothing.

    **Refreshed** by every poll. A past day: materialise its partition, as many days as you like.

    **When it is red or late:** open *Checks*. A failing one names the markets and what was seen; no
    order is placed while one fails for the feed. If polls themselves fail, the run says what the
    exchange answered; the next poll tries again by itself.
    """
    slot = slot_of_run(context)
    if slot is not None:
        return dg.MaterializeResult(metadata=_poll(context.run.run_id, platform, slot))
    return dg.MaterializeResult(metadata=load_history(context, platform))


@asset_of_days(
    group_name="market_data",
    deps=[raw_ticks],
    freshness_policy=POLLED,
)
def clean_ticks(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A raw tick with mid, spread and fault flags; a faulty one is kept, flagged and not used.

    Where sources overlap, the stream counts more than polls, and these more than candles. Each tick
    carries its New York day's
    running totals (price x time, time covered), from which averages over any window follow.

    **Refreshed** by every poll, right after `raw_ticks`. A poll shows the faults of its last
    quarter of an hour (*span*), a backfill those of its days.

    **When it is red or late:** `raw_ticks` is the cause, or a check of it stopped this step. A
    small usable share is no fault of ours: *faults* says what the quotes were like.
    """
    days, is_poll = days_of(context), slot_of_run(context) is not None
    rules = platform.cleaning_rules()
    step, written = clean_new_ticks if is_poll else reclean_day, 0
    # A day's last price may hold into the next one, and so change that as well.
    reach = timedelta(days=platform.settings.window_days + 1)
    for day in days:
        with platform.database.transaction() as connection:
            changed = step(connection, day, rules)
            if changed and not is_poll:
                average_rows.note_due(connection, day, day + reach)
        written += changed
    start, end = day_bounds(min(days))[0], day_bounds(max(days))[1]
    if is_poll:  # a whole day so far is too much to read anew with every poll
        start = max(start, platform.clock.now() - SHOWN)
    with platform.database.transaction() as connection:
        faults = tick_rows.count_faults(connection, start, end)
        there = tick_rows.extent_of(connection, start, end)
        report = {} if is_poll else fault_metadata(connection, days)
    return dg.MaterializeResult(
        metadata={
            "ticks_written": written,
            "days": days_text(days),
            "ticks": there.ticks,
            "markets": there.markets,
            "span": span_text(there.first_at, there.last_at),
            "usable_share": there.usable / there.ticks if there.ticks else 0.0,
            "faults": table(
                ["fault", "ticks", "meaning"],
                [[name, count, FAULTS[name]] for name, count in faults.items() if name],
                empty="No tick of this span has a fault.",
            ),
            **report,
        }
    )


def _poll(run_id: str, platform: Platform, slot: datetime) -> Metadata:
    """Ask for the quotes of all tracked markets now, and keep them as those of the slot."""
    with platform.database.transaction() as connection:
        tracked = list(market_rows.tracked_markets(connection))
        if intake.has_poll(connection, slot):
            return {"slot": moment_text(slot), "added": 0, "note": "this slot was polled before"}
    if platform.clock.now() >= slot + timedelta(seconds=platform.settings.poll_seconds):
        return {"slot": moment_text(slot), "added": 0, "note": "this slot is over, nothing to poll"}
    batch = _quotes(platform, tracked, slot)
    now = platform.clock.now()
    ticks = [tick_of_poll(s, slot=slot, received_at=now) for s in batch.snapshots]
    twice = sorted(set(batch.duplicates))
    poll = intake.Poll(slot, now, tracked, len(ticks), twice, len(batch.rejected))
    with platform.database.transaction() as connection:
        intake.save_poll(connection, poll)
        lock_raw_ticks(connection)
        # A poll is dated to its slot, before it was answered: what the stream told since is newer.
        streamed = markets_streamed_since(connection, slot)
        added = add_raw_ticks(connection, [t for t in ticks if t["market_ticker"] not in streamed])
        intake.save_quarantined(connection, rejected_of([batch]), received_at=now, run_id=run_id)
        if batch.is_schema_drift:
            halt(connection, "schema_drift", why=_drift(batch), at=now)
    return {
        "slot": moment_text(slot),
        "expected": len(tracked),
        "received": len(ticks),
        "added": added,
        "newer_from_the_stream": len(streamed & {tick["market_ticker"] for tick in ticks}),
        "rejected_duplicates": len(batch.duplicates),
        "quarantined": len(batch.rejected),
        "unknown_fields": table(
            ["field", "times"],
            sorted(batch.unknown_fields.items()),
            empty="The exchange sent no field that we do not know.",
        ),
    }


def _drift(batch: MarketBatch) -> str:
    """Say what the exchange sends otherwise than it did."""
    reasons = sorted({payload.reason for payload in batch.rejected})
    return (
        f"{len(batch.rejected)} of {len(batch.rejected) + len(batch.snapshots)} markets came in "
        f"another form than known ({'; '.join(reasons[:3])}): they are in quarantine; the exchange "
        "may have changed its API, look for a new version"
    )


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
