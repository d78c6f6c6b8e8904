"""The client and the local exchange joined: a small world of markets, and one account's client."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kalshi_assets.domain.account import OrderAck, OrderRequest, Side
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.kalshi.auth import RequestSigner
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.rate_limit import BucketSize, OwnBook, RateLimits, Tier
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.local_exchange.exchange import Terms
from kalshi_assets.local_exchange.store import Row
from kalshi_assets.local_exchange.tape import Bar, Candle
from kalshi_assets.local_exchange.tiers import Tiers
from kalshi_assets.local_exchange.units import HOUR_MS
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    UNLIMITED,
    Floor,
    ScriptedTape,
    floor,
    listing,
    private_key,
)
from kalshi_assets_tests.local_exchange.quiet import quiet_floor

SERIES, EVENT = "KXTEST", "KXTEST-26OCT"
SOON, LATE = "KXTEST-26OCT-T2", "KXTEST-26OCT-T3"
"""Two markets beside `TICKER`: one is settled after two hours, the other in days."""
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
HOUR = timedelta(hours=1)
SHORT_MEMORY = replace(UNLIMITED, tiers=Tiers(HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS))
"""What is an hour old lies in the historical tier."""
LONG = 24 * 100
"""Hours after which all that is over is archived."""
MICROS = 100
"""Micros in the exchange's $0.0001."""


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


class MinuteTape(ScriptedTape):
    """A tape with candles: every period has one, and its end tells its prices."""

    def candles(self, ticker: str, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        length = minutes * 60_000
        first = -(-from_ms // length) * length
        return [candle_at(ms) for ms in range(first, to_ms + 1, length)]


def candle_at(end_ms: int) -> Candle:
    low = 1_000 + end_ms // 60_000 % 80 * 100
    bid, ask = (Bar(open=low + d, low=low, high=low + 500, close=low + 100 + d) for d in (0, 200))
    return Candle(end_ms, bid, ask, bid, None, volume=700, notional=0, open_interest=900)


def tape() -> ScriptedTape:
    """Return three markets of one event, and strangers' trades every 20 minutes for six hours."""
    late = NOON_MS + 9 * 24 * HOUR_MS
    soon = NOON_MS + HOUR_MS
    listings = {
        TICKER: listing(),
        SOON: listing(
            SOON, close_ms=soon, determined_ms=soon + HOUR_MS // 2, settled_ms=soon + HOUR_MS
        ),
        LATE: listing(LATE, close_ms=late, determined_ms=late, settled_ms=late),
    }
    made = MinuteTape(listings)
    for minute in range(0, 240, 20):
        made.trade("bid" if minute % 40 else "ask", "0.52", f"{minute + 1}", at=60 * minute)
    return made


@dataclass
class World:
    """A running exchange and the client of its account `me`."""

    floor: Floor
    client: KalshiClient
    names: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def now(self) -> datetime:
        return moment(self.floor.clock.now_ms())

    def request(self, side: Side, at: str, size: str, **changes: Any) -> OrderRequest:
        values: dict[str, Any] = {
            "client_order_id": f"order-{next(self.names)}",
            "market_ticker": TICKER,
            "side": side,
            "limit_price": micros(at),
            "count": centicontracts(size),
            "expires_at": self.now + 12 * HOUR,
        }
        return OrderRequest(**(values | changes))

    def buy(self, side: Side, at: str, size: str, **changes: Any) -> OrderAck:
        return self.client.create_order(self.request(side, at, size, **changes))

    def take(self, side: Side, at: str, size: str, **changes: Any) -> OrderAck:
        """Buy at once or not at all."""
        return self.buy(side, at, size, time_in_force="immediate_or_cancel", **changes)

    def rows(self, table: str) -> list[Row]:
        """Return what the exchange holds of `me`, oldest first."""
        sql = f"select * from {table} where account = 'me' order by rowid"  # noqa: S608 - ours
        return self.floor.exchange.store.rows(sql)

    def wait(self, hours: float) -> None:
        self.floor.wait(3600 * hours)

    def counts(self) -> dict[str, int]:
        """Return how often each operation was called so far."""
        told = self.floor.me.http.get(f"{self.floor.local_url}/requests").json()
        return {str(name): int(times) for name, times in told["counts"].items()}


def write_key(folder: Path, name: str = "me") -> Path:
    """Write the private key of an account as the exchange hands keys out."""
    path = folder / f"{name}.pem"
    path.touch(mode=0o600)
    pem = private_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem)
    return path


def client_of(
    url: str,
    key: Path,
    *,
    name: str = "me",
    transport: httpx.BaseTransport | None = None,
    retry: RetryPolicy | None = None,
) -> KalshiClient:
    """Return the signing client of an account; it never waits for its own rate limits."""
    plenty = BucketSize(1e9, 1e9)
    return KalshiClient(
        url,
        auth=RequestSigner(name, key),
        transport=transport,
        retry=RetryPolicy(attempts=1) if retry is None else retry,
        limits=RateLimits(OwnBook(Tier(plenty, plenty))),
    )


@contextmanager
def quiet_world(
    key: Path, *, terms: Terms = UNLIMITED, retry: RetryPolicy | None = None
) -> Iterator[World]:
    """Yield a world without a socket."""
    with quiet_floor(tape(), terms=terms) as venue:
        transport = venue.me.http._transport
        with client_of(venue.url, key, transport=transport, retry=retry) as client:
            yield World(venue, client)


@contextmanager
def world(
    key: Path, *, terms: Terms = UNLIMITED, played: ScriptedTape | None = None, name: str = "me"
) -> Iterator[World]:
    """Yield a world that listens on a socket."""
    with (
        floor(played or tape(), terms=terms) as venue,
        client_of(venue.url, key, name=name) as client,
    ):
        yield World(venue, client)
