"""The public operations on candles of live markets: of one, of several, of an event's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kalshi_assets.local_exchange.catalog import Catalog
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint, public_reads
from kalshi_assets.local_exchange.history_view import candle_view, latest_before, projected_view
from kalshi_assets.local_exchange.query import Query
from kalshi_assets.local_exchange.tape import Candle, Listing, Tape

MAX_CANDLES = 10_000
MAX_TICKERS = 100
_INTERVALS = (1, 60, 1440)
_MINUTE_MS = 60_000

View = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """The candles a call asks for: those that end within [from, until], in ms."""

    minutes: int
    from_ms: int
    until_ms: int

    @classmethod
    def read(cls, query: Query) -> "Window":
        """Read the window of a query.

        Raises:
            Refusal: 400 if a part of it is missing, unreadable or out of order.
        """
        minutes = query.required_number("period_interval")
        from_ms = query.required_number("start_ts") * 1000
        until_ms = query.required_number("end_ts") * 1000
        if minutes not in _INTERVALS:
            raise query.invalid("period_interval", "oneof")
        if until_ms < from_ms:
            raise query.invalid("end_ts", "gtefield")
        return cls(minutes, from_ms, until_ms)

    @property
    def length_ms(self) -> int:
        """The length of a period; a New York day may be an hour longer or shorter."""
        return self.minutes * _MINUTE_MS

    def check_size(self, markets: int) -> None:
        """Refuse more candles than one answer may hold.

        Raises:
            Refusal: 400, naming how many were asked for.
        """
        count = (self.until_ms - self.from_ms) // self.length_ms * markets
        if count > MAX_CANDLES:
            raise Refusal.nested(
                400,
                "bad_request",
                details=f"{count} candlesticks asked for, at most {MAX_CANDLES} are served",
            )

    def cut_to(self, markets: int) -> "Window":
        """Return the longest window from the same start that one answer may hold."""
        periods = MAX_CANDLES // max(markets, 1)
        last_ms = self.from_ms + periods * self.length_ms
        return Window(self.minutes, self.from_ms, min(self.until_ms, last_ms))

    def candles(self, tape: Tape, ticker: str, now_ms: int) -> Sequence[Candle]:
        """Return a market's candles in the window; none ends in the future."""
        return tape.candles(ticker, self.minutes, self.from_ms, min(self.until_ms, now_ms))


class CandleEndpoints:
    """Answers to calls for candles of live markets."""

    def __init__(self, exchange: Exchange) -> None:
        self._tape = exchange.tape
        self._catalog = Catalog(exchange.tape, exchange.terms.tiers)

    def all(self) -> list[Endpoint]:
        """Return the operations."""
        series = "/series/{series_ticker}"
        return public_reads(
            ("/markets/candlesticks", "BatchGetMarketCandlesticks", self.several),
            (f"{series}/markets/{{ticker}}/candlesticks", "GetMarketCandlesticks", self.market),
            (
                f"{series}/events/{{ticker}}/candlesticks",
                "GetMarketCandlesticksByEvent",
                self.event,
            ),
        )

    def several(self, call: Call) -> View:
        """Answer with the candles of several markets; unknown ones are left out."""
        tickers = call.query.names("market_tickers")
        if not tickers:
            raise call.query.invalid("market_tickers", "required")
        if len(tickers) > MAX_TICKERS:
            raise call.query.invalid("market_tickers", "max")
        window = Window.read(call.query)
        known = self._catalog.known(tickers, call.now_ms)
        window.check_size(len(known))
        return {
            "markets": [
                {"market_ticker": one.ticker, "candlesticks": self._candles(one, window, call)}
                for one in known
            ]
        }

    def market(self, call: Call) -> View:
        """Answer with the candles of one market."""
        listing = self._catalog.market(call.path["ticker"], call.now_ms)
        if listing.series_ticker != call.path["series_ticker"]:
            raise Refusal.nested(404, "not_found")
        window = Window.read(call.query)
        window.check_size(1)
        return {
            "ticker": listing.ticker,
            "candlesticks": self._candles(listing, window, call),
        }

    def event(self, call: Call) -> View:
        """Answer with the candles of an event's markets, up to where one answer is full."""
        event = self._catalog.event(call.path["ticker"])
        if event.series.ticker != call.path["series_ticker"]:
            raise Refusal.nested(404, "not_found")
        listings = self._catalog.live(event.listings, call.now_ms)
        window = Window.read(call.query).cut_to(len(listings))
        found = [window.candles(self._tape, one.ticker, call.now_ms) for one in listings]
        return {
            "market_tickers": [listing.ticker for listing in listings],
            "market_candlesticks": [[candle_view(one) for one in candles] for candles in found],
            "adjusted_end_ts": window.until_ms // 1000,
        }

    def _candles(self, listing: Listing, window: Window, call: Call) -> list[View]:
        is_led = call.query.flag("include_latest_before_start")
        candles = window.candles(self._tape, listing.ticker, call.now_ms)
        return (self._lead(listing, window) if is_led else []) + [
            candle_view(candle) for candle in candles
        ]

    def _lead(self, listing: Listing, window: Window) -> list[View]:
        """Carry the last candle before the window forward to the window's first period."""
        last = latest_before(self._tape, listing, window.minutes, before_ms=window.from_ms)
        if last is None:
            return []
        return [projected_view(last, (window.from_ms // window.length_ms + 1) * window.length_ms)]
