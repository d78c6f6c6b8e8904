"""Marks runs as failed whose processes died with an earlier start. A program of its own."""

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES


def end_dead_runs() -> None:
    """Mark them; before a daemon is started no run can be alive."""
    with dg.DagsterInstance.get() as instance:
        for run in instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)):
            instance.report_run_failed(run, "The process of this run was killed with its daemon.")


if __name__ == "__main__":
    end_dead_runs()
