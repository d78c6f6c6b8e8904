"""What Dagster's own record says of partitions: the one thing it has no call to take back.

A partition is claimed by its materialisation events. Dagster removes an event with its run; those
of a run that made other things too, or that were reported without a run, go here.
"""

from collections.abc import Sequence
from datetime import date

from dagster import AssetKey
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from sqlalchemy import delete


def forget_claims(record: object, assets: Sequence[str], days: Sequence[date]) -> int:
    """Take an asset's partitions of these days out of the record; return how many claims it had.

    Args:
        record: the event log storage of the Dagster instance.
        assets: names of assets.
        days: New York days.

    Raises:
        TypeError: the instance keeps its record in something else than SQL.
    """
    if not isinstance(record, SqlEventLogStorage):
        raise TypeError(f"the record of {type(record).__name__} cannot forget: use PostgreSQL")
    events = SqlEventLogStorageTable.c
    keys = [AssetKey(name) for name in assets]
    statement = delete(SqlEventLogStorageTable).where(
        events.dagster_event_type == "ASSET_MATERIALIZATION",
        events.asset_key.in_([key.to_string() for key in keys]),
        events.partition.in_([day.isoformat() for day in days]),
    )
    with record.index_connection() as connection:
        forgotten: int = connection.execute(statement).rowcount
    for key in keys:
        record.wipe_asset_cached_status(key)
    return forgotten
