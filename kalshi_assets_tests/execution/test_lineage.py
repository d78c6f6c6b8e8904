"""From an order back to the very ticks, and its decision made again from what it saw."""

import pytest
from click.testing import CliRunner, Result

from kalshi_assets.execution.decision_record import recompute
from kalshi_assets.runtime.cli import cli
from kalshi_assets.storage.lineage import Lineage, decision_of, lineage_of
from kalshi_assets_tests.stand import OVERREACTING, Stand


@pytest.fixture
def ordered(loaded_stand: Stand) -> Stand:
    """A stand with one order, bought by the order job."""
    loaded_stand.judge_and_place()
    return loaded_stand


def order_id(stand: Stand) -> str:
    [order] = stand.rows("SELECT client_order_id FROM kalshi.orders")
    return str(order["client_order_id"])


def lineage(stand: Stand) -> Lineage:
    with stand.database.transaction() as connection:
        found = lineage_of(connection, order_id(stand), ticks=5)
    assert found is not None
    return found


def command(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_an_order_leads_to_decision_signal_average_ticks_verdicts_run_code_and_settings(
    ordered: Stand,
) -> None:
    found = lineage(ordered)

    assert found.order["market_ticker"] == OVERREACTING
    assert found.order["outcome"] == "approved"
    assert found.order["average_as_of"] is not None
    assert len(found.order["verdicts"]) == len(found.order["verdict_ids"]) == 13
    assert [event["status"] for event in found.events] == ["intent", "filled"]
    assert sum(fill["count"] for fill in found.fills) == found.order["fill_count"]
    assert found.order["code_version"]
    assert found.settings["deviation_points"] == "12.0"


def test_the_ticks_shown_are_the_raw_ones_that_the_average_was_made_of(ordered: Stand) -> None:
    found = lineage(ordered)

    raw = ordered.rows(
        "SELECT * FROM kalshi.raw_ticks WHERE market_ticker = :t AND observed_at <= :until"
        " ORDER BY observed_at DESC LIMIT 5",
        t=OVERREACTING,
        until=found.order["average_as_of"],
    )
    shown = [(tick["observed_at"], tick["yes_bid"], tick["yes_ask"]) for tick in found.last_ticks]
    assert shown == [(row["observed_at"], row["yes_bid"], row["yes_ask"]) for row in raw]
    assert found.tick_count == found.order["tick_count"]


def test_a_decision_comes_out_again_also_when_all_ticks_are_gone(ordered: Stand) -> None:
    for table in (
        "live_ticks",
        "candle_ticks",
        "clean_ticks",
        "rolling_averages",
        "signals",
        "verdicts",
    ):
        ordered.execute(f"DELETE FROM kalshi.{table}")  # noqa: S608  our own names

    for row in ordered.rows("SELECT decision_id FROM kalshi.decisions WHERE result IS NOT NULL"):
        with ordered.database.transaction() as connection:
            stored = decision_of(connection, row["decision_id"])
        assert stored is not None
        assert stored.result is not None
        assert recompute(stored) == stored.result.encode()


def test_the_commands_explain_and_replay_an_order(ordered: Stand) -> None:
    explained = command("explain", order_id(ordered))
    assert explained.exit_code == 0, explained.output
    for word in ("Decision", "Signal", "Average", "Ticks", "Verdict", "Run", "Code", "Settings"):
        assert f"\n{word} " in explained.output

    replayed = command("replay", order_id(ordered))
    assert replayed.exit_code == 0
    assert replayed.output.startswith("The same ")


def test_a_decision_that_does_not_come_out_again_is_shown(ordered: Stand) -> None:
    ordered.execute("UPDATE kalshi.decisions SET result = replace(result, 'true', 'false')")

    replayed = command("replay", order_id(ordered))

    assert replayed.exit_code == 3
    assert replayed.output.startswith("NOT THE SAME")


def test_an_order_that_is_not_there_is_named(ordered: Stand) -> None:
    assert "no order nonsense" in str(command("explain", "nonsense").exception)
