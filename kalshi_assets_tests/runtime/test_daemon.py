"""Daemon and code server are one process: the daemon calls what the UI asks by gRPC."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeProcessError
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from kalshi_assets.runtime.daemon import NearOrigin, serving
from kalshi_assets.runtime.processes import free_port, is_listening

TOY = """
import os, threading
import dagster as dg

@dg.job
def idle_job():
    ...

@dg.sensor(job=idle_job)
def who_sensor(context):
    return dg.SkipReason(f"{os.getpid()} {threading.get_ident()} {context.cursor}")

@dg.sensor(job=idle_job)
def broken_sensor(context):
    raise ValueError("there is no wind")

defs = dg.Definitions(jobs=[idle_job], sensors=[who_sensor, broken_sensor])
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.get() as made:
        yield made


@pytest.fixture
def origin(instance: dg.DagsterInstance, tmp_path: Path) -> Iterator[NearOrigin]:
    """Where the daemon of this process would find a small project."""
    (tmp_path / "toy.py").write_text(TOY)
    code = LoadableTargetOrigin(
        executable_path=sys.executable, python_file=str(tmp_path / "toy.py")
    )
    port = free_port()
    with serving(port, code) as made:
        yield made
    assert not is_listening(port), "the server has ended with the block"


def evaluated(
    location: GrpcServerCodeLocation, instance: dg.DagsterInstance, sensor: str, cursor: str
) -> str:
    [repository] = location.get_repositories().values()
    told = location.get_sensor_execution_data(
        instance, repository.handle, sensor, None, None, cursor, None, None
    )
    return told.skip_message or ""


def test_the_daemon_evaluates_a_sensor_itself_and_the_ui_asks_the_same_process(
    instance: dg.DagsterInstance, origin: NearOrigin
) -> None:
    near = origin.create_location(instance)
    here = f"{os.getpid()} {threading.get_ident()} a mark"
    assert evaluated(near, instance, "who_sensor", "a mark") == here

    far = GrpcServerCodeLocation(near.origin, instance=instance)
    pid, thread, *cursor = evaluated(far, instance, "who_sensor", "a mark").split()
    assert (pid, cursor) == (str(os.getpid()), ["a", "mark"])
    assert thread != str(threading.get_ident())


def test_what_is_wrong_with_a_sensor_is_told_as_by_any_code_server(
    instance: dg.DagsterInstance, origin: NearOrigin
) -> None:
    near = origin.create_location(instance)
    for location in (near, GrpcServerCodeLocation(near.origin, instance=instance)):
        with pytest.raises(DagsterUserCodeProcessError, match="there is no wind"):
            evaluated(location, instance, "broken_sensor", "")


def test_what_the_daemon_writes_down_leads_to_the_server_that_the_ui_asks(
    instance: dg.DagsterInstance, origin: NearOrigin
) -> None:
    """A run of a sensor is to be found again, and launched again, from the UI."""
    near = origin.create_location(instance)
    [repository] = near.get_repositories().values()
    told = repository.get_remote_origin().code_location_origin
    assert isinstance(told, GrpcServerCodeLocationOrigin)
    assert told.location_name == origin.location_name == "kalshi_assets"
    assert GrpcServerCodeLocation(told, instance=instance).server_id == near.server_id


def test_the_workspace_is_read_once_although_the_daemon_refreshes_it(
    instance: dg.DagsterInstance, origin: NearOrigin
) -> None:
    made = origin.create_location(instance)
    assert origin.create_location(instance) is made
    assert origin.reload_location(instance) is made
