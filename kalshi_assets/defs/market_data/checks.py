"""The data checks, as Dagster asset checks: one step an asset.

In poll and order jobs they look at the newest slot and store their verdicts, which the judge reads.
In a backfill they look at the partitions written, and store none: old data says nothing of now.
There, checks of this moment give no result at all: an old day is stale by nature, and "passed"
would be untrue. Dagster then shows them as not executed and goes on.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import pandas as pd

from kalshi_assets.defs.metadata import moment_text, table
from kalshi_assets.defs.partitions import days_of_tags
from kalshi_assets.defs.resources import Platform
from kalshi_assets.execution.desk import quality_limits_of
from kalshi_assets.quality import frames
from kalshi_assets.quality.runner import Verdict, evaluate, sample
from kalshi_assets.quality.suites import Check, checks
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import averages, intake, markets, ticks, verdicts
from kalshi_assets.storage.engine import Connection

# In an order job the checks go first, so that the judge sees what they say of this moment.
FIRST = {"dagster/priority": "10"}


def checks_of(asset: str) -> dg.AssetChecksDefinition:
    """Return the step that runs the checks of one asset."""
    suite = [c for c in checks(quality_limits_of(load_settings())) if c.asset == asset]

    @dg.multi_asset_check(
        name=f"{asset}_checks",
        description=f"What must be true of {asset} before an order may rest on it.",
        specs=[
            dg.AssetCheckSpec(
                check.name, asset=asset, description=check.description, blocking=check.is_gating
            )
            for check in suite
        ],
        can_subset=True,
        op_tags=FIRST,
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, platform: Platform
    ) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        days = days_of_tags(context.run.tags)
        wanted = [c for c in suite if c.name in selected and not (days and c.is_live)]
        found = verdicts_on(wanted, platform, days=days, run_id=context.run.run_id)
        for check, verdict in zip(wanted, found, strict=True):
            yield _result(check, verdict)

    return run_checks


def verdicts_on(
    wanted: Sequence[Check], platform: Platform, *, days: Sequence[date], run_id: str
) -> list[Verdict]:
    """Run checks on the newest slot, or without storing verdicts on whole days."""
    now, share = platform.clock.now(), platform.settings.max_bad_market_share
    with platform.database.transaction() as connection:
        rows = {check.name: _rows(check, connection, platform, days, now) for check in wanted}
    row_share = share if days else 0.0
    found = [
        evaluate(c, rows[c.name], as_of=now, max_bad_share=share, max_bad_rows=row_share)
        for c in wanted
    ]
    if not days:
        with platform.database.transaction() as connection:
            stored = [_stored(c, v) for c, v in zip(wanted, found, strict=True)]
            verdicts.save_verdicts(connection, stored, run_id=run_id)
    return found


def _rows(
    check: Check, connection: Connection, platform: Platform, days: Sequence[date], now: datetime
) -> pd.DataFrame:
    """Return the rows a check looks at: of these days, or of the newest slot."""
    if check.asset == "markets":
        return frames.market_rows(markets.tracked_markets(connection))
    if check.asset == "rolling_averages":
        return averages.latest_averages(connection)
    if check.asset == "clean_ticks":
        observed = _clean_ticks(connection, platform, days, now)
        if check.name == "newest_ticks_are_usable":
            return frames.newest_rows(observed)
        rows = frames.clean_rows(observed)
        return rows if days else frames.latest_a_market(rows)
    if check.name in ("ticks_are_complete", "ticks_are_unique"):
        return _presence_rows(connection)
    if check.name == "feed_is_not_frozen":
        return _frozen_rows(connection, platform, now)
    known = {t: row.market for t, row in markets.known_markets(connection).items()}
    observed = _raw_rows(connection, days)
    return frames.tick_rows(observed, known, now=now)


def _raw_rows(connection: Connection, days: Sequence[date]) -> pd.DataFrame:
    if days:
        return pd.concat([ticks.raw_ticks_of(connection, day) for day in days])
    poll = intake.latest_poll(connection)
    slot = poll.slot if poll is not None else datetime.fromtimestamp(0).astimezone()
    observed = ticks.raw_ticks_between(connection, slot, slot)
    return observed[observed["source"] == "poll"]


def _presence_rows(connection: Connection) -> pd.DataFrame:
    poll = intake.latest_poll(connection)
    expected = poll.expected if poll is not None else list(markets.tracked_markets(connection))
    twice = poll.duplicates if poll is not None else ()
    return frames.presence_rows(expected, _raw_rows(connection, days=()), twice)


def _frozen_rows(connection: Connection, platform: Platform, now: datetime) -> pd.DataFrame:
    limit = platform.settings.frozen_after_seconds
    tracked = markets.tracked_markets(connection)
    observed = ticks.raw_ticks_between(connection, now - timedelta(seconds=3 * limit), now)
    observed = observed[observed["market_ticker"].isin(list(tracked))]
    return frames.frozen_rows(observed, frozen_after_seconds=limit)


def _clean_ticks(
    connection: Connection, platform: Platform, days: Sequence[date], now: datetime
) -> pd.DataFrame:
    """Return the clean ticks of these days, or the recent ones of the tracked markets."""
    if days:
        return pd.concat([ticks.clean_ticks_of(connection, day) for day in days])
    since = now - timedelta(seconds=platform.settings.max_quote_age_seconds)
    return ticks.clean_ticks_between(connection, since, now)


def _stored(check: Check, verdict: Verdict) -> verdicts.NewVerdict:
    return verdicts.NewVerdict(
        check_name=verdict.check_name,
        asset=verdict.asset,
        as_of=verdict.as_of,
        is_passed=verdict.is_passed,
        observed=verdict.observed,
        threshold=verdict.threshold,
        markets_checked=list(verdict.markets_checked),
        markets_failed=dict(verdict.markets_failed),
        is_gating=check.is_gating,
    )


def _result(check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    """Show a verdict: red where it fails for the feed, yellow where only for some markets.

    Yellow blocks nothing: Dagster stops dependents for the severity ERROR only.
    """
    is_red = check.is_gating and not verdict.is_passed
    failed = [[row["market"], row["observed"]] for row in sample(verdict)]
    return dg.AssetCheckResult(
        asset_key=check.asset,
        check_name=check.name,
        passed=verdict.is_passed and not failed,
        severity=dg.AssetCheckSeverity.ERROR if is_red else dg.AssetCheckSeverity.WARN,
        description=_explanation(verdict),
        metadata={
            "observed": verdict.observed,
            "threshold": verdict.threshold,
            "rows": verdict.rows,
            "bad_rows": verdict.bad_rows,
            "as_of": moment_text(verdict.as_of),
            "failed_markets": table(["market", "what was seen"], failed, empty="None failed."),
        },
    )


def _explanation(verdict: Verdict) -> str:
    """Return what a verdict means to a trader."""
    count, first = len(verdict.markets_failed), sample(verdict)[:3]
    if not verdict.is_passed:
        return (
            f"Fails for the feed: {verdict.observed}. Nothing is ordered until it passes. "
            f"Must hold: {verdict.threshold}."
        )
    if not count:
        return f"Passes for all {len(verdict.markets_checked)} markets."
    told = ", ".join(f"{row['market']} ({row['observed']})" for row in first)
    told += f" and {count - len(first)} more" if count > len(first) else ""
    return (
        f"Fails for {count} of {len(verdict.markets_checked)} markets: {told}. Nothing is ordered "
        "there until it passes; the feed as a whole passes, so the others are traded as usual."
    )


markets_checks = checks_of("markets")
raw_ticks_checks = checks_of("raw_ticks")
clean_ticks_checks = checks_of("clean_ticks")
rolling_averages_checks = checks_of("rolling_averages")
