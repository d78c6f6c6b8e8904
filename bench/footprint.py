"""What the whole stack takes: memory and CPU by process, beside stock `dagster dev` of nothing.

Everything runs as by `up`, with the live feed, warm runs and the alert service: an hour with
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
import psycopg

from bench.report import Figure
from kalshi_assets.local_exchange import Input
from kalshi_assets.runtime.dagster_stack import script
from kalshi_assets.runtime.database import database_name
from kalshi_assets.runtime.exchange import Replay, start_exchange
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home
from kalshi_assets.runtime.processes import Children, free_port, is_listening
from kalshi_assets.runtime.up import on_local_exchange
from kalshi_assets.settings import PREFIX, Settings, as_variables, load_settings
from kalshi_assets.storage.embedded import running_server
from kalshi_assets.storage.migrate import create_database

SECONDS = float(os.environ.get("FOOTPRINT_SECONDS", "3600"))
SETTLING_SECONDS = min(120.0, SECONDS)
SAMPLES, APART_SECONDS = 5, 7.0
# So slow that no quote moves and no slot of polls begins.
STILL = 0.001
OWN, RUNS = "owner", "runs"
# The first whose word stands in the command line.
NAMES = {
    "warm_launcher.server": "warm process",
    "dagster-daemon": "daemon",
    "dagster-webserver": "webserver",
    "dagster_webserver": "webserver",
    "api grpc": "code server",
    "kalshi-assets up": OWN,
    "kalshi-assets feed": "feed",
    "kalshi-assets alerts": "alerts",
    "postgres": "Postgres",
    "dagster dev": "dagster dev",
}


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


@dataclass
class Stack:
    """An installation at work: the processes that started all others."""

    children: Children
    variables: dict[str, str]
    roots: list[psutil.Process]

    def start(self, *words: str) -> None:
        """Start a command of ours."""
        child = self.children.start(words[0], [script("kalshi-assets"), *words], self.variables)
        self.roots.append(psutil.Process(child.process.pid))

    def show_ui(self) -> None:
        """Show the UI beside."""
        self.start("ui", "--port", str(free_port()))


def run(server_url: str = "") -> Iterator[Figure]:
    """Measure the stack at work, with its UI, and at rest, and the baseline."""
    stock = taken_by_stock(server_url)
    with stack_at(1.0) as stack:
        yield from told("at work", taken(SECONDS, stack.roots), stock)
        stack.show_ui()
        time.sleep(SETTLING_SECONDS)
        yield from told("with the UI", taken(SETTLING_SECONDS, stack.roots), stock)
    with stack_at(STILL) as stack:
        yield from told("at rest", taken(SECONDS, stack.roots), stock)


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
def stack_at(speed: float) -> Iterator[Stack]:
    """Run `up --no-ui` on a local exchange until it has polled."""
    with tempfile.TemporaryDirectory(prefix="foot") as name:
        folder = Path(name)
        folder.chmod(0o755)
        exchange_home = Home(folder / "exchange")
        with exchange_home.owned(), Children(exchange_home.run) as children:
            told = start_exchange(
                children,
                exchange_home,
                replay=Replay.of(Input("cpi-week"), speed=speed),
                environ=dict(os.environ),
            )
            settings = settings_on(told.url, exchange_home, folder / "home")
            stack = Stack(children, os.environ | chosen(settings), [])
            stack.start("up", "--no-ui")
            children.wait_for(lambda: has_polled(settings), what="a poll", seconds=600)
            time.sleep(SETTLING_SECONDS)
            yield stack


def settings_on(url: str, exchange_home: Home, home: Path) -> Settings:
    """Return the settings of an installation with everything on, on a local exchange."""
    return load_settings(
        env={},
        _env_file=None,
        venue="paper",
        home=home,
        api_url=url,
        api_key_id=LOCAL_KEY_ID,
        private_key_path=exchange_home.local_key().resolve(),
        feed="stream",
        run_launcher="warm",
        heartbeat_url="http://127.0.0.1:9/",
    )


def chosen(settings: Settings) -> dict[str, str]:
    """Return the variables of what was set: the rest is the exchange's to tell."""
    told = as_variables(settings)
    names = {PREFIX + field.upper() for field in settings.model_fields_set}
    return {name: value for name, value in told.items() if name in names}


def has_polled(settings: Settings) -> bool:
    """Tell whether the history was loaded and a poll made."""
    server = running_server(Home(settings.home).postgres)
    if server is None:
        return False
    name = database_name(on_local_exchange(settings).identity)
    query = "SELECT FROM dagster.runs WHERE pipeline_name = 'poll_job' AND status = 'SUCCESS'"
    with (
        suppress(psycopg.Error),
        psycopg.connect(server.with_database(name)) as connection,
    ):
        return connection.execute(query).fetchone() is not None
    return False


def taken(seconds: float, roots: list[psutil.Process]) -> Taken:
    """Measure what processes and all they started take."""
    before = cpu_seconds(roots)
    time.sleep(seconds)
    spent = {name: used - before.get(name, 0.0) for name, used in cpu_seconds(roots).items()}
    samples = []
    for _ in range(SAMPLES):
        samples.append(megabytes(roots))
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
            server = [p for p in psutil.Process().children() if "postgres" in p.name()]
            found = taken(SETTLING_SECONDS, [psutil.Process(process.pid), *server])
        finally:
            # It waits for what it started, and would be waited for long.
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        return found


def family(roots: list[psutil.Process]) -> dict[int, str]:
    """Return the kind of each of these processes, and of what they started."""
    found: dict[int, str] = {}
    for root in roots:
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                found[process.pid] = kind_of(process)
    return found


def kind_of(process: psutil.Process) -> str:
    """Return the kind of a process; what is none of the long-lived ones is part of a run."""
    words = " ".join(process.cmdline())
    parent = process.parent()
    if parent is not None and parent.cmdline() == process.cmdline() and "warm_launcher" in words:
        return RUNS
    return next((name for word, name in NAMES.items() if word in words), RUNS)


def cpu_seconds(roots: list[psutil.Process]) -> dict[str, float]:
    """Return the CPU time so far of each kind; what has ended is in its parent's account."""
    found: dict[str, float] = defaultdict(float)
    for pid, name in family(roots).items():
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            found[name] += times.user + times.system
            if name not in (OWN, "dagster dev"):  # theirs are counted themselves
                ended = name if name == "Postgres" else RUNS
                found[ended] += times.children_user + times.children_system
    return found


def megabytes(roots: list[psutil.Process]) -> dict[str, float]:
    """Return the proportional memory of each kind, as if nothing else ran on this machine.

    The kernel's own figure divides a library's pages by all who use them, others' work included.
    """
    parts = [part for pid, name in family(roots).items() for part in parts_of(pid, name)]
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
