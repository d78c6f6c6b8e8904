"""What the whole stack takes: memory and CPU by process, beside stock `dagster dev` of nothing.

Everything runs as in `demo`, with the live feed, warm runs and the alert service: an hour with
ticks coming in, then with the UI, then an hour of an exchange that stands still. The exchange is
not part of it. `FOOTPRINT_SECONDS=600 python -m bench footprint` makes the hours shorter; not part
of a run of all benchmarks.
"""

import os
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.report import Figure
from kalshi_assets.local_exchange import Input
from kalshi_assets.runtime.dagster_stack import QUIET, Running, _start_webserver, script
from kalshi_assets.runtime.demo import load_history, running_demo
from kalshi_assets.runtime.exchange import Replay
from kalshi_assets.runtime.processes import free_port, is_listening
from kalshi_assets.settings import environment, load_settings
from kalshi_assets.storage.migrate import create_database

SECONDS = float(os.environ.get("FOOTPRINT_SECONDS", "3600"))
SETTLING_SECONDS = min(120.0, SECONDS)
SAMPLES, APART_SECONDS = 5, 7.0
# So slow that no quote moves and no slot of polls begins.
STILL = 0.001
# The first whose word stands in the command line; what an exchange does is not ours to count.
NAMES = {
    "kalshi_assets.local_exchange": "exchange",
    "warm_launcher.server": "warm process",
    "dagster-daemon": "daemon",
    "dagster-webserver": "webserver",
    "dagster_webserver": "webserver",
    "api grpc": "code server",
    "kalshi-assets feed": "feed",
    "kalshi-assets alerts": "alerts",
    "postgres": "Postgres",
    "dagster dev": "dagster dev",
}
OWN, RUNS = "kalshi-assets (owner)", "runs"


@dataclass(frozen=True)
class Taken:
    """What each kind of process takes: megabytes, and percent of a core."""

    megabytes: dict[str, float]
    percent: dict[str, float]


@dataclass(frozen=True)
class Part:
    """A part of a process's memory that is of one file, or of none: kilobytes."""

    name: str
    file: str
    rss: int
    pss: int
    anonymous: int


def run(server_url: str = "") -> Iterator[Figure]:
    """Measure the stack at work, with its UI, and at rest, and the baseline."""
    stock = taken_by_stock(server_url)
    with demo_at(1.0) as demo:
        yield from told("at work", taken(SECONDS), stock)
        environ = environment(demo.settings, QUIET)
        workspace = demo.children.folder / "workspace.yaml"
        _start_webserver(demo.children, environ, workspace=workspace, port=free_port())
        time.sleep(SETTLING_SECONDS)
        yield from told("with the UI", taken(SETTLING_SECONDS), stock)
    with demo_at(STILL):
        yield from told("at rest", taken(SECONDS), stock)


def told(when: str, ours: Taken, stock: Taken) -> Iterator[Figure]:
    """Show what was measured."""
    for name in sorted(ours.megabytes | ours.percent):
        yield Figure(f"{when}: {name}", shown(ours, [name]), "")
    yield Figure(f"{when}: all", shown(ours, ours.megabytes), shown(stock, stock.megabytes))


def shown(taken: Taken, names: Iterable[str]) -> str:
    """Show memory and CPU of some kinds of processes."""
    megabytes = sum(taken.megabytes.get(name, 0) for name in names)
    percent = sum(taken.percent.get(name, 0) for name in names)
    return f"{megabytes:.0f} MB {percent:.1f} %"


@contextmanager
def demo_at(speed: float) -> Iterator[Running]:
    """Run the stack until its history is loaded and it has settled, and on."""
    with tempfile.TemporaryDirectory(prefix="foot") as folder:
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            home=Path(folder) / "home",
            feed="stream",
            run_launcher="warm",
            heartbeat_url="http://127.0.0.1:9/",
        )
        replay = Replay.of(Input("cpi-week"), speed=speed)
        with running_demo(settings, replay=replay, port=None) as demo:
            load_history(demo)
            time.sleep(SETTLING_SECONDS)
            yield demo


