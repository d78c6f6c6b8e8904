"""A test stand: a real database, a real local exchange over HTTP, and Dagster's jobs on both.

The venue stands still at the scenario's moment, but for what a test moves.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dagster as dg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import text

from kalshi_assets.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from kalshi_assets.defs.resources import Platform
from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.tick import SLOT_TAG, slot_of
from kalshi_assets.execution.desk import Desk
from kalshi_assets.local_exchange import Handle, open_exchange, running_exchange
from kalshi_assets.settings import PREFIX, Settings, as_variables, load_settings
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import prepare

KEY_ID = "5d1a6d80-0000-4000-8000-000000000001"
MOMENT = datetime.fromisoformat("2026-10-13T14:30:00+00:00")
OVERREACTING = "KXCPI-26OCT-T0.3"


@dataclass
class Stand:
    """What a test works on."""

    database: Database
    exchange: Handle
    settings: Settings
    patch: pytest.MonkeyPatch
    now: datetime = MOMENT
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)

    def at(self, moment: datetime) -> None:
        """Let the venue stand still at another moment."""
        self.now = moment
        self.change(venue_clock=str(VenueClock(moment, wall_now(), 0.0)))

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
        with Platform().desk("a test") as desk:
            yield desk

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query))]

    def execute(self, statement: str) -> None:
        """Change the database behind everybody's back."""
        with self.database.transaction() as connection:
            connection.execute(text(statement))

    def order_requests(self) -> int:
        """Return how many order writes the exchange ever saw, refused ones included."""
        with urlopen(f"{self.exchange.local_url}/requests") as answer:  # noqa: S310  loopback
            seen = json.load(answer)
        return len(seen["order_writes"])


@contextmanager
def standing(
    url: str, folder: Path, patch: pytest.MonkeyPatch, interceptor: Any = None
) -> Iterator[Stand]:
    """Yield a stand on an empty database."""
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
    exchange = open_exchange("cpi-week", keys={KEY_ID: public.decode()})
    with running_exchange(exchange, interceptor=interceptor) as handle:
        settings = load_settings(
            env={},
            _env_file=None,
            venue="local",
            input_name="cpi-week",
            home=folder / "home",
            database_url=url,
            api_url=handle.url,
            api_key_id=KEY_ID,
            private_key_path=key,
        )
        database = Database(url)
        prepare(database, identity=settings.identity, now=MOMENT)
        stand = Stand(database, handle, settings, patch)
        stand.at(MOMENT)
        yield stand
        database.dispose()


def unset_settings(patch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Remove `KALSHI_*` variables that the caller's shell may have set."""
    for name in names:
        if name.startswith(PREFIX):
            patch.delenv(name)


DatabaseMaker = Callable[[], str]
