"""What a process of ours does: the steps of the jobs, and its death at a named point.

A process that shall die is forked from a warm one, which has imported this module and holds no
thread and no connection. It kills itself by SIGKILL; no hook for that is in the product.
"""

import importlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import httpx

from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.errors import ExchangeError, LedgerNotOpen, PayloadError
from kalshi_assets.execution import account, exits, place, reconcile
from kalshi_assets.execution.desk import Desk, limits_of
from kalshi_assets.execution.judge import judge_open_signals
from kalshi_assets.execution.resting import tend
from kalshi_assets.execution.upkeep import check_books, keep_up
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.breaker import Breaker
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.rate_limit import BucketSize, OwnBook, RateLimits, Tier
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.kalshi.wire import Wire
from kalshi_assets.settings import Settings
from kalshi_assets.storage import trading_state
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import ORDER_LOCK, Database
from kalshi_assets.storage.roles import TRADING_ROLE

HOST = "exchange"
LIMITS = replace(limits_of(Settings(_env_file=None)), max_orders_per_minute=1_000)
TTL_SECONDS = 180
ORDERS = ("judge", "place")
LEDGER = ("keep_up", "fills", "snapshots")
_PLENTY = BucketSize(1e9, 1e9)
_PATIENCE = httpx.Timeout(connect=3, read=0.2, write=3, pool=3)


@dataclass(frozen=True)
class Place:
    """Where processes find ledger and exchange."""

    database_url: str
    api_url: str
    key: str


@dataclass(frozen=True)
class Point:
    """A point at which a process dies.

    Attributes:
        scenes: in which it lies on the way.
        at: the function, as "module:name" or "module:Class.name"; an operation of the exchange
            where the process dies while its request is there.
        when: before the function does anything, after it has returned or raised, or after the
            transaction that it wrote in is committed.
        once: the point counts only after this function was called.
    """

    name: str
    scenes: Sequence[str]
    at: str
    when: Literal["before", "after", "committed"]
    once: str = ""

    @property
    def is_at_exchange(self) -> bool:
        """Tell whether the exchange sees the death."""
        return ":" not in self.at


@dataclass(frozen=True)
class Job:
    """A process' work: steps at a moment of the venue, and the point at which it dies."""

    place: Place
    moment: datetime
    steps: Sequence[str]
    point: Point | None = None


_DATABASES: dict[tuple[int, str, str | None], Database] = {}


def run(job: Job) -> list[str]:
    """Do a job's steps one after the other; return those that failed as a job's may."""
    failed = []
    clock = VenueClock(job.moment, wall_now(), 0.001)
    with ExitStack() as stack:
        for module in (place, exits, reconcile, trading_state):
            stack.enter_context(patch.object(module, "wall_now", clock.now))
        for module in (place, account):
            stack.enter_context(patch.object(module, "READS_SECONDS", 0.0))
        desk = stack.enter_context(desk_of(job.place, clock))
        is_ours = stack.enter_context(desk.database.advisory_lock(ORDER_LOCK))
        assert is_ours, "the lock of a dead process is still held"
        if job.point is not None:
            arm(job.point)
        for step in job.steps:
            try:
                STEPS[step](desk)
            except (ExchangeError, PayloadError, LedgerNotOpen) as exc:
                failed.append(f"{step}: {exc}")
    return failed


@contextmanager
def desk_of(where: Place, clock: VenueClock) -> Iterator[Desk]:
    """Yield the tools of execution; the wall's clock is the venue's, as it is on `live`."""
    stored = StoredBreaker(_database(where.database_url, None), HOST, clock=clock)
    patience = RetryPolicy(attempts=2, base_seconds=0.0)
    with KalshiClient(
        where.api_url,
        auth=RequestSigner("me", Path(where.key)),
        retry=patience,
        limits=RateLimits(OwnBook(Tier(_PLENTY, _PLENTY))),
        breaker=Breaker(HOST, stored, now=clock.now),
        wire=Wire(_PATIENCE),
    ) as client:
        yield Desk(
            database=_database(where.database_url, TRADING_ROLE),
            venue=client,
            clock=clock,
            limits=LIMITS,
            order_ttl_seconds=TTL_SECONDS,
            run_id="run",
            api_host=HOST,
            needs_arming=False,
            clock_offset_seconds=lambda: client.clock_offset_seconds,
            disk_free_bytes=lambda: 1 << 40,
            pause=lambda seconds: None,
        )


