"""Our daily bars beside the exchange's own candlesticks, as a Dagster asset check.

It asks once: as many of the newest days as one call holds. A first loading of history does not run
it: it would read again what was just read from there.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from kalshi_assets.defs.market_data.checks import result_of
from kalshi_assets.defs.partitions import days_of_tags
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import days_between, venue_day
from kalshi_assets.domain.market import Candle
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.kalshi.requests import CANDLES_BESIDE, MOST_CANDLES
from kalshi_assets.quality.bars import bar_rows, stretch_of
from kalshi_assets.quality.runner import Verdict, evaluate
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import markets, summaries

CANDLE_MINUTES, HOURS_A_DAY = 60, 25
[CHECK] = [c for c in checks(quality_limits_of(load_settings())) if c.is_asking]


@dg.asset_check(asset=CHECK.asset, name=CHECK.name, description=CHECK.description)
def summaries_match_the_exchange(
    context: dg.AssetCheckExecutionContext, platform: Platform
) -> dg.AssetCheckResult:
    """Compare the final bars of the run's days, or of the averages' window."""
    try:
        return result_of(CHECK, _compared(context, platform))
    except (ExchangeError, PayloadError) as exc:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"The exchange could not be asked, so nothing was compared: {exc}",
        )


def _compared(context: dg.AssetCheckExecutionContext, platform: Platform) -> Verdict:
    now, today = platform.clock.now(), venue_day(platform.clock.now())
    window = days_between(today - timedelta(days=platform.settings.window_days), today)
    days = days_of_tags(context.run.tags) or list(window)
    with platform.database.transaction() as connection:
        tracked = list(markets.tracked_markets(connection))
        ours = summaries.final_summaries(connection, days, newest=days_of_one_call(len(tracked)))
    candles = _candles(platform, ours)
    share = platform.settings.max_bad_market_share
    return evaluate(CHECK, bar_rows(ours, candles), as_of=now, max_bad_share=share)


def days_of_one_call(tickers: int) -> int:
    """Return how many days of so many markets one call for hourly candles holds."""
    return max(1, (MOST_CANDLES // max(1, tickers) - CANDLES_BESIDE) // HOURS_A_DAY)


def _candles(platform: Platform, ours: Sequence[Mapping[str, Any]]) -> Sequence[Candle]:
    """Ask the exchange for the hours of these bars."""
    if not ours:
        return ()
    start, end = stretch_of([row["day"] for row in ours])
    tickers = sorted({row["market_ticker"] for row in ours})
    with platform.client() as client:
        return client.candlesticks(
            tickers, start=start, end=end, interval_minutes=CANDLE_MINUTES
        ).candles
