"""A recording as a tape."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from kalshi_assets.local_exchange.recordings.contracts import series_of
from kalshi_assets.local_exchange.tape import (
    Activity,
    Candle,
    Listing,
    Quote,
    Series,
    TapeTrade,
)


class ReplayedMarket(Protocol):
    """A market of a recording; as `Tape`, for itself alone."""

    @property
    def listing(self) -> Listing:
        """What trading does not change."""
        ...

    def quote_at(self, ms: int) -> Quote:
        """See `Tape`."""
        ...

    def activity_at(self, ms: int) -> Activity:
        """See `Tape`."""
        ...

    def changes(self, after_ms: int, until_ms: int) -> list[int]:
        """See `Tape`."""
        ...

    def trades(self, after_ms: int, until_ms: int) -> list[TapeTrade]:
        """See `Tape`."""
        ...

    def candles(self, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """See `Tape`."""
        ...


class RecordedTape:
    """A `Tape` read from a recording: its gaps, jumps and zeros as they stand.

    The weekly pause is the exchange's matter: what was recorded in one is replayed in it.

    Args:
        name: the recording's name.
        started_ms: the venue clock's first moment.
        markets: the recorded markets.
        series: what is known of their series; the others are described as `series_of` does.
    """

    def __init__(
        self,
        name: str,
        started_ms: int,
        *,
        markets: Sequence[ReplayedMarket],
        series: Mapping[str, Series] | None = None,
    ) -> None:
        self.name = name
        self.started_ms = started_ms
        self._markets = {market.listing.ticker: market for market in markets}
        self.listings: Mapping[str, Listing] = {
            ticker: market.listing for ticker, market in self._markets.items()
        }
        self.series: Mapping[str, Series] = {
            one.series_ticker: series_of(one.series_ticker) for one in self.listings.values()
        } | dict(series or {})

    def quote_at(self, ticker: str, ms: int) -> Quote:
        """See `Tape`."""
        return self._markets[ticker].quote_at(ms)

    def activity_at(self, ticker: str, ms: int) -> Activity:
        """See `Tape`."""
        return self._markets[ticker].activity_at(ms)

    def changes(self, ticker: str, after_ms: int, until_ms: int) -> list[int]:
        """See `Tape`."""
        return self._markets[ticker].changes(after_ms, until_ms)

    def trades(self, ticker: str, after_ms: int, until_ms: int) -> list[TapeTrade]:
        """See `Tape`."""
        return self._markets[ticker].trades(after_ms, until_ms)

    def candles(self, ticker: str, minutes: int, from_ms: int, to_ms: int) -> list[Candle]:
        """See `Tape`."""
        return self._markets[ticker].candles(minutes, from_ms, to_ms)
