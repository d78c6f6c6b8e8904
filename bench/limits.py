"""One account's rate limit used by four processes: buckets they share against a bucket each.

The real client reads, creates and cancels at a real local exchange with the limits of the Basic
tier. A number of calls of your choice: `python -m bench.limits 10000`.
"""

import json
import logging
import multiprocessing
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from bench.report import Figure
from kalshi_assets.domain.account import OrderRequest
from kalshi_assets.domain.calls import ApiCall
from kalshi_assets.errors import RateLimited
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.rate_limit import BASIC, CANCEL_COST, DEFAULT_COST, RateLimits
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.local_exchange import RateLimits as AtExchange
from kalshi_assets.runtime.exchange_address import ask_local_exchange
from kalshi_assets.runtime.home import LOCAL_KEY_ID, Home

CALLS, BASELINE_CALLS = 2_200, 440
PROCESSES = 4
TICKER = "KXCPI-26OCT-T0.3"
# Both budgets last equally long: 20 reads a second beside 8.3 creates and as many cancels.
PAIRS_PER_SECOND = BASIC.write.per_second / (DEFAULT_COST + CANCEL_COST)
READ_SHARE = 20 / (20 + 2 * PAIRS_PER_SECOND)

BASIC_AT_EXCHANGE = {"read": AtExchange().read, "write": AtExchange().write}
SPAWN = multiprocessing.get_context("spawn")
Kind = Literal["read", "write"]


@dataclass(frozen=True)
class Job:
    """What one process does. Without a folder it keeps buckets of its own."""

    url: str
    key: Path
    folder: Path | None
    name: str
    reads: int
    pairs: int
    expires_at: datetime


class Tally:
    """Counts calls by status, and when each budget was used first and last."""

    def __init__(self) -> None:
        self.statuses: Counter[int | None] = Counter()
        self.tokens: Counter[Kind] = Counter()
        self.spans: dict[Kind, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def note(self, call: ApiCall) -> None:
        """Take a call."""
        kind: Kind = "read" if call.method == "GET" else "write"
        with self._lock:
            now = time.monotonic()
            self.statuses[call.status] += 1
            self.tokens[kind] += call.cost
            self.spans[kind] = (self.spans.get(kind, (now, now))[0], now)


def run(_server_url: str = "", *, calls: int = CALLS) -> Sequence[Figure]:
    """Let four processes spend the limits of one account, and count what was refused."""
    with tempfile.TemporaryDirectory() as folder, exchange(Path(folder)) as (url, key):
        shared = _tallies(url, key, folder=Path(folder), calls=calls)
        apart = _tallies(url, key, folder=None, calls=BASELINE_CALLS)
    refused = _refused(shared)
    assert refused == 0, f"{refused} calls were refused"
    budgets: tuple[Kind, Kind] = ("read", "write")
    return [
        *(_used(shared, kind, calls) for kind in budgets),
        Figure(
            f"429 of {calls:,}; a bucket each: of {BASELINE_CALLS:,}",
            str(refused),
            str(_refused(apart)),
        ),
    ]


def _used(tallies: Sequence[Tally], kind: Kind, calls: int) -> Figure:
    """Return the share used of all the exchange gave from the first call to the last one.

    That is what a full bucket held at first, and the refill since.
    """
    first = min(tally.spans[kind][0] for tally in tallies)
    last = max(tally.spans[kind][1] for tally in tallies)
    size = BASIC_AT_EXCHANGE[kind]
    there_was = size.capacity + size.refill_rate * (last - first)
    used = sum(tally.tokens[kind] for tally in tallies) / there_was
    name = f"{kind} budget used, {calls:,} calls in {last - first:.0f} s"
    return Figure(name, f"{used:.1%}", "100.0%", f"{used:.2f}x")


def _refused(tallies: Sequence[Tally]) -> int:
    return sum(tally.statuses[429] for tally in tallies)


def _tallies(url: str, key: Path, *, folder: Path | None, calls: int) -> list[Tally]:
    there = ask_local_exchange(url)
    assert there is not None
    reads = round(calls * READ_SHARE / PROCESSES)
    pairs = round((calls / PROCESSES - reads) / 2)
    expires_at = there.clock.now() + timedelta(hours=2)
    results = SPAWN.Queue()
    jobs = [
        Job(url, key, folder, f"{folder is None}-{number}", reads, pairs, expires_at)
        for number in range(PROCESSES)
    ]
    processes = [SPAWN.Process(target=_work, args=(job, results)) for job in jobs]
    for process in processes:
        process.start()
    told = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return [_tally(*counts) for counts in told]


def _tally(
    statuses: Counter[int | None], tokens: Counter[Kind], spans: dict[Kind, tuple[float, float]]
) -> Tally:
    tally = Tally()
    tally.statuses, tally.tokens, tally.spans = statuses, tokens, spans
    return tally


def _work(job: Job, results: "multiprocessing.Queue[object]") -> None:
    """Read and write beside each other, by one client."""
    logging.getLogger("kalshi_assets").setLevel(logging.ERROR)  # of what is tried again
    tally = Tally()
    signer = RequestSigner(LOCAL_KEY_ID, job.key)
    limits = RateLimits()
    if job.folder is not None:
        limits = shared_limits(job.url, LOCAL_KEY_ID, folder=job.folder)
    with KalshiClient(job.url, auth=signer, limits=limits, calls=tally) as client:
        threads = [
            threading.Thread(target=work, args=(client, job))
            for work in (_read, _create_and_cancel)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    results.put((tally.statuses, tally.tokens, tally.spans))


def _read(client: KalshiClient, job: Job) -> None:
    for _ in range(job.reads):
        with suppress(RateLimited):
            client.balance()


def _create_and_cancel(client: KalshiClient, job: Job) -> None:
    for number in range(job.pairs):
        order = OrderRequest(
            client_order_id=f"bench-{job.name}-{number}",
            market_ticker=TICKER,
            side="yes",
            limit_price=10_000,
            count=100,
            expires_at=job.expires_at,
        )
        with suppress(RateLimited):
            placed = client.create_order(order)
            client.cancel_order(placed.order_id, market_ticker=TICKER)


@contextmanager
def exchange(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a local exchange as a process, and yield its address and our key to it."""
    home, ready = Home(folder / "home"), folder / "ready.json"
    words = ["--scenario", "cpi-week", "--state", folder / "state", "--ready-file", ready]
    program = [sys.executable, "-m", "kalshi_assets.local_exchange", *words]
    keys = ["--keys", home.local_public_keys()]
    with subprocess.Popen([str(word) for word in (*program, *keys)]) as process:  # noqa: S603  ours
        try:
            while not ready.exists():
                assert process.poll() is None, "the local exchange did not start"
                time.sleep(0.05)
            yield _url(ready), home.local_key()
        finally:
            process.terminate()


def _url(ready: Path) -> str:
    return str(json.loads(ready.read_text())["url"])


if __name__ == "__main__":
    for figure in run(calls=int(sys.argv[1]) if len(sys.argv) > 1 else CALLS):
        print(figure)
