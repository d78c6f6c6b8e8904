"""Where a trial plays: an exchange that outlives every process of ours, one market, one ledger.

The exchange of each trial is new; the server in front of it stays, so that a trial costs little.
The venue's clock stands still but for what a trial moves.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from kalshi_assets.domain.calendar import venue_day
from kalshi_assets.domain.clock import VenueClock, wall_now
from kalshi_assets.domain.price import micros
from kalshi_assets.domain.signal import Signal
from kalshi_assets.local_exchange.app import create_app
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import PREFIX
from kalshi_assets.local_exchange.tape import Activity, Quote
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import save_markets, save_series
from kalshi_assets.storage.migrate import prepare
from kalshi_assets.storage.signals import save_signals
from kalshi_assets.storage.verdicts import NewVerdict, save_verdicts
from kalshi_assets_tests.crash.troubles import Troubles
from kalshi_assets_tests.crash.warm import Warm
from kalshi_assets_tests.crash.work import LIMITS, Place
from kalshi_assets_tests.exchange_rest.world import client_of, write_key
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    ScriptedTape,
    clock_of,
    exchange_on,
    listing,
)

ELSEWHERE = "KXOTHER-26OCT-T1"
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
# Everything that trading writes; what it reads of markets and terms stays from trial to trial.
WRITTEN = (
    *("order_events", "fills", "orders", "decisions", "positions", "settlements", "portfolio"),
    *("trading_state", "cash_movements", "foreign_orders", "verdicts", "signals"),
    *("breaker_transitions", "breaker_failures", "alert_deliveries", "alerts"),
)
_LATE = dict.fromkeys(("close_ms", "determined_ms", "settled_ms"), NOON_MS + 9 * 24 * HOUR_MS)


class LivelyTape(ScriptedTape):
    """A tape that quotes at every moment anew, in a market that trades enough to be bought in."""

    def quote_at(self, ticker: str, ms: int) -> Quote:
        return replace(super().quote_at(ticker, ms), updated_ms=ms)

    def activity_at(self, ticker: str, ms: int) -> Activity:
        return replace(super().activity_at(ticker, ms), volume_24h=900_000)


@dataclass
class Front:
    """Hands every request to the exchange of the present trial."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass
class Stage:
    """One trial's exchange and ledger. `now` is the venue's moment."""

    database: Database
    front: Front
    place: Place
    warm: Warm
    tickers: Sequence[str] = (TICKER, ELSEWHERE)
    tape: LivelyTape = field(init=False)
    exchange: Exchange = field(init=False)
    troubles: Troubles = field(init=False)
    money: int = 0

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.exchange.clock.now_ms() / 1000, UTC)

    @property
    def clock(self) -> VenueClock:
        """Return the venue's clock, which creeps on, so that no two moments are the same."""
        return VenueClock(self.now, wall_now(), 0.001)

    @property
    def seconds(self) -> float:
        """Venue seconds since the trial began."""
        return (self.now - NOON).total_seconds()

    def reset(self) -> None:
        """Begin anew: an empty ledger, an exchange nobody has traded at."""
        with self.database.transaction() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in WRITTEN:
                connection.execute(text(f"DELETE FROM kalshi.{table}"))  # noqa: S608  ours
        self.tape = LivelyTape({t: listing(t, **_LATE) for t in self.tickers})
        self.open(exchange_on(self.tape, UNLIMITED))

    def open(self, exchange: Exchange) -> None:
        """Let requests go to an exchange from now on."""
        self.exchange = exchange
        self.troubles = Troubles(exchange, self.tape)
        self.front.app = create_app(exchange, interceptor=self.troubles)
        self.money = exchange.ledger.other_side.books().total

    def later(self, seconds: float) -> None:
        """Let the venue stand still a while later."""
        clock_of(self.exchange).advance(seconds=seconds)

    def quote(self, bid: str, ask: str, *, size: str = "1000", after: float = 0.0) -> None:
        """Let the rest of the world quote otherwise, now or a while later."""
        self.tape.quote(bids=[(bid, "1000")], asks=[(ask, size)], at=self.seconds + after)

    def poll(self, signals: Sequence[Signal]) -> None:
        """Do what a poll leaves: signals that are open now, passing verdicts of now."""
        self.see(signals)
        with self.database.transaction() as connection:
            save_verdicts(connection, passing(self.now, self.tickers), run_id="poll")

    def see(self, signals: Sequence[Signal]) -> None:
        """Let these signals be open, and no others."""
        with self.database.transaction() as connection:
            save_signals(connection, venue_day(self.now), signals)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.database.transaction() as connection:
            return [dict(row._mapping) for row in connection.execute(text(sql))]


def passing(now: datetime, tickers: Sequence[str]) -> list[NewVerdict]:
    """Return a passing verdict of every check that an order needs."""
    return [
        NewVerdict(
            check_name=name,
            asset="raw_ticks",
            as_of=now,
            is_passed=True,
            observed="all right",
            threshold="all right",
            markets_checked=tickers,
            markets_failed={},
        )
        for name in LIMITS.required_checks
    ]


def signal(now: datetime, *, ticker: str = TICKER, ask: str = "0.52") -> Signal:
    """Return the one signal: YES is 14 points too cheap."""
    return Signal(
        strategy="mean_reversion",
        market_ticker=ticker,
        day=venue_day(NOON),
        started_at=NOON,
        last_seen_at=now,
        ended_at=None,
        side="yes",
        strength=Decimal("1.2"),
        deviation=-micros("0.14"),
        mid=micros("0.51"),
        mean=Decimal(micros("0.65")),
        coverage=Decimal(1),
        triggered_at=NOON,
        reference_price=micros(ask),
        average_hash="average",
    )


@contextmanager
def staged(
    database_url: str, folder: Path, *, tickers: Sequence[str] = (TICKER, ELSEWHERE)
) -> Iterator[Stage]:
    """Yield a stage on an empty database."""
    key, front = write_key(folder), Front()
    database = Database(database_url)
    prepare(database, identity="crash", now=NOON)
    with serving(front) as base:
        place = Place(database_url, base + PREFIX, str(key))
        stage = Stage(database, front, place, Warm(), tickers)
        stage.reset()
        _know_markets(stage, key)
        yield stage
        stage.warm.close()
    database.dispose()


def _know_markets(stage: Stage, key: Path) -> None:
    with client_of(stage.place.api_url, key) as client:
        snapshots = client.markets(tickers=stage.tickers).snapshots
        series = [client.series(name) for name in {t.split("-", 1)[0] for t in stage.tickers}]
    with stage.database.transaction() as connection:
        save_series(connection, series, seen_at=NOON)
        save_markets(connection, snapshots, tracked=stage.tickers, seen_at=NOON)


@contextmanager
def serving(front: Front) -> Iterator[str]:
    """Serve on a free port in a thread, and yield the address."""
    config = uvicorn.Config(
        front, log_level="critical", lifespan="off", date_header=False, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
