"""The data checks, as Dagster asset checks: one step an asset, and one for all in an order job.

In poll and order jobs they look at the newest slot and store their verdicts, which the judge reads.
In a backfill they look at the partitions written, and store none: old data says nothing of now.
There, checks of this moment give no result at all: an old day is stale by nature, and "passed"
would be untrue. Dagster then shows them as not executed and goes on.
"""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
import pandas as pd

from kalshi_assets.defs.market_data.checked_rows import Look, reading_of
from kalshi_assets.defs.metadata import moment_text, table
from kalshi_assets.defs.partitions import days_of_tags
from kalshi_assets.defs.resources import Platform
from kalshi_assets.quality.rules import Check
from kalshi_assets.quality.runner import Verdict, evaluate_all, sample
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import verdicts

# In an order job the checks go first, so that the judge sees what they say of this moment.
FIRST = {"dagster/priority": "10"}
ONLY_WARNS = "It gates nothing: look at it when you can."
ONE_REFUSED = (
    "Nothing is ordered there until it passes; the feed as a whole passes, so the others are "
    "traded as usual."
)


def checks_of(*assets: str, name: str) -> dg.AssetChecksDefinition:
    """Return the step that runs the checks of some assets."""
    known = checks(quality_limits_of(load_settings()))
    suite = [c for c in known if c.asset in assets and not c.is_asking]

    @dg.multi_asset_check(
        name=name,
        description=f"What must be true of {', '.join(assets)}.",
        specs=[
            dg.AssetCheckSpec(
                check.name,
                asset=check.asset,
                description=check.description,
                blocking=check.is_gating,
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
            yield result_of(check, verdict)

    return run_checks


def verdicts_on(
    wanted: Sequence[Check], platform: Platform, *, days: Sequence[date], run_id: str
) -> list[Verdict]:
    """Run checks on the newest slot, or without storing verdicts on whole days.

    Stored is what the judge reads: the verdicts that gate. Dagster keeps the others.
    """
    found = look_at(wanted, platform, days=days)
    if not days:
        with platform.database.transaction() as connection:
            gating = [v for c, v in zip(wanted, found, strict=True) if c.is_gating]
            stored = [_stored(verdict) for verdict in gating]
            verdicts.save_verdicts(connection, stored, run_id=run_id)
    return found


def look_at(wanted: Sequence[Check], platform: Platform, *, days: Sequence[date]) -> list[Verdict]:
    """Return what checks find, in their order. Nothing is written."""
    now = platform.clock.now()
    with platform.database.transaction() as connection:
        look = Look(connection, platform, days, now)
        rows = {reading: reading(look) for reading in dict.fromkeys(map(reading_of, wanted))}
    by_name = {
        verdict.check_name: verdict
        for reading, frame in rows.items()
        for verdict in _verdicts([c for c in wanted if reading_of(c) is reading], frame, look)
    }
    return [by_name[check.name] for check in wanted]


def _verdicts(checks: Sequence[Check], rows: pd.DataFrame, look: Look) -> list[Verdict]:
    share = look.platform.settings.max_bad_market_share
    return evaluate_all(
        checks,
        rows,
        as_of=look.now,
        max_bad_share=share,
        max_bad_rows=share if look.days else 0.0,
    )


def _stored(verdict: Verdict) -> verdicts.NewVerdict:
    return verdicts.NewVerdict(
        check_name=verdict.check_name,
        asset=verdict.asset,
        as_of=verdict.as_of,
        is_passed=verdict.is_passed,
        observed=verdict.observed,
        threshold=verdict.threshold,
        markets_checked=list(verdict.markets_checked),
        markets_failed=dict(verdict.markets_failed),
    )


def result_of(check: Check, verdict: Verdict) -> dg.AssetCheckResult:
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
        description=_explanation(check, verdict),
        metadata={
            "observed": verdict.observed,
            "threshold": verdict.threshold,
            "rows": verdict.rows,
            "bad_rows": verdict.bad_rows,
            "as_of": moment_text(verdict.as_of),
            "failed_markets": table(["market", "what was seen"], failed, empty="None failed."),
        },
    )


def _explanation(check: Check, verdict: Verdict) -> str:
    """Return what a verdict means to a trader."""
    count, first = len(verdict.markets_failed), sample(verdict)[:3]
    if not verdict.is_passed:
        meaning = "Nothing is ordered until it passes." if check.is_gating else ONLY_WARNS
        return f"Fails for the feed: {verdict.observed}. {meaning} Must hold: {verdict.threshold}."
    if not count:
        return f"Passes for all {len(verdict.markets_checked)} {check.of}."
    told = ", ".join(f"{row['market']} ({row['observed']})" for row in first)
    told += f" and {count - len(first)} more" if count > len(first) else ""
    meaning = ONE_REFUSED if check.is_gating else ONLY_WARNS
    return f"Fails for {count} of {len(verdict.markets_checked)} {check.of}: {told}. {meaning}"


markets_checks = checks_of("markets", name="markets_checks")
raw_ticks_checks = checks_of("raw_ticks", name="raw_ticks_checks")
clean_ticks_checks = checks_of("clean_ticks", name="clean_ticks_checks")
rolling_averages_checks = checks_of("rolling_averages", name="rolling_averages_checks")
daily_summaries_checks = checks_of("daily_summaries", name="daily_summaries_checks")
signals_checks = checks_of("signals", name="signals_checks")
