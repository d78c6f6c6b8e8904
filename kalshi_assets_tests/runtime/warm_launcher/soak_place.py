"""The installation that is soaked: a Postgres of its own, a code server, and our daemon beside."""

import os
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import PROJECT, QUIET, script
from kalshi_assets.runtime.processes import MARK, free_port, is_listening
from kalshi_assets.storage.embedded import EmbeddedServer
from kalshi_assets.storage.embedded import server as embedded
from kalshi_assets.storage.migrate import create_database
from kalshi_assets_tests.runtime.warm_launcher.soaking import MODULE, Soak

CODE = Path(__file__).with_name(f"{MODULE}.py")
CONFIG = """
storage:
  custom:
    module: kalshi_assets.storage.pooled_dagster
    class: PooledPostgresStorage
    config:
      postgres_url:
        env: DAGSTER_POSTGRES_URL
run_launcher:
  module: kalshi_assets.runtime.warm_launcher
  class: WarmRunLauncher
  config:
    folder: {folder}/warm
    max_concurrent_runs: 4
    spare_for: [job_that_works, job_that_waits]
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
run_monitoring:
  enabled: true
  poll_interval_seconds: 3
  start_timeout_seconds: 40
  cancel_timeout_seconds: 20
telemetry:
  enabled: false
python_logs:
  python_log_level: ERROR
"""


@contextmanager
def soaking(folder: Path, patch: pytest.MonkeyPatch, *, seed: int) -> Iterator[Soak]:
    """Yield an installation on a Postgres of its own. A socket's path must be short."""
    with ExitStack() as stack:
        port = free_port()
        patch.setattr(embedded, "free_port", lambda: port)
        postgres = stack.enter_context(EmbeddedServer(folder / "postgres"))
        url = create_database(postgres.start().url, "soak")
        shutil.copy(CODE, folder)
        (folder / "dagster.yaml").write_text(CONFIG.format(folder=folder))
        path = os.pathsep.join([str(folder), str(PROJECT)])
        told = {"DAGSTER_HOME": str(folder), "SOAK_FOLDER": str(folder), "PYTHONPATH": path}
        for name, value in (QUIET | told | {"DAGSTER_POSTGRES_URL": url}).items():
            patch.setenv(name, value)
        environ = dict(os.environ)
        (folder / "run").mkdir()
        children = stack.enter_context(Children(folder / "run"))
        patch.setenv(MARK, str(folder / "run"))
        instance = stack.enter_context(dg.DagsterInstance.get())
        code_server, target = start_code_server(children, environ)
        context = stack.enter_context(WorkspaceProcessContext(instance, target))
        pool = stack.enter_context(ThreadPoolExecutor(3))
        yield Soak(
            folder,
            url,
            postgres,
            instance,
            context,
            children,
            code_server=code_server,
            environ=environ,
            chance=random.Random(seed),  # noqa: S311  not for secrets
            pool=pool,
        )
        postgres.start()  # it may be away where a test failed


def start_code_server(
    children: Children, environ: dict[str, str]
) -> tuple[psutil.Process, GrpcServerTarget]:
    """Start what those ask who launch as the UI does; the daemon has the code in itself."""
    port = free_port()
    words = [script("dagster"), "api", "grpc", "-m", MODULE]
    words += ["-h", "127.0.0.1", "-p", str(port), "--location-name", "soak"]
    child = children.start("code-server", words, environ)
    children.wait_for(lambda: is_listening(port), what="the start", seconds=120)
    return psutil.Process(child.process.pid), GrpcServerTarget("127.0.0.1", port, None, "soak")
