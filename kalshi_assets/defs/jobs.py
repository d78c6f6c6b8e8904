"""The jobs: which assets and checks run together. All in one process each: starting one is slow."""

import dagster as dg

from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings

_SUITE = checks(quality_limits_of(load_settings()))
_INTEGRITY = [c for c in _SUITE if not c.is_live and not c.is_asking]
_CLEAN_TO_SIGNALS = ("clean_ticks", "rolling_averages", "signals")
_TICKS_TO_SIGNALS = ("raw_ticks", *_CLEAN_TO_SIGNALS)
_ACCOUNT = ("fills", "positions", "settlements", "portfolio")
_LEDGER = [("portfolio", "ledger_equals_venue")]


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*names).without_checks()


def _checks(names: list[tuple[str, str]]) -> dg.AssetSelection:
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, name in names]
    return dg.AssetSelection.checks(*keys)


markets_job = dg.define_asset_job(
    "markets_job",
    selection=dg.AssetSelection.assets("markets"),
    executor_def=dg.in_process_executor,
    description=(
        "Refresh the universe: markets, terms, fee terms, and which ones are tracked. Every hour. "
        "When it is red, polls go on with the markets known before; launch it again to retry."
    ),
)

history_job = dg.define_asset_job(
    "history_job",
    selection=_assets("markets", "daily_summaries", *_TICKS_TO_SIGNALS)
    | _checks([(c.asset, c.name) for c in _INTEGRITY]),
    executor_def=dg.in_process_executor,
    description=(
        "Load the days of the averages' window from candlesticks, up to signals: at the first "
        "start, and for every market that is new. When it is red it is tried again after half a "
        "minute; polls wait for it, but for ten minutes at most."
    ),
)

poll_job = dg.define_asset_job(
    "poll_job",
    selection=_assets(*_TICKS_TO_SIGNALS)
    | _checks([(c.asset, c.name) for c in _SUITE if c.asset in _TICKS_TO_SIGNALS]),
    executor_def=dg.in_process_executor,
    description=(
        "Quotes of all tracked markets, up to signals, with all checks: every poll slot, 90 "
        "seconds by default. When it is red, open the run: a failing check or the exchange's "
        "answer is named there. The next slot is polled all the same."
    ),
)

feed_job = dg.define_asset_job(
    "feed_job",
    selection=_assets(*_CLEAN_TO_SIGNALS)
    | _checks([(c.asset, c.name) for c in _SUITE if c.asset in _TICKS_TO_SIGNALS]),
    executor_def=dg.in_process_executor,
    description=(
        "What the live feed has told since the last run, up to signals, with all checks: as soon "
        "as there is something, one run for all of it. Only where `kalshi-assets feed` runs. When "
        "it is red, open the run; the next one takes what this one left."
    ),
)

order_job = dg.define_asset_job(
    "order_job",
    selection=_assets("decisions", "exits", "orders", *_ACCOUNT)
    | _checks([*_LEDGER, *((c.asset, c.name) for c in _SUITE if c.is_gating)]),
    executor_def=dg.in_process_executor,
    description=(
        "Judge the open signals and place what passes every gate; the checks run once more. After "
        "every poll or run of the feed that leaves an open signal or a live order. When it is red, "
        "nothing was ordered, or what was sent is known: `decisions` and `orders` say which."
    ),
)

reconcile_job = dg.define_asset_job(
    "reconcile_job",
    selection=_assets(*_ACCOUNT) | _checks(_LEDGER),
    executor_def=dg.in_process_executor,
    description=(
        "Bring orders, fills, positions and portfolio to what the venue states, and compare the "
        "ledger with it: every five minutes, and every few seconds while a halt has orders to "
        "cancel. When it stays red, the venue does not answer: nothing new is bought meanwhile."
    ),
)

daily_summaries_job = dg.define_asset_job(
    "daily_summaries_job",
    selection=_assets("daily_summaries")
    | _checks([(c.asset, c.name) for c in _SUITE if c.asset == "daily_summaries"]),
    executor_def=dg.in_process_executor,
    description=(
        "Make the past day's summaries final, a quarter of an hour after the New York day has "
        "ended, and compare them with the exchange's own candlesticks. When it is red, launch it "
        "again for that day; a yellow check names the market and the day that differ."
    ),
)

review_job = dg.define_asset_job(
    "review_job",
    selection=_assets("trade_journal", "weekly_review"),
    executor_def=dg.in_process_executor,
    description=(
        "Write the journal of a week and its review, every Sunday for the week that has ended. "
        "Launched again it renews them, with what was settled since. When it is red, launch it "
        "again: it only reads the ledger, and no order depends on it."
    ),
)

# But for the order job, which `definitions.py` makes of its own definition of the checks.
ALL = [
    markets_job,
    history_job,
    poll_job,
    feed_job,
    reconcile_job,
    daily_summaries_job,
    review_job,
]
