"""The definitions as plain data, kept in `definitions.json` so that every change of them is seen.

`python -m kalshi_assets_tests.defs.golden` writes the file anew.
"""

import json
from pathlib import Path
from typing import Any

import dagster as dg

FILE = Path(__file__).parent / "definitions.json"


def definitions_as_data() -> dict[str, Any]:
    """Return what the file holds, from the code as it is."""
    from kalshi_assets.definitions import defs

    repository = defs.get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {
            key.to_user_string(): _asset(graph.get(key))
            for key in sorted(graph.get_all_asset_keys())
        },
        "checks": {
            key.name: {"asset": key.asset_key.to_user_string(), "blocking": graph.get(key).blocking}
            for key in sorted(graph.asset_check_keys)
        },
        "jobs": {job.name: _job(job) for job in sorted(own_jobs(repository), key=lambda j: j.name)},
        "sensors": {
            sensor.name: {
                "every_seconds": sensor.minimum_interval_seconds,
                "jobs": [target.job_name for target in sensor.targets],
                "status": sensor.default_status.value,
            }
            for sensor in repository.sensor_defs
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "zone": schedule.execution_timezone,
                "job": schedule.job_name,
                "status": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
    }


def own_jobs(repository: dg.RepositoryDefinition) -> list[dg.JobDefinition]:
    """Return the jobs, without the one Dagster makes for single materialisations."""
    return [job for job in repository.get_all_jobs() if not job.name.startswith("__")]


def as_text(data: dict[str, Any]) -> str:
    """Return the file's text."""
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def _asset(node: Any) -> dict[str, Any]:
    days, freshness = node.partitions_def, node.freshness_policy
    return {
        "group": node.group_name,
        "deps": sorted(key.to_user_string() for key in node.parent_keys),
        "partitions": days
        and {
            "cron": days.cron_schedule,
            "zone": days.timezone,
            "format": days.fmt,
            "end_offset": days.end_offset,
        },
        "freshness": freshness
        and {
            "warn_seconds": freshness.warn_window.to_timedelta().total_seconds(),
            "fail_seconds": freshness.fail_window.to_timedelta().total_seconds(),
        },
    }


def _job(job: dg.JobDefinition) -> dict[str, Any]:
    layer = job.asset_layer
    return {
        "assets": sorted(key.to_user_string() for key in layer.selected_asset_keys),
        "checks": sorted(key.name for key in layer.asset_graph.asset_check_keys),
        "executor": job.executor_def.name,
    }


if __name__ == "__main__":
    FILE.write_text(as_text(definitions_as_data()))
