"""A tape that does what a test says, keys, and a signing caller: what the tests here share."""

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kalshi_assets.local_exchange.auth import Doorkeeper
from kalshi_assets.local_exchange.clock import ManualClock
from kalshi_assets.local_exchange.exchange import Exchange, Terms
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.gate import PREFIX, Interceptor
from kalshi_assets.local_exchange.limits import RateLimits
from kalshi_assets.local_exchange.server import running_exchange
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import (
    Activity,
    Candle,
    Level,
    Listing,
    PriceRange,
    Quote,
    Series,
    TapeTrade,
)
from kalshi_assets.local_exchange.units import HOUR_MS, parse_count, parse_price

NOON_MS = 1_791_898_200_000  # Tuesday 2026-10-13 13:30 UTC
TICKER = "KXTEST-26OCT-T1"
UNLIMITED = Terms(rate_limits=RateLimits(is_enforced=False), read_lag_ms=0)
"""Nobody is sent away, and reads are up to date."""

PrivateKey = RSAPrivateKey | Ed25519PrivateKey


def price(text: str) -> int:
    parsed = parse_price(text)
    assert parsed is not None
    return parsed


def count(text: str) -> int:
    parsed = parse_count(text)
    assert parsed is not None
    return parsed


def levels(*pairs: tuple[str, str]) -> tuple[Level, ...]:
    return tuple(Level(price(p), count(c)) for p, c in pairs)


def listing(ticker: str = TICKER, **changes: Any) -> Listing:
    start = Listing(
        ticker=ticker,
        event_ticker=ticker.rsplit("-", 1)[0],
        series_ticker=ticker.split("-", 1)[0],
        title="A test",
        yes_sub_title="Above 1",
        rules_primary="",
        rules_secondary="",
        floor_strike=1.0,
        price_level_structure="linear_cent",
        price_ranges=(PriceRange(0, 10_000, 100),),
        created_ms=NOON_MS - 48 * HOUR_MS,
        open_ms=NOON_MS - 24 * HOUR_MS,
        close_ms=NOON_MS + 4 * HOUR_MS,
        determined_ms=NOON_MS + 5 * HOUR_MS,
        settled_ms=NOON_MS + 6 * HOUR_MS,
        result="yes",
        expiration_value="1.1",
    )
    return replace(start, **changes)


@dataclass
class ScriptedTape:
    """Quotes that hold until the next one, trades as told; moments in seconds from the start."""

    listings: Mapping[str, Listing] = field(default_factory=lambda: {TICKER: listing()})
    fees: FeeTerms = field(default_factory=lambda: FeeTerms("quadratic", Fraction(1)))
    name: str = "scripted"
    started_ms: int = NOON_MS

    def __post_init__(self) -> None:
        self.script: dict[str, list[Quote]] = {t: [] for t in self.listings}
        self.told: list[TapeTrade] = []
        for ticker in self.listings:
            self.quote(ticker, bids=[("0.47", "3")], asks=[("0.52", "3")])

    @property
    def series(self) -> Mapping[str, Series]:
        return {
            one.series_ticker: Series(
                one.series_ticker, "Test", "daily", "Economics", (), "x", "x", self.fees
            )
            for one in self.listings.values()
        }

    def quote(
        self,
        ticker: str = TICKER,
        *,
        bids: Sequence[tuple[str, str]],
        asks: Sequence[tuple[str, str]],
        at: float = -90_000,
    ) -> None:
        ms = NOON_MS + int(at * 1000)
        self.script[ticker].append(Quote(levels(*bids), levels(*asks), ms, ms, ms))

    def trade(self, side: str, at_price: str, size: str, *, at: float) -> None:
        ms = NOON_MS + int(at * 1000)
        name = f"trade-{len(self.told)}"
        taker = "bid" if side == "bid" else "ask"
        self.told.append(TapeTrade(name, TICKER, price(at_price), count(size), taker, ms))  # type: ignore[arg-type]  # a literal by construction

    def quote_at(self, ticker: str, ms: int) -> Quote:
        return [q for q in self.script[ticker] if q.changed_ms <= ms][-1]

    def activity_at(self, ticker: str, ms: int) -> Activity:
        seen = [t for t in self.told if t.ticker == ticker and t.created_ms <= ms]
        return Activity(seen[-1].price if seen else 0, sum(t.count for t in seen), 0, 0)

    def changes(self, ticker: str, after_ms: int, until_ms: int) -> list[int]:
        moments = [q.changed_ms for q in self.script[ticker]]
        return [ms for ms in moments if after_ms < ms <= until_ms]

    def trades(self, ticker: str, after_ms: int, until_ms: int) -> list[TapeTrade]:
        mine = [t for t in self.told if t.ticker == ticker]
        return [t for t in mine if after_ms < t.created_ms <= until_ms]

    def candles(self, ticker: str, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        return []


@lru_cache
def private_key(name: str) -> PrivateKey:
    """One key a name for the whole run: RSA keys are slow to make."""
    if name.startswith("rsa"):
        return generate_private_key(public_exponent=65537, key_size=2048)
    return Ed25519PrivateKey.generate()


def public_pem(key: PrivateKey) -> str:
    spki = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, spki).decode()


