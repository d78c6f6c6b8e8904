"""A test stand: a real database, a real local exchange over HTTP, and Dagster's jobs on both.

The venue stands still at the scenario's moment, but for what a test moves.
"""

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dagster as dg
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from psycopg import sql
from sqlalchemy import make_url, text
from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.execution.desk import Desk
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.local_exchange import (
    Handle,
    Input,
    ManualClock,
    Terms,
    open_exchange,
    running_exchange,
)
from kalshi_assets.local_exchange.gate import Endpoint, Interceptor
from kalshi_assets.settings import PREFIX, Settings, as_variables, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import prepare

KEY_ID = "5d1a6d80-0000-4000-8000-000000000001"
MOMENT = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
OVERREACTING = "KXCPI-26OCT-T0.3"

Proceed = Callable[[], Awaitable[Response]]


@dataclass
class Faults:
    """The exchange's interceptor: off until a test puts a fault in.

    Attributes:
        fault: answers in place of the exchange, or alters what it answers.
    """

    fault: Interceptor | None = None

    async def __call__(self, request: Request, endpoint: Endpoint, proceed: Proceed) -> Response:
        """Answer a call."""
        if self.fault is None:
            return await proceed()
        return await self.fault(request, endpoint, proceed)


def quiet_instance() -> dg.DagsterInstance:
    """Return an instance in memory that logs only what went wrong."""
    return dg.DagsterInstance.ephemeral(settings={"python_logs": {"python_log_level": "ERROR"}})


@dataclass
class Stand:
    """What a test works on. `venue` is the exchange's own clock; it follows `at`."""

    database: Database
    exchange: Handle
    settings: Settings
    patch: pytest.MonkeyPatch
    faults: Faults
    venue: ManualClock
    now: datetime = MOMENT
    speed: float = 0.0
    instance: dg.DagsterInstance = field(default_factory=quiet_instance)

    def at(self, moment: datetime) -> None:
        """Let the venue, the exchange included, stand still at another moment."""
        self.venue.advance(seconds=max(0.0, (moment - self.now).total_seconds()))
        self.now = moment
        self.change(venue_clock=str(VenueClock(moment, wall_now(), self.speed)))

    def later(self, seconds: float) -> None:
        """Let the venue stand still a while later."""
        self.at(self.now + timedelta(seconds=seconds))

    def creep(self) -> None:
        """Let time creep on, a thousandth of its speed, so that no two moments are the same."""
        self.speed = 0.001
        self.at(self.now)

    def change(self, **values: Any) -> None:
        """Change settings."""
        self.settings = self.settings.model_copy(update=values)
        for name, value in as_variables(self.settings).items():
            self.patch.setenv(name, value)

    @property
    def today(self) -> str:
        """The New York day, as a partition key."""
        return venue_day(self.now).isoformat()

    def run(self, job: str, *, expect_success: bool = True, **options: Any) -> Any:
        """Run a job as the daemon would, in this process."""
        from kalshi_assets.definitions import defs

        result = defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=expect_success, **options
        )
        assert result.success or not expect_success
        return result

    def load_history(self, days: int = 8) -> None:
        """Run the history job over the window before now."""
        first = venue_day(self.now) - timedelta(days=days)
        tags = {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: self.today}
        self.run("history_job", tags=tags)

    def poll(self, *, expect_success: bool = True) -> Any:
        """Run the poll job of the present slot."""
        return self.run(
            "poll_job",
            expect_success=expect_success,
            partition_key=self.today,
            tags={SLOT_TAG: self.slot},
        )

    @property
    def slot(self) -> str:
        """The present poll slot."""
        return slot_of(self.now, self.settings.poll_seconds).isoformat()

    def judge_and_place(self, *, expect_success: bool = True) -> Any:
        """Run the order job of the present slot."""
        return self.run("order_job", expect_success=expect_success, tags={SLOT_TAG: self.slot})

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Yield the tools of execution."""
        platform = Platform()
        try:
            with platform.desk("a test") as desk:
                yield desk
        finally:
            platform.close()

    def contents(self, table: str, *, without: Sequence[str] = ()) -> list[str]:
        """Return a table's rows as text, sorted, without the columns named."""
        rows = self.rows(f"SELECT to_jsonb(t) AS row FROM kalshi.{table} t")  # noqa: S608  ours
        kept = [{k: v for k, v in row["row"].items() if k not in without} for row in rows]
        return sorted(json.dumps(row, sort_keys=True) for row in kept)

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), values)]

    def execute(self, statement: str, **values: Any) -> None:
        """Change the database behind everybody's back, its own guards included."""
        with self.database.transaction() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(statement), values)

    def order_requests(self) -> int:
        """Return how many order writes the exchange ever saw, refused ones included."""
        return len(self.seen_by_exchange()["order_writes"])

    def seen_by_exchange(self) -> dict[str, Any]:
        """Return the exchange's log of requests."""
        with urlopen(f"{self.exchange.local_url}/requests") as answer:  # noqa: S310  loopback
            seen: dict[str, Any] = json.load(answer)
        return seen


