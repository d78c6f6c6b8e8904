"""What looks at runs that have ended: a failed one alerts, a success of its job settles that."""

import dagster as dg

from kalshi_assets.defs.resources import Platform
from kalshi_assets.storage.alert_causes import alert_on_run, settle_run

RUNNING = dg.DefaultSensorStatus.RUNNING


@dg.run_failure_sensor(
    name="failed_run_sensor",
    default_status=RUNNING,
    description="Raises an alert when a run fails: one a job, until that job succeeds again.",
)
def failed_run_sensor(context: dg.RunFailureSensorContext, platform: Platform) -> None:
    """Alert on a job whose run failed."""
    run = context.dagster_run
    with platform.database.transaction() as connection:
        alert_on_run(
            connection, run.job_name, run_id=run.run_id, why=_why(context), at=platform.clock.now()
        )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    name="recovered_run_sensor",
    default_status=RUNNING,
    description="Settles the alert on a job's failure when the job succeeds again.",
)
def recovered_run_sensor(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Settle the alert on a job whose run succeeded."""
    with platform.database.transaction() as connection:
        settle_run(connection, context.dagster_run.job_name, at=platform.clock.now())


def _why(context: dg.RunFailureSensorContext) -> str:
    """Return the first error of each step that failed, else what Dagster says of the run."""
    told = []
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            told.append(f"{event.step_key}: {error.message.strip()}")
    return "; ".join(told) or context.failure_event.message or "no reason is known"
