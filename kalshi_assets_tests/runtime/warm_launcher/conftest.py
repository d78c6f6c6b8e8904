"""A Dagster instance on disk with the warm launcher, a code server, and the way to start runs."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster_graphql.client.query import LAUNCH_PIPELINE_EXECUTION_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql, infer_repository_selector

from kalshi_assets.runtime.dagster_stack import PROJECT
from kalshi_assets.runtime.warm_launcher import WarmRunLauncher, protocol
from kalshi_assets_tests.waiting import until

TOY = Path(__file__).with_name("toy.py")
CONFIG = """
run_launcher:
  module: kalshi_assets.runtime.warm_launcher
  class: WarmRunLauncher
  config:
    folder: {folder}
    preload: [json]
    max_concurrent_runs: {limit}
    spare_for: {spare_for}
    spare_calls: ["toy_ready:get_ready"]
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
telemetry:
  enabled: false
"""


@dataclass
class Place:
    """An instance, its launcher and its code."""

    instance: dg.DagsterInstance
    context: WorkspaceProcessContext
    folder: Path
    code: Path

    @property
    def launcher(self) -> WarmRunLauncher:
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WarmRunLauncher)
        return launcher

    def start(self, job: str) -> str:
        """Start a run as the UI does; return its id."""
        request = self.context.create_request_context()
        selector = infer_repository_selector(request) | {"pipelineName": job}
        params = {"executionParams": {"selector": selector, "mode": "default"}}
        answer = execute_dagster_graphql(request, LAUNCH_PIPELINE_EXECUTION_MUTATION, params)
        return str(answer.data["launchPipelineExecution"]["run"]["runId"])

    def status(self, run_id: str) -> str:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status.value

    def ended(self, run_id: str) -> str:
        """Wait until a run has ended; return how."""
        return str(
            until(
                lambda: (
                    (status := self.status(run_id)) in ("SUCCESS", "FAILURE", "CANCELED") and status
                ),
                f"the end of run {run_id}",
            )
        )

    def told(self, run_id: str) -> str:
        """Return what a run's events say."""
        return "\n".join(str(entry.message) for entry in self.instance.all_logs(run_id))

    def notes(self) -> list[list[str]]:
        """Return what ops wrote: job, run, pid, parent, text."""
        path = self.folder / "notes"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def trunk(self) -> Path:
        """Return the socket of the process of which warm ones are forked, where there is one."""
        return self.folder / "warm" / protocol.TRUNK

    def server(self) -> psutil.Process | None:
        """Return the warm process, where one answers: the socket of a killed one stays."""
        return self._told("pid")

    def spare(self) -> psutil.Process:
        """Wait until a process that was forked ahead is ready; return it."""
        self.warm()
        found = until(lambda: self._told("spare"), "a spare process")
        assert isinstance(found, psutil.Process)
        return found

    def _told(self, name: str) -> psutil.Process | None:
        found = set((self.folder / "warm").glob("*.sock")) - {self.trunk}
        if not found:
            return None
        [socket] = found
        with suppress(protocol.NoServer, protocol.NoAnswer, psutil.NoSuchProcess):
            pid = protocol.ask(socket, what="tell")[name]
            return None if pid is None else psutil.Process(pid)
        return None

    def warm(self) -> psutil.Process:
        """Wait until a warm process serves; the first run starts it."""
        if self.server() is None:
            assert self.ended(self.start("job_that_works")) == "SUCCESS"
        found = until(self.server, "the start of the warm process")
        assert isinstance(found, psutil.Process)
        return found


@pytest.fixture
def make_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Make places, and end what they started."""
    with making_places(monkeypatch) as make:
        yield make


@contextmanager
def making_places(patch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    """Make places, and end what they started when the block ends. A socket's path must be short."""
    root = Path(tempfile.mkdtemp(prefix="warm"))
    closing: list[Callable[[], object]] = []

    def make(limit: int = 0, spare_for: Sequence[str] = (), ready: str = "") -> Place:
        code = root / "toy.py"
        shutil.copy(TOY, code)
        (root / "toy_ready.py").write_text(ready)
        told = {"folder": root / "warm", "limit": limit, "spare_for": list(spare_for)}
        (root / "dagster.yaml").write_text(CONFIG.format(**told))
        patch.setenv("TOY_FOLDER", str(root))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(PROJECT)]))
        patch.setenv("DAGSTER_HOME", str(root))
        instance = dg.DagsterInstance.get()
        target = PythonFileTarget(str(code), None, str(root), "toy")
        context = WorkspaceProcessContext(instance, target)
        context.__enter__()
        closing.extend([instance.dispose, lambda: context.__exit__(None, None, None)])
        return Place(instance, context, root, code)

    yield make
    (root / "go").touch()
    for process in psutil.process_iter(["cmdline"]):
        if any(str(root / "warm") in word for word in process.info["cmdline"] or []):
            process.send_signal(signal.SIGTERM)
    for close in reversed(closing):
        close()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    """Return a place without a limit."""
    return make_place()
