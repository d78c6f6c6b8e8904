"""What a person sees of every fault class: the check that closes the gate or warns, and a sample.

The classes come from the code: one without a row here fails.
"""

import json
from collections.abc import Sequence
from typing import Any, get_args

import dagster as dg
import pytest

from kalshi_assets.analytics.faults import FAULTS
from kalshi_assets.domain.stream import GapReason
from kalshi_assets.quality.suites import checks, quality_limits_of
from kalshi_assets.settings import load_settings
from kalshi_assets_tests.defs.breaking import MARKETS
from kalshi_assets_tests.stand import OVERREACTING, Stand

SUITE = {c.name: c for c in checks(quality_limits_of(load_settings(env={}, _env_file=None)))}
ADVICE = [name for name, check in SUITE.items() if not check.is_gating]
QUIET = "KXCPIYOY-26OCT-T3.0"
REASONS: tuple[str, ...] = get_args(GapReason)
YESTERDAY = "2026-10-12"

# What makes the rows of a market fail a check that warns.
STATEMENTS = {
    "feed_has_no_long_gaps": (
        "INSERT INTO kalshi.gaps (source, channel, market_tickers, from_at, reason, noted_at)"
        " VALUES ('stream', 'ticker', ARRAY[:ticker], '2026-10-13T14:20:00Z', 'silent', now())"
    ),
    "legs_sum_to_one": (
        "UPDATE kalshi.events SET is_mutually_exclusive = true WHERE :ticker LIKE ticker || '%'"
    ),
    "daily_bars_are_in_order": (
        "UPDATE kalshi.daily_summaries SET mid_low = mid_high + 1 WHERE market_ticker = :ticker"
    ),
    "covered_time_fits_the_day": (
        "UPDATE kalshi.daily_summaries SET coverage = 1.5 WHERE market_ticker = :ticker"
    ),
    "past_days_are_final": (
        "UPDATE kalshi.daily_summaries SET is_provisional = true WHERE market_ticker = :ticker"
        " AND day = '2026-10-08'"
    ),
    "no_day_is_missing": (
        "DELETE FROM kalshi.daily_summaries WHERE market_ticker = :ticker AND day = '2026-10-08'"
    ),
    "summaries_match_the_exchange": (
        "UPDATE kalshi.daily_summaries SET mid_close = 990000 WHERE market_ticker = :ticker"
    ),
    "signals_buy_against_the_deviation": (
        "UPDATE kalshi.signals SET side = CASE side WHEN 'yes' THEN 'no' ELSE 'yes' END"
        " WHERE market_ticker = :ticker"
    ),
    "signals_rest_on_an_average": (
        "UPDATE kalshi.signals SET average_hash = '?' WHERE market_ticker = :ticker"
    ),
    "one_signal_is_open_a_market": (
        "INSERT INTO kalshi.signals SELECT s.* FROM kalshi.signals t, jsonb_populate_record(t,"
        ' \'{"signal_id": "another"}\') AS s'
        " WHERE t.market_ticker = :ticker AND t.ended_at IS NULL"
    ),
}


def evaluated(stand: Stand, names: Sequence[str]) -> dict[str, Any]:
    """Run checks alone, as the UI does for yesterday or for this moment; return what they say."""
    from kalshi_assets.definitions import defs

    keys = [dg.AssetCheckKey(dg.AssetKey(SUITE[name].asset), name) for name in names]
    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=set(keys))
    ran = job.execute_in_process(instance=stand.instance, raise_on_error=False)
    assert ran.success, "a warning stops nothing"
    return {found.check_name: found for found in ran.get_asset_check_evaluations()}


def sample(found: Any) -> dict[str, str]:
    """Return what the UI's table shows of a check, by market."""
    table = found.metadata["failed_markets"]
    assert isinstance(table, dg.TableMetadataValue), table
    rows = [record.data for record in table.records]
    return {str(row["market"]): str(row["what was seen"]) for row in rows}


