"""The run launcher: has the warm process fork a run, and starts it cold where that cannot be."""

import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from dagster import DagsterRun, DagsterRunStatus, Field, IntSource, StringSource
from dagster import _check as check
from dagster._config.config_schema import UserConfigSchema
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.origin import RepositoryPythonOrigin
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import serialize_value
from dagster._serdes.config_class import ConfigurableClassData

from kalshi_assets.runtime.warm_launcher import protocol
from kalshi_assets.runtime.warm_launcher.claims import Claims
from kalshi_assets.runtime.warm_launcher.processes import (
    ONE_THREAD,
    can_fork,
    is_own,
)
from kalshi_assets.runtime.warm_launcher.queue import Queue
from kalshi_assets.runtime.warm_launcher.told import told_process

NO_FORK = "this system cannot fork a warm process safely: runs start as by the default launcher"
_logger = logging.getLogger(__name__)


class WarmRunLauncher(DefaultRunLauncher):
    """Forks runs from a process that has imported the code already.

    What it cannot fork it starts as `DefaultRunLauncher` does, and says why in the run's events.

    Args:
        inst_data: how Dagster wrote this launcher down.
        folder: where socket and claims are; by default a folder of this user among the temporary
            ones. One folder serves one installation.
        preload: modules to be imported beside the code location: those that runs import late.
        max_concurrent_runs: how many may go on at once; further ones wait. 0: any number.
        spare_for: jobs whose next run shall find a process that was forked ahead of it.
        spare_calls: functions, `module:name`, it calls before it waits; there they may connect.
        is_enabled: "false", "no", "off" and "0" start every run as the default launcher does.
    """

    def __init__(
        self,
        inst_data: ConfigurableClassData | None = None,
        *,
        folder: str | None = None,
        preload: Sequence[str] = (),
        max_concurrent_runs: int = 0,
        spare_for: Sequence[str] = (),
        spare_calls: Sequence[str] = (),
        is_enabled: str = "true",
    ) -> None:
        super().__init__(inst_data)
        self._folder = Path(folder) if folder else _own_folder()
        self._preload = list(preload)
        self._limit = max_concurrent_runs
        self._spare_for = frozenset(spare_for)
        self._spare_words = ["--spare"] if spare_for else []
        self._spare_words += [word for name in spare_calls for word in ("--spare-call", name)]
        self._is_enabled = is_enabled.lower() not in ("false", "no", "off", "0")
        self._servers: dict[Path, subprocess.Popen[str]] = {}
        if self._is_enabled and not can_fork():
            _logger.warning(NO_FORK)
            self._is_enabled = False

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return what dagster.yaml may say."""
        return {
            "folder": Field(StringSource, is_required=False),
            "preload": Field([str], is_required=False, default_value=[]),
            "max_concurrent_runs": Field(IntSource, is_required=False, default_value=0),
            "spare_for": Field([str], is_required=False, default_value=[]),
            "spare_calls": Field([str], is_required=False, default_value=[]),
            "is_enabled": Field(StringSource, is_required=False, default_value="true"),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Make one as dagster.yaml says."""
        return cls(inst_data, **config_value)

    @property
    def claims(self) -> Claims:
        """Return who executes which run."""
        return Claims(self._folder)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Have the run forked, or start it cold."""
        run = context.dagster_run
        if not self._is_enabled or run.job_code_origin is None:
            super().launch_run(context)
            return
        why_cold = self._fork(run, run.job_code_origin.repository_origin)
        if why_cold is None:
            self._run_ids.add(run.run_id)
            return
        # The one who claims a run first executes it; a fork that was not confirmed may have.
        if self.claims.take(run.run_id, None):
            told = f"Warm start failed, this run starts cold: {why_cold}."
            _logger.warning("run %s: %s", run.run_id, told)
            self._instance.report_engine_event(told, run, cls=self.__class__)
            super().launch_run(context)

    def _fork(self, run: DagsterRun, origin: RepositoryPythonOrigin) -> str | None:
        """Have a run forked; return why it was not."""
        path = self._socket_of(origin)
        told = serialize_value(self._instance.get_ref())
        words = {
            "what": "launch",
            "run_id": run.run_id,
            "instance_ref": told,
            "is_for_spare": run.job_name in self._spare_for,
        }
        try:
            answer = self._answer(path, origin, words)
        except (protocol.NoServer, protocol.NoAnswer) as exc:
            return str(exc)
        if answer.get("is_retiring"):
            self._servers.pop(path, None)
            self._start_server(path, origin)
        refused: str | None = answer.get("refused")
        return refused

    def _answer(
        self, path: Path, origin: RepositoryPythonOrigin, words: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the warm process's answer; where none serves, that of a new one if it is quick."""
        try:
            return protocol.ask(path, **words)
        except protocol.NoAnswer:
            self._start_server(path, origin)
            raise
        except protocol.NoServer:
            if not self._start_server(path, origin):
                raise
            return protocol.ask(path, **words)

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run as Ctrl-C would; tell whether there was one to be interrupted."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        mark = self.claims.mark_of(run_id)
        if mark is None and self._is_withheld(run):
            self._instance.report_run_canceling(run)
            self._instance.report_run_canceled(run)
            self.claims.drop(run_id)
            return True
        if mark is None:
            pid, mark = told_process(self._instance, run)
            if not self._is_enabled or (pid is None and not self.claims.is_taken(run_id)):
                return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
            if mark is None:
                return self._cancel_unbegun(run) if pid is None else self._cancel_dead(run_id, pid)
        if run.status is not DagsterRunStatus.CANCELING:  # monitoring counts from the last report
            self._instance.report_run_canceling(run)
        return mark.interrupt()

    def _cancel_unbegun(self, run: DagsterRun) -> bool:
        """Keep a run from beginning that starts cold, and has not told its process yet.

        Its process tells itself first and then looks how the run stands: either it finds it
        canceled, or it is known by now. The code server is not asked: it would wait for ever, and
        start nothing any more, for a process that died while it waited for its word.
        """
        self._instance.report_run_canceling(run)
        self._instance.report_run_canceled(run)
        _, mark = told_process(self._instance, run)
        if mark is not None:
            mark.interrupt()
        return True

    def _cancel_dead(self, run_id: str, pid: int) -> bool:
        """Report a run as canceled whose process has ended, unless it told its end before."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceled(run, f"Process {pid} has ended.")
        return True

    def _is_withheld(self, run: DagsterRun) -> bool:
        """Keep a run from being begun; tell whether it was not before. One may wait, or be lost."""
        is_asked_for = run.status in (DagsterRunStatus.STARTING, DagsterRunStatus.CANCELING)
        is_warm = self._is_enabled and GRPC_INFO_TAG not in run.tags
        if not is_warm or not is_asked_for or run.job_code_origin is None:
            return False
        path = self._socket_of(run.job_code_origin.repository_origin)
        Queue(self._folder, path.stem).drop(run.run_id)
        return self.claims.take(run.run_id, None)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Tell that run monitoring may ask."""
        return self._is_enabled

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether a run's process lives."""
        mark = self.claims.mark_of(run.run_id)
        pid, mark = told_process(self._instance, run) if mark is None else (mark.pid, mark)
        if pid is None or (mark is not None and mark.is_alive()):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"process {pid} has ended")

    def _start_server(self, path: Path, origin: RepositoryPythonOrigin) -> bool:
        """Start a warm process, unless one of ours is starting already; tell whether it serves."""
        if (last := self._servers.get(path)) is not None and last.poll() is None:
            return False
        words = [str(path), "--origin", serialize_value(origin), "--limit", str(self._limit)]
        words += [word for name in self._preload for word in ("--preload", name)]
        words += self._spare_words
        program = origin.executable_path or sys.executable
        ref, trunk = serialize_value(self._instance.get_ref()), self._folder / protocol.TRUNK
        if protocol.is_forked(trunk, words=words, program=program, instance_ref=ref):
            return protocol.serves_soon(path)
        server = subprocess.Popen(  # noqa: S603  the words are ours
            [program, "-m", SERVER, *words, "--parent", str(os.getpid())],
            env=ONE_THREAD | dict(os.environ),
            stdin=subprocess.PIPE,
            text=True,
        )
        self._servers[path] = server
        with suppress(BrokenPipeError), check.not_none(server.stdin) as pipe:  # or it has ended
            pipe.write(ref)
        return False

    def _socket_of(self, origin: RepositoryPythonOrigin) -> Path:
        """Return the socket of the warm process of a code location. Such a path must be short."""
        told = json.dumps([serialize_value(origin), self._preload, self._limit, self._spare_words])
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check.invariant(
            is_own(self._folder),
            f"{self._folder} must belong to this user and be open to nobody else: chmod 700",
        )
        return self._folder / f"{hashlib.sha256(told.encode()).hexdigest()[:12]}.sock"


SERVER = "kalshi_assets.runtime.warm_launcher.start"


def _own_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"dagster-warm-{os.geteuid()}"
