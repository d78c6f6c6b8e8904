"""The jobs: which assets and checks run together. All in one process each: starting one is slow."""

import dagster as dg

from kalshi_assets.execution.desk import quality_limits_of
from kalshi_assets.quality.suites import checks
from kalshi_assets.settings import load_settings

_SUITE = checks(quality_limits_of(load_settings()))
_INTEGRITY = [c for c in _SUITE if not c.is_live]
_TICKS_TO_SIGNALS = ("raw_ticks", "clean_ticks", "rolling_averages", "signals")
_ACCOUNT = ("fills", "positions", "settlements", "portfolio")


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*names).without_checks()


def _checks(names: list[tuple[str, str]]) -> dg.AssetSelection:
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in names]
    return dg.AssetSelection.checks(*keys)


markets_job = dg.define_asset_job(
    "markets_job",
    selection=dg.AssetSelection.assets("markets"),
    executor_def=dg.in_process_executor,
    description="Refresh the universe: markets, terms, fee terms, and which ones are tracked.",
)

history_job = dg.define_asset_job(
    "history_job",
    selection=_assets("markets", "daily_summaries", *_TICKS_TO_SIGNALS)
    | _checks([(c.asset, c.name) for c in _INTEGRITY]),
    executor_def=dg.in_process_executor,
    description="Load the days of the averages' window from candlesticks, up to signals.",
)

poll_job = dg.define_asset_job(
    "poll_job",
    selection=_assets(*_TICKS_TO_SIGNALS)
    | _checks([(c.asset, c.name) for c in _SUITE if c.asset in _TICKS_TO_SIGNALS]),
    executor_def=dg.in_process_executor,
    description="Every 90 seconds: quotes of all tracked markets, up to signals, with all checks.",
)

order_job = dg.define_asset_job(
    "order_job",
    selection=_assets("decisions", "orders", *_ACCOUNT)
    | _checks([(c.asset, c.name) for c in _SUITE if c.is_gating]),
    executor_def=dg.in_process_executor,
    description="Judge the open signals and place what passes every gate, checks run once more.",
)

reconcile_job = dg.define_asset_job(
    "reconcile_job",
    selection=_assets(*_ACCOUNT),
    executor_def=dg.in_process_executor,
    description="Bring orders, fills, positions and portfolio to what the venue states.",
)

daily_summaries_job = dg.define_asset_job(
    "daily_summaries_job",
    selection=_assets("daily_summaries"),
    executor_def=dg.in_process_executor,
    description="Make the past day's summaries final.",
)

ALL = [markets_job, history_job, poll_job, order_job, reconcile_job, daily_summaries_job]
