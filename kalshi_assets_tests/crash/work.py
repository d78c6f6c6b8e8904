"""What a process of ours does: the steps of the jobs, in their order, by the venue's clock."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import httpx

from kalshi_assets.domain.clock import VenueClock
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
from kalshi_assets.risk.inputs import Limits
from kalshi_assets.settings import Settings
from kalshi_assets.storage import trading_state
from kalshi_assets.storage.breaker import StoredBreaker
from kalshi_assets.storage.engine import ORDER_LOCK, Database
from kalshi_assets.storage.roles import TRADING_ROLE
from kalshi_assets_tests.crash.death import Point, arm

HOST = "exchange"
LIMITS = replace(limits_of(Settings(_env_file=None)), max_orders_per_minute=1_000)
TTL_SECONDS = 180
LOCK_SECONDS = 10.0
ORDERS = ("judge", "place")
LEDGER = ("keep_up", "fills", "snapshots")
_PLENTY = BucketSize(1e9, 1e9)


@dataclass(frozen=True)
class Place:
    """Where processes find ledger and exchange."""

    database_url: str
    api_url: str
    key: str


@dataclass(frozen=True)
class Job:
    """A process' work: steps by the venue's clock, and the point at which it dies.

    Attributes:
        limits: the account's rules.
        seconds: begin anew until so many of the wall's seconds are over; a second process that
            finds the first at work waits, instead of stopping as a job does.
        reads_seconds: how long to wait for reads that lag.
        patience_seconds: how long to wait for an answer.
    """

    place: Place
    clock: VenueClock
    steps: Sequence[str]
    point: Point | None = None
    limits: Limits = LIMITS
    seconds: float = 0.0
    reads_seconds: float = 0.0
    patience_seconds: float = 0.2


_DATABASES: dict[tuple[int, str, str | None], Database] = {}


def run(job: Job, *, is_alone: bool = True) -> list[str]:
    """Do a job's steps one after the other; return those that failed as a job's may."""
    with ExitStack() as stack:
        for module in (place, exits, reconcile, trading_state):
            stack.enter_context(patch.object(module, "wall_now", job.clock.now))
        for module in (place, account):
            stack.enter_context(patch.object(module, "READS_SECONDS", job.reads_seconds))
        desk = stack.enter_context(
            desk_of(job.place, job.clock, limits=job.limits, patience_seconds=job.patience_seconds)
        )
        if job.point is not None:
            arm(job.point)
        if not is_alone:
            return _work_on(desk, job.steps)
        if not job.seconds:
            return _work(desk, job.steps)
        deadline = time.monotonic() + job.seconds
        while time.monotonic() < deadline:
            with desk.database.advisory_lock(ORDER_LOCK) as is_ours:
                if is_ours:
                    _work_on(desk, job.steps)
            time.sleep(0.02)
    return []


def _work(desk: Desk, steps: Sequence[str]) -> list[str]:
    """Work under the lock; the server lets go of a dead process' as soon as it notices."""
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with desk.database.advisory_lock(ORDER_LOCK) as is_ours:
            if is_ours:
                return _work_on(desk, steps)
        time.sleep(0.02)
    raise AssertionError("the lock of a dead process is still held")


def _work_on(desk: Desk, steps: Sequence[str]) -> list[str]:
    failed = []
    for step in steps:
        try:
            STEPS[step](desk)
        except (ExchangeError, PayloadError, LedgerNotOpen) as exc:
            failed.append(f"{step}: {exc}")
    return failed


@contextmanager
def desk_of(
    where: Place, clock: VenueClock, *, limits: Limits = LIMITS, patience_seconds: float = 0.2
) -> Iterator[Desk]:
    """Yield the tools of execution; the wall's clock is the venue's, as it is on `live`."""
    stored = StoredBreaker(_database(where.database_url, None), HOST, clock=clock)
    patience = RetryPolicy(attempts=2, base_seconds=0.0)
    with KalshiClient(
        where.api_url,
        auth=RequestSigner("me", Path(where.key)),
        retry=patience,
        limits=RateLimits(OwnBook(Tier(_PLENTY, _PLENTY))),
        breaker=Breaker(HOST, stored, now=clock.now),
        wire=Wire(httpx.Timeout(connect=3, read=patience_seconds, write=3, pool=3)),
    ) as client:
        yield Desk(
            database=_database(where.database_url, TRADING_ROLE),
            venue=client,
            clock=clock,
            limits=limits,
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
        trading_state.halt(connection, "command", why="asked", at=now)


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
