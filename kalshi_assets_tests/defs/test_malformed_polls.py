"""Malformed payloads of the exchange: quarantined with their bytes, and the rest goes on."""

import json
from typing import Any

import dagster as dg
import pytest

from kalshi_assets_tests.execution.faults import Row, altered_markets
from kalshi_assets_tests.stand import OVERREACTING, Stand

BAD = "KXCPIYOY-26OCT-T3.0"

MALFORMED: dict[str, dict[str, Any]] = {
    "a price is missing": {"yes_bid_dollars": None},
    "a price is a number": {"yes_bid_dollars": 0.5},
    "a price is out of range": {"yes_ask_dollars": "1.1000"},
    "a status is unknown": {"status": "dreaming"},
    "a time is none": {"updated_time": "yesterday"},
    "a count is negative": {"yes_bid_size_fp": "-1.00"},
}


def poll_with(stand: Stand, change: Any) -> Any:
    """Poll the next slot while the exchange serves altered rows."""
    stand.later(90)
    stand.faults.fault = altered_markets(change)
    result = stand.poll()
    stand.faults.fault = None
    return result


def malformed(ticker: str, change: dict[str, Any]) -> Any:
    return lambda row: [{**row, **change} if row["ticker"] == ticker else row]


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_row_is_quarantined_and_the_other_markets_are_polled(
    loaded_stand: Stand, change: dict[str, Any]
) -> None:
    poll_with(loaded_stand, malformed(BAD, change))

    [kept] = loaded_stand.rows("SELECT * FROM kalshi.quarantine")
    payload = json.loads(bytes(kept["payload"]))
    assert payload["ticker"] == BAD
    assert payload | change == payload
    assert next(iter(change)) in kept["reason"]
    ticks = loaded_stand.rows(
        "SELECT * FROM kalshi.raw_ticks WHERE observed_at = :slot", slot=loaded_stand.slot
    )
    assert len(ticks) == 4
    assert BAD not in {tick["market_ticker"] for tick in ticks}
    [poll] = loaded_stand.rows("SELECT * FROM kalshi.polls ORDER BY slot DESC LIMIT 1")
    assert (len(poll["expected"]), poll["received"], poll["rejected"]) == (5, 4, 1)


def test_completeness_names_the_malformed_market_and_the_good_one_is_traded(
    loaded_stand: Stand,
) -> None:
    poll_with(loaded_stand, malformed(BAD, {"yes_bid_dollars": None}))
    loaded_stand.judge_and_place()

    [verdict] = loaded_stand.rows(
        "SELECT * FROM kalshi.verdicts WHERE check_name = 'ticks_are_complete'"
        " ORDER BY verdict_id DESC LIMIT 1"
    )
    assert list(verdict["markets_failed"]) == [BAD]
    assert verdict["is_passed"]
    decisions = loaded_stand.rows("SELECT * FROM kalshi.decisions")
    by_market = {row["market_ticker"]: row["refused_by"] for row in decisions}
    assert by_market[OVERREACTING] == []
    assert "ticks_are_complete" in by_market[BAD]
    assert loaded_stand.order_requests() == 1


def test_a_malformed_row_of_the_overreacting_market_keeps_it_from_being_traded(
    loaded_stand: Stand,
) -> None:
    poll_with(loaded_stand, malformed(OVERREACTING, {"yes_ask_dollars": None}))
    loaded_stand.judge_and_place()

    [row] = loaded_stand.rows(
        "SELECT * FROM kalshi.decisions WHERE market_ticker = :ticker", ticker=OVERREACTING
    )
    assert "ticks_are_complete" in row["refused_by"]
    assert loaded_stand.order_requests() == 0


def test_rows_that_come_twice_are_counted_and_kept_once(loaded_stand: Stand) -> None:
    def twice(row: Row) -> list[Row]:
        return [row, row] if row["ticker"] in (BAD, OVERREACTING) else [row]

    result = poll_with(loaded_stand, twice)

    [poll] = loaded_stand.rows("SELECT * FROM kalshi.polls ORDER BY slot DESC LIMIT 1")
    assert poll["duplicates"] == sorted([BAD, OVERREACTING])
    assert (poll["received"], poll["rejected"]) == (5, 0)
    [materialised] = result.asset_materializations_for_node("raw_ticks")
    assert materialised.metadata["rejected_duplicates"].value == 2


def test_fields_the_api_does_not_document_pass_and_are_counted(loaded_stand: Stand) -> None:
    result = poll_with(loaded_stand, lambda row: [{**row, "mood": "good"}])

    [materialised] = result.asset_materializations_for_node("raw_ticks")
    unknown = materialised.metadata["unknown_fields"]
    assert isinstance(unknown, dg.TableMetadataValue)
    assert [record.data for record in unknown.records] == [{"field": "mood", "times": "5"}]
    assert materialised.metadata["received"].value == 5