def test_no_class_of_warnings_is_without_a_row() -> None:
    assert set(STATEMENTS) == set(ADVICE)


def test_on_sound_data_nothing_warns(loaded_stand: Stand) -> None:
    run = loaded_stand.run("daily_summaries_job", partition_key=YESTERDAY)
    of_job = {found.check_name: found for found in run.get_asset_check_evaluations()}
    assert set(of_job) == {n for n in ADVICE if SUITE[n].asset == "daily_summaries"}

    found = evaluated(loaded_stand, ADVICE) | of_job
    assert {n: f.description for n, f in found.items() if not f.passed} == {}
    assert set(found) == set(ADVICE)
    assert found["summaries_match_the_exchange"].description == "Passes for all 5 markets."


@pytest.mark.parametrize("check", ADVICE)
def test_what_is_odd_warns_with_a_sample_and_stops_no_order(
    loaded_stand: Stand, check: str
) -> None:
    loaded_stand.execute(STATEMENTS[check], ticker=OVERREACTING)

    found = evaluated(loaded_stand, [check])[check]

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "It gates nothing" in (found.description or "")
    named = OVERREACTING.rsplit("-", 1)[0] if check == "legs_sum_to_one" else OVERREACTING
    assert list(sample(found)) == [named]
    assert loaded_stand.rows("SELECT 1 FROM kalshi.verdicts WHERE check_name = :c", c=check) == []


def test_an_exchange_that_does_not_answer_is_a_warning_that_says_so(loaded_stand: Stand) -> None:
    loaded_stand.change(api_url="http://127.0.0.1:9/trade-api/v2")

    found = evaluated(loaded_stand, ["summaries_match_the_exchange"])

    [one] = found.values()
    assert (one.passed, one.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (one.description or "").startswith("The exchange could not be asked")


@pytest.mark.parametrize("first", range(0, len(FAULTS), 4))
def test_every_fault_of_a_newest_tick_refuses_its_market_and_is_shown(
    loaded_stand: Stand, first: int
) -> None:
    names = list(FAULTS)[first : first + 4]
    faulty = dict(zip((OVERREACTING, *MARKETS[1:4]), names, strict=False))
    for ticker, fault in faulty.items():
        loaded_stand.execute(
            "UPDATE kalshi.clean_ticks SET faults = ARRAY[:fault], is_usable = false"
            " WHERE source = 'poll' AND market_ticker = :ticker",
            ticker=ticker,
            fault=fault,
        )
    run = loaded_stand.judge_and_place()

    assert loaded_stand.order_requests() == 0
    [usable] = [
        e for e in run.get_asset_check_evaluations() if e.check_name == "newest_ticks_are_usable"
    ]
    seen = sample(usable)
    assert {t: seen[t] for t in faulty} == {
        ticker: f"is_usable False, fault_names {fault}" for ticker, fault in faulty.items()
    }
    [decision] = loaded_stand.rows(
        "SELECT refused_by FROM kalshi.decisions WHERE market_ticker = :t", t=OVERREACTING
    )
    assert "newest_ticks_are_usable" in decision["refused_by"]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_a_gap_is_shown(loaded_stand: Stand, reason: str) -> None:
    statement = STATEMENTS["feed_has_no_long_gaps"].replace("silent", reason)
    loaded_stand.execute(statement, ticker=QUIET)

    [found] = evaluated(loaded_stand, ["feed_has_no_long_gaps"]).values()

    assert sample(found) == {
        QUIET: f"longest_gap_seconds 600, gaps {reason} of ticker since 14:20:00 UTC"
    }
    assert json.dumps(found.description)


def test_what_is_odd_for_all_markets_is_a_warning_still(loaded_stand: Stand) -> None:
    loaded_stand.execute("UPDATE kalshi.daily_summaries SET coverage = 1.5")

    [found] = evaluated(loaded_stand, ["covered_time_fits_the_day"]).values()

    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (found.description or "").startswith("Fails for the feed: 5 of 5 markets")
    assert "It gates nothing" in (found.description or "")
