"""Many rows of one call, the malformed ones set apart: one bad row never costs the others.

The caller stores the good rows and quarantines `rejected`. The account has no batches: near an
order everything fails closed, so one malformed row fails the whole call.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kalshi_assets.domain.market import Candle, MarketSnapshot
from kalshi_assets.errors import PayloadError
from kalshi_assets.kalshi.body import Row
from kalshi_assets.kalshi.schemas import Payload, read_payload
from kalshi_assets.kalshi.schemas_market import MarketPayload
from kalshi_assets.kalshi.schemas_prices import CandlePayload, MarketCandlesPayload

# Of few rows, all must be malformed before it means that the payloads changed.
ENOUGH_ROWS = 10
DRIFTED_SHARE = 0.5

T = TypeVar("T")
S = TypeVar("S", bound=Payload)


@dataclass(frozen=True)
class RejectedPayload:
    """A row that could not be read: why, its bytes as received, and the call it came from."""

    reason: str
    payload: bytes
    source: str


@dataclass(frozen=True)
class Batch(Generic[T]):
    """What a call for many rows gave.

    Attributes:
        rows: the good rows.
        rejected: the malformed rows.
        unknown_fields: how often each field came that the API document does not name.
        duplicates: names of rows that had come before in this call; the first one counts.
    """

    rows: tuple[T, ...] = ()
    rejected: tuple[RejectedPayload, ...] = ()
    unknown_fields: Mapping[str, int] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()

    @property
    def rejected_share(self) -> float:
        """Return which part of all rows was malformed, 0 to 1; 0 of no rows."""
        return len(self.rejected) / max(1, self._count)

    @property
    def is_schema_drift(self) -> bool:
        """Tell whether so much is malformed that the exchange must have changed its payloads."""
        if self._count < ENOUGH_ROWS:
            return bool(self.rejected) and len(self.rejected) == self._count
        return self.rejected_share > DRIFTED_SHARE

    @property
    def _count(self) -> int:
        return len(self.rows) + len(self.duplicates) + len(self.rejected)


@dataclass(frozen=True)
class MarketBatch(Batch[MarketSnapshot]):
    """What a call for markets gave; duplicates are tickers."""

    @property
    def snapshots(self) -> tuple[MarketSnapshot, ...]:
        """The good rows."""
        return self.rows


@dataclass(frozen=True)
class CandleBatch(Batch[Candle]):
    """What a call for candlesticks gave; duplicates are market and end."""

    @property
    def candles(self) -> tuple[Candle, ...]:
        """The good rows."""
        return self.rows


def market_batch(rows: Iterable[Row]) -> MarketBatch:
    """Return the markets that stand in these rows."""
    batch = read_batch(MarketPayload, rows, MarketPayload.to_domain, key=lambda s: s.market.ticker)
    return MarketBatch(**vars(batch))


def candle_key(candle: Candle) -> str:
    """Return what tells candles of one interval apart."""
    return f"{candle.market_ticker} {candle.end_at.isoformat()}"


def candle_batch(rows: Iterable[Row], interval_minutes: int) -> CandleBatch:
    """Return the candles that stand in these rows, one row a market."""
    found = RowCollector(candle_key)
    for row in rows:
        market = found.read(MarketCandlesPayload, row)
        if market is not None:
            for item in found.items(row, "candlesticks"):
                candle = found.read(CandlePayload, item)
                if candle is not None:
                    found.add(candle.to_domain(market.market_ticker, interval_minutes))
    return CandleBatch(**vars(found.batch()))


def one_markets_candles(
    rows: Iterable[Row], ticker: str, *, interval_minutes: int, schema: type[CandlePayload]
) -> CandleBatch:
    """Return the candles of one market that stand in these rows."""
    batch = read_batch(
        schema, rows, lambda candle: candle.to_domain(ticker, interval_minutes), key=candle_key
    )
    return CandleBatch(**vars(batch))


def read_batch(
    schema: type[S], rows: Iterable[Row], convert: Callable[[S], T], *, key: Callable[[T], str]
) -> Batch[T]:
    """Return what stands in these rows; of those with the same `key` the first counts."""
    found = RowCollector[T](key)
    for row in rows:
        payload = found.read(schema, row)
        if payload is not None:
            found.add(convert(payload))
    return found.batch()


def joined(first: Batch[T], second: Batch[T], *, key: Callable[[T], str]) -> Batch[T]:
    """Return both batches as one; of rows in both the first's counts, and is no duplicate."""
    known = {key(row) for row in first.rows}
    return Batch(
        first.rows + tuple(row for row in second.rows if key(row) not in known),
        first.rejected + second.rejected,
        Counter(first.unknown_fields) + Counter(second.unknown_fields),
        first.duplicates + second.duplicates,
    )


class RowCollector(Generic[T]):
    """Collects the rows of one call, over all its pages; rows of the same `key` are the same."""

    def __init__(self, key: Callable[[T], str]) -> None:
        self._key = key
        self._rows: dict[str, T] = {}
        self._rejected: list[RejectedPayload] = []
        self._unknown_fields: Counter[str] = Counter()
        self._duplicates: list[str] = []

    def batch(self) -> Batch[T]:
        """Return all that came, the good rows in their order."""
        return Batch(
            tuple(self._rows.values()),
            tuple(self._rejected),
            dict(self._unknown_fields),
            tuple(self._duplicates),
        )

    def read(self, schema: type[S], row: Row) -> S | None:
        """Return the row as the schema reads it, or None where it had to be rejected."""
        try:
            payload = read_payload(schema, row)
        except PayloadError as exc:
            self._reject(exc, row)
            return None
        self._unknown_fields.update(payload.unknown_fields())
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
            self._duplicates.append(key)
        else:
            self._rows[key] = value

    def _reject(self, error: PayloadError, row: Row) -> None:
        self._rejected.append(RejectedPayload(str(error), row.raw, row.source))
