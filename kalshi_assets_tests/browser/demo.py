"""A demo of its own for a browser test: its own home folder, port and arguments."""

import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from kalshi_assets.runtime.home import Home
from kalshi_assets.runtime.processes import free_port

PROGRAM = Path(sysconfig.get_path("scripts")) / "kalshi-assets"
START_SECONDS = 300.0
STOP_SECONDS = 60.0
RUNS = """
query Runs($job: String!, $status: [RunStatus!]) {
  runsOrError(filter: {pipelineName: $job, statuses: $status}, limit: 5) {
    ... on Runs { results { runId } }
  }
}
"""


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    home: Home

    @property
    def url(self) -> str:
        """Where its UI is."""
        return f"http://127.0.0.1:{self.port}"

    def wait_for_run(self, job: str, *statuses: str, seconds: float = START_SECONDS) -> None:
        """Wait until a run of a job has ended so."""
        deadline = time.monotonic() + seconds
        while not self._has_run(job, statuses):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, f"no run of {job}:\n{self.log.read_text()}"
            time.sleep(0.5)

    def _has_run(self, job: str, statuses: Sequence[str]) -> bool:
        body = {"query": RUNS, "variables": {"job": job, "status": list(statuses)}}
        request = Request(  # noqa: S310  loopback
            f"{self.url}/graphql",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urlopen(request, timeout=10) as answer:  # noqa: S310  loopback
                told: dict[str, Any] = json.load(answer)
        except (URLError, TimeoutError, ConnectionError):
            return False  # the UI is starting
        return bool(told["data"]["runsOrError"]["results"])


@contextmanager
def running_demo(folder: Path, *arguments: str) -> Iterator[Demo]:
    """Run `kalshi-assets demo` with these arguments until the block ends."""
    port, log, home = free_port(), folder / "demo.log", Home(folder / "home")
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  the words are ours
            [str(PROGRAM), "demo", "--port", str(port), *arguments],
            env={**os.environ, "KALSHI_HOME": str(home.path)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Demo(port, process, log, home)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=STOP_SECONDS)