@contextmanager
def standing(
    url: str,
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    source: Input | str = "cpi-week",
    is_prepared: bool = False,
    **changes: Any,
) -> Iterator[Stand]:
    """Yield a stand on a database: an empty one, or one that another stand has prepared.

    `source` is what the exchange plays; `changes` are settings that differ.
    """
    patch.setattr(RetryPolicy, "pause_seconds", lambda policy, attempt: 0.0)
    key, public = _key_pair(folder)
    # time stands still here, so reads that lag would never catch up
    exchange = open_exchange(source, keys={KEY_ID: public}, terms=Terms(read_lag_ms=0))
    exchange.clock = venue = ManualClock(exchange.tape.started_ms)
    moment = datetime.fromtimestamp(exchange.tape.started_ms / 1000, UTC)
    faults = Faults()
    with running_exchange(exchange, interceptor=faults) as handle:
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            input_name=exchange.source.name,
            home=folder / "home",
            database_url=url,
            api_url=handle.url,
            api_key_id=KEY_ID,
            private_key_path=key,
            **{"sensor_wait_seconds": 0, **changes},
        )
        database = Database(url)
        if not is_prepared:
            prepare(database, identity=settings.identity, now=moment)
        stand = Stand(database, handle, settings, patch, faults, venue, now=moment)
        stand.at(moment)
        yield stand
        database.dispose()


def clone_database(server_url: str, template_url: str, name: str) -> str:
    """Copy a database nobody needs to be connected to, and return the copy's URL."""
    server = make_url(server_url).set(drivername="postgresql")
    template = make_url(template_url).database
    plain = server.render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template]
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(str(template))
            )
        )
    return server.set(database=name).render_as_string(hide_password=False)


def drop_database(server_url: str, url: str) -> None:
    """Remove a database, whoever is still connected to it."""
    name = sql.Identifier(str(make_url(url).database))
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def forget_safety(server_url: str) -> None:
    """Let a server that lives for one test session write as fast as it can."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
        connection.execute("SELECT pg_reload_conf()")


def sessions_of_others(database: Database) -> int:
    """Count the sessions in a database but for the one that asks."""
    query = (  # a worker that vacuums is a session too
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with database.transaction() as connection:
        return int(connection.scalar(text(query)) or 0)


def _key_pair(folder: Path) -> tuple[Path, str]:
    """Write a private key, and return its path and the public one."""
    private = ed25519.Ed25519PrivateKey.generate()
    key = folder / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key, public.decode()


def unset_settings(patch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Remove `KALSHI_*` variables that the caller's shell may have set.

    TEST_RUN_LAUNCHER=default lets every installation that a test starts run a Python for each run.
    """
    for name in names:
        if name.startswith(PREFIX):
            patch.delenv(name)
    if launcher := os.environ.get("TEST_RUN_LAUNCHER"):
        patch.setenv("KALSHI_RUN_LAUNCHER", launcher)


DatabaseMaker = Callable[[], str]
