"""Runs by the hundred on a real daemon, code server and Postgres, and what is killed meanwhile.

Half of the runs are asked for by a sensor, so the daemon launches them; the other half as the UI
does, so two launchers share the warm process.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import psycopg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_graphql.client.query import LAUNCH_PIPELINE_EXECUTION_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql, infer_repository_selector
from sqlalchemy.exc import OperationalError

from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import script
from kalshi_assets.runtime.processes import free_port
from kalshi_assets.runtime.warm_launcher import protocol
from kalshi_assets.runtime.warm_launcher.claims import Claims
from kalshi_assets.storage.embedded import EmbeddedServer

MODULE = "soak_jobs"
JOBS = {"job_that_works": 14, "job_that_fails": 2, "job_that_naps": 2, "job_that_waits": 2}
# How often what is killed, in proportion, and after how many runs in the mean.
ALL_KILLS = {"run": 12, "warm process": 3, "spare process": 2, "Postgres": 2, "daemon": 1}
# What grows is seen only where it lives on.
GENTLE_KILLS = {"run": 12, "Postgres": 1}
KILL_RUNS = 4.0
AT_ONCE = 8
QUIET_SECONDS = 150.0
LONGEST_OUTAGE_SECONDS = 8.0


@dataclass(frozen=True)
class Look:
    """What is there while no run goes on."""

    processes: int
    connections: int
    files: dict[str, int]
    threads: dict[str, int]
    pss_mb: dict[str, float]


@dataclass
class Soak:
    """An installation under test, what is to be done with it, and what became of it."""

    folder: Path
    url: str
    postgres: EmbeddedServer
    instance: dg.DagsterInstance
    context: WorkspaceProcessContext
    children: Children
    code_server: psutil.Process
    environ: dict[str, str]
    chance: random.Random
    pool: ThreadPoolExecutor
    daemon: psutil.Process = field(init=False)
    killed: Counter[str] = field(default_factory=Counter)
    postgres_back_at: float | None = None
    started: int = 0
    wanted: int = 0
    terminated: dict[str, float] = field(default_factory=dict)
    pending: list["Future[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "wanted").touch()
        self._start_daemon()

    def go(self, count: int, kills: dict[str, int]) -> None:
        """Have so many runs made, and kill meanwhile; return when all of them have ended."""
        made = self._made()
        goal, kill_at = made + count, float(made)
        self._want(count // 2)
        while made < goal:
            made = self._made(default=made)
            left_to_sensor = self.wanted - self._asked_by_sensor()
            self._step(is_over=made + len(self.pending) + left_to_sensor >= goal)
            if made >= kill_at:
                self._kill(*self.chance.choices(list(kills), list(kills.values())))
                kill_at = made + self.chance.expovariate(1 / KILL_RUNS)
        self.calm_down()

    def calm_down(self) -> None:
        """Wait until everything is up and all runs have ended."""
        deadline = time.monotonic() + QUIET_SECONDS
        while (left := self._unfinished(default=None)) != [] or not self._is_served():
            self._step(is_over=True)
            if time.monotonic() > deadline:
                raise AssertionError(f"stuck: {self._told(left)}")

    def look(self) -> Look:
        """Count what there is."""
        server = self.warm_process()
        assert server is not None
        while [process.pid for process in server.children()] != [self._spare_process()]:
            time.sleep(0.05)
        named = {"warm process": server, "daemon": self.daemon, "code server": self.code_server}
        with psycopg.connect(self.url) as connection:
            backends = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ).fetchone()
        assert backends is not None
        return Look(
            processes=len(self._family()),
            connections=backends[0],
            files={name: process.num_fds() for name, process in named.items()},
            threads={name: process.num_threads() for name, process in named.items()},
            pss_mb={name: process.memory_full_info().pss / 1e6 for name, process in named.items()},
        )

    def runs(self) -> list[dg.DagsterRun]:
        """Return all runs there are."""
        return list(self.instance.get_runs())

    def executed(self) -> Counter[str]:
        """Return how often each run was executed, by its own word."""
        return Counter((self.folder / "notes").read_text().split())

    def warm_process(self) -> psutil.Process | None:
        """Return the warm process that serves."""
        with suppress(psutil.Error):
            return psutil.Process(pid) if (pid := self._warm_told().get("pid")) else None
        return None

    def _spare_process(self) -> int | None:
        """Return the pid of the process that was forked ahead, once it is ready."""
        return self._warm_told().get("spare")

    def _warm_told(self) -> dict[str, Any]:
        for socket in (self.folder / "warm").glob("*.sock"):
            with suppress(protocol.NoServer, protocol.NoAnswer):
                return protocol.ask(socket, what="tell")
        return {}

    def _want(self, count: int) -> None:
        """Let the sensor ask for runs."""
        with (self.folder / "wanted").open("a") as file:
            file.write("".join(f"{self._job()}\n" for _ in range(count)))
        self.wanted += count

    def _job(self) -> str:
        return self.chance.choices(list(JOBS), list(JOBS.values()))[0]

    def _step(self, *, is_over: bool = False) -> None:
        """Start what is down, launch what there is room for, terminate what waits for it."""
        time.sleep(0.1)
        if self.postgres_back_at is not None and time.monotonic() >= self.postgres_back_at:
            self.postgres.start()
            self.postgres_back_at = None
        if self.postgres_back_at is not None:
            return
        if not is_running(self.daemon):
            self.killed["daemon, by itself"] += 1
            self._start_daemon()
        self.pending = [future for future in self.pending if not future.done()]
        unfinished = self._unfinished(default=None)
        if unfinished is None:
            return
        if not is_over and len(unfinished) + len(self.pending) < AT_ONCE:
            self._do(self._launch, self._job())
        for run in unfinished:
            if run.job_name == "job_that_waits":
                self._terminate(run.run_id)

    def _do(self, work: Callable[[str], Any], told: str) -> None:
        """Do something aside that may fail, as it may while Postgres is away."""

        def tried() -> None:
            with suppress(Exception):
                work(told)

        self.pending.append(self.pool.submit(tried))

    def _launch(self, job: str) -> None:
        request = self.context.create_request_context()
        selector = infer_repository_selector(request) | {"pipelineName": job}
        params = {"executionParams": {"selector": selector, "mode": "default"}}
        execute_dagster_graphql(request, LAUNCH_PIPELINE_EXECUTION_MUTATION, params)

    def _terminate(self, run_id: str) -> None:
        """Terminate a run some time after it is seen first, and again where that was in vain."""
        now = time.monotonic()
        due = self.terminated.setdefault(run_id, now + self.chance.uniform(0, 5))
        if now >= due:
            self.terminated[run_id] = now + 5
            self._do(self.instance.run_launcher.terminate, run_id)

    def _kill(self, what: str) -> None:
        victim: psutil.Process | None = None
        if what == "Postgres":
            self._kill_postgres()
            return
        if what == "run":
            victim = self.chance.choice(found) if (found := self._run_processes()) else None
        elif what == "warm process":
            victim = self.warm_process()
        elif what == "spare process":
            with suppress(psutil.NoSuchProcess):
                victim = psutil.Process(pid) if (pid := self._spare_process()) else None
        elif what == "daemon":
            victim = self.daemon
        if victim is not None:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
                self.killed[what] += 1
        if what == "daemon":
            self._start_daemon()

    def _kill_postgres(self) -> None:
        postmaster = self.postgres._child
        if postmaster is None or self.postgres_back_at is not None:
            return
        how = self.chance.choice([signal.SIGQUIT, signal.SIGKILL])
        postmaster.send_signal(how)
        self.killed[f"Postgres, {how.name}"] += 1
        outage = self.chance.uniform(0.2, LONGEST_OUTAGE_SECONDS)
        self.postgres_back_at = time.monotonic() + outage

    def _start_daemon(self) -> None:
        words = [script("kalshi-assets"), "daemon", "--port", str(free_port()), "--module", MODULE]
        self.started += 1
        child = self.children.start(f"daemon-{self.started}", words, self.environ)
        self.daemon = psutil.Process(child.process.pid)

    def _run_processes(self) -> list[psutil.Process]:
        """Return the processes that execute runs, forked ones and those of the code servers."""
        claims = Claims(self.folder / "warm")
        marks = [claims.mark_of(path.stem) for path in claims.folder.glob("*.run")]
        found: list[psutil.Process] = []
        for mark in marks:
            with suppress(psutil.NoSuchProcess):  # it may end between two looks
                if mark is not None and mark.is_alive():
                    found.append(psutil.Process(mark.pid))
        started: list[psutil.Process] = []
        for server in (self.code_server, self.daemon):
            with suppress(psutil.NoSuchProcess):
                started += server.children()
        for process in started:
            with suppress(psutil.Error):
                if "spawn_main" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def _family(self) -> list[psutil.Process]:
        """Return all processes of this soak, but for Postgres and this one."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                is_ours = process.environ().get("SOAK_FOLDER") == str(self.folder)
                if is_ours and process.pid != os.getpid() and is_running(process):
                    found.append(process)
        return found

    def _made(self, default: int = 0) -> int:
        made: int = self._asked(self.instance.get_runs_count, default)
        return made

    def _unfinished(self, default: Any) -> Any:
        wanted = dg.RunsFilter(statuses=NOT_FINISHED_STATUSES)
        return self._asked(lambda: list(self.instance.get_runs(wanted)), default)

    def _asked(self, question: Callable[[], Any], default: Any) -> Any:
        """Return what Dagster's instance says, or the default while Postgres is away."""
        if self.postgres_back_at is not None:
            return default
        try:
            return question()
        except OperationalError:  # it came from a connection of before a kill: ask once more later
            return default

    def _is_served(self) -> bool:
        """Tell whether a warm process serves, the sensor has asked for all, nobody is busy."""
        if self.pending or self._asked_by_sensor() < self.wanted:
            return False
        if self.warm_process() is None:
            self._do(self._launch, "job_that_works")
            return False
        return True

    def _asked_by_sensor(self) -> int:
        wanted = dg.RunsFilter(tags={"dagster/sensor_name": "wanted_sensor"})
        return int(self._asked(lambda: self.instance.get_runs_count(wanted), 0))

    def _told(self, left: Any) -> str:
        runs = [f"{r.run_id} {r.job_name} {r.status.value} {r.tags}" for r in left or []]
        asked = f"{self._asked_by_sensor()} of {self.wanted} asked for by the sensor"
        return f"{runs}, {asked}, warm process {self.warm_process()}, killed {self.killed}"


def is_running(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
