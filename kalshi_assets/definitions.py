"""Dagster's entry point: everything below `defs`."""

import dagster as dg

from kalshi_assets import defs as rooms
from kalshi_assets.defs import jobs, schedules, sensors
from kalshi_assets.defs.execution.assets import GATED_BY
from kalshi_assets.defs.house_keeping import house_keeping_job
from kalshi_assets.defs.market_data.checks import checks_of
from kalshi_assets.defs.resources import Platform

_ASSETS = list(dg.load_assets_from_package_module(rooms))
_CHECKS = list(dg.load_asset_checks_from_package_module(rooms))
_RESOURCES = {"platform": Platform()}


def _order_job() -> dg.JobDefinition:
    """Return the order job: one step runs all checks that gate, and looks at each table once.

    Elsewhere the checks of each asset are a step of their own, right behind the asset. This job
    makes none of these assets.
    """
    together = checks_of(*GATED_BY, name="gating_checks")
    apart = [check for check in _CHECKS if not set(check.check_keys) <= set(together.check_keys)]
    return dg.Definitions(
        assets=_ASSETS,
        asset_checks=[*apart, together],
        jobs=[jobs.order_job],
        resources=_RESOURCES,
        executor=dg.in_process_executor,
    ).resolve_job_def(jobs.order_job.name)


defs = dg.Definitions(
    assets=_ASSETS,
    asset_checks=_CHECKS,
    jobs=[*jobs.ALL, _order_job(), house_keeping_job],
    sensors=sensors.SENSORS,
    schedules=schedules.SCHEDULES,
    resources=_RESOURCES,
    executor=dg.in_process_executor,  # a run from the UI, too, is one process
)
