"""The public operations: exchange, series, markets, books, candles, trades."""

from typing import Any

from kalshi_assets.local_exchange import hours
from kalshi_assets.local_exchange.errors import Refusal
from kalshi_assets.local_exchange.exchange import Exchange
from kalshi_assets.local_exchange.gate import Call, Endpoint
from kalshi_assets.local_exchange.history_view import TradeHistory, candle_view, projected_view
from kalshi_assets.local_exchange.market_view import MarketView, series_view
from kalshi_assets.local_exchange.query import page_of
from kalshi_assets.local_exchange.tape import Listing, Status
from kalshi_assets.local_exchange.units import iso

_MINUTE_MS = 60_000
MAX_CANDLES = 10_000
MAX_TICKERS = 100
_INTERVALS = (1, 60, 1440)
_STATUS_FILTER: dict[str, tuple[Status, ...]] = {
    "": ("initialized", "active", "closed", "determined", "finalized"),
    "unopened": ("initialized",),
    "open": ("active",),
    "paused": (),
    "closed": ("closed", "determined"),
    "settled": ("finalized",),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

View = dict[str, Any]


class MarketEndpoints:
    """Answers to calls for market data."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._tape = exchange.tape
        self._view = MarketView(exchange.tape, exchange.book, exchange.store)
        self._trades = TradeHistory(exchange.tape, exchange.store)

    def all(self) -> list[Endpoint]:
        """Return the operations; fixed paths come before those with variables."""
        operations = [
            ("/exchange/status", "GetExchangeStatus", self.status),
            ("/exchange/schedule", "GetExchangeSchedule", self.schedule),
            ("/exchange/user_data_timestamp", "GetUserDataTimestamp", self.user_data_timestamp),
            ("/series", "GetSeriesList", self.series_list),
            ("/series/{series_ticker}", "GetSeries", self.series),
            (
                "/series/{series_ticker}/markets/{ticker}/candlesticks",
                "GetMarketCandlesticks",
                self.market_candles,
            ),
            ("/markets", "GetMarkets", self.markets),
            ("/markets/candlesticks", "BatchGetMarketCandlesticks", self.candles),
            ("/markets/trades", "GetTrades", self.trades),
            ("/markets/{ticker}", "GetMarket", self.market),
            ("/markets/{ticker}/orderbook", "GetMarketOrderbook", self.orderbook),
        ]
        return [
            Endpoint("GET", path, name, answer, is_public=True) for path, name, answer in operations
        ]

    def status(self, call: Call) -> View:
        """Answer whether the venue trades."""
        activity = {
            "exchange_active": True,
            "trading_active": hours.pause_start(call.now_ms) is None,
            "intra_exchange_transfers_active": True,
        }
        shard = {"exchange_index": 0, "description": "all markets", **activity}
        return {**activity, "exchange_index_statuses": [shard]}

    def schedule(self, call: Call) -> View:
        """Answer with the week's hours, in New York time."""
        opens, closes = (f"{t:%H:%M}" for t in (hours.PAUSE_OPENS, hours.PAUSE_CLOSES))
        whole = [{"open_time": "00:00", "close_time": "00:00"}]
        week: View = {
            "start_time": "2026-01-01T00:00:00Z",
            "end_time": "2027-01-01T00:00:00Z",
            **dict.fromkeys(_DAYS, whole),
            "thursday": [
                {"open_time": "00:00", "close_time": opens},
                {"open_time": closes, "close_time": "00:00"},
            ],
        }
        return {"schedule": {"standard_hours": [week], "maintenance_windows": []}}

    def user_data_timestamp(self, call: Call) -> View:
        """Answer how fresh account reads are."""
        return {"as_of_time": iso(self._exchange.read_moment(call.now_ms))}

    def series_list(self, call: Call) -> View:
        """Answer with the series of a category or with certain tags."""
        category, tags = call.query.text("category"), set(call.query.names("tags"))
        return {
            "series": [
                series_view(series)
                for series in self._tape.series.values()
                if category in ("", series.category) and tags <= set(series.tags)
            ]
        }

    def series(self, call: Call) -> View:
        """Answer with one series."""
        series = self._tape.series.get(call.path["series_ticker"])
        if series is None:
            raise Refusal.nested(404, "not_found")
        return {"series": series_view(series)}

    def markets(self, call: Call) -> View:
        """Answer with a page of markets."""
        wanted = [listing for listing in self._tape.listings.values() if _is_wanted(listing, call)]
        page, cursor = page_of(wanted, call.query)
        views = [self._view.market(listing, call.now_ms) for listing in page]
        return {"markets": views, "cursor": cursor}

    def market(self, call: Call) -> View:
        """Answer with one market."""
        return {"market": self._view.market(self._listing(call.path["ticker"]), call.now_ms)}

    def orderbook(self, call: Call) -> View:
        """Answer with a market's book."""
        listing = self._listing(call.path["ticker"])
        return self._view.orderbook(listing.ticker, call.now_ms, call.query.number("depth") or 0)

    def trades(self, call: Call) -> View:
        """Answer with a page of public trades."""
        return self._trades.page(call.query, call.now_ms)

    def candles(self, call: Call) -> View:
        """Answer with the candles of several markets."""
        tickers = call.query.names("market_tickers")
        if not tickers:
            raise call.query.invalid("market_tickers", "required")
        if len(tickers) > MAX_TICKERS:
            raise call.query.invalid("market_tickers", "max")
        known = [self._tape.listings[t] for t in tickers if t in self._tape.listings]
        series = self._candles(known, call)
        return {
            "markets": [
                {"market_ticker": listing.ticker, "candlesticks": candles}
                for listing, candles in zip(known, series, strict=True)
            ]
        }

    def market_candles(self, call: Call) -> View:
        """Answer with the candles of one market."""
        listing = self._listing(call.path["ticker"])
        if listing.series_ticker != call.path["series_ticker"]:
            raise Refusal.nested(404, "not_found")
        (candles,) = self._candles([listing], call)
        return {"ticker": listing.ticker, "candlesticks": candles}

    def _candles(self, listings: list[Listing], call: Call) -> list[list[View]]:
        query = call.query
        minutes = query.required_number("period_interval")
        from_ms = query.required_number("start_ts") * 1000
        until_ms = query.required_number("end_ts") * 1000
        if minutes not in _INTERVALS:
            raise query.invalid("period_interval", "oneof")
        if until_ms < from_ms:
            raise query.invalid("end_ts", "gtefield")
        count = (until_ms - from_ms) // (minutes * _MINUTE_MS) * len(listings)
        if count > MAX_CANDLES:
            raise Refusal.nested(
                400,
                "bad_request",
                details=f"{count} candlesticks asked for, at most {MAX_CANDLES} are served",
            )
        last_ms = min(until_ms, call.now_ms)
        is_led = bool(query.flag("include_latest_before_start"))
        return [
            (self._lead(listing, minutes, from_ms) if is_led else [])
            + [
                candle_view(candle)
                for candle in self._tape.candles(listing.ticker, minutes, from_ms, last_ms)
            ]
            for listing in listings
        ]

    def _lead(self, listing: Listing, minutes: int, from_ms: int) -> list[View]:
        """Carry the last candle before the start forward to the first period's end."""
        length = minutes * _MINUTE_MS
        before = self._tape.candles(listing.ticker, minutes, from_ms - 2 * length, from_ms - 1)
        if not before:
            return []
        return [projected_view(before[-1], (from_ms // length + 1) * length)]

    def _listing(self, ticker: str) -> Listing:
        listing = self._tape.listings.get(ticker)
        if listing is None:
            raise Refusal.nested(404, "not_found")
        return listing


def _is_wanted(listing: Listing, call: Call) -> bool:
    """Tell whether a market passes the query's filters."""
    query = call.query
    status = query.choice("status", tuple(_STATUS_FILTER)[1:])
    tickers = query.names("tickers")
    spans = (
        ("created_ts", listing.created_ms),
        ("close_ts", listing.close_ms),
        ("settled_ts", listing.settled_ms),
    )
    return (
        query.choice("mve_filter", ("only", "exclude")) != "only"
        and listing.status_at(call.now_ms) in _STATUS_FILTER[status]
        and (not tickers or listing.ticker in tickers)
        and query.text("event_ticker") in ("", listing.event_ticker)
        and query.text("series_ticker") in ("", listing.series_ticker)
        and all(_is_within(call, name, ms) for name, ms in spans)
    )


def _is_within(call: Call, name: str, ms: int) -> bool:
    least, most = call.query.number(f"min_{name}"), call.query.number(f"max_{name}")
    return (least is None or ms > least * 1000) and (most is None or ms < most * 1000)
