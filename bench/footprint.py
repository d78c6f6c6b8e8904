"""What the whole stack takes: memory and CPU by process, beside stock `dagster dev` of nothing.

Everything runs as by `up`, with the live feed, warm runs and the alert service: an hour with
ticks coming in, then with the UI, then an hour of an exchange that stands still. The exchange is
not part of it. `FOOTPRINT_SECONDS=600 python -m bench footprint` makes the hours shorter; not part
of a run of all benchmarks.
"""

import json
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
from kalshi_assets.runtime.children import Children
from kalshi_assets.runtime.dagster_stack import script
from kalshi_assets.runtime.database import database_name
from kalshi_assets.runtime.exchange import Replay, start_exchange
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home
from kalshi_assets.runtime.processes import free_port, is_listening
from kalshi_assets.runtime.trunk import WARM as FORKED_WARM
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
# What is forked has its parent's command line: the owner's children are known by what is written
# down of them, the warm process by its name, all others by the first word that stands in theirs.
WARM = "warm process"
NAMES = {
    "warm_launcher.start": WARM,
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
    """What a process holds of one file, as it is in the file, or of none: kilobytes.

    What is of no file, or was written to, is by the kernel's own figure: pages shared after a fork
    count by their share.
    """

    name: str
    file: str
    kilobytes: float


@dataclass
class Stack:
    """An installation at work: the processes that started all others."""

    children: Children
    variables: dict[str, str]
    roots: list[psutil.Process]
    run: Path

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
        yield from told("at work", taken(SECONDS, stack.roots, stack.run), stock)
        stack.show_ui()
        time.sleep(SETTLING_SECONDS)
        yield from told("with the UI", taken(SETTLING_SECONDS, stack.roots, stack.run), stock)
    with stack_at(STILL) as stack:
        yield from told("at rest", taken(SECONDS, stack.roots, stack.run), stock)


def told(when: str, ours: Taken, stock: Taken) -> Iterator[Figure]:
    """Show what was measured."""
    names = sorted(ours.megabytes | ours.percent)
    for name in names:
        yield Figure(f"{when}: {name}", shown(ours, [name]), "")
    in_all = stock.megabytes | stock.percent
    yield Figure(f"{when}: all", shown(ours, names), shown(stock, in_all))


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
            stack = Stack(children, os.environ | chosen(settings), [], Home(settings.home).run)
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


def taken(seconds: float, roots: list[psutil.Process], run: Path) -> Taken:
    """Measure what processes and all they started take; some are written down in a run folder."""
    before = cpu_seconds(family(roots, run))
    time.sleep(seconds)
    spent = {
        name: used - before.get(name, 0.0) for name, used in cpu_seconds(family(roots, run)).items()
    }
    samples = []
    for _ in range(SAMPLES):
        samples.append(megabytes(family(roots, run)))
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
            found = taken(SETTLING_SECONDS, [psutil.Process(process.pid), *server], Path(folder))
        finally:
            # It waits for what it started, and would be waited for long.
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        return found


def family(roots: list[psutil.Process], run: Path) -> dict[int, str]:
    """Return the kind of each of these processes, and of what they started."""
    written = {path: json.loads(path.read_text()) for path in run.glob("*.json")}
    names = {
        told["pid"]: path.stem.replace("-", " ") for path, told in written.items() if "pid" in told
    }
    found: dict[int, str] = {}
    for root in roots:
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error):
                found[process.pid] = names.get(process.pid) or kind_of(process)
    return found


def kind_of(process: psutil.Process) -> str:
    """Return the kind of a process; what is none of the long-lived ones is part of a run."""
    if is_warm(process):
        parent = process.parent()
        return RUNS if parent is not None and is_warm(parent) else WARM
    words = " ".join(process.cmdline())
    return next((name for word, name in NAMES.items() if word in words), RUNS)


def is_warm(process: psutil.Process) -> bool:
    """Tell whether it is a warm process, or a run forked of one."""
    return process.name() == FORKED_WARM or "warm_launcher.start" in " ".join(process.cmdline())


def cpu_seconds(processes: dict[int, str]) -> dict[str, float]:
    """Return the CPU time so far of each kind; what has ended is in its parent's account."""
    found: dict[str, float] = defaultdict(float)
    for pid, name in processes.items():
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            found[name] += times.user + times.system
            if name not in (OWN, "trunk", "dagster dev"):  # theirs are counted themselves
                ended = name if name == "Postgres" else RUNS
                found[ended] += times.children_user + times.children_system
    return found


def megabytes(processes: dict[int, str]) -> dict[str, float]:
    """Return the proportional memory of each kind, as if nothing else ran on this machine.

    The kernel's own figure divides a file's pages by all who use them, others' work included. Here
    a file takes what the one who holds most of it holds; each who uses it bears a part of that.
    """
    parts = [part for pid, name in processes.items() for part in parts_of(pid, name)]
    held: dict[str, list[float]] = defaultdict(list)
    for part in parts:
        held[part.file].append(part.kilobytes)
    found: dict[str, float] = defaultdict(float)
    for part in parts:
        shared = 1.0
        if part.file and part.kilobytes:
            shared = max(held[part.file]) / sum(held[part.file])
        found[part.name] += part.kilobytes * shared / 1024
    return found


def parts_of(pid: int, name: str) -> list[Part]:
    """Return the memory of a process: of each file, and of none."""
    sums: Counter[str] = Counter()
    file = ""
    with suppress(OSError):
        own = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if not words[0].endswith(":"):
                is_file = len(words) == 6 and words[5].startswith("/")
                file = words[5] if is_file and not words[5].startswith("/dev") else ""
            elif file and words[0] in ("Rss:", "Anonymous:"):
                sums[file] += int(words[1]) if words[0] == "Rss:" else -int(words[1])
        told = (line.split() for line in own)
        written = sum(int(w[1]) for w in told if w[0] in ("Pss_Anon:", "Pss_Shmem:"))
        return [Part(name, "", written), *(Part(name, file, held) for file, held in sums.items())]
    return []
