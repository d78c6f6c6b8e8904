"""Which answers of the exchange the faults change, and how they go out."""

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.faults.alterations import frozen_candle
from kalshi_assets.local_exchange.faults.catalog import (
    EMPTY_FEED,
    FROZEN_FEED,
    KINDS,
    SERVER_ERRORS,
    Fault,
)
from kalshi_assets.local_exchange.faults.past import View, remember
from kalshi_assets.local_exchange.gate import Endpoint, json_response
from kalshi_assets.local_exchange.query import Query
from kalshi_assets.local_exchange.tape import Tape


class FaultyFeed:
    """An `Interceptor` that breaks the market data of named tickers.

    Faults hold as long as the exchange runs, and show what was before they began. On each market
    they take effect in the order given, each of them once. Whatever the exchange itself refuses, it
    refuses unaltered; calls are counted and charged as ever.

    Args:
        faults: from `parse_faults`.
        tape: the tape of the exchange.
        on_strike: told the fault's name and the market for every payload that is broken; None
            where a call for all markets is refused.
    """

    def __init__(
        self,
        faults: Sequence[Fault],
        tape: Tape,
        *,
        on_strike: Callable[[str, str | None], None] = lambda name, ticker: None,
    ) -> None:
        self._on_strike = on_strike
        self._on_all = {fault.name for fault in faults if fault.ticker is None}
        self._names = {
            ticker: list(dict.fromkeys(fault.name for fault in faults if fault.is_on(ticker)))
            for ticker in tape.listings
        }
        began = {ticker: _since(faults, ticker) for ticker, on in self._names.items() if on}
        self._remembered = remember(
            tape, {t: tape.started_ms if ms is None else ms for t, ms in began.items()}
        )
        self._answers: dict[str, Callable[[Request, Response], Response]] = {
            "GetMarkets": self._markets,
            "GetMarket": self._market,
            "GetMarketOrderbook": self._orderbook,
            "GetMarketCandlesticks": self._market_candles,
            "BatchGetMarketCandlesticks": self._candles,
        }

    async def __call__(
        self, request: Request, endpoint: Endpoint, proceed: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Answer a call as the exchange does, then break the answer."""
        response = await proceed()
        answer = self._answers.get(endpoint.operation)
        if answer is None or response.status_code != endpoint.status:
            return response
        return answer(request, response)

    def _markets(self, request: Request, response: Response) -> Response:
        if not Query("GetMarkets", request.query_params).names("tickers"):
            return response  # the listing: a feed breaks while one runs, the list still loads
        if SERVER_ERRORS in self._on_all:
            self._on_strike(SERVER_ERRORS, None)
            return _unavailable()
        document = _read(response)
        document["markets"] = [shown for view in document["markets"] for shown in self._shown(view)]
        if EMPTY_FEED in self._on_all:
            document["cursor"] = ""
        return json_response(document, response.status_code)

    def _market(self, request: Request, response: Response) -> Response:
        if self._has(request, SERVER_ERRORS):
            return _unavailable()
        document = _read(response)
        shown = self._shown(document["market"])
        if not shown:
            return _refused(404, "not_found")
        document["market"] = shown[0]
        return json_response(document, response.status_code)

    def _orderbook(self, request: Request, response: Response) -> Response:
        if self._has(request, SERVER_ERRORS):
            return _unavailable()
        if not self._has(request, EMPTY_FEED):
            return response
        document = _read(response)
        document["orderbook_fp"] = {side: [] for side in document["orderbook_fp"]}
        return json_response(document, response.status_code)

    def _candles(self, request: Request, response: Response) -> Response:
        document = _read(response)
        for market in document["markets"]:
            market["candlesticks"] = self._frozen(market["market_ticker"], market["candlesticks"])
        return json_response(document, response.status_code)

    def _market_candles(self, request: Request, response: Response) -> Response:
        document = _read(response)
        document["candlesticks"] = self._frozen(document["ticker"], document["candlesticks"])
        return json_response(document, response.status_code)

    def _has(self, request: Request, name: str) -> bool:
        """Tell whether the market in the path has a fault, which strikes then."""
        ticker = request.path_params["ticker"]
        if name not in self._names[ticker]:
            return False
        self._on_strike(name, ticker)
        return True

    def _shown(self, view: View) -> list[View]:
        """Return what an answer shows in place of a market's payload."""
        ticker, shown = view["ticker"], [view]
        for name in self._names[ticker]:
            self._on_strike(name, ticker)
            alter, market = KINDS[name].alter, self._remembered[ticker]
            shown = [altered for one in shown for altered in alter(one, market)]
        return shown

    def _frozen(self, ticker: str, candles: list[View]) -> list[View]:
        if FROZEN_FEED not in self._names[ticker]:
            return candles
        self._on_strike(FROZEN_FEED, ticker)
        return [frozen_candle(candle, self._remembered[ticker]) for candle in candles]


def _since(faults: Sequence[Fault], ticker: str) -> int | None:
    """Return since when a market is faulty; None for the tape's start."""
    moments = [fault.since_ms for fault in faults if fault.is_on(ticker)]
    return None if None in moments else min(ms for ms in moments if ms is not None)


def _read(response: Response) -> View:
    document: View = json.loads(bytes(response.body))
    return document


def _unavailable() -> Response:
    return _refused(503, "service_unavailable")


def _refused(status: int, code: str) -> Response:
    return json_response(Refusal.nested(status, code).body, status)
