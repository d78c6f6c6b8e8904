"""Candles and public trades as the wire shows them."""

from collections.abc import Iterator
from typing import Any

from kalshi_assets.local_exchange.query import Query, cursor_of
from kalshi_assets.local_exchange.store import Store
from kalshi_assets.local_exchange.tape import Bar, Candle, Listing, Tape, TapeTrade
from kalshi_assets.local_exchange.units import (
    HOUR_MS,
    ONE_DOLLAR,
    count_text,
    iso,
    price_text,
)

_MINUTE_MS = 60_000
_LIVE_ONLY = ("min", "max")
"""Prices of a candle that the historical operations leave out."""

View = dict[str, Any]


def latest_before(tape: Tape, listing: Listing, minutes: int, *, before_ms: int) -> Candle | None:
    """Return a market's last candle that ends before a moment, None if there is none.

    Looks back in stretches that double, so that a long gap costs few questions and a short one
    reads few candles.
    """
    until_ms, stretch = before_ms - 1, 2 * minutes * _MINUTE_MS
    while until_ms >= listing.open_ms:
        from_ms = max(until_ms - stretch + 1, listing.open_ms)
        candles = tape.candles(listing.ticker, minutes, from_ms, until_ms)
        if candles:
            return candles[-1]
        until_ms, stretch = from_ms - 1, 2 * stretch
    return None


def candle_view(candle: Candle) -> View:
    """Render a candle."""
    return {
        "end_period_ts": candle.end_ms // 1000,
        "yes_bid": _bar(candle.bid),
        "yes_ask": _bar(candle.ask),
        "price": _price(candle),
        "volume_fp": count_text(candle.volume),
        "open_interest_fp": count_text(candle.open_interest),
    }


def projected_view(candle: Candle, end_ms: int) -> View:
    """Render a candle carried forward to the first period asked for: closes only, no trading."""
    return candle_view(
        Candle(
            end_ms=end_ms,
            bid=Bar(*[candle.bid.close] * 4),
            ask=Bar(*[candle.ask.close] * 4),
            price=None,
            previous=candle.price.close if candle.price else candle.previous,
            volume=0,
            notional=0,
            open_interest=candle.open_interest,
        )
    )


def archived_candle_view(candle: Candle) -> View:
    """Render a candle as the historical operations do: no name carries its unit."""
    return {name.removesuffix("_fp"): _plain(value) for name, value in candle_view(candle).items()}


def trade_view(trade: TapeTrade) -> View:
    """Render a public trade."""
    outcome = "yes" if trade.taker_side == "bid" else "no"
    return {
        "trade_id": trade.trade_id,
        "ticker": trade.ticker,
        "count_fp": count_text(trade.count),
        "yes_price_dollars": price_text(trade.price),
        "no_price_dollars": price_text(ONE_DOLLAR - trade.price),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": trade.taker_side,
        "created_time": iso(trade.created_ms),
        "is_block_trade": False,
    }


class TradeHistory:
    """Public trades of the tape and of our own orders, newest first."""

    def __init__(self, tape: Tape, store: Store) -> None:
        self._tape = tape
        self._store = store

    def page(self, query: Query, span: tuple[int, int]) -> View:
        """Return the page a query asks for of the trades within [from, until], in ms."""
        limit, after = query.limit(), query.cursor()
        ticker = query.text("ticker")
        tickers = [ticker] if ticker else list(self._tape.listings)
        if ticker not in ("", *self._tape.listings) or query.flag("is_block_trade"):
            return {"trades": [], "cursor": ""}
        from_ms, until_ms = _narrowed(query, span)
        first = min(self._tape.listings[name].open_ms for name in tickers)
        shown: list[TapeTrade] = []
        for trade in self._newest_first(tickers, max(from_ms, first), _start(after, until_ms)):
            if after and _place(trade) >= after:
                continue
            if len(shown) == limit:
                return {
                    "trades": [trade_view(t) for t in shown],
                    "cursor": cursor_of(_place(shown[-1])),
                }
            shown.append(trade)
        return {"trades": [trade_view(t) for t in shown], "cursor": ""}

    def _newest_first(self, tickers: list[str], from_ms: int, until_ms: int) -> Iterator[TapeTrade]:
        """Walk back hour by hour, so that a page costs no more than the hours it shows."""
        while until_ms >= from_ms:
            after = max(until_ms - HOUR_MS, from_ms - 1)
            found = [trade for name in tickers for trade in self._between(name, after, until_ms)]
            yield from sorted(found, key=_place, reverse=True)
            until_ms = after

    def _between(self, ticker: str, after_ms: int, until_ms: int) -> list[TapeTrade]:
        rows = self._store.rows(
            "select trade_id, ticker, price, count, taker_side, created_ms from trades"
            " where ticker = ? and created_ms > ? and created_ms <= ?",
            *(ticker, after_ms, until_ms),
        )
        own = [TapeTrade(**dict(row)) for row in rows]
        return [*self._tape.trades(ticker, after_ms, until_ms), *own]


def _narrowed(query: Query, span: tuple[int, int]) -> tuple[int, int]:
    least, most = query.number("min_ts"), query.number("max_ts")
    return (
        span[0] if least is None else max(span[0], least * 1000),
        span[1] if most is None else min(span[1], most * 1000),
    )


def _place(trade: TapeTrade) -> str:
    """Return a trade's place in time, as text that sorts like it."""
    return f"{trade.created_ms:015d}/{trade.trade_id}"


def _start(after: str, until_ms: int) -> int:
    moment = after.split("/", 1)[0]
    return min(int(moment), until_ms) if moment.isdigit() else until_ms


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    plain = {name.removesuffix("_dollars"): price for name, price in value.items()}
    return {name: price for name, price in plain.items() if name not in _LIVE_ONLY}


def _bar(bar: Bar) -> View:
    return {
        "open_dollars": price_text(bar.open),
        "low_dollars": price_text(bar.low),
        "high_dollars": price_text(bar.high),
        "close_dollars": price_text(bar.close),
    }


def _price(candle: Candle) -> View:
    previous = None if candle.previous is None else price_text(candle.previous)
    if candle.price is None:
        names = ("open", "low", "high", "close", "mean", "min", "max")
        return {f"{name}_dollars": None for name in names} | {"previous_dollars": previous}
    return {
        **_bar(candle.price),
        "mean_dollars": price_text(_mean(candle.price, candle)),
        "min_dollars": price_text(candle.price.low),
        "max_dollars": price_text(candle.price.high),
        "previous_dollars": previous,
    }


def _mean(price: Bar, candle: Candle) -> int:
    """Return the mean price by volume; a recording may hold a price without any volume."""
    if candle.volume == 0:
        return price.close
    return (2 * candle.notional + candle.volume) // (2 * candle.volume)
