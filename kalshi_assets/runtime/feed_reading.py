"""What a feed asks over REST: the state of markets, and trades the stream did not tell."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.feeding import SPARE
from kalshi_assets.domain.market import Trade
from kalshi_assets.kalshi.client import KalshiClient

# The upper end of a stretch is not in it, and trades of this moment are.
BEYOND = timedelta(seconds=1)


class Reading:
    """Asks, in the caller's thread. It raises what the client raises."""

    def __init__(self, client: KalshiClient, clock: VenueClock) -> None:
        self._client = client
        self._clock = clock

    def states(self, tickers: Sequence[str]) -> dict[str, str]:
        """Return the status of these markets, of those that the exchange tells."""
        batch = self._client.markets(tickers=tickers)
        return {one.quote.market_ticker: one.quote.status for one in batch.snapshots}

    def trades(self, tickers: Sequence[str], *, since: datetime) -> list[Trade]:
        """Return the trades of these markets from some time before `since` up to now."""
        # What takes seconds of the wall takes longer on a venue that is replayed faster.
        start = since - SPARE * max(1.0, self._clock.speed)
        found: list[Trade] = []
        for ticker in tickers:
            end = max(start, self._clock.now() + BEYOND)
            found += self._client.trade_history(start=start, end=end, ticker=ticker).rows
        return found