def sign(key: PrivateKey, text: str) -> str:
    if isinstance(key, Ed25519PrivateKey):
        raw = key.sign(text.encode())
    else:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        raw = key.sign(text.encode(), pss, hashes.SHA256())
    return base64.b64encode(raw).decode()


def headers(name: str, method: str, path: str, *, skew_ms: int = 0) -> dict[str, str]:
    stamp = str(time.time_ns() // 1_000_000 + skew_ms)
    return {
        "KALSHI-ACCESS-KEY": name,
        "KALSHI-ACCESS-TIMESTAMP": stamp,
        "KALSHI-ACCESS-SIGNATURE": sign(private_key(name), f"{stamp}{method}{path}"),
    }


def order_body(side: str, at: str, size: str) -> dict[str, Any]:
    return {
        "ticker": TICKER,
        "side": side,
        "price": at,
        "count": size,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
    }


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["error"]["code"])


class Caller:
    """Talks to an exchange as one account."""

    def __init__(
        self, url: str, name: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url, self.name = url, name
        self.http = httpx.Client(timeout=20, trust_env=False, transport=transport)

    def call(self, method: str, path: str, *, json: Any = None, **query: Any) -> httpx.Response:
        signed = headers(self.name, method, PREFIX + path)
        return self.http.request(method, self.url + path, json=json, params=query, headers=signed)

    def get(self, path: str, **query: Any) -> Any:
        response = self.call("GET", path, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def order(self, side: str, at: str, size: str, **changes: Any) -> httpx.Response:
        body = order_body(side, at, size) | changes
        return self.call("POST", "/portfolio/events/orders", json=body)

    def rest(self, side: str, at: str, size: str, **changes: Any) -> str:
        """Place an order that is accepted, and return its id."""
        response = self.order(side, at, size, **changes)
        assert response.status_code == 201, response.text
        return str(response.json()["order_id"])

    def change(self, order_id: str, verb: str, **body: Any) -> httpx.Response:
        """Amend or decrease an order."""
        return self.call("POST", f"/portfolio/events/orders/{order_id}/{verb}", json=body)

    def cancel(self, order_id: str, **query: Any) -> httpx.Response:
        return self.call("DELETE", f"/portfolio/events/orders/{order_id}", **query)

    def shown(self, order_id: str) -> Any:
        """Return an order as it is shown."""
        return self.get(f"/portfolio/orders/{order_id}")["order"]

    def cash(self) -> str:
        return str(self.get("/portfolio/balance")["balance_dollars"])


@dataclass
class Floor:
    """A running exchange with a tape and a clock in the test's hands."""

    tape: ScriptedTape
    clock: ManualClock
    me: Caller
    you: Caller
    url: str
    local_url: str
    exchange: Exchange

    def wait(self, seconds: float) -> None:
        """Let venue time pass, and the exchange notice."""
        self.clock.advance(seconds=seconds)
        self.me.http.get(f"{self.local_url}/clock")


@contextmanager
def floor(
    tape: ScriptedTape | None = None,
    *,
    terms: Terms = UNLIMITED,
    interceptor: Interceptor | None = None,
) -> Iterator[Floor]:
    """Yield an exchange that listens on a socket."""
    tape = tape or ScriptedTape()
    exchange = exchange_on(tape, terms)
    with running_exchange(exchange, interceptor=interceptor) as handle:
        me, you = Caller(handle.url, "me"), Caller(handle.url, "you")
        with me.http, you.http:
            yield Floor(tape, clock_of(exchange), me, you, handle.url, handle.local_url, exchange)


def exchange_on(tape: ScriptedTape, terms: Terms = UNLIMITED) -> Exchange:
    keys = {name: public_pem(private_key(name)) for name in ("me", "you", "rsa")}
    clock = ManualClock(tape.started_ms)
    return Exchange(tape, Store(None), doorkeeper=Doorkeeper(keys), clock=clock, terms=terms)


def clock_of(exchange: Exchange) -> ManualClock:
    assert isinstance(exchange.clock, ManualClock)
    return exchange.clock
