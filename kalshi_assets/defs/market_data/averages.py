"""Rolling averages and daily summaries, as Dagster assets."""

from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from kalshi_assets.analytics.rolling import (
    RollingAverage,
    Totals,
    rolling_average,
    totals_until,
    window_start,
)
from kalshi_assets.analytics.summaries import summarise
from kalshi_assets.defs.market_data.cleaning import JUST_BEFORE
from kalshi_assets.defs.partitions import asset_of_days, days_of, slot_of_run
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import (
    CollectionCalendar,
    day_bounds,
    days_between,
    venue_day,
)
from kalshi_assets.domain.price import MICROS_PER_DOLLAR
from kalshi_assets.storage import averages as rows
from kalshi_assets.storage import ticks as tick_rows
from kalshi_assets.storage.engine import Connection
from kalshi_assets.storage.rows import records

ONE_DAY = timedelta(days=1)


@asset_of_days(
    group_name="market_data",
    deps=[
        "clean_ticks",
        dg.AssetDep(
            "daily_summaries",
            partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-28, end_offset=-1),
        ),
    ],
)
def rolling_averages(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market's time-weighted average of the past 7 days, at the moment of each usable tick.

    The mean is in millionths of a dollar; coverage is the share of the window in which a usable
    price stood. Computed from running totals, exact, at the same cost for any window.
    """
    window_days, is_poll = platform.settings.window_days, slot_of_run(context) is not None
    written, coverages = 0, []
    for day in days_of(context):
        with platform.database.transaction() as connection:
            wanted = rows.moments_to_average(connection, day, only_missing=is_poll)
            found = averages_at(connection, wanted, window_days, platform.collection)
            written += rows.save_averages(connection, day, found, is_whole_day=not is_poll)
        coverages += [float(average.coverage) for average in found]
    with platform.database.transaction() as connection:
        latest = rows.latest_averages(connection)
    return dg.MaterializeResult(
        metadata={
            "averages_written": written,
            "window_days": window_days,
            "lowest_coverage": min(coverages, default=0.0),
            "latest": dg.MetadataValue.md(_table(records(latest))),
        }
    )


@asset_of_days(
    group_name="market_data",
    deps=["raw_ticks", "clean_ticks"],
)
def daily_summaries(
    context: dg.AssetExecutionContext, platform: Platform
) -> dg.MaterializeResult[None]:
    """A market's day: open, high, low and close of mid and trades, time-weighted mean, volume.

    A day is of New York (23 or 25 hours when clocks change). While it has not ended its row is
    provisional. Kept for ever, when the ticks are gone.
    """
    markets, provisional = 0, 0
    for day in days_of(context):
        with platform.database.transaction() as connection:
            found = summaries_of(
                connection, day, now=platform.clock.now(), calendar=platform.collection
            )
            rows.save_summaries(connection, day, found)
        markets += len(found)
        provisional += sum(bool(row["is_provisional"]) for row in found)
    return dg.MaterializeResult(
        metadata={"summaries": markets, "provisional": provisional, "days": len(days_of(context))}
    )


def averages_at(
    connection: Connection,
    wanted: list[tuple[str, datetime]],
    window_days: int,
    calendar: CollectionCalendar,
) -> list[RollingAverage]:
    """Return the averages of these markets at these moments."""
    if not wanted:
        return []
    starts = _starts(connection, wanted, window_days)
    totals = _Totals(connection, [*wanted, *starts], calendar)
    averages = []
    for (ticker, moment), (_, start) in zip(wanted, starts, strict=True):
        whole = days_between(venue_day(start), venue_day(moment) - ONE_DAY)
        averages.append(
            rolling_average(
                ticker,
                moment,
                window_days=window_days,
                start=start,
                first_day_until_start=totals.until(ticker, start),
                whole_days=[totals.of(ticker, day) for day in whole],
                last_day_until_end=totals.until(ticker, moment),
                calendar=calendar,
            )
        )
    return averages


def _starts(
    connection: Connection, wanted: list[tuple[str, datetime]], window_days: int
) -> list[tuple[str, datetime]]:
    """Return from when on prices count: prices of the contract before a roll never do."""
    windows = [(ticker, window_start(moment, window_days)) for ticker, moment in wanted]
    first, last = min(start for _, start in windows), max(moment for _, moment in wanted)
    rolls = tick_rows.contract_starts(connection, first, last)
    if not rolls:
        return windows
    return [
        (ticker, max([start, *(at for at in rolls.get(ticker, ()) if at <= moment)]))
        for (ticker, start), (_, moment) in zip(windows, wanted, strict=True)
    ]


def summaries_of(
    connection: Connection, day: date, *, now: datetime, calendar: CollectionCalendar
) -> list[dict[str, object]]:
    """Return a day's summaries, one a market that was observed on it."""
    bounds = day_bounds(day)
    raw, clean = tick_rows.raw_ticks_of(connection, day), tick_rows.clean_ticks_of(connection, day)
    until = min(bounds[1], now) - JUST_BEFORE
    tickers = sorted(set(raw["market_ticker"]))
    anchors = tick_rows.anchors_at(connection, [(ticker, until) for ticker in tickers])
    return [
        summarise(
            day,
            ticker,
            raw=raw[raw["market_ticker"] == ticker],
            clean=clean[clean["market_ticker"] == ticker],
            closing=anchors.get((ticker, until)),
            bounds=bounds,
            now=now,
            calendar=calendar,
        )
        for ticker in tickers
    ]


class _Totals:
    """Totals of stretches of time: of whole days, and of a day up to a moment.

    A whole day's come from its final summary, else from its last usable tick.
    """

    def __init__(
        self,
        connection: Connection,
        moments: list[tuple[str, datetime]],
        calendar: CollectionCalendar,
    ) -> None:
        days = [venue_day(moment) for _, moment in moments]
        tickers = sorted({ticker for ticker, _ in moments})
        self._calendar = calendar
        self._final = rows.final_day_totals(connection, min(days), max(days))
        open_ends = [
            (ticker, day_bounds(day)[1] - JUST_BEFORE)
            for day in days_between(min(days), max(days))
            for ticker in tickers
            if (ticker, day) not in self._final
        ]
        self._anchors = tick_rows.anchors_at(connection, [*moments, *open_ends])

    def until(self, ticker: str, moment: datetime) -> Totals:
        """Return a market's totals of the moment's day, up to the moment."""
        anchor = self._anchors.get((ticker, moment))
        start = day_bounds(venue_day(moment))[0]
        return totals_until(anchor, moment, day_start=start, calendar=self._calendar)

    def of(self, ticker: str, day: date) -> Totals:
        """Return a market's totals of a whole day."""
        if (ticker, day) in self._final:
            return self._final[ticker, day]
        start, end = day_bounds(day)
        anchor = self._anchors.get((ticker, end - JUST_BEFORE))
        return totals_until(anchor, end, day_start=start, calendar=self._calendar)


def _table(latest: list[dict[str, Any]]) -> str:
    lines = ["| market | as of | 7-day average | coverage |", "|---|---|---:|---:|"]
    for row in latest:
        mean = "-" if row["mean"] is None else f"{row['mean'] / MICROS_PER_DOLLAR:.4f}"
        coverage = "-" if row["coverage"] is None else f"{row['coverage']:.1%}"
        lines.append(f"| {row['market_ticker']} | {row['as_of']} | {mean} | {coverage} |")
    return "\n".join(lines)
