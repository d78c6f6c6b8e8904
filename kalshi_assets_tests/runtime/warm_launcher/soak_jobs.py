"""The soak's Dagster project: small jobs, and a sensor that asks for those a file names."""

import os
import time
from pathlib import Path

import dagster as dg

FOLDER = Path(os.environ["SOAK_FOLDER"])
A_TICK = 8
LONGEST_SECONDS = 60.0


def note(context: dg.OpExecutionContext) -> None:
    """Write down that a run is executed: one line, in one write, whoever is killed then."""
    with (FOLDER / "notes").open("ab", buffering=0) as file:
        file.write(f"{context.run_id}\n".encode())


@dg.op
def works(context: dg.OpExecutionContext) -> None:
    note(context)


@dg.op
def fails(context: dg.OpExecutionContext) -> None:
    note(context)
    raise dg.Failure("as it should")


@dg.op
def naps(context: dg.OpExecutionContext) -> None:
    note(context)
    time.sleep(1.0)


@dg.op
def waits(context: dg.OpExecutionContext) -> None:
    """Wait to be terminated, but not for ever."""
    note(context)
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.05)


def job(op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=f"job_that_{op.name}", executor_def=dg.in_process_executor)
    def made() -> None:
        op()

    return made


JOBS = [job(op) for op in (works, fails, naps, waits)]


@dg.sensor(jobs=JOBS, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def wanted_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Ask for the runs that stand in a file, some at a time; a line's number is its run key."""
    first = int(context.cursor or 0)
    names = (FOLDER / "wanted").read_text().split()[first : first + A_TICK]
    requests = [dg.RunRequest(str(first + i), job_name=name) for i, name in enumerate(names)]
    return dg.SensorResult(run_requests=requests, cursor=str(first + len(names)))


defs = dg.Definitions(jobs=JOBS, sensors=[wanted_sensor])