def _database(url: str, role: str | None) -> Database:
    """Return this process' own: connections do not survive a fork."""
    return _DATABASES.setdefault((os.getpid(), url, role), Database(url, role=role))


def _halt(desk: Desk) -> None:
    with desk.database.transaction() as connection:
        now = desk.clock.now()
        trading_state.change_state(connection, "halted", cause="command", why="asked", at=now)


def _snapshots(desk: Desk) -> None:
    statement = account.read_statement(desk)
    account.record_positions(desk, statement)
    account.record_settlements(desk)
    account.record_portfolio(desk, statement)


STEPS: dict[str, Callable[[Desk], object]] = {
    "judge": lambda desk: tend(desk, judge_open_signals(desk)),
    "place": place.place_approved,
    "read": lambda desk: desk.venue.markets(),
    "flatten": exits.flatten,
    "keep_up": keep_up,
    "fills": account.record_fills,
    "snapshots": _snapshots,
    "books": check_books,
    "halt": _halt,
}


class Warm:
    """A process that has imported everything, and forks one that does a job when told to.

    It has no thread and no connection of its own, so that what it forks begins clean.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  this module
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def start(self, job: Job) -> int:
        """Start a process, and return its id."""
        assert self._process.stdin is not None
        pickle.dump(job, self._process.stdin)
        self._process.stdin.flush()
        return self._told()

    def end(self) -> bool:
        """Wait for the end of the process, and tell whether it was killed.

        Raises:
            AssertionError: it failed otherwise.
        """
        code = self._told()
        assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
        return code != 0

    def close(self) -> None:
        """End the warm process."""
        self._process.communicate()

    def _told(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


def fork_on_demand() -> None:
    """Be the warm process: read jobs, answer with the id and the end of each one's process."""
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)  # noqa: S301  from our own parent
        except EOFError:
            return
        pid = os.fork()
        if pid == 0:
            run(job)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def die() -> None:
    """End this process as the system would, at once."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class _Fuse:
    """Whether the point counts yet, and whether the next commit is the last."""

    is_lit: bool
    is_last_commit: bool = field(default=False)


def arm(point: Point) -> None:
    """Let this process die at a point."""
    if point.is_at_exchange:
        return
    fuse = _Fuse(is_lit=not point.once)
    if point.once:
        _wrap(point.once, lambda original: _lighting(original, fuse))
    _wrap(point.at, lambda original: _dying(original, point, fuse))
    if point.when == "committed":
        _wrap("kalshi_assets.storage.engine:Database.transaction", lambda o: _committing(o, fuse))


def _dying(original: Callable[..., Any], point: Point, fuse: _Fuse) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if not fuse.is_lit:
            return original(*args, **kwargs)
        if point.when == "before":
            die()
        try:
            return original(*args, **kwargs)
        finally:
            if point.when == "after":
                die()
            fuse.is_last_commit = True

    return call


def _lighting(original: Callable[..., Any], fuse: _Fuse) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        fuse.is_lit = True
        return original(*args, **kwargs)

    return call


def _committing(original: Callable[..., Any], fuse: _Fuse) -> Callable[..., Any]:
    @contextmanager
    def transaction(database: Database) -> Iterator[Any]:
        with original(database) as connection:
            yield connection
        if fuse.is_last_commit:
            die()

    return transaction


def _wrap(address: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    module, _, path = address.partition(":")
    owner: Any = importlib.import_module(module)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    setattr(owner, name, make(getattr(owner, name)))


if __name__ == "__main__":
    fork_on_demand()
