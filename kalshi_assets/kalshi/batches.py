"""Many rows of one call, the malformed ones set apart: one bad row never costs the others.

The caller stores the good rows and quarantines `rejected`. The account has no batches: near an
order everything fails closed, so one malformed row fails the whole call.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kalshi_assets.domain.market import Candle, MarketSnapshot
from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.schemas import Payload, read_payload
from kalshi_assets.kalshi.schemas_market import MarketPayload
from kalshi_assets.kalshi.schemas_prices import CandlePayload, MarketCandlesPayload

T = TypeVar("T")
S = TypeVar("S", bound=Payload)


@dataclass(frozen=True)
class RejectedPayload:
    """A row that could not be read: why, its bytes as received, and the call it came from."""

    reason: str
    payload: bytes
    source: str


@dataclass(frozen=True)
class MarketBatch:
    """What a call for markets gave.

    Attributes:
        snapshots: the good rows.
        rejected: the malformed rows.
        unknown_fields: how often each field came that the API document does not name.
        duplicates: markets of rows that had come before in this call; the first one counts.
    """

    snapshots: tuple[MarketSnapshot, ...] = ()
    rejected: tuple[RejectedPayload, ...] = ()
    unknown_fields: Mapping[str, int] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True)
class CandleBatch:
    """What a call for candlesticks gave; attributes as in `MarketBatch`, duplicates counted."""

    candles: tuple[Candle, ...] = ()
    rejected: tuple[RejectedPayload, ...] = ()
    unknown_fields: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0


def market_batch(rows: Iterable[Row]) -> MarketBatch:
    """Return the markets that stand in these rows."""
    found = RowCollector[MarketSnapshot](key=lambda snapshot: snapshot.market.ticker)
    for row in rows:
        payload = found.read(MarketPayload, row)
        if payload is not None:
            found.add(payload.to_domain())
    twice = tuple(str(ticker) for ticker in found.duplicates)
    return MarketBatch(found.rows, tuple(found.rejected), dict(found.unknown_fields), twice)


def candle_batch(rows: Iterable[Row], interval_minutes: int) -> CandleBatch:
    """Return the candles that stand in these rows, one row a market."""
    found = RowCollector[Candle](key=lambda candle: (candle.market_ticker, candle.end_at))
    for row in rows:
        market = found.read(MarketCandlesPayload, row)
        for item in [] if market is None else found.items(row, "candlesticks"):
            payload = found.read(CandlePayload, item)
            if market is not None and payload is not None:
                found.add(payload.to_domain(market.market_ticker, interval_minutes))
    return CandleBatch(
        found.rows, tuple(found.rejected), dict(found.unknown_fields), len(found.duplicates)
    )


class RowCollector(Generic[T]):
    """Collects the rows of one call, over all its pages; rows of the same `key` are the same."""

    def __init__(self, key: Callable[[T], Hashable]) -> None:
        self.rejected: list[RejectedPayload] = []
        self.unknown_fields: Counter[str] = Counter()
        self.duplicates: list[Hashable] = []
        self._key = key
        self._rows: dict[Hashable, T] = {}

    @property
    def rows(self) -> tuple[T, ...]:
        """The good rows, in the order they came."""
        return tuple(self._rows.values())

    def read(self, schema: type[S], row: Row) -> S | None:
        """Return the row as the schema reads it, or None where it had to be rejected."""
        try:
            payload = read_payload(schema, row)
        except PayloadError as exc:
            self._reject(exc, row)
            return None
        self.unknown_fields.update(payload.unknown_fields())
        return payload

    def items(self, row: Row, name: str) -> list[Row]:
        """Return the items of a list inside the row; without one the row has to be rejected."""
        try:
            return row.member(name).items()
        except PayloadError as exc:
            self._reject(exc, row)
            return []

    def add(self, value: T) -> None:
        """Keep a good row, unless its like came before."""
        key = self._key(value)
        if key in self._rows:
            self.duplicates.append(key)
        else:
            self._rows[key] = value

    def _reject(self, error: PayloadError, row: Row) -> None:
        self.rejected.append(RejectedPayload(str(error), row.raw, row.source))
