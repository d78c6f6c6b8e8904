"""The daemon and the code server in one process: what the daemon asks is a call, not a request.

As two programs they would hold the same definitions twice, and every sensor that waits would keep
a request open between them. The UI asks the same server, by gRPC as always.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from dagster import DagsterInstance
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT
from dagster._core.remote_origin import CodeLocationOrigin, GrpcServerCodeLocationOrigin
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._core.workspace.load_target import WorkspaceLoadTarget
from dagster._daemon.controller import daemon_controller_from_instance
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer
from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

from kalshi_assets.runtime.dagster_stack import CODE, CODE_SERVER_THREADS, LOCATION
from kalshi_assets.storage.tidings import ENDING

HOST = "127.0.0.1"


class NearClient(DagsterGrpcClient):
    """Asks a code server of this process: whoever asks does what is asked himself.

    A request that waits for a sensor would wake five times a second at either end.
    """

    def __init__(self, server: DagsterApiServer, port: int) -> None:
        super().__init__(port=port, host=HOST)
        self._near = server

    def _get_response(self, method: str, request: object, timeout: int = 0) -> Any:
        """Call what the server would call for a request."""
        return getattr(self._near, method)(request, None)


class NearOrigin(CodeLocationOrigin):
    """Where the daemon finds the code: made once, because the code of a process stays the same.

    To all that is written down the location is the one that the UI knows, at the server's port.
    """

    def __init__(self, server: DagsterApiServer, port: int, code: LoadableTargetOrigin) -> None:
        self._server, self._port, self._code = server, port, code
        self._made: GrpcServerCodeLocation | None = None

    @property
    def location_name(self) -> str:
        """Return the name that the UI shows."""
        return LOCATION

    @property
    def loadable_target_origin(self) -> LoadableTargetOrigin:
        """Return what is loaded."""
        return self._code

    def get_display_metadata(self) -> Mapping[str, Any]:
        """Return where the UI finds it."""
        return {"host": HOST, "port": str(self._port)}

    def create_location(self, instance: DagsterInstance) -> GrpcServerCodeLocation:
        """Ask the server for all that it has; from then on, without a request."""
        if self._made is None:
            origin = GrpcServerCodeLocationOrigin(HOST, self._port, location_name=LOCATION)
            self._made = GrpcServerCodeLocation(origin, instance=instance)
            self._made.client = NearClient(self._server, self._port)
        return self._made

    def reload_location(self, instance: DagsterInstance) -> GrpcServerCodeLocation:
        """Return the same: changed code needs a new start."""
        return self.create_location(instance)


class Near(WorkspaceLoadTarget):
    """The workspace of the daemon: the code of its own process."""

    def __init__(self, origin: NearOrigin) -> None:
        self._origin = origin

    def create_origins(self) -> Sequence[CodeLocationOrigin]:
        """Return the one there is."""
        return [self._origin]


@contextmanager
def serving(port: int, code: LoadableTargetOrigin) -> Iterator[NearOrigin]:
    """Serve definitions at a port of loopback while the block does its work.

    At its end, runs that were started cold are waited for, as Dagster's own code server does.
    """
    logger = logging.getLogger("dagster.code_server")
    termination = threading.Event()
    pool = FuturesAwareThreadPoolExecutor(max_workers=CODE_SERVER_THREADS)
    answers = DagsterApiServer(
        server_termination_event=termination,
        logger=logger,
        server_threadpool_executor=pool,
        loadable_target_origin=code,
        entry_point=DEFAULT_DAGSTER_ENTRY_POINT,
        location_name=LOCATION,
    )
    server = DagsterGrpcServer(termination, answers, logger, pool, host=HOST, port=port)
    thread = threading.Thread(target=server.serve, name="code-server", daemon=True)
    thread.start()
    try:
        yield NearOrigin(answers, port, code)
    finally:
        answers.cleanup()
        thread.join()


@click.command(hidden=True)
@click.option("--port", type=int, required=True, help="Port of the code server on loopback.")
@click.option("--module", default=CODE, help="Where the definitions are.")
def daemon(*, port: int, module: str) -> None:
    """Run Dagster's daemon and the code server that it and the UI ask."""
    setup_interrupt_handlers()
    code = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=module, working_directory=str(Path.cwd())
    )
    with (
        capture_interrupts(),
        DagsterInstance.get() as instance,
        serving(port, code) as origin,
        daemon_controller_from_instance(instance, Near(origin)) as controller,
    ):
        try:
            controller.check_daemon_loop()
        finally:
            # The daemon waits for its sensors before it ends.
            ENDING.set()
