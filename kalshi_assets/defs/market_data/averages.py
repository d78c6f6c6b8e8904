"""Rolling averages and daily summaries, as Dagster assets."""

from datetime import date, datetime

import dagster as dg

from kalshi_assets.analytics.rolling import RollingAverage
from kalshi_assets.analytics.summaries import summarise, told_of_day
from kalshi_assets.defs import freshness
from kalshi_assets.defs.jobs import feed_job
from kalshi_assets.defs.market_data.cleaning import JUST_BEFORE
from kalshi_assets.defs.market_data.shown import average_plot, average_table, summary_table
from kalshi_assets.defs.market_data.windows import averages_at as averages_at
from kalshi_assets.defs.metadata import days_text, span_of
from kalshi_assets.defs.partitions import asset_of_days, days_of, live_days_of, slot_of_run
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import CollectionCalendar, day_bounds
from kalshi_assets.domain.tick import LATEST
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import averages as rows
from kalshi_assets.storage import summaries as summary_rows
from kalshi_assets.storage import ticks as tick_rows
from kalshi_assets.storage import trades as trade_rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.totals import moments_to_average

# A run of the feed comes every few seconds: a plot costs it a third of its time, and 30 kB.
DRAWN_BY_POLLS = dg.MetadataValue.text("Drawn by every poll: see the materialization before.")


@asset_of_days(
    group_name="market_data",
    deps=[
        "clean_ticks",
        dg.AssetDep(
            "daily_summaries",
            partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-28, end_offset=-1),
        ),
    ],
    freshness_policy=freshness.polled(load_settings()),
)
def rolling_averages(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market's time-weighted average price over the past 7 days, at the moment of a usable tick.

    Each price counts for as long as it stood. *Coverage* is the share of the window in which a
    usable price stood; below 60 % no signal is traded. The mean is in millionths of a dollar,
    computed exactly from the ticks' running totals and the past days' summaries.

    A backfill that changes ticks makes the averages of the days behind it anew as well, as far as
    their windows reach back to it.

    **Refreshed** by every poll and run of the feed. The plot, which polls draw, shows the markets
    furthest from their average.

    **When it is red or late:** look at `clean_ticks` first; without usable ticks there is nothing
    to average. Low coverage is filled by backfilling the missing days from `raw_ticks` on.
    """
    window_days, is_poll = platform.settings.window_days, slot_of_run(context) is not None
    averages: list[RollingAverage] = []
    written, days = 0, live_days_of(context) or days_of(context)
    if not is_poll:
        with platform.database.transaction() as connection:
            days = sorted({*days, *rows.days_due(connection)})
    for day in days:
        with platform.database.transaction() as connection:
            rows.lock_averages(connection)
            ticks = moments_to_average(connection, day, behind=LATEST if is_poll else None)
            found = averages_at(connection, ticks, window_days, platform.collection, at_ticks=ticks)
            written += rows.save_averages(connection, day, found, is_whole_day=not is_poll)
            if not is_poll:
                rows.settle_due(connection, day)
        averages += found
    with platform.database.transaction() as connection:
        latest = rows.latest_averages(connection)
        is_of_feed = context.run.job_name == feed_job.name
        plot = DRAWN_BY_POLLS if is_of_feed else average_plot(connection, latest, platform.settings)
    return dg.MaterializeResult(
        metadata={
            "price_against_average": plot,
            "latest": average_table(latest),
            "averages_written": written,
            "days": days_text(days),
            "span": span_of([average.as_of for average in averages]),
            "lowest_coverage": float(min((a.coverage for a in averages), default=0)),
        }
    )


@asset_of_days(
    group_name="market_data",
    deps=["raw_ticks", "clean_ticks"],
    freshness_policy=freshness.DAILY,
)
def daily_summaries(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market's day: open, high, low and close of price and trades, time-weighted mean, volume.

    A day is of New York, and has 23 or 25 hours when clocks change. While it has not ended its row
    is provisional. Kept for ever, when the ticks are gone.

    **Refreshed** a quarter of an hour after the day has ended, and by every backfill.

    **When it is red or late:** materialise the missing day here. The averages go on without it:
    they take the day's totals from its ticks.
    """
    made: list[dict[str, object]] = []
    for day in days_of(context):
        with platform.database.transaction() as connection:
            found = summaries_of(
                connection, day, now=platform.clock.now(), calendar=platform.collection
            )
            summary_rows.save_summaries(connection, day, found)
        made += found
    return dg.MaterializeResult(
        metadata={
            "days": days_text(days_of(context)),
            "summaries": len(made),
            "provisional": sum(bool(row["is_provisional"]) for row in made),
            "newest_day": summary_table([r for r in made if r["day"] == made[-1]["day"]]),
        }
    )


def summaries_of(
    connection: Connection, day: date, *, now: datetime, calendar: CollectionCalendar
) -> list[dict[str, object]]:
    """Return a day's summaries, one a market that was observed on it."""
    bounds = day_bounds(day)
    raw = told_of_day(tick_rows.raw_ticks_between(connection, *bounds), bounds)
    clean = tick_rows.clean_ticks_of(connection, day)
    traded = trade_rows.trades_of(connection, *bounds)
    until = min(bounds[1], now) - JUST_BEFORE
    tickers = sorted({*raw["market_ticker"], *clean["market_ticker"]})
    anchors = tick_rows.anchors_at(connection, [(ticker, until) for ticker in tickers])
    return [
        summarise(
            day,
            ticker,
            raw=raw[raw["market_ticker"] == ticker],
            clean=clean[clean["market_ticker"] == ticker],
            trades=[trade for trade in traded if trade["market_ticker"] == ticker],
            closing=anchors.get((ticker, until)),
            bounds=bounds,
            now=now,
            calendar=calendar,
        )
        for ticker in tickers
    ]
