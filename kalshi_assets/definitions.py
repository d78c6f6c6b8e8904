"""Dagster's entry point: everything below `defs`."""

import dagster as dg

from kalshi_assets import defs as rooms
from kalshi_assets.defs import jobs, schedules, sensors
from kalshi_assets.defs.house_keeping import house_keeping_job
from kalshi_assets.defs.resources import Platform

defs = dg.Definitions(
    assets=dg.load_assets_from_package_module(rooms),
    asset_checks=dg.load_asset_checks_from_package_module(rooms),
    jobs=[*jobs.ALL, house_keeping_job],
    sensors=sensors.SENSORS,
    schedules=schedules.SCHEDULES,
    resources={"platform": Platform()},
    executor=dg.in_process_executor,  # a run from the UI, too, is one process
)
