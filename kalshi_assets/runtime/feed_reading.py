"""What a feed asks over REST: the state of markets, and trades the stream did not tell."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from kalshi_assets.domain.clock import VenueClock
from kalshi_assets.domain.feed_waiting import State, state_of
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

    def states(self, tickers: Sequence[str]) -> dict[str, State]:
        """Return the states of these markets, of those that the exchange tells as they are now."""
        now = self._clock.now()
        told = (one.market for one in self._client.markets(tickers=tickers).snapshots)
        states = {
            one.ticker: state_of(one.status, open_at=one.open_at, close_at=one.close_at, now=now)
            for one in told
        }
        return {ticker: state for ticker, state in states.items() if state is not None}

    def trades(self, ticker: str, *, since: datetime) -> list[Trade]:
        """Return a market's trades from some time before `since` up to now."""
        # What takes seconds of the wall takes longer on a venue that is replayed faster.
        start = since - SPARE * max(1.0, self._clock.speed)
        end = max(start, self._clock.now() + BEYOND)
        return [*self._client.trade_history(start=start, end=end, ticker=ticker).rows]
