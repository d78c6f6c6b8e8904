"""The one definition of a day, and what kind of run a step finds itself in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

import dagster as dg

from kalshi_assets.domain.calendar import DAY_FORMAT, VENUE_TIMEZONE, days_between
from kalshi_assets.domain.clock import parse_instant
from kalshi_assets.domain.tick import SLOT_TAG
from kalshi_assets.settings import load_settings

PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
OWNERS = ["team:trading"]
DATA_KINDS = {"python", "postgres"}

DAYS = dg.DailyPartitionsDefinition(
    start_date=load_settings().first_day.isoformat(),
    timezone=VENUE_TIMEZONE,
    fmt=DAY_FORMAT,
    end_offset=1,  # so that today exists
)

AssetFunction = Callable[..., dg.MaterializeResult[None]]


def asset_of_days(
    *, group_name: str, deps: Sequence[str | dg.AssetsDefinition | dg.AssetDep]
) -> Callable[[AssetFunction], dg.AssetsDefinition]:
    """Make an asset of New York days. A backfill of many days is one run.

    A process a day would cost more than the work.
    """
    return dg.asset(
        group_name=group_name,
        deps=deps,
        owners=OWNERS,
        kinds=DATA_KINDS,
        partitions_def=DAYS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """Return the New York days a run writes."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)


def slot_of_run(context: dg.AssetExecutionContext) -> datetime | None:
    """Return the poll slot a run was started for, or None for a backfill."""
    slot = context.run.tags.get(SLOT_TAG)
    return None if slot is None else parse_instant(slot)


def days_of_tags(tags: Mapping[str, str]) -> list[date]:
    """Return the days a backfill is about; none for a run about this moment."""
    if SLOT_TAG in tags:
        return []
    first = tags.get(RANGE_START_TAG, tags.get(PARTITION_TAG))
    last = tags.get(RANGE_END_TAG, first)
    if first is None or last is None:
        return []
    return list(days_between(date.fromisoformat(first), date.fromisoformat(last)))