def taken(seconds: float) -> Taken:
    """Measure what all descendants of this process take, this one included."""
    before = cpu_seconds()
    time.sleep(seconds)
    spent = {name: used - before.get(name, 0.0) for name, used in cpu_seconds().items()}
    samples = []
    for _ in range(SAMPLES):
        samples.append(megabytes())
        time.sleep(APART_SECONDS)
    names = {name for sample in samples for name in sample}
    return Taken(
        {name: median(sample.get(name, 0.0) for sample in samples) for name in names},
        {name: 100 * used / seconds for name, used in spent.items()},
    )


def taken_by_stock(server_url: str) -> Taken:
    """Measure `dagster dev` of an empty project on Postgres, which this process runs as well."""
    with tempfile.TemporaryDirectory(prefix="stock") as folder:
        Path(folder, "defs.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
        Path(folder, "dagster.yaml").write_text(
            "telemetry:\n  enabled: false\n"
            f"storage:\n  postgres:\n    postgres_url: {create_database(server_url, 'stock')}\n"
        )
        port = free_port()
        words = [script("dagster"), "dev", "-f", "defs.py", "-h", "127.0.0.1", "-p", str(port)]
        environ = dict(os.environ) | {"DAGSTER_HOME": folder}
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(  # noqa: S603  the words are ours
            words, cwd=folder, env=environ, stdout=quiet, stderr=quiet
        )
        try:
            while not is_listening(port):
                time.sleep(1)
            time.sleep(SETTLING_SECONDS)
            found = taken(SETTLING_SECONDS)
        finally:
            process.terminate()
            process.wait()
        found.megabytes.pop(OWN)
        found.percent.pop(OWN)
        return found


def family() -> dict[int, str]:
    """Return this process and what it started, by the kind of each."""
    found = {os.getpid(): OWN}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found[process.pid] = kind_of(process)
    return {pid: name for pid, name in found.items() if name != "exchange"}


def kind_of(process: psutil.Process) -> str:
    """Return the kind of a process; what is none of the long-lived ones is part of a run."""
    words = " ".join(process.cmdline())
    parent = process.parent()
    if parent is not None and parent.cmdline() == process.cmdline() and "warm_launcher" in words:
        return RUNS
    return next((name for word, name in NAMES.items() if word in words), RUNS)


def cpu_seconds() -> dict[str, float]:
    """Return the CPU time so far of each kind; what has ended is in its parent's account."""
    found: dict[str, float] = defaultdict(float)
    for pid, name in family().items():
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            found[name] += times.user + times.system
            if name != OWN:
                ended = name if name == "Postgres" else RUNS
                found[ended] += times.children_user + times.children_system
    return found


def megabytes() -> dict[str, float]:
    """Return the proportional memory of each kind, as if nothing else ran on this machine.

    The kernel's own figure divides a library's pages by all who use them, others' work included.
    """
    parts = [part for pid, name in family().items() for part in parts_of(pid, name)]
    users = Counter(part.file for part in parts if part.file)
    found: dict[str, float] = defaultdict(float)
    for part in parts:
        share = float(part.pss)
        if part.file:
            share = part.anonymous + (part.rss - part.anonymous) / users[part.file]
        found[part.name] += share / 1024
    return found


def parts_of(pid: int, name: str) -> list[Part]:
    """Return the memory of a process, by file, once a file."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    file = ""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                file = words[5] if len(words) == 6 and words[5].startswith("/") else ""
                file = "" if file.startswith("/dev") else file
            elif words[0] in ("Rss:", "Pss:", "Anonymous:"):
                sums[file][words[0]] += int(words[1])
    return [
        Part(name, file, found["Rss:"], found["Pss:"], found["Anonymous:"])
        for file, found in sums.items()
    ]
