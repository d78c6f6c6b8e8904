"""What a forked process does: execute a run, or report one whose process died.

The instance that runs of an installation use is made once, before any of them is forked.
"""

import gc
import logging
import os
import random
import sys
from contextlib import suppress
from dataclasses import dataclass

from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.events import EngineEventData
from dagster._core.instance.ref import InstanceRef
from dagster._grpc.impl import core_execute_run
from dagster._serdes import deserialize_value
from dagster._utils.hosted_user_process import recon_job_from_origin
from dagster._utils.interrupts import capture_interrupts

from kalshi_assets.runtime.warm_launcher.claims import Claims
from kalshi_assets.runtime.warm_launcher.processes import ProcessMark, count_threads, open_sockets


@dataclass(frozen=True)
class KeptInstance:
    """An instance that has been made already: `told` is how it is written down."""

    told: str
    instance: DagsterInstance


def keep_instance(told: str) -> KeptInstance | None:
    """Make the instance of runs to be forked: in each of them it would take a tenth of a second.

    None where it cannot be made now, or holds a thread or a connection: each run makes its own.
    """
    before = open_sockets()
    try:
        instance = _made(told)
        ask_as_runs_do(instance)
    except Exception:  # the runs' own attempt says what is wrong
        return None
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        if (engine := getattr(storage, "_engine", None)) is not None:  # SQLAlchemy's
            engine.dispose()
    if count_threads() == 1 and open_sockets() == before:
        return KeptInstance(told, instance)
    with suppress(Exception):
        instance.dispose()
    return None


def ask_as_runs_do(instance: DagsterInstance) -> None:
    """Ask what every run asks: once asked, a question is answered quicker from then on."""
    nothing, made = AssetKey("none"), DagsterEventType.ASSET_MATERIALIZATION
    instance.get_run_by_id("none")
    instance.get_asset_records([nothing])
    instance.event_log_storage.get_latest_tags_by_partition(
        nothing, made, [DATA_VERSION_TAG], asset_partitions=["none"]
    )


def execute(run_id: str, instance_ref: str, claims: Claims, kept: KeptInstance | None) -> int:
    """Execute a run in this process, unless it is executed already; return the exit code."""
    mark = ProcessMark.of(os.getpid())
    if mark is None or not claims.take(run_id, mark):
        return 0
    _differ_from_siblings()
    with capture_interrupts(), _instance(instance_ref, kept) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.job_code_origin is None:
            raise LookupError(f"run {run_id} is not in this instance, or does not say its code")
        if run.status is DagsterRunStatus.CANCELING:  # it was told to end before it began
            instance.report_run_canceled(run)
        if run.status not in (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING):
            claims.drop(run_id)  # it goes on elsewhere, or has ended
            return 0
        told = f"Started process for run (pid: {mark.pid})."
        instance.report_engine_event(told, run, EngineEventData.in_process(mark.pid))
        job = recon_job_from_origin(run.job_code_origin)
        try:
            for _ in core_execute_run(job, run, instance, inject_env_vars=True):
                pass
        except BaseException:  # what went wrong is in the run's events
            logging.getLogger(__name__).warning("run %s did not end well", run_id)
        ended = instance.get_run_by_id(run_id)
    if ended is not None and ended.is_finished:
        claims.drop(run_id)
        return 0
    return 1


def report_dead(run_id: str, instance_ref: str, why: str, claims: Claims) -> int:
    """Report that a run's process has ended before the run did; return the exit code."""
    with _made(instance_ref) as instance:
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_engine_event(why, run)
            if run.status is DagsterRunStatus.CANCELING:
                instance.report_run_canceled(run, why)
            else:
                instance.report_run_failed(run, why)
    claims.drop(run_id)
    return 0


def _instance(told: str, kept: KeptInstance | None) -> DagsterInstance:
    return kept.instance if kept is not None and kept.told == told else _made(told)


def _made(told: str) -> DagsterInstance:
    return DagsterInstance.from_ref(deserialize_value(told, InstanceRef))


def _differ_from_siblings() -> None:
    """Undo what a fork shares that must not be shared, and what it makes slow."""
    gc.enable()
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
