"""Tells Dagster what was played: in the UI its days are there, as after runs."""

import os
from collections.abc import Sequence
from datetime import date

import dagster as dg

from kalshi_assets.defs.execution import assets as execution
from kalshi_assets.defs.signals import mean_reversion
from kalshi_assets.history.pipeline import ACCOUNT, OF_A_DAY

PARTITIONED = (*OF_A_DAY, mean_reversion.signals)
LEDGER = (execution.decisions, execution.orders, execution.exits, *ACCOUNT)
WORDS = "Played in fast motion, without a run."


def claim(days: Sequence[date]) -> None:
    """Report a materialisation of every asset, and of every day of those that have days.

    Without DAGSTER_HOME there is nobody to tell.
    """
    if not os.environ.get("DAGSTER_HOME"):
        return
    with dg.DagsterInstance.get() as instance:
        for asset in PARTITIONED:
            for day in days:
                instance.report_runless_asset_event(_event(asset, day.isoformat()))
        for asset in LEDGER:
            instance.report_runless_asset_event(_event(asset, None))


def _event(asset: dg.AssetsDefinition, partition: str | None) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(asset.key, description=WORDS, partition=partition)
