"""Candlesticks of both tiers, while their markets move from one to the other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from kalshi_assets_tests.kalshi import payloads
from kalshi_assets_tests.kalshi.payloads import FakeExchange, client_of
from kalshi_assets_tests.kalshi.payloads_exchange import old_candle, settled_market

CUTOFFS = ("market_settled_ts", "trades_created_ts", "orders_updated_ts")
Row = dict[str, Any]


def on_day(day: float) -> str:
    return (datetime(2026, 8, 1, tzinfo=UTC) + timedelta(days=day)).isoformat()


class CandleTiers:
    """Markets with one candle each; those settled before the cutoff are told as history.

    Args:
        settled: the day each market was settled on, None for one that is open.
        cutoffs: the day of the cutoff at each request; the last one stays.
    """

    def __init__(self, settled: dict[str, float | None], cutoffs: list[float]) -> None:
        self.paths: list[str] = []
        self._settled, self._cutoffs = settled, cutoffs

    def __call__(self, request: httpx.Request) -> httpx.Response:
        cutoff = self._cutoffs[min(len(self.paths), len(self._cutoffs) - 1)]
        path = request.url.path.removeprefix("/trade-api/v2")
        self.paths.append(path)
        live = {t for t, day in self._settled.items() if day is None or day >= cutoff}
        if path == "/historical/cutoff":
            return httpx.Response(200, json=dict.fromkeys(CUTOFFS, on_day(cutoff)))
        if path == "/markets":
            asked = request.url.params["tickers"].split(",")
            rows = [self._market(ticker) for ticker in asked if ticker in live]
            return httpx.Response(200, json={"markets": rows, "cursor": ""})
        if path == "/markets/candlesticks":
            asked = request.url.params["market_tickers"].split(",")
            rows = [
                {"market_ticker": t, "candlesticks": [payloads.candle()]}
                for t in asked
                if t in live
            ]
            return httpx.Response(200, json={"markets": rows})
        ticker = path.split("/")[3]
        if ticker in live or ticker not in self._settled:
            return httpx.Response(404)
        return httpx.Response(
            200, json={"ticker": ticker, "candlesticks": [old_candle(1795000000)]}
        )

    def _market(self, ticker: str) -> Row:
        day = self._settled[ticker]
        return payloads.market(ticker) if day is None else settled_market(ticker, on_day(day))


def candle_tickers(exchange: CandleTiers, tickers: list[str]) -> list[str]:
    at = datetime.fromtimestamp(1_795_000_000, UTC)
    batch = client_of(exchange).candle_history(tickers, start=at, end=at, interval_minutes=60)
    assert (batch.rejected, batch.duplicates) == ((), ())
    return [candle.market_ticker for candle in batch.candles]


@given(
    days=st.lists(st.none() | st.integers(0, 9).map(float), min_size=1, max_size=6),
    moves=st.lists(st.integers(0, 10), min_size=1, max_size=5),
)
def test_candles_come_whole_and_once_however_the_cutoff_moves(days, moves):
    settled = {f"M{number}": day for number, day in enumerate(days)}
    exchange = CandleTiers(settled, sorted(map(float, moves)))
    assert sorted(candle_tickers(exchange, [*settled, "UNKNOWN"])) == sorted(settled)


def test_candles_of_open_markets_ask_nothing_of_the_historical_tier():
    exchange = CandleTiers({"A": None, "B": None}, [5.0])
    assert candle_tickers(exchange, ["A", "B"]) == ["A", "B"]
    assert exchange.paths == ["/markets", "/markets/candlesticks", "/historical/cutoff"]


def test_a_listing_that_cannot_be_read_loses_no_candles():
    tiers = CandleTiers({"A": None}, [5.0])

    def with_a_broken_listing(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/markets"):
            row = payloads.market("A", volume_fp=1)
            return httpx.Response(200, json={"markets": [row], "cursor": ""})
        return tiers(request)

    at = datetime.fromtimestamp(1_795_000_000, UTC)
    client = client_of(FakeExchange(by=with_a_broken_listing))
    batch = client.candle_history(["A"], start=at, end=at, interval_minutes=60)
    assert [candle.market_ticker for candle in batch.candles] == ["A"]
