"""A small Dagster project for the launcher's tests: jobs that end well, fail, die, wait."""

import os
import signal
import subprocess
import time
from pathlib import Path

import dagster as dg

FOLDER = Path(os.environ["TOY_FOLDER"])
# Changed by a test: what a run wrote tells which code it ran.
VERSION = "one"


def note(context: dg.OpExecutionContext, text: str) -> None:
    with (FOLDER / "notes").open("a") as file:
        file.write(f"{context.job_name} {context.run_id} {os.getpid()} {os.getppid()} {text}\n")


@dg.op
def works(context: dg.OpExecutionContext) -> None:
    note(context, VERSION)


@dg.op
def fails(context: dg.OpExecutionContext) -> None:
    note(context, "fails")
    raise dg.Failure("as it should")


@dg.op
def dies(context: dg.OpExecutionContext) -> None:
    note(context, "dies")
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op
def tells_what_is_ready(context: dg.OpExecutionContext) -> None:
    """Say in which process the function was called that spare processes call."""
    note(context, os.environ.get("TOY_READY_IN", "nowhere"))


@dg.op
def abandons(context: dg.OpExecutionContext) -> None:
    """Die, and leave a process behind, as one that executes a step of this run."""
    note(context, str(subprocess.Popen(["sleep", "600"]).pid))  # noqa: S607
    os.kill(os.getpid(), signal.SIGKILL)


@dg.op
def waits(context: dg.OpExecutionContext) -> None:
    note(context, "waits")
    while not (FOLDER / "go").exists():
        time.sleep(0.05)


def job(op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=f"job_that_{op.name}", executor_def=dg.in_process_executor)
    def made() -> None:
        op()

    return made


defs = dg.Definitions(
    jobs=[job(op) for op in (works, fails, dies, abandons, waits, tells_what_is_ready)]
)
