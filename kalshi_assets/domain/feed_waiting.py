"""Quotes of markets of which it is not known yet whether they are open. Bounded."""

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from kalshi_assets.domain.stream import Channel, Gap, TickerUpdate

TICKERS: Channel = "ticker"
# Some 25 MB.
MOST_WAITING = 50_000


@dataclass(frozen=True)
class State:
    """A market's state as REST told it; `until` it changes by itself, and nobody tells."""

    status: str
    until: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        """Tell whether a quote of this moment may be written with it."""
        return self.until is None or moment < self.until


def state_of(status: str, *, open_at: datetime, close_at: datetime, now: datetime) -> State | None:
    """Return the state that REST tells, None where it is that of before the opening or close.

    A market opens and closes without a word on the stream, and REST may be seconds late.
    """
    ends = {"initialized": open_at, "active": close_at}
    if status in ends:
        return State(status, ends[status]) if now < ends[status] else None
    return State(status, close_at if now < close_at else None)


class Waiting:
    """The quotes, in order of arrival. Past the bound the oldest go, and a gap says of what."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._quotes: deque[TickerUpdate] = deque()
        self._dropped: dict[str, tuple[datetime, datetime]] = {}

    def __len__(self) -> int:
        return len(self._quotes)

    def add(self, quote: TickerUpdate) -> Iterator[Gap]:
        """Add a quote; yield the gap that opens where another has to go for it."""
        self._quotes.append(quote)
        if len(self._quotes) > self._most:
            gone = self._quotes.popleft()
            at = gone.received_at
            if gone.market_ticker not in self._dropped:
                yield Gap(TICKERS, (gone.market_ticker,), at, None, "overflow")
            first, last = self._dropped.get(gone.market_ticker, (at, at))
            self._dropped[gone.market_ticker] = first, max(last, at)

    def end(self, tickers: Collection[str]) -> tuple[list[TickerUpdate], list[Gap]]:
        """Return the quotes of these markets, and their gaps, closed. They wait no more."""
        ready = [quote for quote in self._quotes if quote.market_ticker in tickers]
        if ready:
            others = (quote for quote in self._quotes if quote.market_ticker not in tickers)
            self._quotes = deque(others)
        return ready, [
            Gap(TICKERS, (ticker,), *self._dropped.pop(ticker), "overflow")
            for ticker in [*self._dropped]
            if ticker in tickers
        ]
