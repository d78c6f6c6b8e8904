"""The definitions as Dagster sees them: what gates what, and that nothing changes unseen."""

from typing import Any

import dagster as dg
import pytest

from kalshi_assets.definitions import defs
from kalshi_assets.defs import fast_sensors, schedules, sensors
from kalshi_assets.execution.desk import limits_of
from kalshi_assets.settings import load_settings
from kalshi_assets_tests.defs.golden import FILE, as_text, definitions_as_data, own_jobs

REPOSITORY = defs.get_repository_def()
GRAPH = REPOSITORY.asset_graph
ASSETS = [GRAPH.get(key) for key in sorted(GRAPH.get_all_asset_keys())]
CHECKS = [GRAPH.get(key) for key in sorted(GRAPH.asset_check_keys)]
GATING = [check for check in CHECKS if check.blocking]


def parents(asset: str) -> set[str]:
    return {key.to_user_string() for key in GRAPH.get(dg.AssetKey(asset)).parent_keys}


def selected_checks(job: str) -> set[str]:
    layer = REPOSITORY.get_job(job).asset_layer
    return {key.name for key in layer.asset_graph.asset_check_keys}


def test_the_file_of_the_definitions_is_up_to_date() -> None:
    assert FILE.read_text() == as_text(definitions_as_data()), (
        "run `python -m kalshi_assets_tests.defs.golden` and look at the difference"
    )


def test_blocking_checks_are_exactly_those_an_order_needs() -> None:
    required = limits_of(load_settings(env={}, _env_file=None)).required_checks
    assert sorted(check.key.name for check in GATING) == sorted(required)
    assert required


def test_orders_depend_directly_on_every_asset_with_a_gating_check() -> None:
    gated = {check.key.asset_key.to_user_string() for check in GATING}
    assert gated <= parents("orders")


def test_the_order_job_runs_every_gating_check_with_the_orders() -> None:
    assert {check.key.name for check in GATING} <= selected_checks("order_job")
    order_job = REPOSITORY.get_job("order_job")
    assert {dg.AssetKey("orders"), dg.AssetKey("decisions")} <= set(
        order_job.asset_layer.selected_asset_keys
    )


def test_in_the_order_job_one_step_runs_the_gating_checks_as_they_are_everywhere() -> None:
    """The job has a definition of its own for them: what it says must be what the others say."""
    job = REPOSITORY.get_job("order_job")
    there = job.asset_layer.asset_graph
    for check in GATING:
        told = there.get_check_spec(check.key)
        assert told == GRAPH.get_check_spec(check.key)
        assert job.asset_layer.get_op_output_handle(check.key).node_handle.name == "gating_checks"
    [orders] = [n for n in job.graph.nodes if n.name == "orders"]
    waits_for = {
        needed.node
        for dependency in job.dependencies[dg.NodeInvocation(orders.name)].values()
        for needed in dependency.get_node_dependencies()
    }
    assert {"gating_checks", "decisions"} <= waits_for


def test_a_gating_check_that_is_no_part_of_the_job_would_not_block_its_orders() -> None:
    """The reason for the test above: every job with orders has all gating checks."""
    for job in own_jobs(REPOSITORY):
        if dg.AssetKey("orders") in job.asset_layer.selected_asset_keys:
            assert {check.key.name for check in GATING} <= selected_checks(job.name), job.name


def test_decisions_depend_on_signals_only_and_are_never_blocked() -> None:
    assert parents("decisions") == {"signals"}
    assert not [c for c in CHECKS if c.key.asset_key == dg.AssetKey("signals") and c.blocking]


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.key.to_user_string())
def test_an_asset_says_what_it_is_and_whose(asset: Any) -> None:
    assert asset.group_name not in (None, "default")
    assert asset.owners
    assert asset.kinds
    assert len(asset.description or "") > 20


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.key.to_user_string())
def test_an_asset_says_when_it_is_refreshed_and_what_to_do_when_it_is_red(asset: Any) -> None:
    assert "**Refreshed**" in asset.description
    assert "**When it is red" in asset.description


def test_jobs_sensors_and_schedules_say_what_they_do() -> None:
    automations: list[Any] = [
        *own_jobs(REPOSITORY),
        *REPOSITORY.sensor_defs,
        *REPOSITORY.schedule_defs,
    ]
    assert [a.name for a in automations if len(a.description or "") < 40] == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key.name)
def test_a_check_says_what_must_be_true(check: Any) -> None:
    assert len(check.description or "") > 20


@pytest.mark.parametrize("kind", [dg.SensorDefinition, dg.ScheduleDefinition])
def test_sensors_and_schedules_are_named_as_in_the_code_and_all_listed(kind: type[Any]) -> None:
    both = vars(sensors) | vars(fast_sensors) | vars(schedules)
    in_code = {name: value for name, value in both.items() if isinstance(value, kind)}
    listed = [*REPOSITORY.sensor_defs, *REPOSITORY.schedule_defs]
    assert in_code
    assert {name: value.name for name, value in in_code.items()} == {n: n for n in in_code}
    assert {v.name for v in listed if isinstance(v, kind)} == set(in_code)


@pytest.mark.parametrize("job", own_jobs(REPOSITORY), ids=lambda job: job.name)
def test_a_job_runs_in_one_process(job: dg.JobDefinition) -> None:
    assert job.executor_def is dg.in_process_executor
