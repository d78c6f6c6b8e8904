"""A stored decision can be judged again: the same inputs give the same bytes, from Postgres too."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from kalshi_assets.execution.decision_record import (
    canonical,
    plain,
    recompute,
    result_of,
    stored_inputs,
)
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.place import place_approved
from kalshi_assets.risk.engine import judge, judge_exit
from kalshi_assets.risk.inputs import ExitInputs, Inputs, Limits
from kalshi_assets.storage import ledger
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.lineage import decision_of
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.risk import generated
from kalshi_assets_tests.risk.cases import EXIT, INPUTS, LIMITS, NOW
from kalshi_assets_tests.stand import DatabaseMaker, Stand

MANY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The database is the same for all examples: every one has a row of its own, and takes it back.
STORED = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def row_of(inputs: Inputs | ExitInputs, limits: Limits) -> ledger.Decision:
    is_exit = isinstance(inputs, ExitInputs)
    if isinstance(inputs, ExitInputs):
        decision = judge_exit(inputs, limits)
    else:
        decision = judge(inputs, limits)
    return ledger.Decision(
        decision_id="decision",
        signal_id="signal",
        strategy="mean_reversion",
        market_ticker="a market",
        judged_at=NOW,
        outcome="approved" if decision.is_approved else "refused",
        refused_by=list(decision.refused_by),
        gates=[],
        inputs=stored_inputs(inputs, limits, seen={"verdict_ids": []}),
        side="no",
        attempt=1,
        count=decision.count,
        cost_micros=None,
        run_id="run",
        kind="exit" if is_exit else "entry",
        reason="stop" if is_exit else "",
        result=result_of(decision).decode(),
    )


def bytes_of(row: ledger.Decision) -> bytes:
    assert row.result is not None
    return row.result.encode()


def shuffled(value: Any) -> Any:
    """Give a document's keys in another order, as a database may."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in sorted(value, reverse=True)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@MANY
@given(inputs=generated.inputs | generated.exits, limits=generated.limits)
def test_any_decision_is_recomputed_to_the_byte(inputs: Any, limits: Limits) -> None:
    row = row_of(inputs, limits)
    as_kept = json.loads(json.dumps(shuffled(row.inputs)))
    assert recompute(replace(row, inputs=as_kept)) == bytes_of(row)


@MANY
@given(inputs=generated.inputs, limits=generated.limits)
def test_what_is_kept_is_all_of_it(inputs: Inputs, limits: Limits) -> None:
    kept = stored_inputs(inputs, limits, seen={})
    assert set(kept["inputs"]) == set(vars(inputs))
    assert set(kept["limits"]) == set(vars(limits))


@pytest.fixture(scope="module")
def prepared(make_database: DatabaseMaker) -> Iterator[Database]:
    database = Database(make_database())
    prepare(database, identity="tests", now=NOW)
    yield database
    database.dispose()


@STORED
@given(inputs=generated.inputs | generated.exits, limits=generated.limits)
def test_after_a_round_trip_through_postgres_the_bytes_are_the_same(
    prepared: Database, inputs: Any, limits: Limits
) -> None:
    row = row_of(inputs, limits)
    with prepared.engine.connect() as connection:
        ledger.save_decisions(connection, [row])
        read = decision_of(connection, row.decision_id)
        connection.rollback()
    assert read is not None
    assert recompute(read) == bytes_of(row) == bytes_of(read)
    assert canonical(read.inputs) == canonical(row.inputs)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"b": 1, "a": frozenset({"x", "y", "z"})}, {"a": frozenset({"z", "y", "x"}), "b": 1}),
        (NOW, NOW.astimezone(timezone(timedelta(hours=-4)))),
        ({2: "a", 10: "b"}, {10: "b", 2: "a"}),
    ],
)
def test_the_same_value_has_the_same_bytes(first: object, second: object) -> None:
    assert canonical(first) == canonical(second)


def test_canonical_json_reads_as_people_would_write_it() -> None:
    value = {"at": datetime(2026, 10, 13, 14, 30, tzinfo=UTC), "mean": Decimal("0.10"), "é": (1,)}
    assert canonical(value) == ('{"at":"2026-10-13T14:30:00+00:00","mean":"0.10","é":[1]}'.encode())


@pytest.mark.parametrize("value", [0.1, {"a": [1.0]}, b"bytes", object()])
def test_what_may_not_come_back_exact_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is not kept"):
        plain(value)


def test_a_changed_input_changes_the_result() -> None:
    row = row_of(INPUTS, LIMITS)
    other = stored_inputs(replace(INPUTS, breaker="open"), LIMITS, seen={})
    assert recompute(replace(row, inputs=other)) != bytes_of(row)
    stricter = stored_inputs(INPUTS, replace(LIMITS, min_edge=200_000), seen={})
    assert recompute(replace(row, inputs=stricter)) != bytes_of(row)


def test_an_exit_is_judged_again_as_an_exit() -> None:
    row = row_of(EXIT, LIMITS)
    assert b"within_position" in recompute(row)
    assert b"deviation" not in recompute(row)


def test_a_row_of_before_everything_was_kept_says_so() -> None:
    old = replace(row_of(INPUTS, LIMITS), inputs={"seen": {"verdict_ids": [1]}}, result=None)
    with pytest.raises(KeyError, match="limits"):
        recompute(old)


def test_a_row_of_before_anything_waited_for_its_result_is_judged_as_it_was() -> None:
    row = row_of(INPUTS, LIMITS)
    for name in ("waiting_micros", "unmarked"):
        del row.inputs["inputs"]["account"][name]
    assert recompute(row) == bytes_of(row)


def test_every_decision_that_the_order_job_writes_can_be_recomputed(loaded_stand: Stand) -> None:
    with loaded_stand.desk() as desk:
        judge_open_signals(desk)
        place_approved(desk)
    with loaded_stand.database.transaction() as connection:
        rows = ledger.latest_decisions(connection)
    assert len(rows) == 5
    assert {row.kind for row in rows.values()} == {"entry"}
    for row in rows.values():
        assert recompute(row) == bytes_of(row)
