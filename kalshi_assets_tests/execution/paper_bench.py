"""A paper venue on a real database, over a local exchange that it can only read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count
from typing import Any
from urllib.request import urlopen

from kalshi_assets.domain.account import (
    OrderAck,
    OrderAmendment,
    OrderRequest,
    Side,
    VenueOrder,
)
from kalshi_assets.domain.clock import FixedClock
from kalshi_assets.domain.price import centicontracts, micros
from kalshi_assets.execution.paper import PaperVenue
from kalshi_assets.kalshi.client import KalshiClient
from kalshi_assets.kalshi.retry import RetryPolicy
from kalshi_assets.local_exchange.fees import FeeTerms
from kalshi_assets.local_exchange.tape import PriceRange
from kalshi_assets.storage.engine import Database
from kalshi_assets.storage.markets import save_series
from kalshi_assets.storage.migrate import prepare
from kalshi_assets_tests.local_exchange.bench import (
    NOON_MS,
    TICKER,
    Floor,
    ScriptedTape,
    floor,
    listing,
)

SERIES = TICKER.split("-", 1)[0]
START = micros("5000")
ONCE = RetryPolicy(attempts=1)


@dataclass
class PaperBench:
    """What a test of the paper venue works on. The exchange quotes 0.47 / 0.52, three each."""

    database: Database
    floor: Floor
    client: KalshiClient
    cash: int = START
    names: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def now(self) -> datetime:
        """The moment of exchange and venue."""
        return datetime.fromtimestamp(self.floor.clock.now_ms() / 1000, UTC)

    @property
    def venue(self) -> PaperVenue:
        """A venue made anew, as every process makes its own: all it knows is in the database."""
        clock = FixedClock(self.now)
        return PaperVenue(self.client, self.database, clock=clock, starting_cash=self.cash)

    def request(
        self, side: Side = "yes", at: str = "0.52", size: str = "1", **changes: Any
    ) -> OrderRequest:
        """Return an order; it expires after 180 s."""
        values: dict[str, Any] = {
            "client_order_id": f"order-{next(self.names)}",
            "market_ticker": TICKER,
            "side": side,
            "limit_price": micros(at),
            "count": centicontracts(size),
            "expires_at": self.now + timedelta(seconds=180),
        }
        return OrderRequest(**(values | changes))

    def buy(self, side: Side, at: str, size: str, **changes: Any) -> OrderAck:
        """Send an order."""
        return self.venue.create_order(self.request(side, at, size, **changes))

    def take(self, side: Side, at: str, size: str, *, is_reduce_only: bool = False) -> int:
        """Send an order that never rests, and return how much it got."""
        request = self.request(
            side, at, size, time_in_force="immediate_or_cancel", is_reduce_only=is_reduce_only
        )
        ack = self.venue.create_order(request)
        assert ack.remaining_count == 0
        return ack.fill_count

    def amendment(
        self, order_id: str, side: Side, at: str, size: str, **changes: Any
    ) -> OrderAmendment:
        """Return an amendment of an order of which nothing is filled; it keeps its expiry."""
        values: dict[str, Any] = {
            "order_id": order_id,
            "market_ticker": TICKER,
            "side": side,
            "limit_price": micros(at),
            "fill_count": 0,
            "remaining_count": centicontracts(size),
        }
        return OrderAmendment(**(values | changes))

    def listed(self, order_id: str) -> VenueOrder:
        """Return an order as the venue lists it."""
        [found] = [order for order in self.venue.orders() if order.order_id == order_id]
        return found

    def prices(self) -> list[tuple[str, int, int]]:
        """Return side, price bought in cents and count in contracts of every fill."""
        return [
            (f.side, (f.yes_price if f.side == "yes" else 1_000_000 - f.yes_price) // 10_000,
             f.count // 100)
            for f in self.venue.fills()
        ]  # fmt: skip

    def order_writes(self) -> int:
        """Return how many order writes the exchange saw."""
        with urlopen(f"{self.floor.local_url}/requests") as answer:  # noqa: S310  loopback
            return len(json.load(answer)["order_writes"])


@contextmanager
def paper_bench(
    url: str, tape: ScriptedTape | None = None, interceptor: Any = None
) -> Iterator[PaperBench]:
    """Yield a bench whose database knows the series' fee terms."""
    database = Database(url)
    moment = datetime.fromtimestamp(NOON_MS / 1000, UTC)
    prepare(database, identity="paper", now=moment)
    with (
        floor(tape, interceptor=interceptor) as running,
        KalshiClient(running.url, retry=ONCE) as client,
    ):
        with database.transaction() as connection:
            save_series(connection, [client.series(SERIES)], seen_at=moment)
        yield PaperBench(database, running, client)
    database.dispose()


def tape_with(fee_type: str = "quadratic", multiplier: Fraction = Fraction(1)) -> ScriptedTape:
    """Return a tape whose series charges so."""
    return ScriptedTape(fees=FeeTerms(fee_type, multiplier))


def deci_cent_tape(fee_type: str = "quadratic", multiplier: Fraction = Fraction(1)) -> ScriptedTape:
    """Return one whose market is priced in tenths of a cent."""
    tape = tape_with(fee_type, multiplier)
    grid = (PriceRange(0, 10_000, 10),)
    tape.listings = {TICKER: listing(price_level_structure="deci_cent", price_ranges=grid)}
    return tape
