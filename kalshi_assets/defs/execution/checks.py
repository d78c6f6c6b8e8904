"""The check of the ledger itself: what it adds up to is what the venue states."""

import dagster as dg

from kalshi_assets.defs.metadata import moment_text, table
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.price import CENTICONTRACTS, MICROS_PER_DOLLAR
from kalshi_assets.errors import ExchangeError, PayloadError
from kalshi_assets.execution.books import Comparison
from kalshi_assets.execution.upkeep import check_books
from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts

NAME = "ledger_equals_venue"
AGREED = "cash to the micro-dollar and every position as the venue states them"


@dg.asset_check(
    asset="portfolio",
    name=NAME,
    description="Opening balance, fills, fees and settlements add up to the cash and the positions "
    "that the venue states. A difference that stays halts trading.",
)
def ledger_equals_venue(
    context: dg.AssetCheckExecutionContext, platform: Platform
) -> dg.AssetCheckResult:
    """Compare ledger and venue; a read that lags is waited out."""
    try:
        found = ledger_verdict(context.run.run_id, platform)
    except (ExchangeError, PayloadError) as exc:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"The venue could not be asked, so nothing is known: {exc}",
        )
    return _result(found, platform)


def ledger_verdict(run_id: str, platform: Platform) -> Comparison:
    """Compare, halt on a difference that stays, and store the verdict.

    Raises:
        ExchangeError: the venue could not be asked: then nothing is known, and nothing stored.
    """
    with platform.desk(run_id) as desk:
        found = check_books(desk)
    _store(found, run_id, platform)
    return found


def _store(found: Comparison, run_id: str, platform: Platform) -> None:
    verdict = NewVerdict(
        check_name=NAME,
        asset="portfolio",
        as_of=platform.clock.now(),
        is_passed=found.is_equal,
        observed=found.sentence,
        threshold=AGREED,
        markets_checked=[],
        markets_failed={},
    )
    with platform.database.transaction() as connection:
        save_verdicts(connection, [verdict], run_id=run_id)


def _result(found: Comparison, platform: Platform) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=found.is_equal,
        severity=dg.AssetCheckSeverity.ERROR,
        description="Ledger and venue agree."
        if found.is_equal
        else f"Trading is halted: {found.sentence}. Find out why, then `kalshi-assets resume`.",
        metadata={
            "cash_by_the_ledger_usd": found.cash_expected / MICROS_PER_DOLLAR,
            "cash_at_the_venue_usd": found.cash_stated / MICROS_PER_DOLLAR,
            "resting_orders_may_cost_usd": found.reserved_micros / MICROS_PER_DOLLAR,
            "positions_that_differ": table(
                ["market", "contracts by the ledger", "at the venue"],
                [
                    [ticker, f"{ours / CENTICONTRACTS:g}", f"{theirs / CENTICONTRACTS:g}"]
                    for ticker, (ours, theirs) in sorted(found.position_differences.items())
                ],
                empty="Every position agrees.",
            ),
            "as_of": moment_text(platform.clock.now()),
        },
    )
