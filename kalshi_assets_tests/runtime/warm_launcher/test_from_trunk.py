"""Where a trunk listens in the launcher's folder, warm processes are forked of it at once."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import serialize_value

from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets.runtime.forking import start_trunk
from kalshi_assets_tests.runtime.warm_launcher.conftest import Place
from kalshi_assets_tests.waiting import until

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def trunk(place: Place) -> Iterator[int]:
    """The process id of a trunk beside the launcher."""
    folder = place.folder / "run"
    folder.mkdir()
    (folder / "nothing.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
    environ = {"PYTHONPATH": f"{PROJECT}:{folder}", "TOY_FOLDER": str(place.folder)}
    environ["DAGSTER_HOME"] = str(place.folder)
    with Children(folder) as children:
        start_trunk(children, environ, folder=place.folder / "warm", code="nothing")
        yield children._children[0].process.pid


def warm(place: Place) -> psutil.Process:
    """Run a job, which must be warm; return the process it was forked of."""
    run_id = place.start("job_that_works")
    assert place.ended(run_id) == "SUCCESS"
    assert "cold" not in place.told(run_id)
    return psutil.Process(int(place.notes()[-1][3]))


def test_the_first_run_is_warm_and_so_is_the_one_after_the_warm_process_was_killed(
    place: Place, trunk: int
) -> None:
    first = warm(place)
    assert first.ppid() == trunk
    assert first.name() == "warm-process"
    first.kill()
    until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, "its end")
    second = warm(place)
    assert second.pid != first.pid
    assert second.ppid() == trunk


def test_the_trunk_writes_the_instance_down_as_those_who_launch_runs(place: Place) -> None:
    """Or what it has made would be made again by each warm process."""
    of_trunk = InstanceRef.from_dir(str(place.folder))
    with DagsterInstance.from_config(str(place.folder)) as of_daemon:
        assert serialize_value(of_trunk) == serialize_value(of_daemon.get_ref())


def test_changed_code_is_not_run_from_the_trunk(place: Place, trunk: int) -> None:
    old = warm(place)
    place.code.write_text(place.code.read_text().replace('VERSION = "one"', 'VERSION = "two"'))
    cold = place.start("job_that_works")
    assert place.ended(cold) == "SUCCESS"
    assert "this run starts cold: the code has changed" in place.told(cold)
    assert place.notes()[-1][4] == "two"
    until(lambda: (found := place.server()) and found.pid != old.pid, "a successor")
    warm(place)
    assert place.notes()[-1][4] == "two"


def test_warm_processes_end_with_the_trunk(place: Place, trunk: int, tmp_path: Path) -> None:
    found = warm(place)
    psutil.Process(trunk).kill()
    until(
        lambda: not found.is_running() or found.status() == psutil.STATUS_ZOMBIE,
        "the warm one's end",
    )
