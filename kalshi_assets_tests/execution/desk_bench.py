"""A desk on a real database and a local exchange with a tape that does what a test says.

The account `me` is the desk's; what `floor.me` orders is another client's work on the same account.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from kalshi_assets.domain.account import Side
from kalshi_assets.domain.clock import wall_now
from kalshi_assets.domain.order import client_order_id
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.execution import account, place
from kalshi_assets.execution.desk import Desk, limits_of
from kalshi_assets.execution.place import commit, send
from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.settings import load_settings
from kalshi_assets.storage import ledger
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.roles import TRADING_ROLE
from kalshi_assets_tests.exchange_rest.world import client_of, write_key
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Floor,
    ScriptedTape,
    floor,
)
from kalshi_assets_tests.stand import Faults


@dataclass
class FloorClock:
    """The exchange's own clock."""

    floor: Floor

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.floor.clock.now_ms() / 1000, UTC)


@dataclass
class DeskBench:
    """What a test works on. `pauses` are those that the desk made, in seconds."""

    desk: Desk
    floor: Floor
    faults: Faults
    pauses: list[float]
    names: Iterator[int] = field(default_factory=lambda: count(1))

    def buy(self, side: Side, at: str, size: str, *, ticker: str = TICKER) -> ledger.Order:
        """Order as a signal of ours would; unless one is live there, it goes through."""
        now = self.desk.clock.now()
        signal = f"signal {next(self.names)}"
        order = ledger.Order(
            client_order_id=client_order_id(signal, leg="entry", attempt=1),
            decision_id=signal,
            signal_id=signal,
            market_ticker=ticker,
            leg="entry",
            attempt=1,
            side=side,
            limit_price=micros(at),
            count=centicontracts(size),
            expires_at=now + timedelta(seconds=180),
            status="intent",
            reason="",
            venue_order_id=None,
            fill_count=0,
            verdict_ids=[],
            created_at=now,
            updated_at=now,
            intent_wall_at=wall_now(),
            run_id="a test",
        )
        with pytest.MonkeyPatch.context() as patch:
            for module in (place, account):  # this clock stands still: nothing to await
                patch.setattr(module, "READS_SECONDS", 0.0)
            return send(self.desk, order).order if commit(self.desk, order) else order

    def by_hand(self, side: str, at: str, size: str, **changes: Any) -> str:
        """Order on the same account with another client, and return the venue's id."""
        named = {"client_order_id": f"hand-{next(self.names)}"}
        return self.floor.me.rest(side, at, size, **named | changes)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return what a query finds."""
        with self.desk.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query))]

    def tamper(self, statement: str) -> None:
        """Change the database behind everybody's back, its own guards included."""
        owner = Database(self.desk.database.url)
        with owner.transaction() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text(statement))
        owner.dispose()

    def pay_in(self, amount_micros: int) -> None:
        """Let the account get money at the exchange, in its units of $0.0001 or finer."""
        store = self.floor.exchange.store
        with store.transaction():
            store.run("update cash set micros = micros + ? where account = 'me'", amount_micros)


@contextmanager
def desk_bench(
    url: str, folder: Path, *, tape: ScriptedTape | None = None, terms: Terms = UNLIMITED
) -> Iterator[DeskBench]:
    """Yield a desk on an empty database."""
    owner = Database(url)
    prepare(owner, identity="tests", now=datetime.fromtimestamp(NOON_MS / 1000, UTC))
    owner.dispose()
    database, faults, pauses = Database(url, role=TRADING_ROLE), Faults(), list[float]()
    with (
        floor(tape, terms=terms, interceptor=faults) as venue,
        client_of(venue.url, write_key(folder)) as client,
    ):
        desk = Desk(
            database=database,
            venue=client,
            clock=FloorClock(venue),  # type: ignore[arg-type]  # as good as one of the two
            limits=limits_of(load_settings(env={}, _env_file=None)),
            order_ttl_seconds=180,
            run_id="a test",
            api_host="a test",
            needs_arming=False,
            clock_offset_seconds=lambda: 0.0,
            disk_free_bytes=lambda: 1 << 40,
            pause=pauses.append,
        )
        yield DeskBench(desk, venue, faults, pauses)
    database.dispose()
