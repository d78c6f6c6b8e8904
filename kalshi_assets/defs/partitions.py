"""The one definition of a day and of a week, and what kind of run a step finds itself in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import dagster as dg

from kalshi_assets.defs import freshness
from kalshi_assets.defs.collector import collector_paused
from kalshi_assets.domain.calendar import DAY_FORMAT, VENUE_TIMEZONE, days_between, venue_day
from kalshi_assets.domain.clock import VenueClock, parse_instant
from kalshi_assets.domain.tick import LATEST, SLOT_TAG
from kalshi_assets.domain.tick import RANGE_END_TAG as RANGE_END_TAG
from kalshi_assets.domain.tick import RANGE_START_TAG as RANGE_START_TAG
from kalshi_assets.domain.week import Week
from kalshi_assets.settings import load_settings

PARTITION_TAG = "dagster/partition"
OWNERS = ["team:trading"]
DATA_KINDS = {"python", "postgres"}

AssetFunction = Callable[..., dg.MaterializeResult[None]]


def end_offset_of(clock: VenueClock, *, length: timedelta = timedelta(days=1)) -> int:
    """Return the offset with which the last partition is the venue's today, or its week.

    Dagster counts partitions by the wall clock. On a venue whose recorded day lies months back, the
    UI would offer all the days since, as "latest" too, and none of them will ever have ticks. Where
    the two clocks cross midnight at different times, the venue's tomorrow may exist, its today
    always does: an hour is allowed for a change of the clocks between the two days.
    """
    if clock.venue_at is None or clock.wall_at is None:
        return 1
    return 1 - (clock.wall_at - clock.venue_at - timedelta(hours=1)) // length


DAYS = dg.DailyPartitionsDefinition(
    start_date=load_settings().first_day.isoformat(),
    timezone=VENUE_TIMEZONE,
    fmt=DAY_FORMAT,
    end_offset=end_offset_of(VenueClock.parse(load_settings().venue_clock)),
)
WEEKS = dg.WeeklyPartitionsDefinition(
    start_date=Week.of_day(load_settings().first_day).first_day.isoformat(),
    timezone=VENUE_TIMEZONE,
    fmt=DAY_FORMAT,
    end_offset=end_offset_of(
        VenueClock.parse(load_settings().venue_clock), length=timedelta(weeks=1)
    ),
)


def asset_of_days(
    *,
    group_name: str,
    deps: Sequence[str | dg.AssetsDefinition | dg.AssetDep],
    freshness_policy: dg.FreshnessPolicy,
) -> Callable[[AssetFunction], dg.AssetsDefinition]:
    """Make an asset of New York days. A backfill of many days is one run.

    A process a day would cost more than the work. No garbage is collected while a step makes its
    rows.
    """
    asset = dg.asset(
        group_name=group_name,
        deps=deps,
        owners=OWNERS,
        kinds=DATA_KINDS,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=freshness_policy,
    )
    return lambda function: asset(collector_paused()(function))


def asset_of_weeks(
    *, deps: Sequence[str | dg.AssetsDefinition | dg.AssetDep]
) -> Callable[[AssetFunction], dg.AssetsDefinition]:
    """Make an asset of New York weeks. A backfill of many weeks is one run."""
    return dg.asset(
        group_name="review",
        deps=deps,
        owners=OWNERS,
        kinds=DATA_KINDS,
        partitions_def=WEEKS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=freshness.WEEKLY,
    )


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the New York days a run writes."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)


def weeks_of(context: dg.AssetExecutionContext) -> list[Week]:
    """Return the weeks a run writes; each key is a Sunday."""
    return [Week(date.fromisoformat(key)) for key in sorted(context.partition_keys)]


def slot_of_run(context: dg.AssetExecutionContext) -> datetime | None:
    """Return the poll slot or the moment a run is about, or None for a backfill."""
    slot = context.run.tags.get(SLOT_TAG)
    return None if slot is None else parse_instant(slot)


def live_days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the days that a run about this moment may write; none for a backfill.

    For some minutes after midnight, ticks of the day before may still come in.
    """
    moment = slot_of_run(context)
    if moment is None:
        return []
    return list(days_between(venue_day(moment - LATEST), venue_day(moment)))


def days_of_tags(tags: Mapping[str, str]) -> list[date]:
    """Return the days a backfill is about; none for a run about this moment."""
    if SLOT_TAG in tags:
        return []
    first = tags.get(RANGE_START_TAG, tags.get(PARTITION_TAG))
    last = tags.get(RANGE_END_TAG, first)
    if first is None or last is None:
        return []
    return list(days_between(date.fromisoformat(first), date.fromisoformat(last)))
