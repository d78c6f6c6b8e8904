"""Tickers as subscribers know them: prices, sizes and counters as REST shows them."""

from collections.abc import Iterable, Iterator, Mapping

from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.market_view import MarketView
from kalshi_assets.local_exchange.stream.happenings import Body, Dated, TickerMoved
from kalshi_assets.local_exchange.stream.messages import ticker_body
from kalshi_assets.local_exchange.units import HOUR_MS

_LOOK_BACK_HOURS = 24
_STAMPS = frozenset({"ts", "ts_ms", "time"})


class Tickers:
    """Follows the tickers of some markets."""

    def __init__(self, exchange: Exchange, markets: MarketView) -> None:
        self._tape = exchange.tape
        self._store = exchange.store
        self._markets = markets
        self._shown: dict[str, Body] = {}
        self._last_sizes: dict[str, int] = {}

    def watch(self, tickers: frozenset[str], now_ms: int) -> None:
        """Follow these markets from a moment on, and no others."""
        for ticker in self._shown.keys() - tickers:
            del self._shown[ticker], self._last_sizes[ticker]
        for ticker in tickers - self._shown.keys():
            self._last_sizes[ticker] = self._last_size(ticker, now_ms)
            self._shown[ticker] = self._body(ticker, now_ms)

    def shown(self, ticker: str) -> Body:
        """Return the ticker of a watched market as it was last told."""
        return self._shown[ticker]

    def move(
        self, ticker: str, moments: Iterable[int], *, sizes: Mapping[int, int]
    ) -> Iterator[Dated]:
        """Yield the moves of a watched ticker.

        Args:
            ticker: the market.
            moments: when its quote may have moved.
            sizes: of the market's trades, by their moments.
        """
        for ms in sorted({*moments, *sizes}):
            self._last_sizes[ticker] = sizes.get(ms, self._last_sizes[ticker])
            body = self._body(ticker, ms)
            if _without_stamps(body) != _without_stamps(self._shown[ticker]):
                self._shown[ticker] = body
                yield Dated(ms, TickerMoved(ticker, body))

    def _body(self, ticker: str, ms: int) -> Body:
        market = self._markets.market(self._tape.listings[ticker], ms)
        return ticker_body(ticker, market, last_size=self._last_sizes[ticker], ms=ms)

    def _last_size(self, ticker: str, now_ms: int) -> int:
        """Return the size of the last trade within a day, 0 if there was none."""
        own = self._store.row(
            "select count, created_ms from trades where ticker = ? and created_ms <= ?"
            " order by created_ms desc, seq desc limit 1",
            *(ticker, now_ms),
        )
        for hours in range(_LOOK_BACK_HOURS):
            until_ms = now_ms - hours * HOUR_MS
            found = [
                (trade.created_ms, trade.count)
                for trade in self._tape.trades(ticker, until_ms - HOUR_MS, until_ms)
            ]
            if own is not None and own["created_ms"] > until_ms - HOUR_MS:
                found.append((own["created_ms"], own["count"]))
            if found:
                return max(found)[1]
        return 0


def _without_stamps(body: Body) -> Body:
    return {name: value for name, value in body.items() if name not in _STAMPS}
