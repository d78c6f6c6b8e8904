"""What a run has told of its process: of one that started cold nobody else may know."""

from dagster import DagsterEventType, DagsterInstance, DagsterRun

from kalshi_assets.runtime.warm_launcher.processes import ProcessMark, living_since


def told_process(
    instance: DagsterInstance, run: DagsterRun
) -> tuple[int | None, ProcessMark | None]:
    """Return the pid a run said it is in, or None, and that process where it lives.

    Of a run that started cold the code server tells the end once, in vain while the database is
    away, and of no run from then on.
    """
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        pid = entry.get_dagster_event().engine_event_data.metadata.get("pid")
        if pid is not None:
            number = int(str(pid.value))
            return number, living_since(number, entry.timestamp)
    return None, None
